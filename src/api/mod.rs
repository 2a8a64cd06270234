//! fal's Compute API over HTTP.

mod connections;
pub mod credentials;
mod evidence;
pub mod http;
mod list;
pub mod proxy;
mod round;
mod store;
pub(crate) mod trust;
pub mod url;
pub mod wire;
