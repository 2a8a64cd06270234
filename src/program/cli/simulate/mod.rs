//! `--simulate`, if the program is built with a simulated API.

#[cfg(not(feature = "simulate"))]
mod disabled;
#[cfg(feature = "simulate")]
mod enabled;

#[cfg(not(feature = "simulate"))]
pub(super) use disabled::Simulate;
#[cfg(feature = "simulate")]
pub(super) use enabled::Simulate;
