//! When the next round comes: the backoff, what the server asks for, and the deadline.

use std::time::Duration;

use super::{backoff::Backoff, event::Why, rules::Deadline};
use crate::answer::{hint::Hint, poll_error::PollError};

/// The last poll is sent this many times its usual duration before the deadline …
const LAST_POLL_ALLOWANCE: u32 = 2;
/// … and never earlier than this.
const LAST_POLL_ALLOWANCE_MAX: Duration = Duration::from_secs(1);
/// Those that a hint sends away together come back spread over this part of it …
const HINT_SPREAD: u32 = 4;
/// … and over no more than this.
const HINT_SPREAD_MAX: Duration = Duration::from_secs(15);
/// A 404 is looked at again after this, or after the shortest delay if that is longer.
const SECOND_LOOK: Duration = Duration::from_secs(3);
/// A deadline that has been missed by more than this was missed by a process that was stopped.
const OVERSLEPT: Duration = Duration::from_millis(500);

/// What comes next. Times are counted from the start of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Every instance has its ending.
    Finish,
    /// Poll again then.
    PollAt(Duration, Why),
    /// Poll no more: what the attempts under way bring until then decides.
    AwaitProbes(Duration),
    /// No further poll fits: give up then.
    GiveUpAt(Duration),
}

/// A round that is over, as far as the next one depends on it.
pub(super) struct PastRound {
    asked_at: Duration,
    pub(super) now: Duration,
    hint: Option<Hint>,
    is_asked_to_pause: bool,
}

impl PastRound {
    pub(super) fn new(asked_at: Duration, now: Duration) -> Self {
        Self { asked_at, now, hint: None, is_asked_to_pause: false }
    }

    /// Notes what a poll that failed asks for; of several hints, the longest counts.
    pub(super) fn note_error(&mut self, error: &PollError) {
        self.hint = [self.hint, error.hint()].into_iter().flatten().max_by_key(|hint| hint.wait);
        self.is_asked_to_pause |= error.asks_for_a_pause();
    }

    pub(super) fn took(&self) -> Duration {
        self.now.saturating_sub(self.asked_at)
    }

    /// How long before the deadline a poll that takes as long as this one is still answered.
    fn allowance(&self) -> Duration {
        self.took().saturating_mul(LAST_POLL_ALLOWANCE).min(LAST_POLL_ALLOWANCE_MAX)
    }
}

/// What the instances ask of the next round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// The share of those still waiting for which something is new.
    pub(super) news: f64,
    /// The next moment at which a poll would decide something.
    pub(super) limit: Option<Duration>,
    /// When a 404 has to be looked at again.
    pub(super) second_look: Option<Duration>,
    /// Whether nothing but 404s is waited for.
    pub(super) only_second_looks: bool,
    /// Whether only addresses are still to be confirmed.
    pub(super) is_confirming: bool,
}

/// The schedule of the rounds, and what has been decided last.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    backoff: Backoff,
    deadline: Deadline,
    pub(super) planned: Decision,
    polled_at: Duration,
    not_before: Duration,
    /// Whether the schedule is that of the confirmation, which begins anew.
    is_confirming: bool,
    /// Until when the poll after a missed deadline may take.
    late_until: Option<Duration>,
}

impl Pace {
    /// The first round is due at once.
    pub(super) fn new(backoff: Backoff, deadline: Deadline) -> Self {
        Self {
            backoff,
            deadline,
            planned: Decision::PollAt(Duration::ZERO, Why::Backoff),
            polled_at: Duration::ZERO,
            not_before: Duration::ZERO,
            is_confirming: false,
            late_until: None,
        }
    }

    pub(super) fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    pub(super) fn fork_backoff(&mut self) -> Backoff {
        self.backoff.fork()
    }

    /// How long after a 404 another one confirms it.
    pub(super) fn second_look(&self) -> Duration {
        self.backoff.min_delay().max(SECOND_LOOK)
    }

    /// The moment of the deadline; a wait that looks once has it behind it after that look.
    fn end(&self) -> Duration {
        self.deadline.duration().unwrap_or_default()
    }

    /// When a round under way is cut.
    pub(super) fn cut(&self) -> Option<Duration> {
        self.late_until.or(self.deadline.duration())
    }

