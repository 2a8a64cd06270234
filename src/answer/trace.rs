//! The beginning of a response, kept to find out where it came from.

use std::fmt;

use crate::text::untrusted::Untrusted;

/// The beginning of a response that could not be used, with the API key redacted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The HTTP status code.
    pub status: u16,
    /// Those of its headers that show who answered.
    pub headers: Vec<(&'static str, Untrusted)>,
    /// The first characters of the body.
    pub body: Untrusted,
}

impl Trace {
    /// Makes a trace.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(&'static str, Untrusted)>, body: Untrusted) -> Self {
        Self { status, headers, body }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        for (name, value) in &self.headers {
            write!(f, "; {name}: {value}")?;
        }
        write!(f, "; body: {:?}", self.body)
    }
}
