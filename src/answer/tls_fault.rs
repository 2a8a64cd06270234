//! Why a TLS connection failed, in plain words.

use std::time::{Duration, SystemTime};

use crate::text::untrusted::Untrusted;

/// The last second that an HTTP date can express: 9999-12-31T23:59:59Z.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// Why there is no TLS connection that a key may be sent over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The certificate is self-signed and not trusted.
    #[error("the certificate is self-signed ({name}) and not trusted here")]
    SelfSigned {
        /// The certificate's subject.
        name: Untrusted,
    },
    /// The certificate is signed by an authority that is not trusted.
    #[error("the certificate's issuer ({issuer}) is not trusted here")]
    UnknownIssuer {
        /// The certificate's issuer.
        issuer: Untrusted,
    },
    /// The server presents an authority's own certificate. Trusting that authority does not help.
    #[error("the certificate is an authority's own ({name}), not one for a server")]
    AuthorityAsServer {
        /// The certificate's subject.
        name: Untrusted,
    },
    /// The certificate has expired.
    #[error("the certificate expired on {} (this machine's clock: {})", date(*.since), date(*.now))]
    Expired {
        /// The end of its validity.
        since: SystemTime,
        /// This machine's clock.
        now: SystemTime,
    },
    /// The certificate is not valid yet, or this machine's clock is slow.
    #[error(
        "the certificate is not valid before {} (this machine's clock: {})",
        date(*.before), date(*.now)
    )]
    NotValidYet {
        /// The beginning of its validity.
        before: SystemTime,
        /// This machine's clock.
        now: SystemTime,
    },
    /// The certificate is for another host.
    #[error("the certificate is for {presented}, not for {expected}")]
    WrongHost {
        /// The host that was connected to.
        expected: Untrusted,
        /// The certificate's hosts.
        presented: Untrusted,
    },
    /// The certificate's signature algorithm is not supported.
    #[error(
        "the certificate is signed by its issuer ({issuer}) in a way that is not supported here, such \
         as a P-521 key, or ECDSA with SHA-512"
    )]
    UnsupportedSignature {
        /// The certificate's issuer.
        issuer: Untrusted,
    },
    /// The certificate has another defect.
    #[error("the certificate {0}")]
    Unusable(&'static str),
    /// The response was not TLS.
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
    fn a_date_that_http_cannot_express_is_cut() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let fault = TlsFault::Expired { since: at(0), now: at(1 << 40) };
        assert_eq!(
            fault.to_string(),
            "the certificate expired on Thu, 01 Jan 1970 00:00:00 GMT \
             (this machine's clock: Fri, 31 Dec 9999 23:59:59 GMT)"
        );
    }
}
