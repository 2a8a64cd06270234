//! The operating system: the time of day, files, processes and signals. `unix` and `windows` offer
//! the same interface.

pub(crate) mod certificates;
pub(crate) mod clock;
pub(crate) mod limits;
#[cfg(feature = "cli")]
pub(crate) mod place;
pub(crate) mod read;
#[cfg(feature = "cli")]
pub(crate) mod signal;
#[cfg(feature = "cli")]
pub(crate) mod signals;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;
#[cfg(feature = "cli")]
pub(crate) mod writable;
#[cfg(feature = "cli")]
pub(crate) mod write;

#[cfg(unix)]
use unix as this_system;
#[cfg(windows)]
use windows as this_system;

#[cfg(feature = "exec")]
pub(crate) use this_system::group;
pub(crate) use this_system::words;
#[cfg(feature = "cli")]
pub(crate) use this_system::{device, files, programs, stream};
