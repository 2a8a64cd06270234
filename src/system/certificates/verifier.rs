//! Systems with a verifier of certificates: Windows and Apple's.

use std::sync::Arc;

use rustls::{
    client::danger::ServerCertVerifier, crypto::CryptoProvider, pki_types::CertificateDer,
};

/// Returns no certificates: the system's verifier has its own.
pub(crate) fn roots() -> Vec<CertificateDer<'static>> {
    Vec::new()
}

/// Returns the system's verifier.
///
/// # Errors
///
/// The system's error.
pub(crate) fn verifier(
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ServerCertVerifier>>, rustls::Error> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider))?;
    Ok(Some(Arc::new(verifier)))
}
