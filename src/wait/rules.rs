//! What is waited for, and within which limits.

use std::{num::NonZeroU32, time::Duration};

use super::condition::Condition;
use crate::answer::instance::Status;

/// What is waited for, and within which limits.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What is waited for.
    pub condition: Condition,
    /// The one deadline, from the start. Zero looks once.
    pub max_wait: Duration,
    /// How long after the start a 404 for an instance never seen is not yet believed.
    pub not_found_grace: Duration,
    /// How many polls in a row must agree on status and address.
    pub stable: NonZeroU32,
    /// The time that an instance may spend in a status, over all its stays.
    pub budgets: Vec<(Status, Duration)>,
    /// Whether one instance that gets there is enough.
    pub any: bool,
    /// Whether one instance that cannot get there ends the wait.
    pub fail_fast: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            condition: Condition::Ready,
            max_wait: Duration::from_secs(600),
            not_found_grace: Duration::from_secs(10),
            stable: NonZeroU32::MIN,
            budgets: Vec::new(),
            any: false,
            fail_fast: false,
        }
    }
}

impl Rules {
    pub(crate) fn budget_for(&self, status: &Status) -> Option<Duration> {
        self.budgets.iter().find(|(budgeted, _)| budgeted == status).map(|(_, budget)| *budget)
    }
}
