//! Why a poll failed, as data that decisions are made on.

use std::{fmt, time::Duration};

use super::{
    hint::Hint, open_enum::open_enum, proxy_fault::ProxyFault, tls_fault::TlsFault, trace::Trace,
};
use crate::text::{duration::Brief, untrusted::Untrusted};

open_enum! {
    /// The `type` of the API's error object.
    ErrorType {
        /// The key is missing, wrong, or lacks permission.
        AuthorizationError = "authorization_error",
        /// The request is invalid.
        ValidationError = "validation_error",
        /// The resource does not exist, or belongs to someone else.
        NotFound = "not_found",
        /// Too many requests.
        RateLimited = "rate_limited",
        /// The server failed.
        ServerError = "server_error",
        /// The API does not support this yet.
        NotImplemented = "not_implemented",
    }
}

/// A response with an error status.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerError {
    /// The HTTP status code.
    pub status: u16,
    /// `error.type`.
    pub error_type: Option<ErrorType>,
    /// `error.message`.
    pub message: Option<Untrusted>,
    /// `error.docs_url`.
    pub docs_url: Option<Untrusted>,
    /// What fal's support asks for: `error.request_id`, else the header `x-request-id`,
    /// `x-fal-request-id` or `cf-ray`.
    pub request_id: Option<Untrusted>,
    /// Who answered in place of the API, if the API itself did not.
    pub foreign: Option<Box<Foreign>>,
}

/// What a response that is not the API's own shows of its sender: a gateway, a proxy, a captive
/// portal, a firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The `Content-Type` header.
    pub content_type: Option<Untrusted>,
    /// The `Server` header.
    pub server: Option<Untrusted>,
    /// The `cf-ray` header: Cloudflare's id of the request.
    pub cf_ray: Option<Untrusted>,
    /// The `cf-mitigated` header: what Cloudflare did instead of passing the request on.
    pub mitigated: Option<Untrusted>,
    /// The title of an HTML page, else the first words of the body.
    pub title: Option<Untrusted>,
    /// The beginning of the response.
    pub trace: Option<Trace>,
}

impl std::error::Error for ServerError {}

impl ServerError {
    /// Makes a response with nothing but a status code.
    #[must_use]
    pub fn bare(status: u16) -> Self {
        Self {
            status,
            error_type: None,
            message: None,
            docs_url: None,
            request_id: None,
            foreign: None,
        }
    }

    fn trace(&self) -> Option<&Trace> {
        self.foreign.as_ref()?.trace.as_ref()
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the API's own answer")?;
        let shown = [
            ("", &self.content_type),
            ("server ", &self.server),
            ("cf-mitigated ", &self.mitigated),
            ("cf-ray ", &self.cf_ray),
        ];
        let mut separator = ": ";
        for (name, value) in shown {
            if let Some(value) = value {
                write!(f, "{separator}{name}{value}")?;
                separator = ", ";
            }
        }
        match &self.title {
            Some(title) => write!(f, "{separator}{title:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        let in_foreign = self.foreign.as_ref().is_some_and(|it| it.cf_ray == self.request_id);
        let request_id = self.request_id.as_ref().filter(|_| !in_foreign);
        match (&self.error_type, request_id) {
            (Some(error_type), Some(id)) => write!(f, " ({error_type}, request_id {id})")?,
            (Some(error_type), None) => write!(f, " ({error_type})")?,
            (None, Some(id)) => write!(f, " (request_id {id})")?,
            (None, None) => {}
        }
        match &self.foreign {
            Some(foreign) => write!(f, " ({foreign})"),
            None => Ok(()),
        }
    }
}

/// An error that is worth a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No connection could be made: refused, unreachable, no such host.
    #[error("cannot connect: {0}")]
    Connect(Untrusted),
    /// The proxy could not be connected to, or opened no tunnel to the API.
    #[error("no way through the proxy: {0}")]
    Proxy(ProxyFault),
    /// The peer's certificate or handshake was not acceptable.
    #[error("no trusted TLS connection: {0}")]
    Tls(TlsFault),
    /// The connection broke before the response was complete.
    #[error("the connection broke: {0}")]
    Broken(Untrusted),
    /// The request timed out.
    #[error("{}", timed_out(*.after, *.phase, .host))]
    TimedOut {
        /// The timeout.
        after: Duration,
        /// What the request was waiting for.
        phase: Phase,
        /// The host that it was waiting for.
        host: Untrusted,
    },
    /// 408, 425 or 5xx.
    #[error("{0}")]
    Server(ServerError),
    /// The response's body is longer than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    Oversized(usize),
    /// The response is complete, and not one of this API.
    #[error("malformed answer: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: Untrusted,
        /// The beginning of the response.
        trace: Option<Box<Trace>>,
    },
    /// The list endpoint failed; requests for single instances may still succeed.
    #[error("the list of instances: {0}")]
    List(Box<Fault>),
    /// This machine or process is out of file descriptors or threads; no request was sent.
    #[error("this machine is out of file descriptors or threads: {0}")]
    Exhausted(Untrusted),
    /// The source gave no answer for an instance, and no reason.
    #[error("the source gave no answer")]
    Unanswered,
}

/// What a request was waiting for when it timed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// The lookup of the host name.
    LookUp,
    /// The connection, TLS and a proxy's tunnel included.
    Connect,
    /// The response.
    Answer,
}

