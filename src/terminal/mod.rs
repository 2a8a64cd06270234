//! What is written and drawn on standard error.

pub mod appearance;
pub mod board;
pub mod progress;
mod room_for_ctrl_c;
pub mod subscriber;
