//! What happens during a wait, told to whoever reports on it.

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
    /// The API names an address that cannot be connected to: once for each instance.
    UnusableAddress {
        /// The instance.
        id: &'a InstanceId,
        /// What stands in place of an address.
        text: &'a Untrusted,
    },
    /// An error that does not end the wait; told when it begins and when it becomes another.
    Fault {
        /// The first instance that had it in this round.
        id: &'a InstanceId,
        /// How many others had it too.
        others: usize,
        /// What went wrong: throttling, a 404 within the grace, or a transient error.
        error: &'a PollError,
        /// Whether another poll is due, which is not so where one look is all.
        polls_again: bool,
    },
    /// An attempt to reach an address failed; told when the reason differs from the last one.
    NotReached {
        /// The instance.
        id: &'a InstanceId,
        /// Its address.
        address: Address,
        /// Why it was not reached.
        error: &'a ProbeError,
    },
    /// Something that a person should know of how the source gets its answers.
    Notice(&'a str),
    /// All that the answers of one round mean has been told.
    RoundOver {
        /// How many instances it asked about.
        polled: usize,
        /// How many are still waited for.
        waiting: usize,
    },
    /// The next poll comes then.
    NextPoll {
        /// How long the round before it took.
        took: Duration,
        /// How long until the next poll.
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
    /// An instance for which the condition was met has changed since, and is waited for again.
    Reopened {
        /// The instance.
        id: &'a InstanceId,
    },
    /// The wait for one instance is over: told once for each.
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
    /// Something is new, which has brought the next poll closer.
    Changed,
    /// The server's hint.
    Hint(Hint),
    /// A grace or a budget ends then.
    Limit,
    /// A 404 is looked at once more before it is believed.
    SecondLook,
    /// An instance that met the condition earlier is looked at once more before its address is
    /// used.
    Confirmation,
    /// The last poll that can be answered before the deadline.
    Deadline,
    /// The process was stopped past the deadline: one more look.
    Overslept,
}

/// Whoever wants to know what happens during a wait.
///
/// Closures are observers (see [`observer`]); so is `()`, which does not listen.
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
    /// Takes notice of `event`, `at` this long after the start of the wait.
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>);
}

/// A closure as an observer, without annotations of its types.
///
/// ```
/// let mut told = Vec::new();
/// let observer = wait_ready::observer(|at, event| told.push(format!("{at:?} {event:?}")));
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
