//! A simulated API, in process or over HTTP on loopback, which follows a
//! [`Script`](script::Script).

pub mod script;
#[cfg(feature = "simulate")]
pub mod server;
pub mod simulation;
