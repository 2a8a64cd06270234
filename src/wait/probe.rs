//! Whether an address that the API named can really be used.

use std::{future::Future, io, net::IpAddr, time::Duration};

use crate::text::{duration::Brief, untrusted::Untrusted};

/// Something that can try to reach an address.
pub trait Probe {
    /// Makes one attempt, which ends by itself.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when the address was not reached; another attempt may succeed.
    fn attempt(&self, ip: IpAddr) -> impl Future<Output = Result<(), ProbeError>> + Send;
}

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

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            _ => Self::Network(Untrusted::from(error.to_string().as_str())),
        }
    }
}
