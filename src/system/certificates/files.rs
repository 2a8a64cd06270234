//! Systems whose trusted certificates are files.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    client::danger::ServerCertVerifier, crypto::CryptoProvider, pki_types::CertificateDer,
};
use rustls_native_certs::load_certs_from_paths;

/// Returns the certificates that the system trusts, as far as they can be read.
pub(crate) fn roots() -> Vec<CertificateDer<'static>> {
    let places = openssl_probe::probe();
    let (file, mut folders) = (places.cert_file.as_deref(), places.cert_dir.iter());
    let mut found = load_certs_from_paths(file, folders.next().map(PathBuf::as_path)).certs;
    for folder in folders {
        found.extend(load_certs_from_paths(None, Some(folder)).certs);
    }
    found
}

/// Returns `None`: these systems have no verifier.
#[expect(clippy::unnecessary_wraps, reason = "other systems have one")]
pub(crate) fn verifier(
    _: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, rustls::Error> {
    Ok(None)
}
