//! The heartbeat: one line for all instances, logged when nothing else was for a while.

use std::{collections::HashMap, time::Duration};

use tracing::info;

use super::record::millis;
use crate::{
    answer::instance::{Instance, InstanceId, Status},
    text::duration::Brief,
    wait::{
        condition::Condition,
        event::{Observer, WaitEvent},
        rules::{Deadline, Rules},
    },
};

/// The most instances that are named.
const NAMED: usize = 3;
/// The most statuses on one line.
const STATUSES: usize = 6;
/// The state of an instance that was never seen.
const NO_ANSWER: &str = "without an answer";

/// What is known of every instance, kept up to date by what is observed.
#[derive(Debug)]
pub struct Heartbeat {
    condition: Condition,
    deadline: Deadline,
    instances: Vec<Known>,
    positions: HashMap<InstanceId, usize>,
    polls: u32,
}

#[derive(Debug)]
struct Known {
    id: InstanceId,
    state: String,
    trouble: Option<String>,
    is_over: bool,
}

impl Heartbeat {
    /// A heartbeat of the wait for `ids` by `rules`.
    pub fn new(ids: impl IntoIterator<Item = InstanceId>, rules: &Rules) -> Self {
        let unknown = |id| Known { id, state: NO_ANSWER.into(), trouble: None, is_over: false };
        let instances: Vec<Known> = ids.into_iter().map(unknown).collect();
        let positions = instances.iter().map(|known| known.id.clone()).zip(0..).collect();
        let (condition, deadline) = (rules.condition.clone(), rules.deadline);
        Self { condition, deadline, instances, positions, polls: 0 }
    }

    /// Logs that the wait is still going on at `now`.
    pub fn beat(&self, now: Duration) {
        let now = Duration::from_secs(now.as_secs());
        let waiting = self.instances.iter().filter(|known| !known.is_over).count();
        let only = match self.instances.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        info!(
            event = "heartbeat",
            instance = only.map(|known| tracing::field::display(&known.id)),
            waiting,
            instances = self.instances.len(),
            polls = self.polls,
            waited_ms = millis(now),
            left_ms = self.left(now).map(millis),
            "{}",
            self.line(now)
        );
    }

    /// `inst_abc  still provisioning after 3m (17m left, 14 polls)`.
    fn line(&self, now: Duration) -> String {
        let polls =
            if self.polls == 1 { "1 poll".to_owned() } else { format!("{} polls", self.polls) };
        let left = self.left(now).map(|left| format!("{} left, ", Brief(left))).unwrap_or_default();
        let when = format!("after {} ({left}{polls})", Brief(now));
        let waiting: Vec<&Known> = self.instances.iter().filter(|known| !known.is_over).collect();
        if let [only] = self.instances.as_slice() {
            let trouble = only.trouble.as_ref().map(|trouble| format!(": {trouble}"));
            let trouble = trouble.unwrap_or_default();
            return format!("{}  still {} {when}{trouble}", only.id, only.state);
        }
        let mut troubles = waiting.iter().filter_map(|known| {
            known.trouble.as_ref().map(|trouble| format!("; {}  {trouble}", known.id))
        });
        let trouble = troubles.next().unwrap_or_default();
        let (count, all) = (waiting.len(), self.instances.len());
        format!("still waiting for {count} of {all} {when}: {}{trouble}", states(&waiting))
    }

    fn left(&self, now: Duration) -> Option<Duration> {
        self.deadline.duration().map(|deadline| deadline.saturating_sub(now))
    }

    fn state(&self, now: &Instance) -> String {
        match &now.status {
            Status::Ready if now.ip.is_none() && self.condition.promises_address() => {
                "ready without an address".to_owned()
            }
            Status::Ready if self.condition.needs_probe() => {
                format!("ready, trying {},", self.condition)
            }
            status => status.to_string(),
        }
    }

    fn set(&mut self, id: &InstanceId, change: impl FnOnce(&mut Known)) {
        if let Some(&position) = self.positions.get(id) {
            change(&mut self.instances[position]);
        }
    }
}

/// `60 provisioning, 32 pending`, or `n1 pending` for a few instances.
fn states(waiting: &[&Known]) -> String {
    if waiting.len() <= NAMED {
        let named = waiting.iter().map(|known| format!("{} {}", known.id, state(known)));
        return named.collect::<Vec<_>>().join(", ");
    }
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut others = 0;
    for known in waiting {
        let state = state(known);
        match counts.iter().position(|(counted, _)| *counted == state) {
            Some(position) => counts[position].1 += 1,
            None if counts.len() < STATUSES => counts.push((state, 1)),
            None => others += 1,
        }
    }
    let counts = counts.iter().map(|(state, count)| format!("{count} {state}"));
    let others = (others > 0).then(|| format!("{others} in other statuses"));
    counts.chain(others).collect::<Vec<_>>().join(", ")
}

fn state(known: &Known) -> &str {
    known.state.trim_end_matches(',')
}

