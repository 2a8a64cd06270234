//! What people and machines are told of a wait.

mod advice;
pub mod annotation;
pub mod board;
pub mod explain;
pub mod json;
pub mod log;
pub mod picture;
pub mod progress;
pub mod record;
mod room_for_ctrl_c;
pub mod subscriber;
pub mod summary;
