//! Where the wait for one instance stands, and what its polls came to.

use std::time::Duration;

use super::{ending::Ending, probe::ProbeError};
use crate::answer::address::Address;

/// Where the wait for one instance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// The condition is not met yet.
    Waiting,
    /// The API says ready; the address is being probed.
    Probing {
        /// The address to reach.
        address: Address,
        /// How many attempts in a row have succeeded.
        successes: u32,
        /// Why the last attempt failed, if it did.
        last_error: Option<ProbeError>,
    },
    /// It has its ending. One that is [met](Ending::Met) is taken back if the instance turns out
    /// to have changed before its address is used.
    Over {
        /// How it ended.
        ending: Ending,
        /// When, counted from the start of the wait.
        at: Duration,
    },
}

/// What the polls of one instance came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// How many polls brought an answer or an error.
    pub polls: u32,
    /// How many of them were throttled.
    pub throttled: u32,
    /// How long throttling held back the next poll.
    pub throttled_for: Duration,
    /// How many brought a transient error.
    pub transient_errors: u32,
}
