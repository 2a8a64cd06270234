//! fal's Compute API over HTTP.

pub mod credentials;
pub mod http;
mod list;
mod look_up;
mod round;
pub(crate) mod trust;
pub mod url;
pub mod wire;
