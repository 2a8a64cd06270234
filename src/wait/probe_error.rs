//! Why an address that the API named cannot be reached yet, as data.

use std::time::Duration;

use crate::text::{duration::Brief, untrusted::Untrusted};

/// Why one attempt to reach an address failed. Every one of these may pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The host answered that nobody listens on the port.
    #[error("connection refused")]
    ConnectionRefused,
    /// No connection came about in time.
    #[error("no connection within {}", Brief(*.0))]
    ConnectTimedOut(Duration),
    /// The network could not deliver, or the connection broke.
    #[error("{0}")]
    Network(Untrusted),
    /// The port accepted the connection and said nothing in time.
    #[error("connected, but silent for {}", Brief(*.0))]
    Silent(Duration),
    /// The peer closed the connection before it had identified itself.
    #[error("connected, but closed without an SSH identification")]
    Closed,
    /// The peer speaks something else than SSH 2.0.
    #[error("connected, but not SSH: {0}")]
    NotSsh(Untrusted),
}
