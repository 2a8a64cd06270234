//! How the wait for one instance ended, as data.

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
    /// The API does not know the instance, and did not for the whole grace.
    #[error("there is no such instance")]
    NotFound(#[source] ServerError),
    /// The API knew the instance and no longer does.
    #[error("the instance was deleted during the wait")]
    Deleted(#[source] ServerError),
    /// The request is refused.
    #[error("the request is refused")]
    Refused(#[source] Refusal),
    /// The API asks to wait past the deadline, or was throttling when it came.
    #[error("throttled past the deadline")]
    Throttled(Option<Hint>),
    /// Ready by the API's word, but no probe succeeded; the last reason, where an attempt gave one.
    #[error("ready, but not reached before the deadline")]
    Unreachable(#[source] Option<ProbeError>),
    /// The instance spent more than its budget in one status.
    #[error("{status} for longer than {}", Brief(*.budget))]
    OverBudget {
        /// The status.
        status: Status,
        /// The time that it was given.
        budget: Duration,
    },
    /// The deadline came first.
    #[error("the condition was not met before the deadline")]
    TimedOut,
    /// Another instance decided the wait: one was enough, or one failure was too many.
    #[error("another instance decided the wait")]
    Abandoned,
}
