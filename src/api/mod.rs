//! fal's Compute API over HTTP.

mod connections;
pub mod credentials;
mod evidence;
pub mod http;
mod list;
pub mod proxy;
mod round;
pub(crate) mod trust;
pub mod url;
pub mod wire;