impl Observer for Heartbeat {
    fn observe(&mut self, _: Duration, event: &WaitEvent<'_>) {
        match event {
            WaitEvent::Polled { id, answer } => {
                let state = answer.ok().map(|instance| self.state(instance));
                let trouble = answer.err().map(ToString::to_string);
                self.set(id, |known| {
                    known.trouble = trouble;
                    if let Some(state) = state {
                        known.state = state;
                    }
                });
            }
            WaitEvent::NotReached { id, error, .. } => {
                self.set(id, |known| known.trouble = Some(error.to_string()));
            }
            WaitEvent::Met { id, .. } | WaitEvent::Ended { id, .. } => {
                self.set(id, |known| known.is_over = true);
            }
            WaitEvent::Reopened { id } => self.set(id, |known| known.is_over = false),
            WaitEvent::RoundOver { .. } => self.polls = self.polls.saturating_add(1),
            WaitEvent::Transition { .. }
            | WaitEvent::UnclearStatus { .. }
            | WaitEvent::UnusableAddress { .. }
            | WaitEvent::Fault { .. }
            | WaitEvent::Notice(_)
            | WaitEvent::NextPoll { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::poll_error::{PollError, ServerError};

    fn id(number: usize) -> InstanceId {
        InstanceId::new(&format!("n{number}")).unwrap()
    }

    fn heartbeat(count: usize, condition: &str) -> Heartbeat {
        let condition = condition.parse().unwrap();
        let deadline = Deadline::After(Duration::from_secs(1200));
        let rules = Rules { condition, deadline, ..Rules::default() };
        Heartbeat::new((0..count).map(id), &rules)
    }

    fn polled(heartbeat: &mut Heartbeat, number: usize, status: &str) {
        let instance = Instance::new(id(number), status.into());
        let event = WaitEvent::Polled { id: &id(number), answer: Ok(&instance) };
        heartbeat.observe(Duration::ZERO, &event);
    }

    fn after_minutes(heartbeat: &Heartbeat, minutes: u64) -> String {
        heartbeat.line(Duration::from_secs(60 * minutes))
    }

    #[test]
    fn one_instance_is_reported_with_its_status_and_the_time_left() {
        let mut heartbeat = heartbeat(1, "ready");
        assert_eq!(
            after_minutes(&heartbeat, 1),
            "n0  still without an answer after 1m (19m left, 0 polls)"
        );
        polled(&mut heartbeat, 0, "provisioning");
        for _ in 0..14 {
            heartbeat.observe(Duration::ZERO, &WaitEvent::RoundOver { polled: 1, waiting: 1 });
        }
        assert_eq!(
            after_minutes(&heartbeat, 3),
            "n0  still provisioning after 3m (17m left, 14 polls)"
        );
        let error = PollError::NotFound(ServerError::bare(404));
        let event = WaitEvent::Polled { id: &id(0), answer: Err(&error) };
        heartbeat.observe(Duration::ZERO, &event);
        assert_eq!(
            after_minutes(&heartbeat, 4),
            "n0  still provisioning after 4m (16m left, 14 polls): HTTP 404"
        );
    }

    #[test]
    fn what_a_ready_instance_lacks_is_reported() {
        let mut asked = heartbeat(1, "ready");
        polled(&mut asked, 0, "ready");
        assert!(
            after_minutes(&asked, 1).starts_with("n0  still ready without an address after 1m")
        );
        let mut asked = heartbeat(1, "deleted");
        polled(&mut asked, 0, "ready");
        assert!(after_minutes(&asked, 1).starts_with("n0  still ready after 1m"));
    }

    #[test]
    fn a_fleet_is_one_line_whatever_its_size() {
        let mut heartbeat = heartbeat(100, "ready");
        for number in 0..100 {
            polled(&mut heartbeat, number, if number < 60 { "provisioning" } else { "pending" });
        }
        for number in 0..8 {
            heartbeat.observe(Duration::ZERO, &WaitEvent::Met { id: &id(number), address: None });
        }
        assert_eq!(
            after_minutes(&heartbeat, 3),
            "still waiting for 92 of 100 after 3m (17m left, 0 polls): 52 provisioning, 40 pending"
        );
        for number in 8..98 {
            heartbeat.observe(Duration::ZERO, &WaitEvent::Met { id: &id(number), address: None });
        }
        heartbeat.observe(Duration::ZERO, &WaitEvent::Reopened { id: &id(3) });
        assert!(
            after_minutes(&heartbeat, 3).ends_with(": n3 provisioning, n98 pending, n99 pending")
        );
    }

    #[test]
    fn a_server_that_invents_statuses_does_not_make_the_line_longer() {
        let mut heartbeat = heartbeat(100, "ready");
        for number in 0..100 {
            polled(&mut heartbeat, number, &format!("status-{number}"));
        }
        assert!(after_minutes(&heartbeat, 1).ends_with("1 status-5, 94 in other statuses"));
    }
}
