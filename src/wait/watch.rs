//! The state of the wait for one instance.

use std::{collections::BTreeSet, time::Duration};

use super::{
    condition::{Condition, Judgement},
    ending::Ending,
    event::{Observer, WaitEvent},
    probe::ProbeError,
    refusals::{Consequence, Poll, Refusals},
    rules::Rules,
    stage::{Stage, Tally},
    timeline::Timeline,
};
use crate::answer::{
    address::Address,
    instance::{Instance, InstanceId, Status},
    poll_error::PollError,
};

/// The most unclear statuses that are remembered: a server that returns a new one on each poll must
/// not fill the memory.
const MAX_UNCLEAR: usize = 64;

/// The state of the wait for one instance. Times are since the start of the wait.
#[derive(Debug, Clone)]
pub struct Watch {
    id: InstanceId,
    instance: Option<Instance>,
    observed_at: Duration,
    asked_at: Option<Duration>,
    timeline: Timeline,
    stage: Stage,
    tally: Tally,
    refusals: Refusals,
    throttled_since: Option<Duration>,
    present_error: Option<PollError>,
    last_error: Option<PollError>,
    unclear: BTreeSet<Status>,
    has_unusable_address: bool,
}

/// What an answer means for the whole round.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reaction {
    /// Whether it has news, which bring the next poll closer.
    pub(super) is_news: bool,
    /// Whether it is an error of another kind than the last answer.
    pub(super) is_new_error: bool,
}

impl Watch {
    pub(crate) fn new(id: InstanceId) -> Self {
        Self {
            id,
            instance: None,
            observed_at: Duration::ZERO,
            asked_at: None,
            timeline: Timeline::default(),
            stage: Stage::Waiting,
            tally: Tally::default(),
            refusals: Refusals::default(),
            throttled_since: None,
            present_error: None,
            last_error: None,
            unclear: BTreeSet::new(),
            has_unusable_address: false,
        }
    }

    /// The id of the instance.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// The instance as last observed.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// When the instance was last observed; zero if it never was.
    #[must_use]
    pub fn observed_at(&self) -> Duration {
        self.observed_at
    }

    /// When the last poll was sent.
    pub(crate) fn asked_at(&self) -> Option<Duration> {
        self.asked_at
    }

