//! A compute instance as the API describes it.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
    sync::Arc,
};

use super::open_enum::open_enum;
use crate::text::untrusted::Untrusted;

/// The name of an instance: not empty, one line, sendable as one path segment.
///
/// Cloning is cheap, so that a fleet of ten thousand can be handed around by name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

/// Why a text cannot name an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstanceId {
    /// The API asks for at least one character.
    #[error("an instance id cannot be empty (is the variable set that it comes from?)")]
    Empty,
    /// A line break or a blank is never part of an id; it comes from a careless `$(…)`.
    #[error("an instance id cannot contain blanks or control characters")]
    BlankOrControl,
    /// A line of a CI log that begins so is a command to the CI system.
    #[error("an instance id cannot begin with `::`")]
    WorkflowCommand,
    /// A URL treats these as steps through its path, percent-encoded or not (RFC 3986 section 5.2.4).
    #[error("`.` and `..` cannot name an instance")]
    DotSegment,
}

impl InstanceId {
    /// Takes `id` for the name of an instance.
    ///
    /// # Errors
    ///
    /// [`InvalidInstanceId`] when no instance can have this name.
    pub fn new(id: &str) -> Result<Self, InvalidInstanceId> {
        if id.is_empty() {
            Err(InvalidInstanceId::Empty)
        } else if id.chars().any(|c| c.is_control() || c.is_whitespace()) {
            Err(InvalidInstanceId::BlankOrControl)
        } else if id.starts_with("::") {
            Err(InvalidInstanceId::WorkflowCommand)
        } else if matches!(id, "." | "..") {
            Err(InvalidInstanceId::DotSegment)
        } else {
            Ok(Self(id.into()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = InvalidInstanceId;

    fn from_str(id: &str) -> Result<Self, Self::Err> {
        Self::new(id)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Untrusted::from(self.as_str()), f)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

open_enum! {
    /// Where an instance is on its way.
    Status {
        /// It runs; its address is known, or about to be.
        Ready = "ready",
        /// It has been created.
        Init = "init",
        /// It waits for capacity.
        Pending = "pending",
        /// Its machine is being set up.
        Provisioning = "provisioning",
        /// It has ended and does not start again.
        Stopped = "stopped",
        /// The API itself cannot say.
        Unknown = "unknown",
    }
}

open_enum! {
    /// What hardware an instance has.
    InstanceType {
        /// Eight H100 SXM5.
        Gpu8xH100Sxm5 = "gpu_8x_h100_sxm5",
        /// One H100 SXM5.
        Gpu1xH100Sxm5 = "gpu_1x_h100_sxm5",
    }
}

open_enum! {
    /// Where on earth an instance is.
    Region {
        /// Western United States.
        UsWest = "us-west",
        /// Central United States.
        UsCentral = "us-central",
        /// Eastern United States.
        UsEast = "us-east",
        /// Northern Europe.
        EuNorth = "eu-north",
        /// Western Europe.
        EuWest = "eu-west",
        /// Somewhere else.
        Other = "other",
    }
}

open_enum! {
    /// Where inside its region an instance is placed.
    Sector {
        /// The first sector.
        Sector1 = "sector_1",
        /// The second sector.
        Sector2 = "sector_2",
        /// The third sector.
        Sector3 = "sector_3",
    }
}

/// Everything that the API says of one instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its name.
    pub id: InstanceId,
    /// Its hardware.
    pub instance_type: InstanceType,
    /// Its region.
    pub region: Region,
    /// Its place in the region, where that applies.
    pub sector: Option<Sector>,
    /// Its address, once it has one. Always one that can be connected to: see [`connectable`].
    pub ip: Option<IpAddr>,
    /// Where it is on its way.
    pub status: Status,
    /// Who created it.
    pub creator_user_nickname: Option<Untrusted>,
}

/// Reads an IP address that a client can connect to.
///
/// `None` for everything else: text around an address, a host name, a zone, and the addresses
/// that name no single host (unspecified, multicast, broadcast), also when mapped into IPv6.
#[must_use]
pub fn connectable(text: &str) -> Option<IpAddr> {
    let ip: IpAddr = text.parse().ok()?;
    let names_one_host = match ip.to_canonical() {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && v4 != Ipv4Addr::BROADCAST,
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    names_one_host.then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_values_are_known_and_others_are_kept_as_they_came() {
        for status in Status::DOCUMENTED {
            assert_eq!(Status::from(status.as_received()), *status);
            assert!(!matches!(status, Status::Undocumented(_)));
        }
        assert_eq!(Status::DOCUMENTED.len(), 6);
        assert_eq!(Status::from("READY\n"), Status::Undocumented("READY\n".into()));
        assert_eq!(Status::from("READY\n").as_received(), "READY\n");
        assert_eq!(InstanceType::from("gpu_9x").to_string(), "gpu_9x");
    }

    #[test]
    fn an_id_is_shown_and_debugged_as_its_text() {
        let id = InstanceId::new("inst_a").unwrap();
        assert_eq!((format!("{id}"), format!("{id:?}")), ("inst_a".into(), "\"inst_a\"".into()));
    }

    #[test]
    fn an_undocumented_status_cannot_break_a_line() {
        assert_eq!(Status::from("a\nb").to_string(), "a\\u{a}b");
    }

    #[test]
    fn only_an_address_that_names_one_host_is_connectable() {
        for good in ["203.0.113.42", "127.0.0.1", "2001:db8::7", "::1", "::ffff:203.0.113.42"] {
            assert_eq!(connectable(good), Some(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "",
            " ",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
            "224.0.0.1",
            "ff02::1",
            "255.255.255.255",
            "203.0.113.42 ",
            "203.0.113.42\n",
            "203.0.113.42; rm -rf /",
            "203.0.113.420",
            "203.0.113",
            "0x7f.1",
            "fe80::1%eth0",
            "[::1]",
            "localhost",
            "203.0.113.42:22",
            "010.0.0.1",
        ] {
            assert_eq!(connectable(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_id_is_one_non_empty_word() {
        assert_eq!(InstanceId::new(""), Err(InvalidInstanceId::Empty));
        for bad in ["a b", "a\n", "\tb", "a\u{7f}"] {
            assert_eq!(InstanceId::new(bad), Err(InvalidInstanceId::BlankOrControl), "{bad:?}");
        }
        assert_eq!(InstanceId::new("::error::x"), Err(InvalidInstanceId::WorkflowCommand));
        for bad in [".", ".."] {
            assert_eq!(InstanceId::new(bad), Err(InvalidInstanceId::DotSegment));
        }
        assert_eq!(InstanceId::new("inst/../x?y").unwrap().as_str(), "inst/../x?y");
    }
}
