//! How the wait for one instance ended.

use std::time::Duration;

use super::probe::ProbeError;
use crate::{
    answer::{
        address::Address,
        hint::Hint,
        instance::Status,
        poll_error::{Refusal, ServerError},
    },
    text::duration::Brief,
};

/// How the wait for one instance ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ending {
    /// The condition is met, at this address if it promises one.
    #[error("the condition is met")]
    Met(Option<Address>),
    /// The instance is in a status from which it cannot meet the condition.
    #[error("the instance is {0}, from which it cannot meet the condition")]
    Failed(Status),
    /// The credentials are refused.
    #[error("the credentials are refused")]
    Unauthorized(#[source] ServerError),
    /// The API did not know the instance during the whole grace period.
    #[error("there is no such instance")]
    NotFound(#[source] ServerError),
    /// The API knew the instance and no longer does.
    #[error("the instance was deleted during the wait")]
    Deleted(#[source] ServerError),
    /// The request is refused.
    #[error("the request is refused")]
    Refused(#[source] Refusal),
    /// The API asks to wait past the deadline, or was throttling at the deadline.
    #[error("throttled past the deadline")]
    Throttled(Option<Hint>),
    /// The API reports ready, but no probe succeeded; with the last error, if there was one.
    #[error("ready, but not reached before the deadline")]
    Unreachable(#[source] Option<ProbeError>),
    /// The instance exceeded its budget for one status.
    #[error("{status} for longer than {}", Brief(*.budget))]
    OverBudget {
        /// The status.
        status: Status,
        /// The budget.
        budget: Duration,
    },
    /// The condition was not met before the deadline.
    #[error("the condition was not met before the deadline")]
    TimedOut,
    /// Another instance decided the wait ([`Rules::any`](super::rules::Rules::any) or
    /// [`Rules::fail_fast`](super::rules::Rules::fail_fast)).
    #[error("another instance decided the wait")]
    Abandoned,
}
