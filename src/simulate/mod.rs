//! A stand-in for the API: the same answers in process or over HTTP on loopback.
//!
//! What it answers is told by a [`Script`](script::Script).

pub mod script;
#[cfg(feature = "simulate")]
pub mod server;
pub mod simulation;
