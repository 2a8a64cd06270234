//! Standard error: log lines, and rows that are drawn in place.

pub mod appearance;
pub mod board;
pub mod progress;
mod queue;
mod rows;
pub mod stderr;
pub mod subscriber;
