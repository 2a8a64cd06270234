//! Events of a wait, and their observers.

use std::time::Duration;

use super::{ending::Ending, probe::ProbeError};
use crate::{
    answer::{
        address::Address,
        hint::Hint,
        instance::{Instance, InstanceId, Status},
        poll_error::PollError,
    },
    text::untrusted::Untrusted,
};

/// Something that happened during a wait.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum WaitEvent<'a> {
    /// A poll of one instance was answered.
    Polled {
        /// The instance.
        id: &'a InstanceId,
        /// The answer.
        answer: Result<&'a Instance, &'a PollError>,
    },
    /// The status has changed, or was observed for the first time.
    Transition {
        /// The instance.
        id: &'a InstanceId,
        /// The previous status, and how long it lasted.
        from: Option<(&'a Status, Duration)>,
        /// The instance as observed now.
        now: &'a Instance,
    },
    /// The status is `unknown` or not in the API document: sent once for each such status.
    UnclearStatus {
        /// The instance.
        id: &'a InstanceId,
        /// The status.
        status: &'a Status,
    },
    /// The API reports an address that cannot be connected to: sent once for each instance.
    UnusableAddress {
        /// The instance.
        id: &'a InstanceId,
        /// The value of `ip`.
        text: &'a Untrusted,
    },
    /// An error that does not end the wait: sent when it first occurs or changes.
    Fault {
        /// The first instance with this error in this round.
        id: &'a InstanceId,
        /// The number of other instances with it.
        others: usize,
        /// Throttling, a 404 within the grace, or a transient error.
        error: &'a PollError,
        /// Whether another poll follows: not if the wait looks once.
        polls_again: bool,
    },
    /// An attempt at an address failed: sent when the reason differs from the last one.
    NotReached {
        /// The instance.
        id: &'a InstanceId,
        /// Its address.
        address: Address,
        /// Why the attempt failed.
        error: &'a ProbeError,
    },
    /// The source reports how it obtains its answers.
    Notice(&'a str),
    /// The events of one round have been sent.
    RoundOver {
        /// The number of instances polled.
        polled: usize,
        /// The number of instances still waited for.
        waiting: usize,
    },
    /// The next poll is scheduled.
    NextPoll {
        /// How long the last round took.
        took: Duration,
        /// The delay until the next poll.
        delay: Duration,
        /// What decided the delay.
        why: Why,
    },
    /// The condition is met for one instance; others may still be waited for.
    Met {
        /// The instance.
        id: &'a InstanceId,
        /// The address, if the condition promises one.
        address: Option<Address>,
    },
    /// An instance that met the condition has changed, and is waited for again.
    Reopened {
        /// The instance.
        id: &'a InstanceId,
    },
    /// The wait for one instance is over: sent once for each.
    Ended {
        /// The instance.
        id: &'a InstanceId,
        /// How it ended.
        ending: &'a Ending,
    },
}

/// What decided when the next poll comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The backoff schedule.
    Backoff,
    /// News, such as a new status, has brought the next poll closer.
    Changed,
    /// The server's hint.
    Hint(Hint),
    /// A grace period or a budget ends then.
    Limit,
    /// A 404 has to be confirmed.
    SecondLook,
    /// The address of an instance that met the condition earlier has to be confirmed.
    Confirmation,
    /// It is the last poll that can be answered before the deadline.
    Deadline,
    /// The process was stopped past the deadline, and polls once more.
    Overslept,
}

/// A receiver of the events of a wait.
///
/// Closures are observers (see [`observer`]); so is `()`, which ignores all events.
///
/// ```
/// use std::time::Duration;
/// use wait_ready::{Observer, WaitEvent};
///
/// /// Counts the polls.
/// struct Counter(usize);
///
/// impl Observer for Counter {
///     fn observe(&mut self, _: Duration, event: &WaitEvent<'_>) {
///         self.0 += usize::from(matches!(event, WaitEvent::Polled { .. }));
///     }
/// }
/// ```
pub trait Observer {
    /// Receives `event`; `at` is the time since the start of the wait.
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>);
}

/// Makes a closure an observer, so that its arguments need no type annotations.
///
/// ```
/// let mut events = Vec::new();
/// let observer = wait_ready::observer(|at, event| events.push(format!("{at:?} {event:?}")));
/// # drop(observer);
/// ```
pub fn observer<F: FnMut(Duration, &WaitEvent<'_>)>(observe: F) -> F {
    observe
}

impl Observer for () {
    fn observe(&mut self, _: Duration, _: &WaitEvent<'_>) {}
}

impl<F: FnMut(Duration, &WaitEvent<'_>)> Observer for F {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        self(at, event);
    }
}
