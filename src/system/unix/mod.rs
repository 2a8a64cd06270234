//! Linux and macOS.

#[cfg(feature = "cli")]
pub(crate) mod files;
#[cfg(feature = "exec")]
pub(crate) mod group;
#[cfg(feature = "cli")]
pub(crate) mod programs;
pub(crate) mod words;
