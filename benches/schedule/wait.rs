//! One wait in virtual time: the real policy, or the schedule of a peer.

use std::time::Duration;

use wait_ready::{
    Address, Backoff, Deadline, Instance, InstanceId, Jitter, Origin, Policy, Rules, Status,
    wait::pace::Decision,
};

use crate::{
    peer::{Moment, Schedule},
    trace::Trace,
};

/// From sending a request until its answer is read; the API looks at the instance half-way.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);
/// Longer than any trace: nobody gives up.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(2_400);

/// What one wait cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// From the moment the instance was ready until the program knew.
    pub(crate) lag: Duration,
    /// How many requests it sent.
    pub(crate) requests: u32,
}

/// The default bounds of the delay.
pub(crate) const DEFAULTS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// The real policy with the real backoff.
pub(crate) fn ours(trace: &Trace, (min, max): (Duration, Duration), jitter: Jitter) -> Cost {
    let id = InstanceId::new("inst_bench").expect("a name");
    let backoff = Backoff::new(min, max, jitter).expect("bounds");
    let rules = Rules { deadline: Deadline::After(MAX_WAIT), ..Rules::default() };
    let mut policy = Policy::new(rules, backoff, [id.clone()]);
    let (mut now, mut requests) = (Duration::ZERO, 0);
    while let Decision::PollAt(at, _) = policy.decide() {
        let asked_at = at.max(now);
        now = asked_at + ROUND_TRIP;
        requests += 1;
        let answer = describe(&id, trace.status_at(asked_at + ROUND_TRIP / 2));
        let mut round = policy.begin_round(asked_at);
        round.answer(0, Ok(answer));
        policy.record(round, now, &mut ());
    }
    assert!(policy.watches()[0].is_met(), "a wait that nobody gives up");
    Cost { lag: now.saturating_sub(trace.ready_at()), requests }
}

/// A schedule of another tool, or one that could be ours.
pub(crate) fn theirs(trace: &Trace, schedule: &mut dyn Schedule) -> Cost {
    let (mut now, mut requests) = (Duration::ZERO, 0);
    let mut before = None;
    loop {
        let status = trace.status_at(now + ROUND_TRIP / 2);
        now += ROUND_TRIP;
        requests += 1;
        if status == Status::Ready {
            return Cost { lag: now.saturating_sub(trace.ready_at()), requests };
        }
        let changed = before.replace(status.clone()) != Some(status);
        now += schedule.delay(&Moment { elapsed: now, max_wait: MAX_WAIT, changed });
    }
}

/// An instance in this status.
pub(crate) fn describe(id: &InstanceId, status: Status) -> Instance {
    let ip = (status == Status::Ready).then_some([203, 0, 113, 42]);
    let mut instance = Instance::new(id.clone(), status);
    instance.ip = ip.and_then(|ip| Address::new(ip.into(), Origin::Network).ok());
    instance
}

/// What many waits cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary {
    /// Seconds.
    pub(crate) mean_lag: f64,
    /// Seconds.
    pub p95_lag: f64,
    /// For one wait.
    pub(crate) requests: f64,
}

impl Summary {
    /// Of at least one wait.
    pub(crate) fn of(costs: &[Cost]) -> Self {
        let mut lags: Vec<Duration> = costs.iter().map(|cost| cost.lag).collect();
        lags.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "some thousands")]
        let count = costs.len() as f64;
        Self {
            mean_lag: lags.iter().sum::<Duration>().as_secs_f64() / count,
            p95_lag: lags[(lags.len() * 95).div_ceil(100) - 1].as_secs_f64(),
            requests: costs.iter().map(|cost| f64::from(cost.requests)).sum::<f64>() / count,
        }
    }

    /// Whether it is at least as good on both axes, and better on one.
    pub(crate) fn beats(&self, other: &Self) -> bool {
        self.mean_lag <= other.mean_lag
            && self.requests <= other.requests
            && (self.mean_lag < other.mean_lag || self.requests < other.requests)
    }
}
