//! The one decision: after each round of polls, whether the wait goes on, and when.
//!
//! Pure: time is an argument, counted from the start of the wait, and nothing is sent or printed
//! here. What one answer means for one instance is in [`watch`](crate::wait::watch).

use std::time::Duration;

use super::{
    backoff::Backoff,
    ending::Ending,
    event::{Observer, WaitEvent},
    pace::{Decision, Outlook, Pace, PastRound},
    probe::ProbeError,
    rules::Rules,
    stage::Stage,
    watch::Watch,
};
use crate::answer::{Answer, instance::InstanceId};

/// The state of a whole wait, fed with answers, asked for decisions.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Rules,
    pace: Pace,
    watches: Vec<Watch>,
    /// Since when enough instances are there.
    enough_since: Option<Duration>,
}

impl Policy {
    /// A wait for `ids`, in this order. The first poll is due at once.
    #[must_use]
    pub fn new(rules: Rules, backoff: Backoff, ids: impl IntoIterator<Item = InstanceId>) -> Self {
        Self {
            pace: Pace::new(backoff, rules.max_wait),
            rules,
            watches: ids.into_iter().map(Watch::new).collect(),
            enough_since: None,
        }
    }

    /// The rules of this wait.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Every instance, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The schedule of delays between polls.
    #[must_use]
    pub fn backoff(&self) -> &Backoff {
        self.pace.backoff()
    }

    /// The positions of the instances to poll now: those not there yet; once enough are there,
    /// those whose address was last seen too long ago to be used unseen.
    #[must_use]
    pub fn due(&self) -> Vec<usize> {
        let positions = |wanted: &dyn Fn(&Watch) -> bool| -> Vec<usize> {
            let watches = self.watches.iter().enumerate();
            watches.filter(|(_, watch)| wanted(watch)).map(|(position, _)| position).collect()
        };
        let mut due = if self.are_enough_there() {
            positions(&|watch| self.is_stale(watch))
        } else {
            positions(&Watch::is_waiting)
        };
        // A round that the server cuts short goes on, the next time, with those it did not get to.
        due.sort_by_key(|&position| self.watches[position].asked_at());
        due
    }

    /// Whether the address was last seen before the others got there: it needs one more look.
    fn is_stale(&self, watch: &Watch) -> bool {
        let seen_until = watch.observed_at().saturating_add(self.pace.backoff().min_delay());
        self.rules.condition.promises_address()
            && watch.is_met()
            && self.enough_since.is_some_and(|enough_since| seen_until < enough_since)
    }

