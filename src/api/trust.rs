//! TLS: which servers are trusted with the key, and why one is not.

use std::{
    env,
    ffi::OsString,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::{credentials::Redactor, store::Named};
use crate::{answer::tls_fault::TlsFault, system::certificates};

/// Makes the TLS configuration. It trusts the bundled roots, so that an image without a store works;
/// what `SSL_CERT_FILE` and `SSL_CERT_DIR` name, or else the machine's files; and what the verifier
/// of Windows or macOS trusts. If nothing is `encrypted`, it trusts nobody, which saves reading them.
pub(super) fn tls_config(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    if !encrypted {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let named = Named::read(&|name| env::var_os(name)).certificates;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(named, provider)?))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Warnings about `SSL_CERT_FILE` and `SSL_CERT_DIR`: a mistake there would otherwise show only as
/// an issuer that is not trusted.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the program shows them"))]
pub(crate) fn unreadable_stores(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    Named::read(variable).complaints
}

/// Accepts what the roots or the system's verifier accept, and adds the certificate's names to a
/// refusal.
#[derive(Debug)]
struct Verifier {
    roots: Arc<WebPkiServerVerifier>,
    system: Option<Arc<dyn ServerCertVerifier>>,
}

impl Verifier {
    fn new(
        named: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let system = certificates::verifier(&provider)?;
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        roots.add_parsable_certificates(if named.is_empty() {
            certificates::roots()
        } else {
            named
        });
        let roots = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
        let roots = roots.map_err(|error| rustls::Error::General(error.to_string()))?;
        Ok(Self { roots, system })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = |by: &dyn ServerCertVerifier| {
            by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let verdict = match (verdict(&*self.roots), &self.system) {
            (Err(refusal), Some(system)) if is_of_unknown_issuer(&refusal) => verdict(&**system)
                .map_err(|error| if is_explained(&error) { error } else { refusal }),
            (verdict, _) => verdict,
        };
        verdict.map_err(|error| with_names(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.roots.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

fn is_of_unknown_issuer(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))
}

/// Returns whether a refusal is one of the library's reasons, and not a code of the system's.
fn is_explained(error: &rustls::Error) -> bool {
    let rustls::Error::InvalidCertificate(refusal) = error else { return false };
    !matches!(refusal, CertificateError::Other(_))
}

/// A refusal with the names in the certificate, which the TLS library leaves out.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct Refused {
    error: CertificateError,
    subject: String,
    issuer: String,
    is_self_signed: bool,
}

fn with_names(error: rustls::Error, certificate: &CertificateDer<'_>) -> rustls::Error {
    let rustls::Error::InvalidCertificate(refusal) = error else { return error };
    let refusal = match webpki::EndEntityCert::try_from(certificate) {
        Ok(certificate) => CertificateError::Other(OtherError(Arc::new(Refused {
            error: refusal,
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            is_self_signed: certificate.subject() == certificate.issuer(),
        }))),
        Err(_) => refusal,
    };
    rustls::Error::InvalidCertificate(refusal)
}

/// The common name of a distinguished name, else its organisation.
fn name(distinguished: &[u8]) -> String {
    const COMMON_NAME: u8 = 3;
    const ORGANISATION: u8 = 10;
    [COMMON_NAME, ORGANISATION]
        .into_iter()
        .find_map(|attribute| {
            // The object identifier 2.5.4.x (RFC 5280 appendix A.1), then a string: tag, length, bytes.
            let identifier = [0x06, 0x03, 0x55, 0x04, attribute];
            let at = distinguished.windows(5).rposition(|window| window == identifier)?;
            let [_tag, length, text @ ..] = distinguished.get(at + 5..)? else { return None };
            text.get(..usize::from(*length)).filter(|text| !text.is_empty())
        })
        .map_or_else(|| "unnamed".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
}

/// Describes an error of the TLS library.
pub(super) fn tls_fault(error: &rustls::Error, redactor: &Redactor) -> TlsFault {
    let refusal = match error {
        rustls::Error::InvalidCertificate(refusal) => refusal,
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            return TlsFault::NotTls;
        }
        rustls::Error::PeerIncompatible(_) => {
            let text = "the server and this program have no TLS version or cipher suite in common";
            return TlsFault::Other(text.into());
        }
        other => return TlsFault::Other(redactor.text(&other.to_string())),
    };
    let refused = match refusal {
        CertificateError::Other(OtherError(other)) => other.downcast_ref::<Refused>(),
        _ => None,
    };
    let subject = || redactor.text(refused.map_or("unnamed", |refused| &refused.subject));
    let issuer = || redactor.text(refused.map_or("unnamed", |refused| &refused.issuer));
    match refused.map_or(refusal, |refused| &refused.error) {
        CertificateError::UnknownIssuer if refused.is_some_and(|r| r.is_self_signed) => {
            TlsFault::SelfSigned { name: subject() }
        }
        CertificateError::UnknownIssuer => TlsFault::UnknownIssuer { issuer: issuer() },
        CertificateError::ExpiredContext { time, not_after } => {
            TlsFault::Expired { since: moment(*not_after), now: moment(*time) }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            TlsFault::NotValidYet { before: moment(*not_before), now: moment(*time) }
        }
        CertificateError::NotValidForNameContext { expected, presented } => TlsFault::WrongHost {
            expected: redactor.text(&expected.to_str()),
            presented: redactor.text(&hosts(presented)),
        },
        CertificateError::Other(OtherError(other))
            if matches!(other.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity)) =>
        {
            TlsFault::AuthorityAsServer { name: subject() }
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            TlsFault::UnsupportedSignature { issuer: issuer() }
        }
        CertificateError::BadEncoding => TlsFault::Unusable("cannot be read"),
        CertificateError::BadSignature => {
            TlsFault::Unusable("is not signed with the key of the issuer that it names")
        }
        CertificateError::Revoked => TlsFault::Unusable("was revoked by its issuer"),
        CertificateError::UnhandledCriticalExtension => {
            TlsFault::Unusable("has a critical extension that is not supported here")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            TlsFault::Unusable("is not meant for a server")
        }
        other => TlsFault::Other(redactor.text(&other.to_string())),
    }
}

fn moment(time: UnixTime) -> SystemTime {
    let since_epoch = Duration::from_secs(time.as_secs());
    SystemTime::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Joins host names, which the TLS library writes as `DnsName("a.example")`.
fn hosts(presented: &[String]) -> String {
    let bare = |name: &String| {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
        inner.unwrap_or(name).trim_matches('"').to_owned()
    };
    match presented {
        [] => "no host at all (it has no subject alternative name)".to_owned(),
        names => names.iter().map(bare).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system that gives every certificate the same verdict.
    #[derive(Debug)]
    struct System(Result<(), CertificateError>);

    impl ServerCertVerifier for System {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            self.0.clone().map_err(rustls::Error::InvalidCertificate)?;
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(rustls::Error::HandshakeNotComplete)
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(rustls::Error::HandshakeNotComplete)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            Vec::new()
        }
    }

    #[test]
    fn a_system_that_verifies_is_asked_about_an_issuer_that_the_roots_do_not_know() {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let host = ServerName::try_from("localhost").unwrap();
        let verified = |named: &[CertificateDer<'static>], system| {
            let provider = Arc::new(ring::default_provider());
            let mut verifier = Verifier::new(named.to_vec(), provider).unwrap();
            verifier.system = Some(Arc::new(System(system)));
            let now = UnixTime::now();
            verifier.verify_server_cert(certificate.der(), &[], &host, &[], now)
        };
        let fault = |system| {
            let key = crate::api::credentials::ApiKey::new("a:b").unwrap();
            tls_fault(&verified(&[], system).unwrap_err(), &Redactor::new(key))
        };
        let number = || OtherError(Arc::new(std::io::Error::from_raw_os_error(1)));
        assert!(verified(&[], Ok(())).is_ok());
        assert!(verified(&[certificate.der().clone()], Err(CertificateError::Revoked)).is_ok());
        assert!(fault(Err(CertificateError::Revoked)).to_string().contains("revoked"));
        let unexplained = fault(Err(CertificateError::Other(number())));
        assert!(matches!(unexplained, TlsFault::SelfSigned { .. }), "{unexplained}");
    }

    #[test]
    fn a_name_is_parsed_from_any_bytes() {
        let common = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02Ab";
        assert_eq!(name(common), "Ab");
        let organisation = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x0a\x13\x03Org";
        assert_eq!(name(organisation), "Org");
        assert_eq!(name(&[organisation.as_slice(), common].concat()), "Ab");
        for cut in 0..common.len() {
            assert_eq!(name(&common[..cut]), "unnamed", "{cut}");
        }
        assert_eq!(name(b"\x06\x03\x55\x04\x03\x0c\xff"), "unnamed");
    }

    #[test]
    fn hosts_are_listed_as_people_write_them() {
        let listed = [r#"DnsName("*.a.example")"#, "IpAddress(10.0.0.1)", "odd"];
        assert_eq!(hosts(&listed.map(str::to_owned)), "*.a.example, 10.0.0.1, odd");
        assert!(hosts(&[]).starts_with("no host"));
    }

    #[test]
    fn a_refused_certificate_is_described_in_a_sentence() {
        let redactor = Redactor::new(crate::api::credentials::ApiKey::new("a:b").unwrap());
        let identifier = || vec![6, 8, 42, 134, 72, 206, 61, 4, 3, 4];
        for refusal in [
            CertificateError::BadEncoding,
            CertificateError::BadSignature,
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::InvalidPurpose,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: identifier(),
                supported_algorithms: Vec::new(),
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: identifier(),
                public_key_algorithm_id: identifier(),
            },
        ] {
            let fault = tls_fault(&rustls::Error::InvalidCertificate(refusal), &redactor);
            let text = fault.to_string();
            assert!(text.starts_with("the certificate ") && !text.contains(['{', '[']), "{text}");
        }
    }
}
