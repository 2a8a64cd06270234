//! What a machine gives: the time of day, and files.

pub(crate) mod clock;
pub(crate) mod group;
#[cfg(feature = "cli")]
pub(crate) mod place;
pub(crate) mod read;
#[cfg(feature = "cli")]
pub(crate) mod stream;
#[cfg(feature = "cli")]
pub(crate) mod writable;
#[cfg(feature = "cli")]
pub(crate) mod write;
