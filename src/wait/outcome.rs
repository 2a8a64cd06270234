//! What a wait came to.

use std::time::Duration;

use super::{ending::Ending, watch::Watch};
use crate::{
    answer::{address::Address, instance::InstanceId},
    text::duration::Brief,
};

/// What a wait came to, for every instance of it.
///
/// ```
/// use wait_ready::{Outcome, WaitError};
///
/// fn addresses(outcome: &Outcome) -> Result<Vec<String>, Box<WaitError>> {
///     let met = outcome.result()?;
///     Ok(met.iter().filter_map(|watch| watch.address()).map(|a| a.to_string()).collect())
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Outcome {
    watches: Vec<Watch>,
    any: bool,
    elapsed: Duration,
}

/// Why a wait did not succeed: the ending of the instance that decides it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{id} after {}", Brief(*.elapsed))]
#[non_exhaustive]
pub struct WaitError {
    /// The instance.
    pub id: InstanceId,
    /// How its wait ended.
    #[source]
    pub ending: Ending,
    /// How long the wait lasted.
    pub elapsed: Duration,
    /// How many times the instance was polled.
    pub polls: u32,
}

impl Outcome {
    pub(crate) fn new(watches: Vec<Watch>, any: bool, elapsed: Duration) -> Self {
        Self { watches, any, elapsed }
    }

    /// Every instance and what has been seen of it, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// How long the wait lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The instances that the result is about: all for which the condition is met, or the first
    /// one where one was enough.
    #[must_use]
    pub fn met(&self) -> Vec<&Watch> {
        let mut met: Vec<&Watch> = self.watches.iter().filter(|watch| watch.is_met()).collect();
        if self.any {
            met.sort_by_key(|watch| watch.over_at());
            met.truncate(1);
        }
        met
    }

    /// The instance that makes this a failure: the first in the order given for which the
    /// condition is not met. None where the wait has succeeded, for which one instance is enough
    /// with [`any`](super::rules::Rules::any).
    #[must_use]
    pub fn decisive(&self) -> Option<&Watch> {
        if self.any && self.watches.iter().any(Watch::is_met) {
            return None;
        }
        let is_decisive = |watch: &&Watch| match watch.ending() {
            None | Some(Ending::Met(_) | Ending::Abandoned) => false,
            Some(_) => true,
        };
        self.watches.iter().find(is_decisive)
    }

    /// The instances that the result is about, if the wait has succeeded.
    ///
    /// # Errors
    ///
    /// [`WaitError`] with the ending of the [decisive](Self::decisive) instance.
    pub fn result(&self) -> Result<Vec<&Watch>, Box<WaitError>> {
        let Some(watch) = self.decisive() else { return Ok(self.met()) };
        Err(Box::new(WaitError {
            id: watch.id().clone(),
            ending: watch.ending().cloned().unwrap_or(Ending::TimedOut),
            elapsed: self.elapsed,
            polls: watch.tally().polls,
        }))
    }

    /// The addresses at which the condition is met, in the order given.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.met().into_iter().filter_map(Watch::address).collect()
    }
}