fn timed_out(after: Duration, phase: Phase, host: &Untrusted) -> String {
    let after = Brief(after);
    match phase {
        Phase::LookUp => format!("the host name {host} was not resolved within {after}"),
        Phase::Connect => format!("no connection to {host} within {after}"),
        Phase::Answer => format!("no complete answer within {after} from {host}"),
    }
}

impl Fault {
    fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Malformed { trace, .. } => trace.as_deref(),
            Self::Server(answer) => answer.trace(),
            Self::List(fault) => fault.trace(),
            _ => None,
        }
    }

    fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Server(a), Self::Server(b)) => a.status == b.status,
            (Self::Tls(a), Self::Tls(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
            (Self::TimedOut { phase: a, .. }, Self::TimedOut { phase: b, .. }) => a == b,
            (Self::List(a), Self::List(b)) => a.is_same_kind(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// A permanent refusal of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A status that a retry does not change.
    #[error("{0}")]
    Status(ServerError),
    /// A redirect. Following it could send the key to another host.
    #[error("HTTP {status}: a redirect{}", target(.location.as_ref()))]
    Redirect {
        /// The HTTP status code.
        status: u16,
        /// The `Location` header.
        location: Option<Untrusted>,
    },
}

fn target(location: Option<&Untrusted>) -> String {
    location.map(|location| format!(" to {location}")).unwrap_or_default()
}

/// Why a poll failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PollError {
    /// Retried until the deadline.
    #[error("{fault}")]
    Transient {
        /// What went wrong.
        fault: Fault,
        /// How long a 503 asks to wait.
        hint: Option<Hint>,
    },
    /// 429: retried later.
    #[error("{answer}")]
    Throttled {
        /// The response.
        answer: ServerError,
        /// How long it asks to wait.
        hint: Option<Hint>,
    },
    /// 404: there is no such instance, not yet or no longer.
    #[error("{0}")]
    NotFound(ServerError),
    /// 401 or 403: the key is refused.
    #[error("{0}")]
    Unauthorized(ServerError),
    /// Any other permanent refusal.
    #[error("{0}")]
    Refused(Refusal),
    /// A refusal that is not the API's own: transient until it persists.
    #[error("{0}")]
    Foreign(ServerError),
}

impl PollError {
    /// Makes a transient error without a hint.
    #[must_use]
    pub fn transient(fault: Fault) -> Self {
        Self::Transient { fault, hint: None }
    }

    /// Makes the error for a response that is not one of this API.
    #[must_use]
    pub fn malformed(reason: impl Into<Box<str>>) -> Self {
        Self::transient(Fault::Malformed { reason: Untrusted::new(reason), trace: None })
    }

    /// Classifies a response whose status is not a success.
    #[must_use]
    pub fn from_answer(
        answer: ServerError,
        hint: Option<Hint>,
        location: Option<Untrusted>,
    ) -> Self {
        let is_foreign = answer.foreign.is_some();
        match answer.status {
            408 | 425 => Self::transient(Fault::Server(answer)),
            400..=499 if is_foreign && !matches!(answer.status, 407 | 429) => Self::Foreign(answer),
            401 | 403 => Self::Unauthorized(answer),
            404 => Self::NotFound(answer),
            429 => Self::Throttled { answer, hint },
            503 => Self::Transient { fault: Fault::Server(answer), hint },
            500..=599 => Self::transient(Fault::Server(answer)),
            300..=399 => Self::Refused(Refusal::Redirect { status: answer.status, location }),
            400..=499 => Self::Refused(Refusal::Status(answer)),
            status => Self::malformed(format!("HTTP status {status}")),
        }
    }

    /// Returns whether `other` is of the same kind, so that a log need not repeat it.
    #[must_use]
    pub fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Transient { fault: a, .. }, Self::Transient { fault: b, .. }) => {
                a.is_same_kind(b)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// The response, if the server answered with an error status.
    #[must_use]
    pub fn answer(&self) -> Option<&ServerError> {
        match self {
            Self::Transient { fault: Fault::Server(answer), .. }
            | Self::Throttled { answer, .. }
            | Self::NotFound(answer)
            | Self::Unauthorized(answer)
            | Self::Refused(Refusal::Status(answer))
            | Self::Foreign(answer) => Some(answer),
            Self::Transient { fault: Fault::List(fault), .. } => match &**fault {
                Fault::Server(answer) => Some(answer),
                _ => None,
            },
            Self::Transient { .. } | Self::Refused(_) => None,
        }
    }

    /// The beginning of the response that could not be used, if there was one.
    #[must_use]
    pub fn trace(&self) -> Option<&Trace> {
        match self {
            Self::Transient { fault, .. } => fault.trace(),
            _ => self.answer()?.trace(),
        }
    }

    /// Returns whether the server asks for a pause, of known length or not.
    #[must_use]
    pub fn asks_for_a_pause(&self) -> bool {
        matches!(self, Self::Throttled { .. }) || self.hint().is_some()
    }

    /// The HTTP status of the response, if there was one with an error status.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Refused(Refusal::Redirect { status, .. }) => Some(*status),
            error => error.answer().map(|answer| answer.status),
        }
    }

    /// How long the server asks to wait, if it says.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Transient { hint, .. } | Self::Throttled { hint, .. } => *hint,
            Self::NotFound(_) | Self::Unauthorized(_) | Self::Refused(_) | Self::Foreign(_) => None,
        }
    }
}

#[cfg(test)]
#[path = "poll_error_tests.rs"]
mod tests;
