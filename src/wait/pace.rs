//! When the next round comes: the backoff, what the server asks for, and the deadline.

use std::time::Duration;

use super::{backoff::Backoff, event::Why};
use crate::answer::{hint::Hint, poll_error::PollError};

/// The last poll is sent this many times its usual duration before the deadline …
const LAST_POLL_ALLOWANCE: u32 = 2;
/// … and never earlier than this.
const LAST_POLL_ALLOWANCE_MAX: Duration = Duration::from_secs(1);

/// What comes next. Times are counted from the start of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Every instance has its ending.
    Finish,
    /// Poll again then.
    PollAt(Duration, Why),
    /// No further poll fits: give up then.
    GiveUpAt(Duration),
}

/// A round that is over, as far as the next one depends on it.
pub(super) struct PastRound {
    asked_at: Duration,
    pub(super) now: Duration,
    /// Whether the status of an instance is another than before.
    pub(super) changed: bool,
    hint: Option<Hint>,
    is_asked_to_pause: bool,
}

impl PastRound {
    pub(super) fn new(asked_at: Duration, now: Duration) -> Self {
        Self { asked_at, now, changed: false, hint: None, is_asked_to_pause: false }
    }

    /// Notes what a poll that failed asks for; of several hints, the longest counts.
    pub(super) fn note_error(&mut self, error: &PollError) {
        self.hint = [self.hint, error.hint()].into_iter().flatten().max_by_key(|hint| hint.wait);
        self.is_asked_to_pause |= error.asks_for_a_pause();
    }

    pub(super) fn took(&self) -> Duration {
        self.now.saturating_sub(self.asked_at)
    }
}

/// What the instances ask of the next round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// The next moment at which a poll would decide something.
    pub(super) limit: Option<Duration>,
    /// Whether only addresses are still to be confirmed.
    pub(super) is_confirming: bool,
}

/// The schedule of the rounds, and what has been decided last.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    backoff: Backoff,
    max_wait: Duration,
    pub(super) planned: Decision,
    polled_at: Duration,
    not_before: Duration,
    /// Whether the schedule is that of the confirmation, which begins anew.
    is_confirming: bool,
}

impl Pace {
    /// The first round is due at once.
    pub(super) fn new(backoff: Backoff, max_wait: Duration) -> Self {
        Self {
            backoff,
            max_wait,
            planned: Decision::PollAt(Duration::ZERO, Why::Backoff),
            polled_at: Duration::ZERO,
            not_before: Duration::ZERO,
            is_confirming: false,
        }
    }

    pub(super) fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Takes in that a round is over; its hint, where that reaches past the deadline.
    pub(super) fn record(&mut self, round: &PastRound) -> Option<Hint> {
        self.polled_at = round.now;
        let hint = round.hint.filter(|hint| !hint.wait.is_zero())?;
        self.not_before = round.now.saturating_add(hint.wait);
        (self.not_before > self.max_wait).then_some(hint)
    }

    /// The last address was reached between two polls: the API is asked once more before use.
    pub(super) fn plan_confirmation(&mut self, now: Duration) {
        let earliest = self.polled_at.saturating_add(self.backoff.min_delay());
        let at = earliest.max(self.not_before).max(now);
        self.planned = if at > self.max_wait {
            Decision::GiveUpAt(now)
        } else {
            Decision::PollAt(at, Why::Confirmation)
        };
    }

    /// Plans the next round, or giving up where none comes before the deadline.
    pub(super) fn plan(&mut self, round: &PastRound, outlook: Outlook) {
        let deadline = self.max_wait;
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
        if round.changed || (outlook.is_confirming && !self.is_confirming) {
            self.backoff.reset();
        }
        self.is_confirming = outlook.is_confirming;
        let why = if outlook.is_confirming {
            Why::Confirmation
        } else if round.changed {
            Why::StatusChanged
        } else {
            Why::Backoff
        };
        let at = round.now.saturating_add(self.backoff.next_delay());
        match outlook.limit {
            Some(limit) if limit < at => (limit.max(earliest), Why::Limit),
            _ => (at, why),
        }
    }

    /// When a poll that takes as long as the one before is still answered by the deadline, if that
    /// is yet to come.
    fn last_poll(&self, round: &PastRound) -> Option<Duration> {
        let allowance =
            round.took().saturating_mul(LAST_POLL_ALLOWANCE).min(LAST_POLL_ALLOWANCE_MAX);
        let earliest = round.now.saturating_add(self.backoff.min_delay());
        let last = self.max_wait.saturating_sub(allowance).max(earliest);
        (last <= self.max_wait).then_some(last)
    }
}
