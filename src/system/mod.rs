//! What a machine gives: the time of day, and files.

pub(crate) mod clock;
pub(crate) mod group;
pub(crate) mod read;
#[cfg(feature = "cli")]
pub(crate) mod write;
