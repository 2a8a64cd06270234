//! A compute instance as the API describes it.

use std::{fmt, str::FromStr, sync::Arc};

use super::{address::Address, open_enum::open_enum};
use crate::text::untrusted::Untrusted;

/// The id of an instance: one non-empty word that fits in one URL path segment.
///
/// Cloning is cheap: a fleet may have ten thousand.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(Arc<str>);

/// Why a text is not an [`InstanceId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidInstanceId {
    /// The API requires at least one character.
    #[error("an instance id cannot be empty (is the variable set that it comes from?)")]
    Empty,
    /// White space is never part of an id; it comes from a careless `$(…)`.
    #[error("an instance id cannot contain blanks or control characters")]
    BlankOrControl,
    /// GitHub Actions takes a log line that begins with `::` for a command.
    #[error("an instance id cannot begin with `::`")]
    WorkflowCommand,
    /// URL parsers remove these segments, percent-encoded or not (RFC 3986 section 5.2.4).
    #[error("`.` and `..` cannot name an instance")]
    DotSegment,
}

impl InstanceId {
    /// Checks that `id` can be the id of an instance.
    ///
    /// # Errors
    ///
    /// [`InvalidInstanceId`] if it cannot.
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

    /// The id as text.
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
    /// The lifecycle status of an instance.
    Status {
        /// Running; its address is known, or about to be.
        Ready = "ready",
        /// Created.
        Init = "init",
        /// Waiting for capacity.
        Pending = "pending",
        /// Being set up.
        Provisioning = "provisioning",
        /// Ended; it does not start again.
        Stopped = "stopped",
        /// The API does not know.
        Unknown = "unknown",
    }
}

open_enum! {
    /// The hardware of an instance.
    InstanceType {
        /// Eight H100 SXM5.
        Gpu8xH100Sxm5 = "gpu_8x_h100_sxm5",
        /// One H100 SXM5.
        Gpu1xH100Sxm5 = "gpu_1x_h100_sxm5",
    }
}

open_enum! {
    /// The geographic region of an instance.
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
        /// Elsewhere.
        Other = "other",
    }
}

open_enum! {
    /// The part of its region that an instance is in.
    Sector {
        /// The first sector.
        Sector1 = "sector_1",
        /// The second sector.
        Sector2 = "sector_2",
        /// The third sector.
        Sector3 = "sector_3",
    }
}

/// An instance as the API describes it. Only `id` and `status`, and `ip` for ready, decide
/// anything; the rest is for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its lifecycle status.
    pub status: Status,
    /// Its address, once it has one.
    pub ip: Option<Address>,
    /// The value of `ip` if it cannot be connected to.
    pub unusable_ip: Option<Untrusted>,
    /// Its hardware.
    pub instance_type: Option<InstanceType>,
    /// Its region.
    pub region: Option<Region>,
    /// Its sector, if it has one.
    pub sector: Option<Sector>,
    /// Who created it.
    pub creator_user_nickname: Option<Untrusted>,
}

impl Instance {
    /// Makes an instance with nothing but an id and a status.
    ///
    /// ```
    /// use wait_ready::{Address, Instance, InstanceId, Origin, Status};
    ///
    /// let id = InstanceId::new("inst_a")?;
    /// let mut instance = Instance::new(id, Status::Ready);
    /// instance.ip = Some(Address::parse("203.0.113.42", Origin::Network)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(id: InstanceId, status: Status) -> Self {
        Self {
            id,
            status,
            ip: None,
            unusable_ip: None,
            instance_type: None,
            region: None,
            sector: None,
            creator_user_nickname: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documented_values_are_known_and_others_are_kept_as_received() {
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
    fn an_id_is_displayed_as_its_text() {
        let id = InstanceId::new("inst_a").unwrap();
        assert_eq!((format!("{id}"), format!("{id:?}")), ("inst_a".into(), "\"inst_a\"".into()));
    }

    #[test]
    fn an_undocumented_status_cannot_break_a_line() {
        assert_eq!(Status::from("a\nb").to_string(), "a\\u{a}b");
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
