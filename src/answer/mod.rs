//! What one poll can bring: an instance, or why not.

pub mod address;
pub mod hint;
pub mod instance;
mod open_enum;
pub mod poll_error;
pub mod proxy_fault;
pub mod tls_fault;
pub mod trace;

use instance::Instance;
use poll_error::PollError;

/// What one poll of one instance brought.
pub type Answer = Result<Instance, PollError>;
