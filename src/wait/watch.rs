//! One instance: what has been seen of it, and the verdict so far.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use super::{
    condition::{Condition, Readiness},
    ending::Ending,
    event::{Observer, WaitEvent},
    probe::ProbeError,
    rules::Rules,
    timeline::Timeline,
};
use crate::answer::{
    instance::{Instance, InstanceId, Status},
    poll_error::{PollError, ServerError},
};

pub use super::stage::{Stage, Tally};

/// How many unclear statuses are remembered: a server that invents one a poll cannot fill memory.
const UNCLEAR_REMEMBERED: usize = 64;

/// After this many 404s in a row, an instance that was there is gone.
const MISSING_MEANS_DELETED: u32 = 2;

/// One instance: what has been seen of it, and the verdict so far.
#[derive(Debug, Clone)]
pub struct Watch {
    id: InstanceId,
    instance: Option<Instance>,
    observed_at: Duration,
    asked_at: Option<Duration>,
    timeline: Timeline,
    stage: Stage,
    over_at: Option<Duration>,
    tally: Tally,
    missing_in_a_row: u32,
    throttled_since: Option<Duration>,
    present_error: Option<PollError>,
    last_error: Option<PollError>,
    unclear: BTreeSet<Status>,
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
            over_at: None,
            tally: Tally::default(),
            missing_in_a_row: 0,
            throttled_since: None,
            present_error: None,
            last_error: None,
            unclear: BTreeSet::new(),
        }
    }

    /// The instance that is watched.
    #[must_use]
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// The last that the API said of it.
    #[must_use]
    pub fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// When the API last said something of it.
    #[must_use]
    pub fn observed_at(&self) -> Duration {
        self.observed_at
    }

    /// When it was last asked for.
    pub(crate) fn asked_at(&self) -> Option<Duration> {
        self.asked_at
    }

    /// Its history.
    #[must_use]
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Where the wait for it stands.
    #[must_use]
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// How the wait for it ended, once it has.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match &self.stage {
            Stage::Ended(ending) => Some(ending.clone()),
            Stage::Met(ip) => Some(Ending::Met(*ip)),
            Stage::Waiting | Stage::Probing { .. } => None,
        }
    }

    /// Whether the condition holds for it.
    #[must_use]
    pub fn is_met(&self) -> bool {
        matches!(self.stage, Stage::Met(_))
    }

    /// The address at which the condition holds: only this one may be used.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.stage {
            Stage::Met(ip) => ip,
            Stage::Waiting | Stage::Probing { .. } | Stage::Ended(_) => None,
        }
    }

    /// When the condition was met or the wait for it ended otherwise.
    #[must_use]
    pub fn over_at(&self) -> Option<Duration> {
        self.over_at
    }

    /// What its polls came to.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// The last thing that went wrong, if anything did.
    #[must_use]
    pub fn last_error(&self) -> Option<&PollError> {
        self.last_error.as_ref()
    }

    /// The error of the last poll, if that one failed.
    #[must_use]
    pub fn present_error(&self) -> Option<&PollError> {
        self.present_error.as_ref()
    }

    /// Whether it is still on its way.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Probing { .. })
    }

    /// Whether it cannot get there any more, by its own doing.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(&self.stage, Stage::Ended(ending) if *ending != Ending::Abandoned)
    }

    /// Takes in what the API said of the instance; whether its status has changed.
    pub(crate) fn record_instance(
        &mut self,
        instance: Instance,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) -> bool {
        self.missing_in_a_row = 0;
        self.present_error = None;
        self.observed_at = at;
        let from = self.timeline.status().cloned().zip(self.timeline.status_since());
        let changed = self.timeline.record(&instance, at);
        if changed {
            let from = from.as_ref().map(|(status, since)| (status, at.saturating_sub(*since)));
            let event = WaitEvent::Transition { id: &self.id, from, now: &instance };
            observer.observe(at, &event);
            self.warn_if_unclear(&instance.status, at, observer);
        }
        self.judge(&instance, rules, at, observer);
        self.instance = Some(instance);
        changed
    }

    fn judge(
        &mut self,
        instance: &Instance,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        match rules.condition.judge(instance) {
            Readiness::Failed => {
                return self.end(Ending::Failed(instance.status.clone()), at, observer);
            }
            Readiness::Pending => self.go_back_to_waiting(),
            Readiness::Ready(ip) => match (&self.stage, ip) {
                (Stage::Met(met), ip) if *met == ip => {}
                (Stage::Probing { ip: probed, .. }, Some(ip)) if *probed == ip => {}
                _ if self.timeline.steady_polls() < rules.stable.get() => self.go_back_to_waiting(),
                (_, Some(ip)) if rules.condition.needs_probe() => {
                    self.go_back_to_waiting();
                    self.stage = Stage::Probing { ip, last_error: None };
                }
                _ => self.meet(ip, at, observer),
            },
        }
        if let Some((status, budget)) = self.exhausted_budget(rules, at) {
            self.end(Ending::OverBudget { status, budget }, at, observer);
        }
    }

    fn go_back_to_waiting(&mut self) {
        self.stage = Stage::Waiting;
        self.over_at = None;
    }

    fn meet(&mut self, ip: Option<IpAddr>, at: Duration, observer: &mut impl Observer) {
        self.stage = Stage::Met(ip);
        self.over_at = Some(at);
        observer.observe(at, &WaitEvent::Ended { id: &self.id, ending: &Ending::Met(ip) });
    }

    /// Ends the wait for this instance.
    pub(crate) fn end(&mut self, ending: Ending, at: Duration, observer: &mut impl Observer) {
        if let Some(since) = self.throttled_since.take() {
            self.tally.throttled_for += at.saturating_sub(since);
        }
        observer.observe(at, &WaitEvent::Ended { id: &self.id, ending: &ending });
        self.over_at = Some(at);
        self.stage = Stage::Ended(ending);
    }

    /// Ends the wait at the deadline, if it still goes on.
    pub(crate) fn give_up(&mut self, at: Duration, observer: &mut impl Observer) {
        if self.is_waiting() {
            self.end(self.ending_at_deadline(), at, observer);
        }
    }

    fn exhausted_budget(&self, rules: &Rules, at: Duration) -> Option<(Status, Duration)> {
        let present = self.timeline.status().filter(|_| self.is_waiting())?;
        let budget = rules.budget_for(present)?;
        (self.timeline.time_in(present, at) >= budget).then(|| (present.clone(), budget))
    }

    fn warn_if_unclear(&mut self, status: &Status, at: Duration, observer: &mut impl Observer) {
        let unclear = *status == Status::Unknown || !status.is_documented();
        if unclear && self.unclear.len() < UNCLEAR_REMEMBERED && self.unclear.insert(status.clone())
        {
            observer.observe(at, &WaitEvent::UnclearStatus { id: &self.id, status });
        }
    }

    /// Takes in a poll that failed; whether that is news.
    pub(crate) fn record_error(
        &mut self,
        error: PollError,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) -> bool {
        self.timeline.record_gap();
        let is_repeated =
            self.present_error.as_ref().is_some_and(|before| before.is_same_kind(&error));
        let news = !is_repeated || error.hint().is_some();
        self.missing_in_a_row = match &error {
            PollError::NotFound(_) => self.missing_in_a_row.saturating_add(1),
            _ => 0,
        };
        match &error {
            PollError::Transient { .. } => self.tally.transient_errors += 1,
            PollError::Throttled { .. } => {
                self.tally.throttled += 1;
                self.throttled_since = Some(at);
            }
            PollError::NotFound(answer) => self.record_missing(answer, rules, at, observer),
            PollError::Unauthorized(answer) => {
                self.end(Ending::Unauthorized(answer.clone()), at, observer);
            }
            PollError::Refused(refusal) => self.end(Ending::Refused(refusal.clone()), at, observer),
        }
        self.present_error = Some(error.clone());
        self.last_error = Some(error);
        news
    }

    fn record_missing(
        &mut self,
        answer: &ServerError,
        rules: &Rules,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        let confirmed = self.missing_in_a_row >= MISSING_MEANS_DELETED;
        if rules.condition == Condition::Deleted {
            if confirmed {
                self.meet(None, at, observer);
            }
        } else if self.instance.is_some() {
            if confirmed {
                self.end(Ending::Deleted(answer.clone()), at, observer);
            }
        } else if at >= rules.not_found_grace {
            self.end(Ending::NotFound(answer.clone()), at, observer);
        }
    }

    /// Counts one poll, which was sent at `asked_at`.
    pub(crate) fn count_poll(&mut self, asked_at: Duration) {
        self.tally.polls += 1;
        self.asked_at = Some(asked_at);
        if let Some(since) = self.throttled_since.take() {
            self.tally.throttled_for += asked_at.saturating_sub(since);
        }
    }

    /// Takes in an attempt to reach `ip`; one that outlived its address counts for nothing.
    pub(crate) fn record_probe(
        &mut self,
        ip: IpAddr,
        result: Result<(), ProbeError>,
        at: Duration,
        observer: &mut impl Observer,
    ) {
        let Stage::Probing { ip: wanted, last_error } = &mut self.stage else { return };
        if *wanted != ip {
            return;
        }
        match result {
            Ok(()) => self.meet(Some(ip), at, observer),
            Err(error) => {
                if last_error.as_ref() != Some(&error) {
                    observer
                        .observe(at, &WaitEvent::NotReached { id: &self.id, ip, error: &error });
                }
                *last_error = Some(error);
            }
        }
    }

    /// The ending that fits when the deadline has come.
    pub(crate) fn ending_at_deadline(&self) -> Ending {
        match (&self.stage, &self.present_error) {
            // A hint that reached beyond the deadline would have ended the wait before.
            (_, Some(PollError::Throttled { .. })) => Ending::Throttled(None),
            (Stage::Probing { last_error, .. }, _) => Ending::Unreachable(last_error.clone()),
            _ => Ending::TimedOut,
        }
    }

    /// The next moment at which a poll would decide something, if that is yet to come: a limit
    /// that has passed while the server failed is no reason to hurry the server.
    pub(crate) fn next_limit(&self, rules: &Rules, now: Duration) -> Option<Duration> {
        if !self.is_waiting() {
            return None;
        }
        let is_missing = matches!(self.present_error, Some(PollError::NotFound(_)));
        let limit = match self.timeline.status() {
            None if is_missing && rules.condition != Condition::Deleted => {
                Some(rules.not_found_grace)
            }
            None => None,
            Some(present) => rules.budget_for(present).map(|budget| {
                now.saturating_add(budget.saturating_sub(self.timeline.time_in(present, now)))
            }),
        };
        limit.filter(|limit| *limit > now)
    }
}
