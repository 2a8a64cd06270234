//! The authorities that this machine trusts: certificates in files, or the system's verifier.

#[cfg(not(any(windows, target_vendor = "apple")))]
mod files;
#[cfg(any(windows, target_vendor = "apple"))]
mod verifier;

#[cfg(not(any(windows, target_vendor = "apple")))]
pub(crate) use files::{roots, verifier};
#[cfg(any(windows, target_vendor = "apple"))]
pub(crate) use verifier::{roots, verifier};
