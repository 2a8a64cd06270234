//! The condition of a wait, and whether an observation meets it.

use std::{fmt, str::FromStr, sync::Arc};

use crate::answer::{
    address::Address,
    instance::{Instance, Status},
};

/// The condition that a wait is for.
///
/// ```
/// use wait_ready::Condition;
///
/// let condition: Condition = "http:8000/health".parse()?;
/// assert!(condition.needs_probe() && condition.promises_address());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Condition {
    /// The API reports `ready` and an address.
    #[default]
    Ready,
    /// Ready, and an SSH server identifies itself at the address (RFC 4253 section 4.2).
    Ssh {
        /// The TCP port.
        port: u16,
    },
    /// Ready, and the address accepts a TCP connection.
    Tcp {
        /// The TCP port.
        port: u16,
    },
    /// Ready, and an HTTP server at the address answers a GET with 2xx.
    Http {
        /// The TCP port.
        port: u16,
        /// The path of the request.
        path: HttpPath,
    },
    /// Ready, and the user's command succeeds.
    Exec,
    /// The API reports `stopped`.
    Stopped,
    /// The API no longer knows the instance.
    Deleted,
}

/// The target of an HTTP request: a path and an optional query (RFC 9112 section 3.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPath(Arc<str>);

impl HttpPath {
    /// Checks a path, which must begin with `/`.
    ///
    /// # Errors
    ///
    /// [`InvalidCondition::Path`] if it contains spaces, control characters, a fragment, or anything
    /// but ASCII.
    pub fn new(path: &str) -> Result<Self, InvalidCondition> {
        let is_allowed = |b: u8| b.is_ascii_graphic() && b != b'#';
        if path.starts_with('/') && path.bytes().all(is_allowed) {
            Ok(Self(path.into()))
        } else {
            Err(InvalidCondition::Path)
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an observation meets a [`Condition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is met, at this address if the condition promises one.
    Holds(Option<Address>),
    /// It may be met later.
    NotYet,
    /// It can never be met.
    Never,
}

impl Condition {
    /// The default port of SSH (RFC 4253 section 4.1).
    pub const SSH_PORT: u16 = 22;

    /// Returns whether `instance` meets the condition, as far as the API can know: a probe may have
    /// to follow ([`needs_probe`](Self::needs_probe)).
    ///
    /// No observed instance meets [`Deleted`](Self::Deleted); that takes 404s.
    #[must_use]
    pub fn judge(&self, instance: &Instance) -> Judgement {
        match self {
            Self::Stopped if instance.status == Status::Stopped => Judgement::Holds(None),
            Self::Stopped | Self::Deleted => Judgement::NotYet,
            Self::Ready | Self::Ssh { .. } | Self::Tcp { .. } | Self::Http { .. } | Self::Exec => {
                match instance.status {
                    Status::Ready if instance.ip.is_some() => Judgement::Holds(instance.ip),
                    Status::Stopped => Judgement::Never,
                    _ => Judgement::NotYet,
                }
            }
        }
    }

    /// Returns whether meeting the condition yields an address to connect to.
    #[must_use]
    pub fn promises_address(&self) -> bool {
        !matches!(self, Self::Stopped | Self::Deleted)
    }

    /// Returns whether the address has to be probed once the API reports ready.
    #[must_use]
    pub fn needs_probe(&self) -> bool {
        matches!(self, Self::Ssh { .. } | Self::Tcp { .. } | Self::Http { .. } | Self::Exec)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Ssh { port: Self::SSH_PORT } => f.write_str("ssh"),
            Self::Ssh { port } => write!(f, "ssh:{port}"),
            Self::Tcp { port } => write!(f, "tcp:{port}"),
            Self::Http { port, path } if path.as_str() == "/" => write!(f, "http:{port}"),
            Self::Http { port, path } => write!(f, "http:{port}{}", path.as_str()),
            Self::Exec => f.write_str("exec"),
            Self::Stopped => f.write_str("stopped"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

/// Why a text is not a [`Condition`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCondition {
    /// The name is unknown.
    #[error(
        "expected ready, ssh, ssh:PORT, tcp:PORT, http:PORT, http:PORT/PATH, exec, stopped or \
         deleted"
    )]
    Unknown,
    /// `tcp` or `http` without a port.
    #[error("{0} needs a port, such as {0}:8000")]
    MissingPort(&'static str),
    /// The port is not a port number.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// The path is not a request target.
    #[error("a path is printable ASCII without spaces and `#`: percent-encode anything else")]
    Path,
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let port = |text: &str| match text.parse() {
            Ok(port) if port != 0 && !text.starts_with('+') => Ok(port),
            _ => Err(InvalidCondition::Port),
        };
        match text.split_once(':') {
            None => match text {
                "ready" => Ok(Self::Ready),
                "ssh" => Ok(Self::Ssh { port: Self::SSH_PORT }),
                "tcp" => Err(InvalidCondition::MissingPort("tcp")),
                "http" => Err(InvalidCondition::MissingPort("http")),
                "exec" => Ok(Self::Exec),
                "stopped" => Ok(Self::Stopped),
                "deleted" => Ok(Self::Deleted),
                _ => Err(InvalidCondition::Unknown),
            },
            Some(("ssh", text)) => Ok(Self::Ssh { port: port(text)? }),
            Some(("tcp", text)) => Ok(Self::Tcp { port: port(text)? }),
            Some(("http", text)) => {
                let (number, path) = text.split_at(text.find('/').unwrap_or(text.len()));
                let path = HttpPath::new(if path.is_empty() { "/" } else { path })?;
                Ok(Self::Http { port: port(number)?, path })
            }
            Some(_) => Err(InvalidCondition::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{address::Origin, instance::InstanceId};

    fn address() -> Option<Address> {
        Address::parse("203.0.113.42", Origin::Network).ok()
    }

    fn observed(status: &str, ip: Option<Address>) -> Instance {
        let mut instance = Instance::new(InstanceId::new("inst_a").unwrap(), status.into());
        instance.ip = ip;
        instance
    }

    fn http(port: u16, path: &str) -> Condition {
        Condition::Http { port, path: HttpPath::new(path).unwrap() }
    }

    #[test]
    fn ready_needs_the_status_and_an_address() {
        let judge = |status, ip| Condition::Ready.judge(&observed(status, ip));
        assert_eq!(judge("ready", address()), Judgement::Holds(address()));
        assert_eq!(judge("ready", None), Judgement::NotYet);
        for status in ["init", "pending", "provisioning", "unknown", "paused", "Ready", ""] {
            assert_eq!(judge(status, address()), Judgement::NotYet, "{status}");
        }
        assert_eq!(judge("stopped", address()), Judgement::Never);
    }

    #[test]
    fn a_probed_condition_needs_the_same_of_the_api_as_ready() {
        let probed = [
            Condition::Ssh { port: 22 },
            Condition::Tcp { port: 80 },
            http(80, "/"),
            Condition::Exec,
        ];
        for condition in &probed {
            assert!(condition.needs_probe() && condition.promises_address());
            for status in ["ready", "init", "pending", "provisioning", "unknown", "stopped", "x"] {
                for ip in [address(), None] {
                    let seen = observed(status, ip);
                    assert_eq!(condition.judge(&seen), Condition::Ready.judge(&seen));
                }
            }
        }
    }

    #[test]
    fn stopped_is_met_by_stopped_and_possible_from_every_status() {
        assert_eq!(
            Condition::Stopped.judge(&observed("stopped", address())),
            Judgement::Holds(None)
        );
        for status in ["ready", "init", "pending", "provisioning", "unknown", "x"] {
            assert_eq!(Condition::Stopped.judge(&observed(status, address())), Judgement::NotYet);
        }
    }

    #[test]
    fn an_instance_that_the_api_describes_is_not_deleted_yet() {
        for status in Status::DOCUMENTED {
            let seen = observed(status.as_received(), address());
            assert_eq!(Condition::Deleted.judge(&seen), Judgement::NotYet);
        }
    }

    #[test]
    fn a_condition_is_parsed_from_its_own_display() {
        for (text, condition) in [
            ("ready", Condition::Ready),
            ("ssh", Condition::Ssh { port: 22 }),
            ("ssh:2222", Condition::Ssh { port: 2222 }),
            ("tcp:8000", Condition::Tcp { port: 8000 }),
            ("tcp:22", Condition::Tcp { port: 22 }),
            ("http:8000", http(8000, "/")),
            ("http:8000/health?deep=1", http(8000, "/health?deep=1")),
            ("exec", Condition::Exec),
            ("stopped", Condition::Stopped),
            ("deleted", Condition::Deleted),
        ] {
            assert_eq!(condition.to_string(), text);
            assert_eq!(text.parse(), Ok(condition), "{text}");
        }
        assert_eq!("ssh:22".parse(), Ok(Condition::Ssh { port: 22 }));
    }

    #[test]
    fn an_invalid_condition_says_why() {
        for (text, due) in [
            ("", InvalidCondition::Unknown),
            ("Ready", InvalidCondition::Unknown),
            ("exec:1", InvalidCondition::Unknown),
            ("https:443", InvalidCondition::Unknown),
            ("tcp", InvalidCondition::MissingPort("tcp")),
            ("http", InvalidCondition::MissingPort("http")),
            ("http:", InvalidCondition::Port),
            ("http:/health", InvalidCondition::Port),
            ("http:80?x", InvalidCondition::Port),
            ("http:80/a b", InvalidCondition::Path),
            ("http:80/a#b", InvalidCondition::Path),
            ("http:80/\r\nx", InvalidCondition::Path),
            ("http:80/ä", InvalidCondition::Path),
            ("tcp:", InvalidCondition::Port),
            ("tcp:0", InvalidCondition::Port),
            ("tcp:+80", InvalidCondition::Port),
            ("ssh:65536", InvalidCondition::Port),
            ("ssh:x", InvalidCondition::Port),
        ] {
            assert_eq!(text.parse::<Condition>(), Err(due), "{text}");
        }
    }
}
