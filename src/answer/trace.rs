//! The beginning of an answer, kept for whoever has to find out where it came from.

use std::fmt;

use crate::text::untrusted::Untrusted;

/// The beginning of an answer that could not be used, without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// The HTTP status code.
    pub status: u16,
    /// The headers that show who answered, as far as they were there.
    pub headers: Vec<(&'static str, Untrusted)>,
    /// The first characters of the body.
    pub body: Untrusted,
}

impl Trace {
    /// An answer of which nothing but its status is known yet.
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
