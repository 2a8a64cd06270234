//! Why a server cannot be trusted to be the API, in plain words.

use std::time::{Duration, SystemTime};

use crate::text::untrusted::Untrusted;

/// The last second that an HTTP date can name: 9999-12-31T23:59:59Z.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// Why no TLS connection came about that a key may be sent over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate vouches for itself, and nobody here knows it.
    #[error("the certificate is self-signed ({name}) and not trusted here")]
    SelfSigned {
        /// Whom it names.
        name: Untrusted,
    },
    /// The certificate is signed by an authority that is not trusted here.
    #[error("the certificate's issuer ({issuer}) is not trusted here")]
    UnknownIssuer {
        /// Whom the certificate names as its issuer.
        issuer: Untrusted,
    },
    /// An authority's own certificate stands where a server's should. Trusting it changes nothing.
    #[error("the certificate is an authority's own ({name}), not one for a server")]
    AuthorityAsServer {
        /// Whom it names.
        name: Untrusted,
    },
    /// The certificate is too old.
    #[error("the certificate expired on {} (this machine's clock: {})", date(*.since), date(*.now))]
    Expired {
        /// When it ended.
        since: SystemTime,
        /// What this machine's clock said.
        now: SystemTime,
    },
    /// The certificate is too young, or the clock is slow.
    #[error(
        "the certificate is not valid before {} (this machine's clock: {})",
        date(*.before), date(*.now)
    )]
    NotValidYet {
        /// When it begins.
        before: SystemTime,
        /// What this machine's clock said.
        now: SystemTime,
    },
    /// The certificate is another host's.
    #[error("the certificate is for {presented}, not for {expected}")]
    WrongHost {
        /// The host that was asked for.
        expected: Untrusted,
        /// The hosts that the certificate names.
        presented: Untrusted,
    },
    /// The certificate's signature is of a kind that cannot be checked here.
    #[error(
        "the certificate is signed by its issuer ({issuer}) in a way that is not supported here, such \
         as a P-521 key, or ECDSA with SHA-512"
    )]
    UnsupportedSignature {
        /// Whom the certificate names as its issuer.
        issuer: Untrusted,
    },
    /// The certificate has another defect.
    #[error("the certificate {0}")]
    Unusable(&'static str),
    /// What answered was not TLS.
    #[error("the server does not speak TLS at this port")]
    NotTls,
    /// Anything else, in the words of the TLS library.
    #[error("{0}")]
    Other(Untrusted),
}

fn date(time: SystemTime) -> String {
    httpdate::fmt_http_date(time.min(SystemTime::UNIX_EPOCH + LAST_DATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_date_is_too_far_to_be_told() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let fault = TlsFault::Expired { since: at(0), now: at(1 << 40) };
        assert_eq!(
            fault.to_string(),
            "the certificate expired on Thu, 01 Jan 1970 00:00:00 GMT \
             (this machine's clock: Fri, 31 Dec 9999 23:59:59 GMT)"
        );
    }
}
