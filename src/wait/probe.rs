//! The probe of an address: the port that a reachability check implements.

use std::{future::Future, io, time::Duration};

use super::condition::Condition;
use crate::{
    answer::{address::Address, instance::InstanceId},
    system::limits::is_of_limits,
    text::{duration::Brief, untrusted::Untrusted},
};

/// The target of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The instance.
    pub id: &'a InstanceId,
    /// The address that the API reported.
    pub address: Address,
    /// The condition to check, which [needs a probe](Condition::needs_probe).
    pub condition: &'a Condition,
}

/// A check whether an address can be used.
///
/// ```
/// use wait_ready::{Probe, ProbeError, Target};
///
/// /// Trusts the API.
/// struct Trusting;
///
/// impl Probe for Trusting {
///     async fn attempt(&self, _: Target<'_>) -> Result<(), ProbeError> {
///         Ok(())
///     }
/// }
/// ```
pub trait Probe {
    /// Makes one attempt, with a timeout of its own. Dropping the future cancels it.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if the condition is not met; it is retried.
    fn attempt(&self, target: Target<'_>) -> impl Future<Output = Result<(), ProbeError>> + Send;
}

/// Why one attempt failed. Each is retried.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// No service listens on the port.
    #[error("connection refused")]
    ConnectionRefused,
    /// The connection timed out.
    #[error("no connection within {}", Brief(*.0))]
    ConnectTimedOut(Duration),
    /// Another network error.
    #[error("{0}")]
    Network(Untrusted),
    /// The peer accepted the connection and sent nothing in time.
    #[error("connected, but silent for {}", Brief(*.0))]
    Silent(Duration),
    /// The peer closed the connection without an SSH identification.
    #[error("connected, but closed without an SSH identification")]
    Closed,
    /// The peer does not speak SSH 2.0.
    #[error("connected, but not SSH: {0}")]
    NotSsh(Untrusted),
    /// The HTTP status is not 2xx.
    #[error("{line}")]
    HttpStatus {
        /// The status code.
        status: u16,
        /// The status line.
        line: Untrusted,
    },
    /// The peer does not speak HTTP/1.
    #[error("connected, but not HTTP: {0}")]
    NotHttp(Untrusted),
    /// The peer closed the connection without an HTTP response.
    #[error("connected, but closed without an HTTP answer")]
    NoAnswer,
    /// This machine or process is out of file descriptors or threads; nothing was sent.
    #[error("this machine is out of file descriptors or threads: {0}")]
    Exhausted(Untrusted),
    /// The command ran and failed.
    #[error("COMMAND failed with {ended}{}", after_colon(.last_line.as_ref()))]
    Command {
        /// Its exit code, or the signal that ended it.
        ended: Untrusted,
        /// The last line that it wrote to standard error.
        last_line: Option<Untrusted>,
    },
    /// The command could not be run.
    #[error("COMMAND cannot be run: {0}")]
    CannotRun(Untrusted),
}

fn after_colon(text: Option<&Untrusted>) -> String {
    text.map(|text| format!(": {text}")).unwrap_or_default()
}

impl From<io::Error> for ProbeError {
    fn from(error: io::Error) -> Self {
        let text = || Untrusted::from(error.to_string().as_str());
        match error.kind() {
            _ if is_of_limits(&error) => Self::Exhausted(text()),
            io::ErrorKind::ConnectionRefused => Self::ConnectionRefused,
            _ => Self::Network(text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_error_is_refused_a_shortage_or_itself() {
        let from = |kind: io::ErrorKind| ProbeError::from(io::Error::from(kind));
        assert_eq!(from(io::ErrorKind::ConnectionRefused), ProbeError::ConnectionRefused);
        assert!(matches!(from(io::ErrorKind::OutOfMemory), ProbeError::Exhausted(_)));
        assert!(matches!(from(io::ErrorKind::ConnectionReset), ProbeError::Network(_)));
    }

    #[test]
    fn a_failed_command_is_quoted_if_it_wrote_something() {
        let failed = |last_line: Option<&str>| {
            let last_line = last_line.map(Untrusted::from);
            ProbeError::Command { ended: "exit code 1".into(), last_line }.to_string()
        };
        assert_eq!(failed(Some("no route")), "COMMAND failed with exit code 1: no route");
        assert_eq!(failed(None), "COMMAND failed with exit code 1");
    }
}