    /// Returns whether the deadline has come.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.end()
    }

    /// Plans one more poll at `now`, for at most `most`, if the deadline has been missed by a
    /// process that was stopped; returns whether it has.
    pub(super) fn plan_late_poll(&mut self, now: Duration, most: Duration) -> bool {
        let Deadline::After(end) = self.deadline else { return false };
        let overslept = now > end.saturating_add(OVERSLEPT) && self.late_until.is_none();
        if overslept {
            self.late_until = Some(now.saturating_add(most));
            self.planned = Decision::PollAt(now, Why::Overslept);
        }
        overslept
    }

    /// Returns whether the poll after a missed deadline has been planned.
    pub(super) fn is_late(&self) -> bool {
        self.late_until.is_some()
    }

    /// Takes in that a round is over; its hint, where that reaches past the deadline.
    pub(super) fn record(&mut self, round: &PastRound) -> Option<Hint> {
        self.polled_at = round.now;
        let hint = round.hint.filter(|hint| !hint.wait.is_zero())?;
        let ends = round.now.saturating_add(hint.wait);
        let room = self.end().saturating_sub(round.allowance()).saturating_sub(ends);
        let spread = self.backoff.spread((hint.wait / HINT_SPREAD).min(HINT_SPREAD_MAX));
        self.not_before = ends.saturating_add(spread.min(room));
        (ends > self.end()).then_some(hint)
    }

    /// The last address was reached between two polls: the API is asked once more before use.
    pub(super) fn plan_confirmation(&mut self, now: Duration) {
        let earliest = self.polled_at.saturating_add(self.backoff.min_delay());
        let at = earliest.max(self.not_before).max(now);
        self.planned = if at > self.end() {
            Decision::GiveUpAt(now)
        } else {
            Decision::PollAt(at, Why::Confirmation)
        };
    }

    /// Plans the next round, or giving up where none comes before the deadline.
    pub(super) fn plan(&mut self, round: &PastRound, outlook: Outlook) {
        let deadline = self.end();
        let (mut at, mut why) = self.wish(round, outlook);
        if let Some(hint) = round.hint.filter(|_| self.not_before > at) {
            (at, why) = (self.not_before, Why::Hint(hint));
        }
        let was_the_last = matches!(self.planned, Decision::PollAt(_, Why::Deadline));
        // A server that asks for a pause is not hurried by a deadline of ours.
        let may_hurry = !round.is_asked_to_pause && !was_the_last;
        let last = self.last_poll(round).filter(|last| may_hurry && *last < at);
        self.planned = match last {
            Some(last) => Decision::PollAt(last, Why::Deadline),
            None if at <= deadline => Decision::PollAt(at, why),
            None if outlook.is_confirming => Decision::GiveUpAt(round.now),
            None => Decision::GiveUpAt(deadline),
        };
    }

    /// When the next round should come if neither a hint nor the deadline stood in its way.
    fn wish(&mut self, round: &PastRound, outlook: Outlook) -> (Duration, Why) {
        let earliest = round.now.saturating_add(self.backoff.min_delay());
        let begins_confirming = outlook.is_confirming && !self.is_confirming;
        self.backoff.bring_closer(if begins_confirming { 1.0 } else { outlook.news });
        self.is_confirming = outlook.is_confirming;
        let why = if outlook.is_confirming {
            Why::Confirmation
        } else if outlook.news > 0.0 {
            Why::Changed
        } else {
            Why::Backoff
        };
        let at = round.now.saturating_add(self.backoff.next_delay());
        let mut wish = (at, why);
        if let Some(second) = outlook.second_look
            && (outlook.only_second_looks || second < at)
        {
            wish = (second.max(earliest), Why::SecondLook);
        }
        match outlook.limit {
            Some(limit) if limit < wish.0 => (limit.max(earliest), Why::Limit),
            _ => wish,
        }
    }

    /// When a poll that takes as long as the one before is still answered by the deadline, if that
    /// is yet to come.
    fn last_poll(&self, round: &PastRound) -> Option<Duration> {
        let earliest = round.now.saturating_add(self.backoff.min_delay());
        let last = self.end().saturating_sub(round.allowance()).max(earliest);
        (last <= self.end()).then_some(last)
    }
}