    /// The history of the instance.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The stage of the wait.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// How the wait ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        match &self.stage {
            Stage::Over { ending, .. } => Some(ending),
            Stage::Waiting | Stage::Probing { .. } => None,
        }
    }

    /// Returns whether the condition is met.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self.ending(), Some(Ending::Met(_)))
    }

    /// The address at which the condition is met: only this one may be used.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        match self.ending() {
            Some(Ending::Met(address)) => *address,
            _ => None,
        }
    }

    /// When the wait ended, once it has.
    #[must_use]
    pub fn over_at(&self) -> Option<Duration> {
        match self.stage {
            Stage::Over { at, .. } => Some(at),
            Stage::Waiting | Stage::Probing { .. } => None,
        }
    }

    /// The counts of its polls.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The most recent error.
    #[must_use]
    pub fn last_error(&self) -> Option<&PollError> {
        self.last_error.as_ref()
    }

    /// The error of the last poll, if that one failed.
    #[must_use]
    pub fn present_error(&self) -> Option<&PollError> {
        self.present_error.as_ref()
    }

    /// Returns whether the wait has not ended.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !matches!(self.stage, Stage::Over { .. })
    }

    /// Returns whether the wait ended without the condition, and not because of another instance.
    pub(crate) fn has_failed(&self) -> bool {
        self.ending().is_some_and(|e| !matches!(e, Ending::Met(_) | Ending::Abandoned))
    }

    /// Records an observation of the instance.
    pub(super) fn record_instance(
        &mut self,
        instance: Instance,
        poll: Poll<'_>,
        observer: &mut impl Observer,
    ) -> Reaction {
        let at = poll.at;
        self.refusals.record_instance();
        self.present_error = None;
        self.observed_at = at;
        let from = self.timeline.status().cloned().zip(self.timeline.status_since());
        let change = self.timeline.record(&instance, at);
        if change.status {
            let from = from.as_ref().map(|(status, since)| (status, at.saturating_sub(*since)));
            let event = WaitEvent::Transition { id: &self.id, from, now: &instance };
            observer.observe(at, &event);
            self.warn_if_unclear(&instance.status, at, observer);
        }
        self.warn_if_unusable(&instance, at, observer);
        self.judge(&instance, poll.rules, at, observer);
        self.instance = Some(instance);
        Reaction { is_news: change.is_news, is_new_error: false }
    }

    fn judge(
        &mut self,
        instance: &Instance,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        match rules.condition.judge(instance) {
            Judgement::Never => {
                return self.end(Ending::Failed(instance.status.clone()), at, observer);
            }
            Judgement::NotYet => self.go_back_to_waiting(at, observer),
            Judgement::Holds(address) => match (&self.stage, address) {
                (Stage::Over { ending: Ending::Met(met), .. }, address) if *met == address => {}
                (Stage::Probing { address: probed, .. }, Some(address)) if *probed == address => {}
                _ if self.timeline.steady_polls() < rules.stable.get() => {
                    self.go_back_to_waiting(at, observer);
                }
                (_, Some(address)) if rules.condition.needs_probe() => {
                    self.go_back_to_waiting(at, observer);
                    self.stage = Stage::Probing { address, successes: 0, last_error: None };
                }
                _ => self.meet(address, at, observer),
            },
        }
        if let Some((status, budget)) = self.exhausted_budget(rules, at) {
            self.end(Ending::OverBudget { status, budget }, at, observer);
        }
    }

    fn go_back_to_waiting(&mut self, at: Duration, observer: &mut impl Observer) {
        if self.is_met() {
            observer.observe(at, &WaitEvent::Reopened { id: &self.id });
        }
        self.stage = Stage::Waiting;
    }

    fn meet(&mut self, address: Option<Address>, at: Duration, observer: &mut impl Observer) {
        self.stage = Stage::Over { ending: Ending::Met(address), at };
        observer.observe(at, &WaitEvent::Met { id: &self.id, address });
    }

    /// Ends the wait without the condition.
    pub(super) fn end(&mut self, ending: Ending, at: Duration, observer: &mut impl Observer) {
        if let Some(since) = self.throttled_since.take() {
            self.tally.throttled_for += at.saturating_sub(since);
        }
        observer.observe(at, &WaitEvent::Ended { id: &self.id, ending: &ending });
        self.stage = Stage::Over { ending, at };
    }

    fn exhausted_budget(&self, rules: &Rules, at: Duration) -> Option<(Status, Duration)> {
        let status = self.timeline.status().filter(|_| self.is_waiting())?;
        let budget = rules.budget_for(status)?;
        (self.timeline.time_in(status, at) >= budget).then(|| (status.clone(), budget))
    }

    fn warn_if_unclear(&mut self, status: &Status, at: Duration, observer: &mut impl Observer) {
        let unclear = *status == Status::Unknown || !status.is_documented();
        if unclear && self.unclear.len() < MAX_UNCLEAR && self.unclear.insert(status.clone()) {
            observer.observe(at, &WaitEvent::UnclearStatus { id: &self.id, status });
        }
    }

    fn warn_if_unusable(
        &mut self,
        instance: &Instance,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        if let Some(text) = &instance.unusable_ip
            && !std::mem::replace(&mut self.has_unusable_address, true)
        {
            observer.observe(at, &WaitEvent::UnusableAddress { id: &self.id, text });
        }
    }

    /// Records an error.
    pub(super) fn record_error(
        &mut self,
        error: PollError,
        poll: Poll<'_>,
        observer: &mut impl Observer,
    ) -> Reaction {
        self.timeline.record_gap();
        let is_repeated =
            self.present_error.as_ref().is_some_and(|before| before.is_same_kind(&error));
        let is_new_error = !is_repeated || error.hint().is_some();
        let has_been_missing = self.refusals.has_been_missing();
        match self.refusals.record(&error, poll, self.instance.is_some()) {
            Consequence::Throttled => {
                self.tally.throttled += 1;
                self.throttled_since = Some(poll.at);
            }
            Consequence::Transient => self.tally.transient_errors += 1,
            Consequence::Missing => {}
            Consequence::Over(Ending::Met(address)) => self.meet(address, poll.at, observer),
            Consequence::Over(ending) => self.end(ending, poll.at, observer),
        }
        self.present_error = Some(error.clone());
        self.last_error = Some(error);
        let is_news = self.refusals.has_been_missing() && !has_been_missing;
        Reaction { is_news, is_new_error }
    }

    /// Counts a poll that was sent at `asked_at`.
    pub(super) fn count_poll(&mut self, asked_at: Duration) {
        self.tally.polls += 1;
        self.asked_at = Some(asked_at);
        if let Some(since) = self.throttled_since.take() {
            self.tally.throttled_for += asked_at.saturating_sub(since);
        }
    }

    /// Records an attempt at `address`; one at another address than the current one is ignored.
    pub(super) fn record_probe(
        &mut self,
        address: Address,
        result: Result<(), ProbeError>,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        let Stage::Probing { address: wanted, successes, last_error } = &mut self.stage else {
            return;
        };
        if *wanted != address {
            return;
        }
        match result {
            Ok(()) => {
                *successes += 1;
                if *successes >= rules.stable.get() {
                    self.meet(Some(address), at, observer);
                }
            }
            Err(error) => {
                *successes = 0;
                if last_error.as_ref() != Some(&error) {
                    let event = WaitEvent::NotReached { id: &self.id, address, error: &error };
                    observer.observe(at, &event);
                }
                *last_error = Some(error);
            }
        }
    }

    /// The ending if the deadline passes now.
    pub(super) fn ending_at_deadline(&self) -> Ending {
        match (&self.stage, &self.present_error) {
            // A hint past the deadline would have ended the wait before.
            (_, Some(PollError::Throttled { .. })) => Ending::Throttled(None),
            (Stage::Probing { last_error, .. }, _) => Ending::Unreachable(last_error.clone()),
            _ => Ending::TimedOut,
        }
    }

    /// When the next grace period or budget ends. One that has passed while the server failed is no
    /// reason to poll sooner.
    pub(super) fn next_limit(&self, rules: &Rules, now: Duration) -> Option<Duration> {
        if !self.is_waiting() {
            return None;
        }
        let is_missing = matches!(self.present_error, Some(PollError::NotFound(_)));
        let grace =
            (is_missing && rules.condition != Condition::Deleted).then_some(rules.not_found_grace);
        let budget = self.timeline.status().and_then(|status| {
            let budget = rules.budget_for(status)?;
            let left = budget.saturating_sub(self.timeline.time_in(status, now));
            Some(now.saturating_add(left))
        });
        let limits = [grace, budget, self.refusals.foreign_until()].into_iter().flatten();
        limits.filter(|limit| *limit > now).min()
    }

    /// When a 404 is due to be confirmed, if there is one.
    pub(super) fn second_look(
        &self,
        rules: &Rules,
        interval: Duration,
        now: Duration,
    ) -> Option<Duration> {
        let counts = rules.condition == Condition::Deleted || self.instance.is_some();
        let since = self.refusals.missing_since().filter(|_| counts && self.is_waiting())?;
        Some(since.saturating_add(interval)).filter(|second| *second > now)
    }
}
