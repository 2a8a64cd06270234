//! Why a poll brought no instance, as data that a decision can be made on.

use std::{fmt, time::Duration};

use super::{hint::Hint, open_enum::open_enum, tls_fault::TlsFault};
use crate::text::{duration::Brief, untrusted::Untrusted};

open_enum! {
    /// The `type` of the API's error object.
    ErrorType {
        /// The key is missing, wrong, or may not do this.
        AuthorizationError = "authorization_error",
        /// The request is not what the API expects.
        ValidationError = "validation_error",
        /// There is no such thing, or it belongs to someone else.
        NotFound = "not_found",
        /// Too many requests.
        RateLimited = "rate_limited",
        /// A fault of the server.
        ServerError = "server_error",
        /// The API cannot do this yet.
        NotImplemented = "not_implemented",
    }
}

/// An answer with an error status, and what its body says of it.
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
    /// `error.request_id`, else the `x-request-id` header: what fal's support asks for.
    pub request_id: Option<Untrusted>,
    /// What shows that something in front of the API spoke; none where the API itself did.
    pub foreign: Option<Box<Foreign>>,
}

/// What an answer that is not the API's own shows of who gave it: a gateway, a proxy, a captive
/// portal, a firewall.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Foreign {
    /// The `Content-Type` header.
    pub content_type: Option<Untrusted>,
    /// The `Server` header.
    pub server: Option<Untrusted>,
    /// The `cf-ray` header, by which Cloudflare finds the request again.
    pub cf_ray: Option<Untrusted>,
    /// The `cf-mitigated` header: what Cloudflare did instead of passing the request on.
    pub mitigated: Option<Untrusted>,
    /// The title of a page, else the first words of the body.
    pub title: Option<Untrusted>,
}

impl std::error::Error for ServerError {}

impl ServerError {
    /// An answer that says nothing beyond its status code.
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
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(message) = &self.message {
            write!(f, ": {message}")?;
        }
        match (&self.error_type, &self.request_id) {
            (Some(error_type), Some(id)) => write!(f, " ({error_type}, request_id {id})"),
            (Some(error_type), None) => write!(f, " ({error_type})"),
            (None, Some(id)) => write!(f, " (request_id {id})"),
            (None, None) => Ok(()),
        }
    }
}

/// What went wrong with a poll that is worth repeating.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No connection could be made: refused, unreachable, no such host.
    #[error("cannot connect: {0}")]
    Connect(Untrusted),
    /// The proxy was not reached, or opened no way to the API.
    #[error("no way through the proxy: {0}")]
    Proxy(Untrusted),
    /// The peer's certificate or handshake was not acceptable.
    #[error("no trusted TLS connection: {0}")]
    Tls(TlsFault),
    /// The connection broke before the answer was whole.
    #[error("the connection broke: {0}")]
    Broken(Untrusted),
    /// The request took longer than it may.
    #[error("no whole answer within {}", Brief(*.0))]
    TimedOut(Duration),
    /// 408, 425 or 5xx.
    #[error("{0}")]
    Server(ServerError),
    /// The answer's body is longer than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    Oversized(usize),
    /// The answer came whole and is not one of this API.
    #[error("malformed answer: {0}")]
    Malformed(Untrusted),
    /// This machine, or this process, had no file or thread to spare: the API was not asked.
    #[error("this machine has no file or thread to spare: {0}")]
    Exhausted(Untrusted),
    /// The source left the place of an instance empty without saying why.
    #[error("the source of the answers gave none")]
    Unanswered,
}

impl Fault {
    fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Server(a), Self::Server(b)) => a.status == b.status,
            (Self::Tls(a), Self::Tls(b)) => std::mem::discriminant(a) == std::mem::discriminant(b),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

/// Why the API refuses a request for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A status that no repetition changes.
    #[error("{0}")]
    Status(ServerError),
    /// A redirect. Following it could carry the key to another host.
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

/// Why a poll brought no instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PollError {
    /// Worth repeating until the deadline.
    #[error("{fault}")]
    Transient {
        /// What went wrong.
        fault: Fault,
        /// What a 503 asks for.
        hint: Option<Hint>,
    },
    /// 429: poll again, later.
    #[error("{answer}")]
    Throttled {
        /// What the server said.
        answer: ServerError,
        /// How long it asks to wait.
        hint: Option<Hint>,
    },
    /// 404: there is no such instance, yet or any more.
    #[error("{0}")]
    NotFound(ServerError),
    /// 401 or 403: the key will not do.
    #[error("{0}")]
    Unauthorized(ServerError),
    /// Any other answer that no repetition changes.
    #[error("{0}")]
    Refused(Refusal),
    /// A refusal that is not the API's own: transient, until it has lasted.
    #[error("{0}")]
    Foreign(ServerError),
}

impl PollError {
    /// A transient error without a hint.
    #[must_use]
    pub fn transient(fault: Fault) -> Self {
        Self::Transient { fault, hint: None }
    }

