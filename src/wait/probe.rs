//! Whether an address that the API named can really be used.

use std::{future::Future, io, time::Duration};

use super::condition::Condition;
use crate::{
    answer::{address::Address, instance::InstanceId},
    system::limits::is_of_limits,
    text::{duration::Brief, untrusted::Untrusted},
};

/// What one attempt is aimed at.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The instance.
    pub id: &'a InstanceId,
    /// The address that the API named.
    pub address: Address,
    /// What has to hold there; one that [needs a probe](Condition::needs_probe).
    pub condition: &'a Condition,
}

/// Something that can try to reach an address.
///
/// ```
/// use wait_ready::{Probe, ProbeError, Target};
///
/// /// Believes the API.
/// struct Trusting;
///
/// impl Probe for Trusting {
///     async fn attempt(&self, _: Target<'_>) -> Result<(), ProbeError> {
///         Ok(())
///     }
/// }
/// ```
pub trait Probe {
    /// Makes one attempt, which ends by itself. Dropping the future abandons it.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when the condition does not hold there; another attempt may succeed.
    fn attempt(&self, target: Target<'_>) -> impl Future<Output = Result<(), ProbeError>> + Send;
}

/// Why one attempt to reach an address failed. Each is worth another attempt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    /// The HTTP server answers otherwise than with 2xx.
    #[error("{line}")]
    HttpStatus {
        /// The status code.
        status: u16,
        /// The status line.
        line: Untrusted,
    },
    /// The peer speaks something else than HTTP/1.
    #[error("connected, but not HTTP: {0}")]
    NotHttp(Untrusted),
    /// The peer closed the connection before it had answered.
    #[error("connected, but closed without an HTTP answer")]
    NoAnswer,
    /// This machine, or this process, had no file or thread to spare: nothing was tried.
    #[error("this machine is out of file descriptors or threads: {0}")]
    Exhausted(Untrusted),
    /// The command ran and failed.
    #[error("COMMAND failed with {ended}{}", after_colon(.last_line.as_ref()))]
    Command {
        /// Its exit code, or the signal that ended it.
        ended: Untrusted,
        /// The last line that it wrote to its standard error.
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
