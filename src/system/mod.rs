//! What a machine gives: the time of day, and files.

pub(crate) mod clock;
pub(crate) mod read;
pub(crate) mod write;
