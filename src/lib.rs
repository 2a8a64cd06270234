//! Waits for instances.

pub mod api;
pub mod backoff;
#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
pub mod cli;
mod clock;
mod command;
mod conclude;
pub mod condition;
pub mod duration;
pub mod ending;
pub mod event;
pub mod exit_code;
mod failure;
mod file;
mod finished;
pub mod instance;
pub mod instance_list;
pub mod net_probe;
mod open_enum;
#[expect(clippy::doc_markdown, reason = "the comments of its formats are part of --help")]
pub mod output;
pub mod policy;
pub mod poll_error;
pub mod probe;
pub mod probe_error;
pub mod report;
pub mod retry_after;
pub mod run;
pub mod server_text;
mod signals;
pub mod simulate;
pub mod source;
pub mod transition;
pub mod waiter;
pub mod watch;