    /// Takes in a round that was sent at `asked_at` and answered at `now`: one answer for each
    /// of `polled`, in that order.
    pub fn record_round(
        &mut self,
        polled: &[usize],
        answers: Vec<Answer>,
        asked_at: Duration,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        debug_assert_eq!(polled.len(), answers.len());
        let mut round = PastRound::new(asked_at, now);
        let mut troubles: Vec<(usize, usize)> = Vec::new();
        for (&position, answer) in polled.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            let watch = &mut self.watches[position];
            watch.count_poll(asked_at);
            let id = watch.id().clone();
            observer.observe(now, &WaitEvent::Polled { id: &id, answer: answer.as_ref() });
            match answer {
                Ok(instance) => {
                    round.changed |= watch.record_instance(instance, &self.rules, now, observer);
                }
                Err(error) => {
                    round.note_error(&error);
                    let news = watch.record_error(error, &self.rules, now, observer);
                    if news && !matches!(watch.stage(), Stage::Ended(_)) {
                        self.add_trouble(&mut troubles, position);
                    }
                }
            }
        }
        for (position, others) in troubles {
            let watch = &self.watches[position];
            if let Some(error) = watch.present_error() {
                observer.observe(now, &WaitEvent::Fault { id: watch.id(), others, error });
            }
        }
        self.settle(now, observer);
        self.plan(&round, observer);
    }

    /// Counts a trouble with an earlier one of the same kind, so that one 502 for a page of a
    /// hundred instances is told once.
    fn add_trouble(&self, troubles: &mut Vec<(usize, usize)>, position: usize) {
        let error = |position: usize| self.watches[position].present_error();
        let same = |first| {
            error(first).zip(error(position)).is_some_and(|(first, own)| first.is_same_kind(own))
        };
        match troubles.iter_mut().rev().find(|(first, _)| same(*first)) {
            Some((_, others)) => *others += 1,
            None => troubles.push((position, 0)),
        }
    }

    /// Takes in an attempt to reach the address of the instance at `position`.
    pub fn record_probe(
        &mut self,
        position: usize,
        ip: std::net::IpAddr,
        result: Result<(), ProbeError>,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        let were_enough_there = self.are_enough_there();
        let failed = result.is_err();
        self.watches[position].record_probe(ip, result, now, observer);
        if failed && self.rules.max_wait.is_zero() {
            self.watches[position].give_up(now, observer);
        }
        self.settle(now, observer);
        if self.are_enough_there() && !were_enough_there {
            self.pace.plan_confirmation(now);
        }
    }

    /// Whether no other has to get there: only addresses may still be in question.
    fn are_enough_there(&self) -> bool {
        let is_met = self.watches.iter().any(Watch::is_met);
        (self.rules.any && is_met) || !self.watches.iter().any(Watch::is_waiting)
    }

    /// Whether one failure is enough, and there is one.
    fn has_failed_fast(&self) -> bool {
        self.rules.fail_fast && self.watches.iter().any(Watch::has_failed)
    }

    /// Notes when enough are there, and ends the wait for the others where one decides for all.
    fn settle(&mut self, now: Duration, observer: &mut impl Observer) {
        let are_enough_there = self.are_enough_there();
        self.enough_since = self.enough_since.or(Some(now)).filter(|_| are_enough_there);
        let is_decided = are_enough_there && !self.watches.iter().any(|w| self.is_stale(w));
        if is_decided || self.has_failed_fast() {
            self.end_waiting(now, observer, |_| Ending::Abandoned);
        }
    }

    fn end_waiting(
        &mut self,
        now: Duration,
        observer: &mut impl Observer,
        ending: impl Fn(&Watch) -> Ending,
    ) {
        let is_decided = self.are_enough_there();
        for watch in self.watches.iter_mut().filter(|watch| watch.is_waiting()) {
            let ending = if is_decided { Ending::Abandoned } else { ending(watch) };
            watch.end(ending, now, observer);
        }
    }

    /// Whether every instance has an ending that may be acted on.
    fn is_settled(&self) -> bool {
        let is_open = |watch: &Watch| watch.is_waiting() || self.is_stale(watch);
        self.has_failed_fast() || !self.watches.iter().any(is_open)
    }

    /// Decides when the next round comes.
    fn plan(&mut self, round: &PastRound, observer: &mut impl Observer) {
        let now = round.now;
        if let Some(hint) = self.pace.record(round) {
            self.end_waiting(now, observer, |_| Ending::Throttled(Some(hint)));
            self.pace.planned = Decision::Finish;
            return;
        }
        if now >= self.rules.max_wait {
            return if self.rules.max_wait.is_zero() {
                self.give_up_unless_probing(now, observer);
            } else {
                self.give_up(now, observer);
            };
        }
        if self.is_settled() {
            self.pace.planned = Decision::Finish;
            return;
        }
        let is_confirming = self.are_enough_there();
        let waiting = self.watches.iter().filter(|watch| watch.is_waiting());
        let limits = waiting.filter_map(|watch| watch.next_limit(&self.rules, now));
        let limit = limits.min().filter(|_| !is_confirming);
        self.pace.plan(round, Outlook { limit, is_confirming });
        if let Decision::PollAt(at, why) = self.pace.planned {
            let (took, delay) = (round.took(), at.saturating_sub(now));
            observer.observe(now, &WaitEvent::NextPoll { took, delay, why });
        }
    }

    /// What comes next.
    #[must_use]
    pub fn decide(&self) -> Decision {
        if self.is_settled() { Decision::Finish } else { self.pace.planned }
    }

    /// A look at the instances is over; one at their addresses, which ends by itself, is not.
    fn give_up_unless_probing(&mut self, now: Duration, observer: &mut impl Observer) {
        let at_rest = |watch: &&mut Watch| !matches!(watch.stage(), Stage::Probing { .. });
        for watch in self.watches.iter_mut().filter(at_rest) {
            watch.give_up(now, observer);
        }
        self.pace.planned = Decision::GiveUpAt(Duration::MAX);
        self.settle(now, observer);
    }

    /// Ends the wait for every instance that is not there: the deadline has come.
    pub fn give_up(&mut self, now: Duration, observer: &mut impl Observer) {
        self.end_waiting(now, observer, Watch::ending_at_deadline);
        self.pace.planned = Decision::Finish;
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
