//! `--max-in STATUS=DURATION`.

use std::{str::FromStr, time::Duration};

use crate::{answer::instance::Status, text::duration::parse_positive_duration};

/// The most time that an instance may spend in one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The status.
    pub status: Status,
    /// The time.
    pub time: Duration,
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (status, time) = text
            .split_once('=')
            .ok_or("write it like pending=5m: a status, `=`, and a duration")?;
        let status = Status::from(status.trim());
        if status.as_received().is_empty() {
            return Err("write it like pending=5m: the status is missing".into());
        }
        let time = parse_positive_duration(time)?;
        Ok(Self { status, time })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_a_status_and_a_time() {
        let budget: Budget = "pending=5m".parse().unwrap();
        assert_eq!(budget, Budget { status: Status::Pending, time: Duration::from_secs(300) });
        for bad in ["", "pending", "=5m", "pending=", "pending=5", "pending=0", "pending=5m=6m"] {
            assert!(bad.parse::<Budget>().is_err(), "{bad}");
        }
    }
}
