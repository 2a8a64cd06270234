//! The rules of a wait: its condition and its limits.

use std::{num::NonZeroU32, time::Duration};

use super::condition::Condition;
use crate::answer::instance::Status;

/// The rules of a wait: its condition and its limits.
///
/// A later version may add fields: build it from [`Rules::default`].
#[derive(Debug, Clone)]
pub struct Rules {
    /// The condition to wait for.
    pub condition: Condition,
    /// The deadline for everything: polls, hints and probes.
    pub deadline: Deadline,
    /// How long after the start a 404 is retried.
    pub not_found_grace: Duration,
    /// How many polls in a row must agree on status and address, and how many probes in a row must
    /// succeed.
    pub stable: NonZeroU32,
    /// The total time that an instance may spend in a status.
    pub budgets: Vec<(Status, Duration)>,
    /// Whether one instance that meets the condition is enough.
    pub any: bool,
    /// Whether one instance that fails ends the wait.
    pub fail_fast: bool,
    /// The limit for what has no deadline: the probes of a wait that looks once, and the one poll
    /// after a deadline that passed while the process was stopped.
    pub late_poll: Duration,
}

/// When a wait gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// After one poll, however long the source takes to answer.
    LookOnce,
    /// This long after the start.
    After(Duration),
}

impl Deadline {
    /// The time since the start; `None` if the wait looks once.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::LookOnce => None,
            Self::After(duration) => Some(duration),
        }
    }
}

impl From<Duration> for Deadline {
    /// Zero looks once.
    fn from(duration: Duration) -> Self {
        match duration {
            Duration::ZERO => Self::LookOnce,
            duration => Self::After(duration),
        }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            condition: Condition::Ready,
            deadline: Deadline::After(Duration::from_secs(600)),
            not_found_grace: Duration::from_secs(10),
            stable: NonZeroU32::MIN,
            budgets: Vec::new(),
            any: false,
            fail_fast: false,
            late_poll: Duration::from_secs(10),
        }
    }
}

impl Rules {
    pub(crate) fn budget_for(&self, status: &Status) -> Option<Duration> {
        self.budgets.iter().find(|(budgeted, _)| budgeted == status).map(|(_, budget)| *budget)
    }
}
