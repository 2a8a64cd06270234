//! The decision after each round of polls: whether the wait goes on, and when to poll next.
//!
//! This is pure: time is an argument, counted from the start of the wait, and there is no I/O. What
//! one answer means for one instance is in [`watch`](super::watch).

use std::{collections::HashSet, time::Duration};

use super::{
    backoff::Backoff,
    ending::Ending,
    event::{Observer, WaitEvent},
    pace::{Decision, Outlook, Pace, PastRound},
    probe::ProbeError,
    refusals::Poll,
    rules::{Deadline, Rules},
    source::{Place, Round},
    stage::Stage,
    watch::Watch,
};
use crate::answer::{Answer, address::Address, instance::InstanceId, poll_error::PollError};

/// The state of a whole wait: it records answers and decides what comes next.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Rules,
    pace: Pace,
    watches: Vec<Watch>,
    /// Whether the API has accepted the key.
    is_key_accepted: bool,
    /// Since when enough instances meet the condition.
    enough_since: Option<Duration>,
}

impl Policy {
    /// Makes a wait for `ids`, in this order and without duplicates. The first poll is due
    /// immediately.
    #[must_use]
    pub fn new(rules: Rules, backoff: Backoff, ids: impl IntoIterator<Item = InstanceId>) -> Self {
        let mut known = HashSet::new();
        let ids = ids.into_iter().filter(|id| known.insert(id.clone()));
        Self {
            pace: Pace::new(backoff, rules.deadline),
            watches: ids.map(Watch::new).collect(),
            rules,
            is_key_accepted: false,
            enough_since: None,
        }
    }

    /// The rules of this wait.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The state of every instance, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// Makes a schedule for the attempts at one address.
    pub(super) fn fork_backoff(&mut self) -> Backoff {
        self.pace.fork_backoff()
    }

    /// When a pending round is cancelled; never if the wait looks once.
    pub(super) fn cut(&self) -> Option<Duration> {
        self.pace.cut()
    }

    /// Makes the round to send at `now`. It asks about the waiting instances or, once enough meet
    /// the condition, about those whose address was observed too long ago to be used.
    #[must_use]
    pub fn begin_round(&self, now: Duration) -> Round {
        let positions = |wanted: &dyn Fn(&Watch) -> bool| -> Vec<usize> {
            let watches = self.watches.iter().enumerate();
            watches.filter(|(_, watch)| wanted(watch)).map(|(position, _)| position).collect()
        };
        let mut due = if self.are_enough_met() {
            positions(&|watch| self.is_stale(watch))
        } else {
            positions(&Watch::is_waiting)
        };
        // If throttling cut the last round short, this one begins with the instances left out.
        due.sort_by_key(|&position| self.watches[position].asked_at());
        let instance = |position: usize| (position, self.watches[position].id().clone());
        Round::of(due.into_iter().map(instance), now)
    }

    /// Returns whether the address was observed too long before the others met the condition, and
    /// has to be confirmed.
    fn is_stale(&self, watch: &Watch) -> bool {
        let fresh_until = watch.observed_at().saturating_add(self.pace.backoff().min_delay());
        self.rules.condition.promises_address()
            && watch.is_met()
            && self.enough_since.is_some_and(|enough_since| fresh_until < enough_since)
    }

    /// Records a round that was answered, or cancelled, at `now`.
    pub fn record(&mut self, mut round: Round, now: Duration, observer: &mut impl Observer) {
        for notice in round.notices.drain(..) {
            observer.observe(now, &WaitEvent::Notice(&notice));
        }
        self.is_key_accepted &= !round.has_new_key;
        let polled = round.places.len();
        let accepts_key = |answer: &Answer| matches!(answer, Ok(_) | Err(PollError::NotFound(_)));
        let is_key_accepted =
            round.places.iter().filter_map(|place| place.answer.as_ref()).any(accepts_key);
        let mut past = PastRound::new(round.asked_at, now);
        let news = self.record_answers(round, &mut past, observer);
        self.is_key_accepted |= is_key_accepted;
        self.settle(now, observer);
        let waiting = self.watches.iter().filter(|watch| watch.is_waiting()).count();
        observer.observe(now, &WaitEvent::RoundOver { polled, waiting });
        self.plan(&past, &news, observer);
    }

