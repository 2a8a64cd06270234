//! Which servers a key may be sent to, and what is wrong with one that is not trusted.

use std::{
    error::Error,
    ffi::OsString,
    fmt, fs,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::credentials::Redactor;
use crate::answer::tls_fault::TlsFault;

/// Trusts the machine's own store (`SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured) and, beside
/// it, the bundled roots, so that an image without a store still works. Without `encrypted`
/// nobody is trusted, which saves reading the store.
pub(super) fn tls_config(encrypted: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    if !encrypted {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
    let platform = rustls_platform_verifier::Verifier::new_with_extra_roots(bundled, provider)?;
    let mut config = builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(platform)))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The places for certificates that the environment names and that cannot be read: a slip there
/// shows only as an issuer that is not trusted.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "the program alone tells it"))]
pub(crate) fn unreadable_stores(variable: &impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let file = variable("SSL_CERT_FILE").into_iter().map(|path| {
        let read = fs::File::open(&path).map(drop);
        ("SSL_CERT_FILE", path, read)
    });
    let folders = variable("SSL_CERT_DIR").unwrap_or_default();
    let folders = std::env::split_paths(&folders).map(|path| {
        let read = fs::read_dir(&path).map(drop);
        ("SSL_CERT_DIR", path.into_os_string(), read)
    });
    file.chain(folders)
        .filter_map(|(name, path, read)| Some((name, path, read.err()?)))
        .filter(|(_, path, _)| !path.is_empty())
        .map(|(name, path, error)| {
            format!("{name} names {}, which cannot be read: {error}", path.display())
        })
        .collect()
}

/// The platform's verdict, whole; only a refusal is looked into, to say whose certificate it was.
#[derive(Debug)]
struct Verifier(rustls_platform_verifier::Verifier);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| looked_into(error, end_entity))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// A refused certificate, with the names that the refusal itself leaves out.
#[derive(Debug)]
struct Refused {
    error: CertificateError,
    subject: String,
    issuer: String,
    is_self_signed: bool,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for Refused {}

fn looked_into(error: rustls::Error, certificate: &CertificateDer<'_>) -> rustls::Error {
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

/// What a distinguished name calls its bearer: the common name, else the organisation.
fn name(distinguished: &[u8]) -> String {
    const COMMON_NAME: u8 = 3;
    const ORGANISATION: u8 = 10;
    [COMMON_NAME, ORGANISATION]
        .into_iter()
        .find_map(|attribute| {
            // An object identifier 2.5.4.x, then a string: its tag, its length, its bytes.
            let identifier = [0x06, 0x03, 0x55, 0x04, attribute];
            let at = distinguished.windows(5).rposition(|window| window == identifier)?;
            let [_tag, length, text @ ..] = distinguished.get(at + 5..)? else { return None };
            text.get(..usize::from(*length)).filter(|text| !text.is_empty())
        })
        .map_or_else(|| "unnamed".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
}

/// What went wrong with TLS. Names out of a certificate are a server's text.
pub(super) fn tls_fault(error: &rustls::Error, redactor: &Redactor) -> TlsFault {
    let refusal = match error {
        rustls::Error::InvalidCertificate(refusal) => refusal,
        rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            return TlsFault::NotTls;
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
        other => TlsFault::Other(redactor.text(&other.to_string())),
    }
}

fn moment(time: UnixTime) -> SystemTime {
    let since_epoch = Duration::from_secs(time.as_secs());
    SystemTime::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Host names as the TLS library lists them, `DnsName("a.example")`, as people write them.
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

    #[test]
    fn a_name_is_read_from_whatever_bytes_there_are() {
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
    fn a_store_that_is_named_and_missing_is_told_of() {
        let told = unreadable_stores(&|name| (name == "SSL_CERT_FILE").then(|| "/no/ca".into()));
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("SSL_CERT_FILE names /no/ca, which cannot be read: "));
        let told = unreadable_stores(&|name| (name == "SSL_CERT_DIR").then(|| "/:/no/dir".into()));
        assert_eq!(told.len(), 1);
        assert!(unreadable_stores(&|_| None).is_empty());
        assert!(unreadable_stores(&|_| Some("".into())).is_empty());
    }
}
