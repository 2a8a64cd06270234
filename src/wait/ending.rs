//! How the wait for one instance ended, as data.

use std::{net::IpAddr, time::Duration};

use super::probe::ProbeError;
use crate::answer::{
    hint::Hint,
    instance::Status,
    poll_error::{Refusal, ServerError},
};

/// How the wait for one instance ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The condition holds, at this address if it promises one.
    Met(Option<IpAddr>),
    /// The instance is in a status from which it cannot get there.
    Failed(Status),
    /// The API refuses the credentials.
    Unauthorized(ServerError),
    /// The API does not know the instance, and did not for the whole grace.
    NotFound(ServerError),
    /// The API knew the instance and no longer does.
    Deleted(ServerError),
    /// The API refuses the request.
    Refused(Refusal),
    /// The API asks to wait past the deadline, or was throttling when it came.
    Throttled(Option<Hint>),
    /// Ready by the API's word, but never reached; the last reason, where an attempt gave one.
    Unreachable(Option<ProbeError>),
    /// The instance spent more than its budget in one status.
    OverBudget {
        /// The status.
        status: Status,
        /// The time that it was given.
        budget: Duration,
    },
    /// The deadline came first.
    TimedOut,
    /// Another instance decided the wait: one was enough, or one failure was too many.
    Abandoned,
}
