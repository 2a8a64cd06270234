//! Waits for instances.

pub mod backoff;
pub mod condition;
pub mod ending;
pub mod event;
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
pub mod api;
