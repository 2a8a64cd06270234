//! How a value is read from people, and shown to them safely.

pub mod duration;
pub mod untrusted;
