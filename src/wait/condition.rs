//! What is waited for, and the judgement of what the API says against it.

use std::{fmt, str::FromStr, sync::Arc};

use crate::answer::{
    address::Address,
    instance::{Instance, Status},
};

/// What is waited for.
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
    /// The API says `ready` and names an address.
    #[default]
    Ready,
    /// Ready, and an SSH server identifies itself at the address (RFC 4253 section 4.2).
    Ssh {
        /// The TCP port it listens on.
        port: u16,
    },
    /// Ready, and the address accepts a TCP connection.
    Tcp {
        /// The TCP port it listens on.
        port: u16,
    },
    /// Ready, and an HTTP server at the address answers a GET with 2xx.
    Http {
        /// The TCP port it listens on.
        port: u16,
        /// What it is asked for.
        path: HttpPath,
    },
    /// Ready, and a command of the user's own succeeds.
    Exec,
    /// The API says `stopped`.
    Stopped,
    /// The API no longer knows the instance.
    Deleted,
}

/// The path of a request, with its query if it has one: what stands in a request line as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPath(Arc<str>);

impl HttpPath {
    /// Takes `path`, which begins with `/`, for what is asked for.
    ///
    /// # Errors
    ///
    /// [`InvalidCondition::Path`] for one that a request line cannot carry: blanks, control
    /// characters, a fragment, anything but ASCII.
    pub fn new(path: &str) -> Result<Self, InvalidCondition> {
        let is_carried = |b: u8| b.is_ascii_graphic() && b != b'#';
        if path.starts_with('/') && path.bytes().all(is_carried) {
            Ok(Self(path.into()))
        } else {
            Err(InvalidCondition::Path)
        }
    }

    /// The path as it stands in a request line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What one observation means for a [`Condition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It holds, at this address if the condition promises one.
    Holds(Option<Address>),
    /// It may hold later.
    NotYet,
    /// It can never hold.
    Never,
}

impl Condition {
    /// The port of SSH (RFC 4253 section 4.1).
    pub const SSH_PORT: u16 = 22;

    /// Judges one observation.
    ///
    /// For a condition that [needs a probe](Self::needs_probe) this is the part that the API can
    /// know. [`Deleted`](Self::Deleted) shows in answers that describe no instance, so it never
    /// holds for an observed one.
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

    /// Returns whether this wait ends with an address to connect to.
    #[must_use]
    pub fn promises_address(&self) -> bool {
        !matches!(self, Self::Stopped | Self::Deleted)
    }

    /// Returns whether the address has to be probed once the API says ready.
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

/// Why a text names no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCondition {
    /// Not one of the names.
    #[error(
        "it is one of ready, ssh, ssh:PORT, tcp:PORT, http:PORT, http:PORT/PATH, exec, stopped, \
         deleted"
    )]
    Unknown,
    /// `tcp` or `http` alone.
    #[error("{0} needs a port, such as {0}:8000")]
    MissingPort(&'static str),
    /// No port has this number.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// A request line cannot carry this.
    #[error("a path is printable ASCII without blanks and `#`: percent-encode the rest")]
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

    #[expect(clippy::unnecessary_wraps, reason = "an instance may have none")]
    fn address() -> Option<Address> {
        Some(Address::parse("203.0.113.42", Origin::Network).unwrap())
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
    fn a_probed_condition_asks_the_api_the_same_as_ready() {
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
    fn stopped_is_reached_by_stopping_and_no_status_rules_it_out() {
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
    fn a_condition_is_read_back_from_what_it_is_shown_as() {
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
    fn what_names_no_condition_says_why() {
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
