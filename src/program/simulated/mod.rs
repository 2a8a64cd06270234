//! The simulated API that the program asks with `--simulate`, where it is built with one.

#[cfg(not(feature = "simulate"))]
mod disabled;
#[cfg(feature = "simulate")]
mod enabled;

#[cfg(not(feature = "simulate"))]
pub(crate) use disabled::{Simulated, is_script};
#[cfg(feature = "simulate")]
pub(crate) use enabled::{Simulated, is_script};