    /// Records each answer; returns the positions of the instances with news.
    fn record_answers(
        &mut self,
        round: Round,
        past: &mut PastRound,
        observer: &mut impl Observer,
    ) -> Vec<usize> {
        let (asked_at, at) = (round.asked_at, past.now);
        let second_look = self.pace.second_look();
        let mut news = Vec::new();
        let mut faults: Vec<(usize, usize)> = Vec::new();
        for Place { position, id, answer } in round.places {
            let Some(answer) = answer else { continue };
            let (rules, is_key_accepted) = (&self.rules, self.is_key_accepted);
            let poll = Poll { rules, asked_at, at, second_look, is_key_accepted };
            let watch = &mut self.watches[position];
            watch.count_poll(asked_at);
            observer.observe(at, &WaitEvent::Polled { id: &id, answer: answer.as_ref() });
            let reaction = match answer {
                Ok(instance) => watch.record_instance(instance, poll, observer),
                Err(error) => {
                    past.record_error(&error);
                    watch.record_error(error, poll, observer)
                }
            };
            if reaction.is_news {
                news.push(position);
            }
            if reaction.is_new_error && (watch.is_waiting() || watch.is_met()) {
                self.add_fault(&mut faults, position);
            }
        }
        let polls_again = !self.polls_no_more();
        for (position, others) in faults {
            let watch = &self.watches[position];
            if let Some(error) = watch.present_error() {
                let event = WaitEvent::Fault { id: watch.id(), others, error, polls_again };
                observer.observe(at, &event);
            }
        }
        news
    }

    /// Adds an error to those of the round, each the position of its first instance and the number of
    /// others: one 502 for a page of a hundred instances is one event.
    fn add_fault(&self, faults: &mut Vec<(usize, usize)>, position: usize) {
        let error = |position: usize| self.watches[position].present_error();
        let same = |first| {
            error(first).zip(error(position)).is_some_and(|(first, own)| first.is_same_kind(own))
        };
        match faults.iter_mut().rev().find(|(first, _)| same(*first)) {
            Some((_, others)) => *others += 1,
            None => faults.push((position, 0)),
        }
    }

    /// Records an attempt at the address of the instance at `position`.
    pub fn record_probe(
        &mut self,
        position: usize,
        address: Address,
        result: Result<(), ProbeError>,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        let were_enough_met = self.are_enough_met();
        let is_last = self.polls_no_more() && !matches!(self.pace.planned, Decision::PollAt(..));
        let watch = &mut self.watches[position];
        watch.record_probe(address, result, &self.rules, now, observer);
        if is_last && watch.is_waiting() {
            watch.end(watch.ending_at_deadline(), now, observer);
        }
        self.settle(now, observer);
        if self.are_enough_met() && !were_enough_met {
            self.pace.plan_confirmation(now);
        }
    }

    /// Returns whether no other instance has to meet the condition; addresses may still have to be
    /// confirmed.
    fn are_enough_met(&self) -> bool {
        let is_met = self.watches.iter().any(Watch::is_met);
        (self.rules.any && is_met) || !self.watches.iter().any(Watch::is_waiting)
    }

    /// Returns whether an instance has failed, and one failure ends the wait.
    fn has_failed_fast(&self) -> bool {
        self.rules.fail_fast && self.watches.iter().any(Watch::has_failed)
    }

    /// Updates since when enough instances meet the condition, and abandons the others once the wait
    /// is decided.
    fn settle(&mut self, now: Duration, observer: &mut impl Observer) {
        let are_enough_met = self.are_enough_met();
        self.enough_since = self.enough_since.or(Some(now)).filter(|_| are_enough_met);
        let is_decided = are_enough_met && !self.watches.iter().any(|w| self.is_stale(w));
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
        let is_decided = self.are_enough_met();
        for watch in self.watches.iter_mut().filter(|watch| watch.is_waiting()) {
            let ending = if is_decided { Ending::Abandoned } else { ending(watch) };
            watch.end(ending, now, observer);
        }
    }

