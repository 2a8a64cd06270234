//! The certificates of `SSL_CERT_FILE` and `SSL_CERT_DIR`, on every system.

use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use crate::system::read::read_at_most;

/// A longer file is not one of certificates.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The certificates that the environment asks to trust.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    /// Warnings about files and folders that cannot be used.
    pub(super) complaints: Vec<String>,
}

impl Named {
    /// Reads the files and folders that the environment names; an empty variable is unset.
    pub(super) fn read(variable: &impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut named = Self::default();
        if let Some(path) = set("SSL_CERT_FILE").map(PathBuf::from) {
            let bytes = File::open(&path).and_then(|file| read_at_most(MAX_FILE_BYTES, file));
            let defect = match bytes.map(|bytes| certificates(&bytes)) {
                Ok((certificates, defect)) => {
                    named.certificates = certificates;
                    defect.map(str::to_owned)
                }
                Err(error) => Some(format!("cannot be read: {error}")),
            };
            let complaint =
                |defect| format!("SSL_CERT_FILE names {}, which {defect}", path.display());
            named.complaints.extend(defect.map(complaint));
        }
        let folders = set("SSL_CERT_DIR").unwrap_or_default();
        for folder in std::env::split_paths(&folders).filter(|path| !path.as_os_str().is_empty()) {
            match of_folder(&folder) {
                Ok(certificates) => named.certificates.extend(certificates),
                Err(error) => named.complaints.push(format!(
                    "SSL_CERT_DIR names {}, which cannot be read: {error}",
                    folder.display()
                )),
            }
        }
        named
    }
}

/// Reads the certificates of a folder that `openssl rehash` has prepared; other files are ignored.
fn of_folder(folder: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_fit = fs::metadata(&path).is_ok_and(|it| it.is_file() && it.len() <= MAX_FILE_BYTES);
        if is_fit && let Ok(bytes) = fs::read(&path) {
            // Each certificate has several names there.
            for certificate in certificates(&bytes).0 {
                if !found.contains(&certificate) {
                    found.push(certificate);
                }
            }
        }
    }
    Ok(found)
}

/// Parses a PEM file; returns the usable certificates, and what is wrong with the file.
fn certificates(bytes: &[u8]) -> (Vec<CertificateDer<'static>>, Option<&'static str>) {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    let text = bytes.strip_prefix(MARK).unwrap_or(bytes);
    let read: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(text).filter_map(Result::ok).collect();
    let usable: Vec<_> = read
        .iter()
        .filter(|certificate| webpki::anchor_from_trusted_cert(certificate).is_ok())
        .cloned()
        .collect();
    let defect = match (usable.len(), read.len()) {
        (0, 0) => Some(no_certificate(text)),
        (0, _) => Some("has certificates, none of which can be read"),
        (usable, read) if usable < read => {
            Some("has certificates that cannot be read among others")
        }
        _ if text.len() < bytes.len() => {
            Some("begins with a byte order mark; other programs may not find its certificate")
        }
        _ => None,
    };
    (usable, defect)
}

/// Describes a file that contains no PEM certificate.
fn no_certificate(bytes: &[u8]) -> &'static str {
    /// The object identifier of signed data, as in a `.p7b` file (RFC 5652 section 5.1).
    const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    if bytes.trim_ascii().is_empty() {
        "is empty"
    } else if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || has(b"-\0-\0") {
        "is text in UTF-16: save it as UTF-8"
    } else if has(b"-----BEGIN PKCS7")
        || has(b"-----BEGIN CMS")
        || bytes.starts_with(b"\x30") && has(SIGNED_DATA)
    {
        "is a PKCS #7 file (.p7b): openssl pkcs7 -print_certs converts it to PEM"
    } else if bytes.starts_with(b"\x30\x82")
        || bytes.starts_with(b"\x30\x81")
        || bytes.starts_with(b"\x30\x83")
    {
        "is DER, not PEM: openssl x509 -inform der converts it to PEM"
    } else if has(b"-----BEGIN TRUSTED CERTIFICATE") {
        "has a certificate in OpenSSL's own format: openssl x509 converts it to a plain one"
    } else if has(b"-----BEGIN CERTIFICATE") {
        "has a certificate that is cut off or damaged"
    } else if has(b"PRIVATE KEY-----") {
        "has a private key and no certificate"
    } else {
        "has no certificate in it (PEM, from -----BEGIN CERTIFICATE----- on)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_described() {
        let utf16: Vec<u8> =
            "-----BEGIN CERTIFICATE-----".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (bytes, told) in [
            (&b""[..], "is empty"),
            (b"\n \n", "is empty"),
            (b"\xef\xbb\xbf", "is empty"),
            (&[&b"\xff\xfe"[..], &utf16].concat(), "UTF-16"),
            (&utf16, "UTF-16"),
            (b"\x30\x82\x01\x0a\x30\x81", "is DER"),
            (b"\x30\x82\x01\x0a\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", "PKCS #7"),
            (b"-----BEGIN PKCS7-----\nAA==\n-----END PKCS7-----\n", "PKCS #7"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA", "cut off"),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "none of which"),
            (b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "private key"),
            (b"<html>", "no certificate in it"),
        ] {
            let (found, defect) = certificates(bytes);
            assert!(found.is_empty());
            assert!(defect.unwrap().contains(told), "{defect:?} for {told}");
        }
    }

    #[test]
    fn a_missing_store_is_complained_about() {
        let complaints = |name: &'static str, value: &'static str| {
            Named::read(&move |it| (it == name).then(|| value.into())).complaints
        };
        let file = complaints("SSL_CERT_FILE", "/no/ca");
        assert!(file[0].starts_with("SSL_CERT_FILE names /no/ca, which cannot be read: "));
        assert_eq!(complaints("SSL_CERT_DIR", "/:/no/dir").len(), 1);
        assert!(complaints("", "").is_empty());
        assert!(Named::read(&|_| Some("".into())).complaints.is_empty());
    }
}
