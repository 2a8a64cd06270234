//! The rows that show the state of a wait. Pure: the time is an argument.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{
    answer::instance::{InstanceId, Status},
    text::duration::Brief,
    wait::{
        condition::Condition,
        event::{Observer, WaitEvent, Why},
        rules::{Deadline, Rules},
    },
};

/// The state of every instance, kept up to date by what is observed.
#[derive(Debug)]
pub struct Board {
    condition: Condition,
    deadline: Deadline,
    rows: Vec<Row>,
    positions: HashMap<InstanceId, usize>,
    next_poll: Option<(Duration, Why)>,
    separator: &'static str,
}

#[derive(Debug)]
struct Row {
    id: InstanceId,
    state: String,
    since: Duration,
    trouble: Option<String>,
    over: bool,
}

impl Board {
    /// A board for the wait for `ids` by `rules`.
    pub fn new(ids: impl IntoIterator<Item = InstanceId>, rules: &Rules, unicode: bool) -> Self {
        let row = |id| Row {
            id,
            state: "asking".into(),
            since: Duration::ZERO,
            trouble: None,
            over: false,
        };
        let rows: Vec<Row> = ids.into_iter().map(row).collect();
        let positions = rows.iter().map(|row| row.id.clone()).zip(0..).collect();
        let separator = if unicode { " · " } else { ", " };
        let (condition, deadline) = (rules.condition.clone(), rules.deadline);
        Self { condition, deadline, rows, positions, next_poll: None, separator }
    }

    /// The rows at `now`, at most `height` of them.
    #[must_use]
    pub fn lines(&self, now: Duration, height: usize) -> Vec<String> {
        let waiting: Vec<&Row> = self.rows.iter().filter(|row| !row.over).collect();
        let outlook = self.outlook(now);
        if let ([_], [only]) = (self.rows.as_slice(), waiting.as_slice()) {
            return vec![self.line(only, now, Some(outlook))];
        }
        let all_fit = waiting.len() < height;
        let shown = if all_fit { waiting.len() } else { height.saturating_sub(2) };
        let mut lines: Vec<String> =
            waiting.iter().take(shown).map(|row| self.line(row, now, None)).collect();
        if !all_fit && height > 1 {
            lines.push(summarized(&waiting[shown..]));
        }
        let (all, done) = (self.rows.len(), self.rows.len() - waiting.len());
        lines.push(format!("{done} of {all} done{}{outlook}", self.separator));
        lines
    }

    fn line(&self, row: &Row, now: Duration, outlook: Option<String>) -> String {
        let lasted = Duration::from_secs(now.saturating_sub(row.since).as_secs());
        let state = format!("{}  {} {}", row.id, row.state, Brief(lasted));
        // The trouble comes last, where a narrow terminal cuts it: it has a log line of its own.
        let parts = [Some(state), outlook, row.trouble.clone()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(self.separator)
    }

    fn outlook(&self, now: Duration) -> String {
        let left = self.deadline.duration().unwrap_or_default().saturating_sub(now);
        let whole_seconds =
            |time: Duration| Brief(Duration::from_secs(time.as_secs().saturating_add(1)));
        let mut parts = Vec::new();
        if !left.is_zero() {
            parts.push(format!("{} left", whole_seconds(left)));
        }
        if let Some((at, why)) = self.next_poll.filter(|(at, _)| *at > now) {
            let wait = whole_seconds(at.saturating_sub(now));
            parts.push(match why {
                Why::Hint(_) => format!("the API asks to wait, next poll in {wait}"),
                _ => format!("next poll in {wait}"),
            });
        } else {
            parts.push("polling".to_owned());
        }
        parts.join(self.separator)
    }

    fn set(&mut self, id: &InstanceId, change: impl FnOnce(&mut Row)) {
        if let Some(&position) = self.positions.get(id) {
            change(&mut self.rows[position]);
        }
    }
}

/// `and 192 more: 120 pending, 72 provisioning`.
fn summarized(rows: &[&Row]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(row.state.as_str()).or_default() += 1;
    }
    let counts: Vec<String> =
        counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
    format!("and {} more: {}", rows.len(), counts.join(", "))
}

