//! The core of a wait: what an answer means, when to poll next, and when the wait is over.
//!
//! Only [`waiter`] and its probing use a clock; everywhere else time is an argument.

pub mod backoff;
pub mod condition;
pub mod ending;
pub mod event;
pub mod outcome;
pub mod pace;
pub mod policy;
pub mod probe;
mod probing;
mod refusals;
pub mod rules;
pub mod source;
pub mod stage;
pub mod timeline;
pub mod waiter;
pub mod watch;
