//! The stage of the wait for one instance, and the counts of its polls.

use std::time::Duration;

use super::{ending::Ending, probe::ProbeError};
use crate::answer::address::Address;

/// The stage of the wait for one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The condition is not met yet.
    Waiting,
    /// The API reports ready; the address is being probed.
    Probing {
        /// The address.
        address: Address,
        /// The successful attempts in a row.
        successes: u32,
        /// The most recent error of an attempt.
        last_error: Option<ProbeError>,
    },
    /// The wait has ended. [`Ending::Met`] is revoked if the instance changes before its address is
    /// used.
    Over {
        /// How it ended.
        ending: Ending,
        /// When, since the start of the wait.
        at: Duration,
    },
}

/// Counts of the polls of one instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Polls with an answer, errors included.
    pub polls: u32,
    /// Polls that were throttled.
    pub throttled: u32,
    /// The time from each throttled poll to the next poll.
    pub throttled_for: Duration,
    /// Polls with a transient error.
    pub transient_errors: u32,
}
