//! Why there is no way through a proxy, in plain words.

use crate::text::untrusted::Untrusted;

/// Why a proxy opened no way to the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyFault {
    /// The proxy itself was not reached.
    #[error("{0}")]
    Unreachable(Untrusted),
    /// The proxy answered, and did not connect.
    #[error("it answers HTTP {status}{}", quoted(.said.as_ref()))]
    Refused {
        /// The status that it answered with.
        status: u16,
        /// What it said of it.
        said: Option<Untrusted>,
    },
    /// Anything else.
    #[error("{0}")]
    Other(Untrusted),
}

fn quoted(said: Option<&Untrusted>) -> String {
    said.map(|said| format!(": {said}")).unwrap_or_default()
}
