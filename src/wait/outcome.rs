//! The outcome of a wait.

use std::time::Duration;

use super::{ending::Ending, watch::Watch};
use crate::{
    answer::{address::Address, instance::InstanceId},
    text::duration::Brief,
};

/// The outcome of a wait, for all its instances.
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

/// Why a wait failed: the ending of the decisive instance.
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
    /// The number of polls of the instance.
    pub polls: u32,
}

impl Outcome {
    pub(crate) fn new(watches: Vec<Watch>, any: bool, elapsed: Duration) -> Self {
        Self { watches, any, elapsed }
    }

    /// The state of every instance, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// How long the wait lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The instances of the result: all that met the condition, or only the first one with
    /// [`any`](super::rules::Rules::any).
    #[must_use]
    pub fn met(&self) -> Vec<&Watch> {
        let mut met: Vec<&Watch> = self.watches.iter().filter(|watch| watch.is_met()).collect();
        if self.any {
            met.sort_by_key(|watch| watch.over_at());
            met.truncate(1);
        }
        met
    }

    /// The instance whose ending makes the wait a failure: the first, in the order given, that did
    /// not meet the condition and was not abandoned. `None` if the wait succeeded, for which one
    /// instance is enough with [`any`](super::rules::Rules::any).
    #[must_use]
    pub fn decisive(&self) -> Option<&Watch> {
        if self.any && self.watches.iter().any(Watch::is_met) {
            return None;
        }
        self.watches.iter().find(|watch| watch.has_failed())
    }

    /// The instances of the result, if the wait succeeded.
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

    /// The addresses of the result, in the order given.
    #[must_use]
    pub fn addresses(&self) -> Vec<Address> {
        self.met().into_iter().filter_map(Watch::address).collect()
    }
}
