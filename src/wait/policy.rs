//! The one decision: after each round of polls, whether the wait goes on, and when.
//!
//! Pure: time is an argument, counted from the start of the wait, and nothing is sent or printed
//! here. What one answer means for one instance is in [`watch`](super::watch).

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

/// The state of a whole wait, fed with answers, asked for decisions.
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
    /// A wait for `ids`, each once, in this order. The first poll is due at once.
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

    /// Every instance, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// A schedule for the attempts at one address.
    pub(super) fn fork_backoff(&mut self) -> Backoff {
        self.pace.fork_backoff()
    }

    /// When a round under way is cut; never, where the wait looks once.
    pub(super) fn cut(&self) -> Option<Duration> {
        self.pace.cut()
    }

    /// The round to send at `now`: it asks about the instances still waited for; once enough meet
    /// the condition, about those whose address was last seen too long ago to be used unseen.
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
        // A round that the server cuts short goes on, the next time, with those it did not get to.
        due.sort_by_key(|&position| self.watches[position].asked_at());
        let instance = |position: usize| (position, self.watches[position].id().clone());
        Round::of(due.into_iter().map(instance), now)
    }

    /// Returns whether the address was last seen before the others met the condition: it needs one
    /// more look.
    fn is_stale(&self, watch: &Watch) -> bool {
        let seen_until = watch.observed_at().saturating_add(self.pace.backoff().min_delay());
        self.rules.condition.promises_address()
            && watch.is_met()
            && self.enough_since.is_some_and(|enough_since| seen_until < enough_since)
    }

    /// Takes in a round whose answers had come by `now`, or that was cut then.
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

    /// Judges each answer; the positions of the instances that brought news.
    fn record_answers(
        &mut self,
        round: Round,
        past: &mut PastRound,
        observer: &mut impl Observer,
    ) -> Vec<usize> {
        let (asked_at, at) = (round.asked_at, past.now);
        let second_look = self.pace.second_look();
        let mut news = Vec::new();
        let mut troubles: Vec<(usize, usize)> = Vec::new();
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
                    past.note_error(&error);
                    watch.record_error(error, poll, observer)
                }
            };
            if reaction.is_news {
                news.push(position);
            }
            if reaction.is_new_error && (watch.is_waiting() || watch.is_met()) {
                self.add_trouble(&mut troubles, position);
            }
        }
        for (position, others) in troubles {
            let watch = &self.watches[position];
            if let Some(error) = watch.present_error() {
                observer.observe(at, &WaitEvent::Fault { id: watch.id(), others, error });
            }
        }
        news
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
        address: Address,
        result: Result<(), ProbeError>,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        let were_enough_met = self.are_enough_met();
        let watch = &mut self.watches[position];
        watch.record_probe(address, result, &self.rules, now, observer);
        if self.has_looked_its_last() && self.watches[position].is_waiting() {
            let watch = &mut self.watches[position];
            watch.end(watch.ending_at_deadline(), now, observer);
        }
        self.settle(now, observer);
        if self.are_enough_met() && !were_enough_met {
            self.pace.plan_confirmation(now);
        }
    }

    /// Returns whether no other has to meet the condition: only addresses may still be in question.
    fn are_enough_met(&self) -> bool {
        let is_met = self.watches.iter().any(Watch::is_met);
        (self.rules.any && is_met) || !self.watches.iter().any(Watch::is_waiting)
    }

    /// Returns whether one failure is enough, and there is one.
    fn has_failed_fast(&self) -> bool {
        self.rules.fail_fast && self.watches.iter().any(Watch::has_failed)
    }

    /// Notes when enough meet the condition, and ends the wait for the others where one decides
    /// for all.
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

    /// Returns whether every instance has an ending that may be acted on.
    fn is_settled(&self) -> bool {
        let is_open = |watch: &Watch| watch.is_waiting() || self.is_stale(watch);
        self.has_failed_fast() || !self.watches.iter().any(is_open)
    }

    /// Decides when the next round comes.
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

    /// The share of those still waiting that have brought news; all of it where one instance may
    /// decide the wait.
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

    /// The deadline has come: ends the wait for every instance that does not meet the condition.
    /// A process that was stopped past the deadline looks once more before.
    pub fn give_up(&mut self, now: Duration, observer: &mut impl Observer) {
        if self.pace.plan_late_poll(now, self.rules.late_poll) {
            return;
        }
        // A look at the instances is over; one at their addresses, which ends by itself, is not.
        let was_a_look = matches!(self.pace.planned, Decision::PollAt(..));
        if self.looks_once() && was_a_look {
            let at_rest = |watch: &&mut Watch| !matches!(watch.stage(), Stage::Probing { .. });
            for watch in self.watches.iter_mut().filter(|watch| watch.is_waiting()).filter(at_rest)
            {
                watch.end(watch.ending_at_deadline(), now, observer);
            }
            self.pace.planned = Decision::AwaitProbes(now.saturating_add(self.rules.late_poll));
            self.settle(now, observer);
            return;
        }
        self.end_waiting(now, observer, Watch::ending_at_deadline);
        self.pace.planned = Decision::Finish;
    }

    /// Returns whether no poll comes after the present one: the wait looks once, or looks late.
    fn looks_once(&self) -> bool {
        self.rules.deadline == Deadline::LookOnce || self.pace.is_late()
    }

    /// Returns whether the one look is over, and only attempts at addresses are still under way.
    fn has_looked_its_last(&self) -> bool {
        self.looks_once() && !matches!(self.pace.planned, Decision::PollAt(..))
    }

    /// The wait is over: tells the endings that could have been taken back until now.
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
