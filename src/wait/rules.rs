//! What is waited for, and within which limits.

use std::{num::NonZeroU32, time::Duration};

use super::condition::Condition;
use crate::answer::instance::Status;

/// What is waited for, and within which limits.
///
/// A later version may add fields: build it from [`Rules::default`].
#[derive(Debug, Clone)]
pub struct Rules {
    /// What is waited for.
    pub condition: Condition,
    /// The one deadline.
    pub deadline: Deadline,
    /// How long after the start a 404 is not yet believed.
    pub not_found_grace: Duration,
    /// How many polls in a row must agree on status and address, and how many probes in a row must
    /// succeed.
    pub stable: NonZeroU32,
    /// The time that an instance may spend in a status, over all its stays.
    pub budgets: Vec<(Status, Duration)>,
    /// Whether one instance that meets the condition is enough.
    pub any: bool,
    /// Whether one instance that cannot meet it ends the wait.
    pub fail_fast: bool,
    /// How long what has no deadline may take: the attempts at an address of a wait that looks
    /// once, and the one poll after a deadline that passed while the process was stopped.
    pub late_poll: Duration,
}

/// When a wait gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// After one look, however long the source takes to answer.
    LookOnce,
    /// So long after the start.
    After(Duration),
}

impl Deadline {
    /// The deadline as a time; none where the wait looks once.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        match self {
            Self::LookOnce => None,
            Self::After(duration) => Some(duration),
        }
    }
}

impl From<Duration> for Deadline {
    /// No time at all is one look.
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