impl Observer for Board {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        match event {
            WaitEvent::Transition { id, now, .. } => {
                let tries = self.condition.needs_probe() && now.status == Status::Ready;
                let trying =
                    if tries { format!(", trying {}", self.condition) } else { String::new() };
                self.set(id, |row| {
                    row.state = format!("{}{trying}", now.status);
                    row.since = at;
                });
            }
            WaitEvent::Polled { id, answer } => self.set(id, |row| {
                // One that met the condition and is polled again may no longer meet it.
                row.over = false;
                row.trouble = answer.err().map(ToString::to_string);
            }),
            WaitEvent::NotReached { id, error, .. } => self.set(id, |row| {
                row.trouble = Some(error.to_string());
            }),
            WaitEvent::Met { id, .. } | WaitEvent::Ended { id, .. } => {
                self.set(id, |row| row.over = true);
            }
            WaitEvent::Reopened { id } => self.set(id, |row| row.over = false),
            WaitEvent::NextPoll { delay, why, .. } => {
                self.next_poll = Some((at.saturating_add(*delay), *why));
            }
            WaitEvent::UnclearStatus { .. }
            | WaitEvent::UnusableAddress { .. }
            | WaitEvent::Fault { .. }
            | WaitEvent::RoundOver { .. }
            | WaitEvent::Notice(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        answer::{
            instance::Instance,
            poll_error::{PollError, ServerError},
        },
        wait::ending::Ending,
    };

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn within(max_wait: Duration) -> Rules {
        Rules { deadline: Deadline::After(max_wait), ..Rules::default() }
    }

    fn ids(count: usize) -> Vec<InstanceId> {
        (0..count).map(|n| InstanceId::new(&format!("i{n}")).unwrap()).collect()
    }

    fn moved(board: &mut Board, id: &InstanceId, status: &str, at: Duration) {
        let now = Instance::new(id.clone(), status.into());
        board.observe(at, &WaitEvent::Transition { id, from: None, now: &now });
    }

    #[test]
    fn one_instance_is_one_line_with_everything_in_it() {
        let mut board = Board::new(ids(1), &within(secs(600)), true);
        moved(&mut board, &ids(1)[0], "pending", secs(2));
        let (took, delay) = (secs(0), secs(5));
        board.observe(secs(2), &WaitEvent::NextPoll { took, delay, why: Why::Backoff });
        assert_eq!(board.lines(secs(4), 10), ["i0  pending 2s · 9m57s left · next poll in 4s"]);
    }

    #[test]
    fn throttling_is_shown_with_its_instance() {
        let id = &ids(1)[0];
        let mut board = Board::new(ids(1), &within(secs(600)), false);
        let error = PollError::Throttled { answer: ServerError::bare(429), hint: None };
        board.observe(secs(1), &WaitEvent::Polled { id, answer: Err(&error) });
        assert!(board.lines(secs(1), 10)[0].ends_with(", HTTP 429"));
    }

    #[test]
    fn more_instances_than_rows_are_summarized() {
        let mut board = Board::new(ids(200), &within(secs(60)), false);
        for (number, id) in ids(200).iter().enumerate() {
            moved(&mut board, id, if number < 120 { "pending" } else { "init" }, secs(1));
        }
        board.observe(secs(1), &WaitEvent::Ended { id: &ids(1)[0], ending: &Ending::TimedOut });
        let lines = board.lines(secs(2), 5);
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[3], "and 196 more: 80 init, 116 pending");
        assert!(lines[4].starts_with("1 of 200 done, "), "{lines:?}");
        for height in 1..4 {
            assert!(board.lines(secs(2), height).len() <= height.max(2), "{height}");
        }
    }
}