    /// Returns whether the wait is over: no instance is waiting or has to be confirmed.
    fn is_settled(&self) -> bool {
        let is_open = |watch: &Watch| watch.is_waiting() || self.is_stale(watch);
        self.has_failed_fast() || !self.watches.iter().any(is_open)
    }

    /// Plans the next round.
    fn plan(&mut self, round: &PastRound, news: &[usize], observer: &mut impl Observer) {
        let now = round.now;
        if let Some(hint) = self.pace.record(round) {
            self.end_waiting(now, observer, |_| Ending::Throttled(Some(hint)));
            self.pace.planned = Decision::Finish;
        } else if self.is_settled() {
            self.pace.planned = Decision::Finish;
        } else if self.pace.is_over(now) {
            self.give_up(now, observer);
        } else {
            self.pace.plan(round, self.outlook(news, now));
            if let Decision::PollAt(at, why) = self.pace.planned {
                let (took, delay) = (round.took(), at.saturating_sub(now));
                observer.observe(now, &WaitEvent::NextPoll { took, delay, why });
            }
        }
    }

    fn outlook(&self, news: &[usize], now: Duration) -> Outlook {
        let is_confirming = self.are_enough_met();
        let waiting = || self.watches.iter().filter(|watch| watch.is_waiting());
        let interval = self.pace.second_look();
        let second_look = |watch: &Watch| watch.second_look(&self.rules, interval, now);
        let limits = waiting().filter_map(|watch| watch.next_limit(&self.rules, now));
        Outlook {
            news: self.share_of_news(news),
            limit: limits.min().filter(|_| !is_confirming),
            second_look: waiting().filter_map(second_look).min().filter(|_| !is_confirming),
            only_second_looks: waiting().all(|watch| second_look(watch).is_some()),
            is_confirming,
        }
    }

    /// The share of the waiting instances that have news; all of them if one instance is enough.
    #[expect(clippy::cast_precision_loss, reason = "no fleet has 2^52 instances")]
    fn share_of_news(&self, news: &[usize]) -> f64 {
        let waiting = self.watches.iter().filter(|watch| watch.is_waiting()).count();
        let concerned = news.iter().filter(|&&position| self.watches[position].is_waiting());
        match concerned.count() {
            0 => 0.0,
            _ if self.rules.any => 1.0,
            concerned => concerned as f64 / waiting as f64,
        }
    }

    /// What comes next.
    #[must_use]
    pub fn decide(&self) -> Decision {
        if self.is_settled() { Decision::Finish } else { self.pace.planned }
    }

    /// Ends the wait for every waiting instance, at the deadline. If the process was stopped past
    /// the deadline, plans one more poll first.
    pub fn give_up(&mut self, now: Duration, observer: &mut impl Observer) {
        if self.pace.plan_late_poll(now, self.rules.late_poll) {
            return;
        }
        // After the only poll, pending probes go on: each has its own timeout.
        let was_poll = matches!(self.pace.planned, Decision::PollAt(..));
        if self.polls_no_more() && was_poll {
            for watch in &mut self.watches {
                if matches!(watch.stage(), Stage::Waiting) {
                    watch.end(watch.ending_at_deadline(), now, observer);
                }
            }
            self.pace.planned = Decision::AwaitProbes(now.saturating_add(self.rules.late_poll));
            self.settle(now, observer);
            return;
        }
        self.end_waiting(now, observer, Watch::ending_at_deadline);
        self.pace.planned = Decision::Finish;
    }

    /// Returns whether no poll follows the current one.
    fn polls_no_more(&self) -> bool {
        self.rules.deadline == Deadline::LookOnce || self.pace.is_late()
    }

    /// Reports the endings that could be revoked until now.
    pub(super) fn conclude(&self, now: Duration, observer: &mut impl Observer) {
        for watch in self.watches.iter().filter(|watch| watch.is_met()) {
            if let Some(ending) = watch.ending() {
                observer.observe(now, &WaitEvent::Ended { id: watch.id(), ending });
            }
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
