//! When the next round is due: the backoff, the server's hints, and the deadline.

use std::time::Duration;

use super::{backoff::Backoff, event::Why, rules::Deadline};
use crate::answer::{hint::Hint, poll_error::PollError};

/// How long before the deadline the last poll is sent: this many times the duration of a poll, …
const LAST_POLL_ALLOWANCE: u32 = 2;
/// … and at most this long.
const LAST_POLL_ALLOWANCE_MAX: Duration = Duration::from_secs(1);
/// Clients that wait for the same hint poll again spread over this fraction of it, …
const HINT_SPREAD: u32 = 4;
/// … and over at most this long.
const HINT_SPREAD_MAX: Duration = Duration::from_secs(15);
/// The delay before a 404 is confirmed, unless the shortest delay is longer.
const SECOND_LOOK: Duration = Duration::from_secs(3);
/// A process that misses the deadline by more than this was stopped.
const OVERSLEPT: Duration = Duration::from_millis(500);

/// What a wait does next. Times are since the start of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// End: every instance has an ending.
    Finish,
    /// Poll at this time.
    PollAt(Duration, Why),
    /// Poll no more, and wait for the pending probes until this time.
    AwaitProbes(Duration),
    /// Poll no more, and give up at this time.
    GiveUpAt(Duration),
}

/// What the next round depends on of the last one.
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

    /// Records whether an error asks for a pause; of several hints, the longest counts.
    pub(super) fn record_error(&mut self, error: &PollError) {
        self.hint = self.hint.into_iter().chain(error.hint()).max_by_key(|hint| hint.wait);
        self.is_asked_to_pause |= error.asks_for_a_pause();
    }

    pub(super) fn took(&self) -> Duration {
        self.now.saturating_sub(self.asked_at)
    }

    /// How long before the deadline a poll must be sent to be answered in time.
    fn allowance(&self) -> Duration {
        self.took().saturating_mul(LAST_POLL_ALLOWANCE).min(LAST_POLL_ALLOWANCE_MAX)
    }
}

/// What the next round depends on of the instances. Times are since the start of the wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook {
    /// The share of the waiting instances that have news, from 0 to 1.
    pub(super) news: f64,
    /// When the next grace period or budget ends.
    pub(super) limit: Option<Duration>,
    /// When a 404 is due to be confirmed.
    pub(super) second_look: Option<Duration>,
    /// Whether every waiting instance has a 404 to be confirmed.
    pub(super) only_second_looks: bool,
    /// Whether only addresses are still to be confirmed.
    pub(super) is_confirming: bool,
}

/// The schedule of the rounds, and the last decision.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    backoff: Backoff,
    deadline: Deadline,
    pub(super) planned: Decision,
    polled_at: Duration,
    not_before: Duration,
    /// Whether the schedule has started again for the confirmation of addresses.
    is_confirming: bool,
    /// The deadline of the poll after a missed deadline.
    late_until: Option<Duration>,
}

impl Pace {
    /// Makes a schedule whose first round is due immediately.
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

    /// The deadline; zero for a wait that looks once, which is past it after that look.
    fn end(&self) -> Duration {
        self.deadline.duration().unwrap_or_default()
    }

    /// When a pending round is cancelled.
    pub(super) fn cut(&self) -> Option<Duration> {
        self.late_until.or(self.deadline.duration())
    }

    /// Returns whether `now` is at or past the deadline.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.end()
    }

    /// Plans one more poll at `now`, for at most `most`, if the process was stopped past the
    /// deadline; returns whether it was.
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

    /// Records a round; returns its hint if that ends past the deadline.
    pub(super) fn record(&mut self, round: &PastRound) -> Option<Hint> {
        self.polled_at = round.now;
        let hint = round.hint.filter(|hint| !hint.wait.is_zero())?;
        let ends = round.now.saturating_add(hint.wait);
        let room = self.end().saturating_sub(round.allowance()).saturating_sub(ends);
        let spread = self.backoff.spread((hint.wait / HINT_SPREAD).min(HINT_SPREAD_MAX));
        self.not_before = ends.saturating_add(spread.min(room));
        (ends > self.end()).then_some(hint)
    }

    /// Plans a poll to confirm the addresses, after the last probe has succeeded between two polls.
    pub(super) fn plan_confirmation(&mut self, now: Duration) {
        let earliest = self.polled_at.saturating_add(self.backoff.min_delay());
        let at = earliest.max(self.not_before).max(now);
        self.planned = if at > self.end() {
            Decision::GiveUpAt(now)
        } else {
            Decision::PollAt(at, Why::Confirmation)
        };
    }

    /// Plans the next round, or giving up if none is due before the deadline.
    pub(super) fn plan(&mut self, round: &PastRound, outlook: Outlook) {
        let deadline = self.end();
        let (mut at, mut why) = self.wish(round, outlook);
        if let Some(hint) = round.hint.filter(|_| self.not_before > at) {
            (at, why) = (self.not_before, Why::Hint(hint));
        }
        let was_the_last = matches!(self.planned, Decision::PollAt(_, Why::Deadline));
        // A pause that the server asks for is not cut short by the deadline.
        let may_advance = !round.is_asked_to_pause && !was_the_last;
        let last = self.last_poll(round).filter(|last| may_advance && *last < at);
        self.planned = match last {
            Some(last) => Decision::PollAt(last, Why::Deadline),
            None if at <= deadline => Decision::PollAt(at, why),
            None if outlook.is_confirming => Decision::GiveUpAt(round.now),
            None => Decision::GiveUpAt(deadline),
        };
    }

    /// When the next round would be due without hints and the deadline.
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

    /// When to send the last poll that can be answered before the deadline, if there is time for it.
    fn last_poll(&self, round: &PastRound) -> Option<Duration> {
        let earliest = round.now.saturating_add(self.backoff.min_delay());
        let last = self.end().saturating_sub(round.allowance()).max(earliest);
        (last <= self.end()).then_some(last)
    }
}
