//! What is waited for, and the judgement of what the API says against it.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::answer::instance::{Instance, Status};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    /// The API says `stopped`.
    Stopped,
    /// The API no longer knows the instance.
    Deleted,
}

/// How near an observed instance is to its [`Condition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// It is there, at this address if the condition promises one.
    Ready(Option<IpAddr>),
    /// It may get there.
    Pending,
    /// It can never get there.
    Failed,
}

impl Condition {
    /// The port of SSH (RFC 4253 section 4.1).
    pub const SSH_PORT: u16 = 22;

    /// Judges one observation.
    ///
    /// For [`Ssh`](Self::Ssh) and [`Tcp`](Self::Tcp) this is the part that the API can know; the
    /// address still has to be probed. [`Deleted`](Self::Deleted) shows in answers that name no
    /// instance, so an observed instance is never there yet.
    #[must_use]
    pub fn judge(self, instance: &Instance) -> Readiness {
        match self {
            Self::Ready | Self::Ssh { .. } | Self::Tcp { .. } => match instance.status {
                Status::Ready if instance.ip.is_some() => Readiness::Ready(instance.ip),
                Status::Stopped => Readiness::Failed,
                _ => Readiness::Pending,
            },
            Self::Stopped if instance.status == Status::Stopped => Readiness::Ready(None),
            Self::Stopped | Self::Deleted => Readiness::Pending,
        }
    }

    /// Whether the end of this wait is an address to connect to.
    #[must_use]
    pub fn promises_address(self) -> bool {
        match self {
            Self::Ready | Self::Ssh { .. } | Self::Tcp { .. } => true,
            Self::Stopped | Self::Deleted => false,
        }
    }

    /// Whether the address has to be probed once the API is content.
    #[must_use]
    pub fn needs_probe(self) -> bool {
        matches!(self, Self::Ssh { .. } | Self::Tcp { .. })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => f.write_str("ready"),
            Self::Ssh { port: Self::SSH_PORT } => f.write_str("ssh"),
            Self::Ssh { port } => write!(f, "ssh:{port}"),
            Self::Tcp { port } => write!(f, "tcp:{port}"),
            Self::Stopped => f.write_str("stopped"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

/// Why a text names no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCondition {
    /// Not one of the names.
    #[error("it is one of ready, ssh, ssh:PORT, tcp:PORT, stopped, deleted")]
    Unknown,
    /// `tcp` alone.
    #[error("tcp needs a port, such as tcp:8000")]
    MissingPort,
    /// No port has this number.
    #[error("a port is a number from 1 to 65535")]
    Port,
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
                "tcp" => Err(InvalidCondition::MissingPort),
                "stopped" => Ok(Self::Stopped),
                "deleted" => Ok(Self::Deleted),
                _ => Err(InvalidCondition::Unknown),
            },
            Some(("ssh", text)) => Ok(Self::Ssh { port: port(text)? }),
            Some(("tcp", text)) => Ok(Self::Tcp { port: port(text)? }),
            Some(_) => Err(InvalidCondition::Unknown),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::instance::{InstanceId, InstanceType, Region};

    const IP: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 42)));

    fn observed(status: &str, ip: Option<IpAddr>) -> Instance {
        Instance {
            id: InstanceId::new("inst_a").unwrap(),
            instance_type: InstanceType::Gpu1xH100Sxm5,
            region: Region::UsWest,
            sector: None,
            ip,
            status: status.into(),
            creator_user_nickname: None,
        }
    }

    #[test]
    fn ready_needs_the_status_and_an_address() {
        let judge = |status, ip| Condition::Ready.judge(&observed(status, ip));
        assert_eq!(judge("ready", IP), Readiness::Ready(IP));
        assert_eq!(judge("ready", None), Readiness::Pending);
        for status in ["init", "pending", "provisioning", "unknown", "paused", "Ready", ""] {
            assert_eq!(judge(status, IP), Readiness::Pending, "{status}");
        }
        assert_eq!(judge("stopped", IP), Readiness::Failed);
    }

    #[test]
    fn a_probed_condition_asks_the_api_the_same_as_ready() {
        for condition in [Condition::Ssh { port: 22 }, Condition::Tcp { port: 80 }] {
            for status in ["ready", "init", "pending", "provisioning", "unknown", "stopped", "x"] {
                for ip in [IP, None] {
                    let seen = observed(status, ip);
                    assert_eq!(condition.judge(&seen), Condition::Ready.judge(&seen));
                }
            }
        }
    }

    #[test]
    fn stopped_is_reached_by_stopping_and_no_status_rules_it_out() {
        assert_eq!(Condition::Stopped.judge(&observed("stopped", IP)), Readiness::Ready(None));
        for status in ["ready", "init", "pending", "provisioning", "unknown", "x"] {
            assert_eq!(Condition::Stopped.judge(&observed(status, IP)), Readiness::Pending);
        }
    }

    #[test]
    fn an_instance_that_the_api_describes_is_not_deleted_yet() {
        for status in Status::DOCUMENTED {
            let seen = observed(status.as_received(), IP);
            assert_eq!(Condition::Deleted.judge(&seen), Readiness::Pending);
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
            ("stopped", Condition::Stopped),
            ("deleted", Condition::Deleted),
        ] {
            assert_eq!(text.parse(), Ok(condition), "{text}");
            assert_eq!(condition.to_string(), text);
        }
        assert_eq!("ssh:22".parse(), Ok(Condition::Ssh { port: 22 }));
    }

    #[test]
    fn what_names_no_condition_says_why() {
        for (text, due) in [
            ("", InvalidCondition::Unknown),
            ("Ready", InvalidCondition::Unknown),
            ("http:80", InvalidCondition::Unknown),
            ("tcp", InvalidCondition::MissingPort),
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
