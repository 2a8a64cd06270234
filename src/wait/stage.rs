//! Where the wait for one instance stands, and what its polls came to.

use std::{net::IpAddr, time::Duration};

use super::{ending::Ending, probe::ProbeError};

/// Where the wait for one instance stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is not there yet.
    Waiting,
    /// The API says that it is there; its address has not been reached yet.
    Probing {
        /// The address to reach.
        ip: IpAddr,
        /// Why it was not reached the last time.
        last_error: Option<ProbeError>,
    },
    /// The condition holds; others may still be waited for.
    Met(Option<IpAddr>),
    /// It is over.
    Ended(Ending),
}

/// What the polls of one instance came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many polls brought an answer or an error.
    pub polls: u32,
    /// How many of them were throttled.
    pub throttled: u32,
    /// How long throttling held back the next poll.
    pub throttled_for: Duration,
    /// How many met a transient fault.
    pub transient_errors: u32,
}
