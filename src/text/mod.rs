//! Parsing user input and displaying values safely.

pub mod duration;
pub mod untrusted;
