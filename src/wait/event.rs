//! What happens during a wait, told to whoever reports on it.

use std::{net::IpAddr, time::Duration};

use super::{ending::Ending, probe::ProbeError};
use crate::answer::{
    hint::Hint,
    instance::{Instance, InstanceId, Status},
    poll_error::PollError,
};

/// Something that happened during a wait.
#[derive(Debug, Clone, Copy)]
pub enum WaitEvent<'a> {
    /// A poll of one instance brought this.
    Polled {
        /// The instance.
        id: &'a InstanceId,
        /// What the poll brought.
        answer: Result<&'a Instance, &'a PollError>,
    },
    /// The status differs from the one before; `from` is none at the first observation.
    Transition {
        /// The instance.
        id: &'a InstanceId,
        /// The status before, and how long it lasted.
        from: Option<(&'a Status, Duration)>,
        /// What the instance is now.
        now: &'a Instance,
    },
    /// A status that the API document does not list, or `unknown`: once for each.
    UnclearStatus {
        /// The instance.
        id: &'a InstanceId,
        /// The status.
        status: &'a Status,
    },
    /// A fault that may pass; told when it begins and when it becomes another.
    Fault {
        /// The first instance that it befell in this round.
        id: &'a InstanceId,
        /// How many others it befell too.
        others: usize,
        /// What went wrong: throttling, a 404 within the grace, or a transient fault.
        error: &'a PollError,
    },
    /// An address was not reached; told when the reason differs from the last one.
    NotReached {
        /// The instance.
        id: &'a InstanceId,
        /// Its address.
        ip: IpAddr,
        /// Why it was not reached.
        error: &'a ProbeError,
    },
    /// The source of the answers has changed its ways.
    Notice(&'a str),
    /// The round of polls is over, and this comes next.
    NextPoll {
        /// How long the round took.
        took: Duration,
        /// How long until the next poll.
        delay: Duration,
        /// What decided the delay.
        why: Why,
    },
    /// The wait for one instance is over.
    Ended {
        /// The instance.
        id: &'a InstanceId,
        /// How it ended.
        ending: &'a Ending,
    },
}

/// What decided when the next poll comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The backoff schedule.
    Backoff,
    /// A status has just changed, and the schedule started again.
    StatusChanged,
    /// The server's hint.
    Hint(Hint),
    /// A grace or a budget ends then.
    Limit,
    /// An instance that got there earlier is looked at once more before its address is used.
    Confirmation,
    /// The last poll that can be answered before the deadline.
    Deadline,
}

/// Whoever wants to know what happens during a wait.
///
/// Closures are observers; so is `()`, which does not listen.
pub trait Observer {
    /// Takes notice of `event`, `at` this long after the start of the wait.
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>);
}

impl Observer for () {
    fn observe(&mut self, _: Duration, _: &WaitEvent<'_>) {}
}

impl<F: FnMut(Duration, &WaitEvent<'_>)> Observer for F {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        self(at, event);
    }
}
