//! The result of one poll: an instance, or an error.

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

/// The result of one poll of one instance.
pub type Answer = Result<Instance, PollError>;
