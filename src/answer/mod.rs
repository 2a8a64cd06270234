//! What one poll can bring: an instance, or why not.

pub mod hint;
pub mod instance;
mod open_enum;
pub mod poll_error;
pub mod tls_fault;

use instance::Instance;
use poll_error::PollError;

/// What one poll of one instance brought; none where the round did not get to it.
pub type Answer = Option<Result<Instance, PollError>>;