    /// An answer that is not one of this API.
    #[must_use]
    pub fn malformed(reason: impl Into<Box<str>>) -> Self {
        Self::transient(Fault::Malformed(Untrusted::new(reason)))
    }

    /// Judges an answer whose status is not a success, by the contract's table.
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

    /// Whether `other` is the same thing going wrong again, so that a log need not repeat it.
    #[must_use]
    pub fn is_same_kind(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Transient { fault: a, .. }, Self::Transient { fault: b, .. }) => {
                a.is_same_kind(b)
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Whether the server wants to be left alone for a while, however long.
    #[must_use]
    pub fn asks_for_a_pause(&self) -> bool {
        matches!(self, Self::Throttled { .. }) || self.hint().is_some()
    }

    /// The HTTP status of the answer that was one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::Throttled { answer, .. }
            | Self::NotFound(answer)
            | Self::Unauthorized(answer)
            | Self::Foreign(answer)
            | Self::Refused(Refusal::Status(answer))
            | Self::Transient { fault: Fault::Server(answer), .. } => Some(answer.status),
            Self::Refused(Refusal::Redirect { status, .. }) => Some(*status),
            Self::Transient { .. } => None,
        }
    }

    /// How long the server asks to wait, if it does.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Transient { hint, .. } | Self::Throttled { hint, .. } => *hint,
            Self::NotFound(_) | Self::Unauthorized(_) | Self::Refused(_) | Self::Foreign(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16) -> PollError {
        PollError::from_answer(ServerError::bare(status), None, None)
    }

    #[test]
    fn every_status_code_has_the_contracts_verdict() {
        for status in 300..1000 {
            let error = judged(status);
            let as_expected = match status {
                401 | 403 => matches!(error, PollError::Unauthorized(_)),
                404 => matches!(error, PollError::NotFound(_)),
                429 => matches!(error, PollError::Throttled { .. }),
                408 | 425 | 500.. => matches!(error, PollError::Transient { .. }),
                _ => matches!(error, PollError::Refused(_)),
            };
            assert!(as_expected, "{status}: {error:?}");
        }
    }

    #[test]
    fn a_refusal_in_front_of_the_api_is_not_the_apis() {
        for status in 300..600 {
            let mut answer = ServerError::bare(status);
            answer.foreign = Some(Box::default());
            let error = PollError::from_answer(answer, None, None);
            let is_foreign = matches!(error, PollError::Foreign(_));
            let due = matches!(status, 400..=499) && !matches!(status, 407 | 408 | 425 | 429);
            assert_eq!(is_foreign, due, "{status}: {error:?}");
            if !due {
                let own = judged(status);
                assert_eq!(
                    std::mem::discriminant(&own),
                    std::mem::discriminant(&error),
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn a_hint_is_kept_on_429_and_503_and_on_nothing_else() {
        let hint = Hint::read(Some("5"), None, std::time::SystemTime::UNIX_EPOCH);
        for status in 300..600 {
            let error = PollError::from_answer(ServerError::bare(status), hint, None);
            assert_eq!(error.hint().is_some(), matches!(status, 429 | 503), "{status}");
        }
    }

    #[test]
    fn a_fault_is_of_the_same_kind_whatever_its_words() {
        let tls = |name: &str| Fault::Tls(TlsFault::SelfSigned { name: name.into() });
        let issuer = Fault::Tls(TlsFault::UnknownIssuer { issuer: "a".into() });
        let server = |status| Fault::Server(ServerError::bare(status));
        let (refused, reset) = (Fault::Connect("refused".into()), Fault::Broken("reset".into()));
        for (a, b, is_same) in [
            (&tls("a"), &tls("b"), true),
            (&tls("a"), &issuer, false),
            (&server(500), &server(500), true),
            (&server(500), &server(502), false),
            (&refused, &Fault::Connect("no such host".into()), true),
            (&refused, &reset, false),
        ] {
            assert_eq!(a.is_same_kind(b), is_same, "{a} / {b}");
        }
    }

    #[test]
    fn a_redirect_says_where_to() {
        let redirect = |location: Option<&str>| {
            let location = location.map(Untrusted::from);
            PollError::from_answer(ServerError::bare(302), None, location).to_string()
        };
        assert_eq!(redirect(Some("https://a/\n")), "HTTP 302: a redirect to https://a/\\u{a}");
        assert_eq!(redirect(None), "HTTP 302: a redirect");
    }

    #[test]
    fn a_server_error_shows_all_that_support_needs_on_one_line() {
        let error = ServerError {
            status: 403,
            error_type: Some("authorization_error".into()),
            message: Some("Access denied\n::error::x".into()),
            docs_url: Some("https://docs.example".into()),
            request_id: Some("req_1".into()),
            foreign: None,
        };
        assert_eq!(
            error.to_string(),
            "HTTP 403: Access denied\\u{a}::error::x (authorization_error, request_id req_1)"
        );
        assert_eq!(ServerError::bare(500).to_string(), "HTTP 500");
    }
}
