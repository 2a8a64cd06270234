//! What people and machines are told of a wait.

pub mod annotation;
pub mod explain;
pub mod log;
pub mod record;
pub mod subscriber;
pub mod summary;
