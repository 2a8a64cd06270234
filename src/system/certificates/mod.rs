//! Whom this machine trusts: authorities that stand in files, or a verifier of the system's own.

#[cfg(not(any(windows, target_vendor = "apple")))]
mod files;
#[cfg(any(windows, target_vendor = "apple"))]
mod verifier;

#[cfg(not(any(windows, target_vendor = "apple")))]
pub(crate) use files::{roots, verifier};
#[cfg(any(windows, target_vendor = "apple"))]
pub(crate) use verifier::{roots, verifier};
