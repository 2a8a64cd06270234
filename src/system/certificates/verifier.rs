//! Systems that verify a certificate themselves: Windows and Apple's.

use std::sync::Arc;

use rustls::{
    client::danger::ServerCertVerifier, crypto::CryptoProvider, pki_types::CertificateDer,
};

/// Returns none: the system's verifier knows its own.
pub(crate) fn roots() -> Vec<CertificateDer<'static>> {
    Vec::new()
}

/// Returns the system's verifier.
///
/// # Errors
///
/// Where the system has none that works.
pub(crate) fn verifier(
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, rustls::Error> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider))?;
    Ok(Some(Arc::new(verifier)))
}
