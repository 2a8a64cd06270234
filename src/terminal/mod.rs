//! What is written and drawn on standard error.

pub mod appearance;
pub mod board;
pub mod progress;
mod queue;
mod rows;
pub mod stderr;
pub mod subscriber;
