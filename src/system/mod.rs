//! What a machine gives, and where that ends: the time of day, files, streams, processes.

pub(crate) mod clock;
pub(crate) mod group;
pub(crate) mod limits;
#[cfg(feature = "cli")]
pub(crate) mod place;
pub(crate) mod read;
#[cfg(feature = "cli")]
pub(crate) mod stream;
#[cfg(feature = "cli")]
pub(crate) mod writable;
#[cfg(feature = "cli")]
pub(crate) mod write;
