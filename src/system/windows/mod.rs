//! Windows, with the same interface as Unix.

#[cfg(feature = "cli")]
pub(crate) mod device;
#[cfg(feature = "cli")]
pub(crate) mod files;
#[cfg(feature = "exec")]
pub(crate) mod group;
#[cfg(feature = "cli")]
pub(crate) mod programs;
#[cfg(feature = "cli")]
pub(crate) mod signals;
#[cfg(feature = "cli")]
pub(crate) mod stream;
pub(crate) mod words;
