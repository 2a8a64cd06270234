//! fal's Compute API over HTTP.

pub mod credentials;
pub mod http;
mod list;
mod round;
pub mod url;
pub mod wire;
