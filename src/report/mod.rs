//! A wait as text and data: messages, JSON, Markdown, exit codes. Knows no terminal and no file.

pub mod advice;
pub mod annotation;
pub mod exit_code;
pub mod explain;
pub mod fitting;
pub mod fleet;
pub mod heartbeat;
pub mod json;
pub mod log;
pub mod picture;
pub mod record;
pub mod summary;
