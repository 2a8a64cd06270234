//! Waits for instances.

pub mod api;
pub mod backoff;
pub mod brief;
pub mod condition;
pub mod ending;
pub mod event;
pub mod exit_code;
pub mod instance;
mod open_enum;
pub mod policy;
pub mod poll_error;
pub mod probe;
pub mod probe_error;
pub mod retry_after;
pub mod server_text;
pub mod source;
pub mod transition;
pub mod waiter;
pub mod watch;
