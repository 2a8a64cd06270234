//! Why a connection through a proxy failed.

use crate::text::untrusted::Untrusted;

/// Why a connection through a proxy failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyFault {
    /// The proxy itself could not be connected to.
    #[error("{0}")]
    Unreachable(Untrusted),
    /// The proxy refused the tunnel.
    #[error("it answers HTTP {status}{}", quoted(.said.as_ref()))]
    Refused {
        /// The HTTP status code.
        status: u16,
        /// Its reason phrase.
        said: Option<Untrusted>,
    },
    /// Anything else.
    #[error("{0}")]
    Other(Untrusted),
}

fn quoted(said: Option<&Untrusted>) -> String {
    said.map(|said| format!(": {said}")).unwrap_or_default()
}
