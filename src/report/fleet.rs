//! What one round of polls brings about many instances, gathered so that each kind is one line.

use std::time::Duration;

use crate::{
    answer::instance::{Instance, InstanceId, Status},
    text::{duration::Brief, untrusted::Untrusted},
};

/// The number of instances from which on they are reported together.
pub const FLEET_SIZE: usize = 8;
/// The most instances of a group that are named.
const NAMED: usize = 3;
/// The most groups that are reported: a server can invent any number of statuses.
const KINDS: usize = 6;

/// The instances for which the same was seen.
#[derive(Debug)]
pub(super) struct Group<K> {
    pub(super) kind: K,
    named: Vec<InstanceId>,
    count: usize,
}

impl<K> Group<K> {
    /// `node-1, node-2, node-3 and 90 more`.
    pub(super) fn names(&self) -> String {
        let names: Vec<&str> = self.named.iter().map(InstanceId::as_str).collect();
        match self.count.saturating_sub(names.len()) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// Instances grouped by what was seen, in the order in which it was first seen.
#[derive(Debug)]
pub(super) struct Groups<K>(Vec<Group<K>>);

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: PartialEq> Groups<K> {
    pub(super) fn add(&mut self, kind: K, id: &InstanceId) {
        let known = self.0.iter().position(|group| group.kind == kind);
        let position = known.unwrap_or_else(|| {
            self.0.push(Group { kind, named: Vec::new(), count: 0 });
            self.0.len() - 1
        });
        let group = &mut self.0[position];
        group.count += 1;
        if group.named.len() < NAMED {
            group.named.push(id.clone());
        }
    }

    /// Takes all groups: the largest ones, and how many instances are in the others.
    pub(super) fn take(&mut self) -> (Vec<Group<K>>, usize) {
        let mut groups = std::mem::take(&mut self.0);
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        let others = groups.split_off(groups.len().min(KINDS));
        (groups, others.iter().map(|group| group.count).sum())
    }
}

/// A transition, without its instance and time.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    from: Option<Status>,
    to: Status,
    lacks_address: bool,
}

impl Change {
    fn text(&self) -> String {
        let lacking = if self.lacks_address { " without an address" } else { "" };
        match &self.from {
            Some(from) => format!("{from} -> {}{lacking}", self.to),
            None => format!("{}{lacking}", self.to),
        }
    }
}

/// What is new in one round.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) unclear: Groups<Status>,
    pub(super) unusable: Groups<Untrusted>,
    pub(super) not_reached: Groups<String>,
    changes: Groups<Change>,
    /// The line for the only change, while there is just one.
    only_change: Option<String>,
    has_changes: bool,
}

impl News {
    pub(super) fn changed(
        &mut self,
        id: &InstanceId,
        from: Option<(&Status, Duration)>,
        now: &Instance,
    ) {
        let line = transition(id, from, now);
        self.only_change = (!self.has_changes).then_some(line);
        self.has_changes = true;
        let from = from.map(|(status, _)| status.clone());
        let change = Change { from, to: now.status.clone(), lacks_address: lacks_address(now) };
        self.changes.add(change, id);
    }

    /// `93 pending -> provisioning (a, b, c and 90 more), 2 pending -> ready (d, e); 98 waiting`.
    pub(super) fn take_changes(&mut self, waiting: usize) -> Option<String> {
        self.has_changes = false;
        let (changes, others) = self.changes.take();
        if let Some(only) = self.only_change.take() {
            return Some(only);
        }
        let parts = changes
            .iter()
            .map(|change| format!("{} {} ({})", change.count, change.kind.text(), change.names()));
        let others = (others > 0).then(|| format!("{others} other changes"));
        let parts: Vec<String> = parts.chain(others).collect();
        (!parts.is_empty()).then(|| format!("{}; {waiting} waiting", parts.join(", ")))
    }
}

/// `inst_abc  pending -> ready after 42s`.
pub(super) fn transition(
    id: &InstanceId,
    from: Option<(&Status, Duration)>,
    now: &Instance,
) -> String {
    let status = &now.status;
    let lacking = if lacks_address(now) { ", but it has no address yet" } else { "" };
    match from {
        None => format!("{id}  {status}{lacking}"),
        Some((from, lasted)) => {
            format!("{id}  {from} -> {status} after {}{lacking}", Brief(lasted))
        }
    }
}

fn lacks_address(now: &Instance) -> bool {
    now.status == Status::Ready && now.ip.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> InstanceId {
        InstanceId::new(&format!("n{number}")).unwrap()
    }

    fn changed(news: &mut News, number: usize, from: Option<&str>, to: &str) {
        let from = from.map(Status::from);
        let from = from.as_ref().map(|from| (from, Duration::from_secs(42)));
        news.changed(&id(number), from, &Instance::new(id(number), to.into()));
    }

    #[test]
    fn the_changes_of_a_round_are_one_line_that_names_a_few() {
        let mut news = News::default();
        for number in 0..5 {
            let to = if number == 3 { "ready" } else { "provisioning" };
            changed(&mut news, number, Some("pending"), to);
        }
        changed(&mut news, 7, None, "init");
        let line = news.take_changes(6).unwrap();
        assert_eq!(
            line,
            "4 pending -> provisioning (n0, n1, n2 and 1 more), \
             1 pending -> ready without an address (n3), 1 init (n7); 6 waiting"
        );
        assert_eq!(news.take_changes(6), None);
    }

    #[test]
    fn the_only_change_of_a_round_reads_as_that_of_one_instance() {
        let mut news = News::default();
        for _ in 0..2 {
            changed(&mut news, 3, Some("pending"), "provisioning");
            let line = news.take_changes(9);
            assert_eq!(line.as_deref(), Some("n3  pending -> provisioning after 42s"));
        }
    }

    #[test]
    fn a_server_that_invents_statuses_does_not_make_the_line_longer() {
        let mut news = News::default();
        for number in 0..1000 {
            changed(&mut news, number, None, &format!("status-{number}"));
        }
        let line = news.take_changes(1000).unwrap();
        assert!(line.ends_with("1 status-5 (n5), 994 other changes; 1000 waiting"), "{line}");
    }
}
