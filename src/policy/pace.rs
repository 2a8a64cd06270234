//! When the next round comes: the backoff, what the server asks for, and the deadline.

use std::time::Duration;

use super::{Decision, Policy};
use crate::{
    ending::Ending,
    event::{Observer, WaitEvent, Why},
    poll_error::PollError,
    retry_after::Hint,
};

/// The last poll is sent this many times its usual duration before the deadline …
const LAST_POLL_ALLOWANCE: u32 = 2;
/// … and never earlier than this.
const LAST_POLL_ALLOWANCE_MAX: Duration = Duration::from_secs(1);

/// A round that is over, as far as the next one depends on it.
pub(super) struct PastRound {
    asked_at: Duration,
    now: Duration,
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

    fn took(&self) -> Duration {
        self.now.saturating_sub(self.asked_at)
    }
}

impl Policy {
    /// The last address was reached between two polls: the API is asked once more before use.
    pub(super) fn plan_confirmation(&mut self, now: Duration) {
        let earliest = self.polled_at.saturating_add(self.backoff.min_delay());
        let at = earliest.max(self.not_before).max(now);
        self.planned = if at > self.rules.max_wait {
            Decision::GiveUpAt(now)
        } else {
            Decision::PollAt(at, Why::Confirmation)
        };
    }

    /// Decides when the next round comes.
    pub(super) fn plan(&mut self, round: &PastRound, observer: &mut impl Observer) {
        let now = round.now;
        if let Some(hint) = round.hint.filter(|hint| !hint.wait.is_zero()) {
            self.not_before = now.saturating_add(hint.wait);
            if self.not_before > self.rules.max_wait {
                self.end_waiting(now, observer, |_| Ending::Throttled(Some(hint)));
                self.planned = Decision::Finish;
                return;
            }
        }
        if now >= self.rules.max_wait {
            return if self.rules.max_wait.is_zero() {
                self.give_up_unless_probing(now, observer);
            } else {
                self.give_up(now, observer);
            };
        }
        if self.is_settled() {
            self.planned = Decision::Finish;
            return;
        }
        self.planned = self.next(round);
        if let Decision::PollAt(at, why) = self.planned {
            let (took, delay) = (round.took(), at.saturating_sub(now));
            observer.observe(now, &WaitEvent::NextPoll { took, delay, why });
        }
    }

    /// The next round, or giving up where none comes before the deadline.
    fn next(&mut self, round: &PastRound) -> Decision {
        let deadline = self.rules.max_wait;
        let (mut at, mut why) = self.wish(round.changed, round.now);
        if let Some(hint) = round.hint.filter(|_| self.not_before > at) {
            (at, why) = (self.not_before, Why::Hint(hint));
        }
        let was_the_last = matches!(self.planned, Decision::PollAt(_, Why::Deadline));
        // A server that asks for a pause is not hurried by a deadline of ours.
        let may_hurry = !round.is_asked_to_pause && !was_the_last;
        let last = self.last_poll(round).filter(|last| may_hurry && *last < at);
        match last {
            Some(last) => Decision::PollAt(last, Why::Deadline),
            None if at <= deadline => Decision::PollAt(at, why),
            None if self.are_enough_there() => Decision::GiveUpAt(round.now),
            None => Decision::GiveUpAt(deadline),
        }
    }

    /// When the next round should come if neither a hint nor the deadline stood in its way.
    fn wish(&mut self, changed: bool, now: Duration) -> (Duration, Why) {
        let earliest = now.saturating_add(self.backoff.min_delay());
        let waiting = || self.watches.iter().filter(|watch| watch.is_waiting());
        let are_enough_there = self.are_enough_there();
        let limits = waiting().filter_map(|watch| watch.next_limit(&self.rules, now));
        let limit = limits.min().filter(|_| !are_enough_there);
        if changed || (are_enough_there && !self.is_confirming) {
            self.backoff.reset();
        }
        self.is_confirming = are_enough_there;
        let why = if are_enough_there {
            Why::Confirmation
        } else if changed {
            Why::StatusChanged
        } else {
            Why::Backoff
        };
        let at = now.saturating_add(self.backoff.next_delay());
        match limit {
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
        let last = self.rules.max_wait.saturating_sub(allowance).max(earliest);
        (last <= self.rules.max_wait).then_some(last)
    }
}
