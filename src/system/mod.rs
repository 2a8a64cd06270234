//! What a machine gives: the time of day, files, and signals.

pub(crate) mod clock;
pub(crate) mod group;
pub(crate) mod read;
#[cfg(feature = "cli")]
pub(crate) mod signals;
#[cfg(feature = "cli")]
pub(crate) mod write;
