//! What a machine gives: the time of day, files, and processes. What differs between systems is below
//! `unix` and `windows`, by the same names and with the same faces.

pub(crate) mod clock;
pub(crate) mod read;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(feature = "cli")]
pub(crate) mod write;

#[cfg(unix)]
pub(crate) use unix::{group, words};
#[cfg(windows)]
pub(crate) use windows::{group, words};
