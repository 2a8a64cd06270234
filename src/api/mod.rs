//! fal's Compute API over HTTP.

pub mod credentials;
pub mod http;
mod list;
mod round;
pub(crate) mod trust;
pub mod url;
pub mod wire;
