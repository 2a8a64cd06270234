//! The history of an instance: its statuses and how long each lasted.

use std::{collections::BTreeSet, time::Duration};

use crate::answer::{
    address::Address,
    instance::{Instance, Status},
};

/// A change of status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new status.
    pub status: Status,
    /// When it was first observed, since the start of the wait.
    pub at: Duration,
}

/// The most statuses of one instance that count as news: a server that returns a new status on each
/// poll must not bring every poll closer.
const MAX_NEWS: usize = 32;

/// The history of one instance.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    transitions: Vec<Transition>,
    seen: BTreeSet<Status>,
    has_had_address: bool,
    last_ip: Option<Address>,
    steady_polls: u32,
}

/// What an observation changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether the status differs from the one before.
    pub status: bool,
    /// Whether it is the first observation of a status, or of any address.
    pub is_news: bool,
}

impl Timeline {
    /// Records an observation.
    pub fn record(&mut self, instance: &Instance, at: Duration) -> Change {
        let changed = self.status() != Some(&instance.status);
        if changed || self.last_ip != instance.ip {
            self.steady_polls = 0;
        }
        if changed {
            self.transitions.push(Transition { status: instance.status.clone(), at });
        }
        let first_address = instance.ip.is_some() && !self.has_had_address;
        let new_status =
            changed && self.seen.len() < MAX_NEWS && self.seen.insert(instance.status.clone());
        self.has_had_address |= first_address;
        self.last_ip = instance.ip;
        self.steady_polls = self.steady_polls.saturating_add(1);
        Change { status: changed, is_news: new_status || first_address }
    }

    /// Records a poll without an observation, which ends the run of steady polls.
    pub fn record_gap(&mut self) {
        self.steady_polls = 0;
    }

    /// The polls in a row with the current status and address.
    #[must_use]
    pub fn steady_polls(&self) -> u32 {
        self.steady_polls
    }

    /// The current status.
    #[must_use]
    pub fn status(&self) -> Option<&Status> {
        self.transitions.last().map(|last| &last.status)
    }

    /// When the current status was first observed.
    #[must_use]
    pub fn status_since(&self) -> Option<Duration> {
        self.transitions.last().map(|last| last.at)
    }

    /// Every change so far, oldest first.
    #[must_use]
    pub fn transitions(&self) -> &[Transition] {
        &self.transitions
    }

    /// Each stay in a status with its length, oldest first; the last one lasts until `now`.
    pub fn stays(&self, now: Duration) -> impl Iterator<Item = (&Status, Duration)> {
        let ends = self.transitions.iter().skip(1).map(|next| next.at).chain([now]);
        self.transitions
            .iter()
            .zip(ends)
            .map(|(stay, end)| (&stay.status, end.saturating_sub(stay.at)))
    }

    /// The time spent in `status` by `now`, over all stays.
    #[must_use]
    pub fn time_in(&self, status: &Status, now: Duration) -> Duration {
        self.stays(now).filter(|(seen, _)| *seen == status).map(|(_, lasted)| lasted).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{address::Origin, instance::InstanceId};

    fn observed(status: Status, ip: Option<&str>) -> Instance {
        let mut instance = Instance::new(InstanceId::new("inst_a").unwrap(), status);
        instance.ip = ip.map(|ip| Address::parse(ip, Origin::Network).unwrap());
        instance
    }

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn only_a_change_of_status_is_a_transition() {
        let mut timeline = Timeline::default();
        assert!(timeline.record(&observed(Status::Pending, None), secs(0)).status);
        assert!(!timeline.record(&observed(Status::Pending, Some("203.0.113.1")), secs(1)).status);
        assert!(timeline.record(&observed(Status::Ready, Some("203.0.113.1")), secs(5)).status);
        let seen: Vec<_> = timeline.transitions().iter().map(|t| (&t.status, t.at)).collect();
        assert_eq!(seen, [(&Status::Pending, secs(0)), (&Status::Ready, secs(5))]);
        assert_eq!(timeline.status_since(), Some(secs(5)));
    }

    #[test]
    fn a_status_is_news_once_and_so_is_the_first_address() {
        let mut timeline = Timeline::default();
        let mut is_news =
            |status: Status, ip| timeline.record(&observed(status, ip), secs(1)).is_news;
        assert!(is_news(Status::Pending, None));
        assert!(!is_news(Status::Pending, None));
        assert!(is_news(Status::Pending, Some("203.0.113.1")), "a first address");
        assert!(is_news(Status::Ready, None));
        assert!(!is_news(Status::Pending, None), "it was seen before");
        assert!(!is_news(Status::Ready, Some("203.0.113.2")), "another address is no first one");
        let invented = (0..1_000).filter(|n| is_news(format!("s{n}").as_str().into(), None));
        // Pending and ready are the other two.
        assert_eq!(invented.count(), MAX_NEWS - 2);
    }

    #[test]
    fn the_time_in_a_status_is_the_sum_of_its_stays() {
        let mut timeline = Timeline::default();
        for (at, status) in [(0, Status::Pending), (4, Status::Unknown), (5, Status::Pending)] {
            timeline.record(&observed(status, None), secs(at));
        }
        assert_eq!(timeline.time_in(&Status::Pending, secs(8)), secs(7));
        assert_eq!(timeline.time_in(&Status::Unknown, secs(8)), secs(1));
        assert_eq!(timeline.time_in(&Status::Ready, secs(8)), secs(0));
        let stays: Duration = timeline.stays(secs(8)).map(|(_, lasted)| lasted).sum();
        assert_eq!(stays, secs(8));
    }

    #[test]
    fn steady_polls_are_those_in_a_row_with_the_same_status_and_address() {
        let mut timeline = Timeline::default();
        let mut steady_after = |status: Status, ip| {
            timeline.record(&observed(status, ip), secs(1));
            timeline.steady_polls()
        };
        assert_eq!(steady_after(Status::Ready, Some("203.0.113.1")), 1);
        assert_eq!(steady_after(Status::Ready, Some("203.0.113.1")), 2);
        assert_eq!(steady_after(Status::Ready, Some("203.0.113.2")), 1);
        assert_eq!(steady_after(Status::Ready, None), 1);
        assert_eq!(steady_after(Status::Unknown, None), 1);
        timeline.record_gap();
        assert_eq!(timeline.steady_polls(), 0);
    }
}
