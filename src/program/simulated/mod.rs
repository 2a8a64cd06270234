//! The simulated API that `--simulate` polls, if the program is built with it.

#[cfg(not(feature = "simulate"))]
mod disabled;
#[cfg(feature = "simulate")]
mod enabled;

#[cfg(not(feature = "simulate"))]
pub(crate) use disabled::{Simulated, is_script};
#[cfg(feature = "simulate")]
pub(crate) use enabled::{Simulated, is_script};
