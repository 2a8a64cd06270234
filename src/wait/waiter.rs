//! The loop: asks, lets the policy judge, sleeps; one loop for one instance and for ten thousand.

use std::{future::pending, pin::pin, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    event::Observer, outcome::Outcome, pace::Decision, policy::Policy, probe::Probe,
    probing::Probing, source::InstanceSource, watch::Watch,
};

/// A wait for a set of instances.
///
/// Dropping the future of [`wait`](Self::wait) stops the wait; what was seen until then stays
/// readable through [`outcome`](Self::outcome).
#[derive(Debug)]
pub struct Waiter<S, P> {
    source: S,
    probe: P,
    policy: Policy,
    started: Option<Instant>,
}

impl<S: InstanceSource, P: Probe + Sync> Waiter<S, P> {
    /// A wait that asks `source`, reaches addresses with `probe`, and follows `policy`.
    pub fn new(source: S, probe: P, policy: Policy) -> Self {
        Self { source, probe, policy, started: None }
    }

    /// Every instance and what has been seen of it, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        self.policy.watches()
    }

    /// How long the wait has lasted; zero before it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.map(|started| started.elapsed()).unwrap_or_default()
    }

    /// What the wait has come to so far.
    pub fn outcome(&self) -> Outcome {
        Outcome::new(self.watches().to_vec(), self.policy.rules().any, self.elapsed())
    }

    /// Waits until every instance has its ending, which is at the deadline at the latest.
    ///
    /// A wait that [looks once](super::rules::Deadline::LookOnce) takes as long as the source
    /// takes to answer.
    pub async fn wait(&mut self, observer: &mut impl Observer) -> Outcome {
        let started = *self.started.get_or_insert_with(Instant::now);
        self.run(started, observer).await;
        self.outcome()
    }

    async fn run(&mut self, started: Instant, observer: &mut impl Observer) {
        let Self { source, probe, policy, .. } = self;
        let mut probing = Probing::new(probe);
        loop {
            let decision = policy.decide();
            let at = match decision {
                Decision::Finish => break,
                Decision::PollAt(at, _) | Decision::GiveUpAt(at) | Decision::AwaitProbes(at) => at,
            };
            tokio::select! {
                biased;
                attempt = probing.next() => {
                    probing.record(attempt, policy, started.elapsed(), observer);
                    continue;
                }
                () = until(started, Some(at)) => {}
            }
            // A poll that a stopped process has slept through would be cut as soon as it is sent.
            let is_too_late = policy.cut().is_some_and(|cut| started.elapsed() > cut);
            match decision {
                Decision::PollAt(..) if is_too_late => policy.give_up(started.elapsed(), observer),
                Decision::GiveUpAt(_) | Decision::AwaitProbes(_) => {
                    policy.give_up(started.elapsed(), observer);
                }
                _ => poll_once(source, &mut probing, policy, started, observer).await,
            }
            probing.follow(policy);
        }
        policy.conclude(started.elapsed(), observer);
    }
}

/// Sends one round of polls while the probes go on. The deadline cuts it; what has come until then
/// counts.
async fn poll_once<S: InstanceSource, P: Probe + Sync>(
    source: &mut S,
    probing: &mut Probing<'_, P>,
    policy: &mut Policy,
    started: Instant,
    observer: &mut impl Observer,
) {
    let mut round = policy.begin_round(started.elapsed());
    let cut = policy.cut();
    let is_whole = {
        let mut poll = pin!(source.poll(&mut round));
        loop {
            tokio::select! {
                biased;
                () = &mut poll => break true,
                () = until(started, cut) => break false,
                attempt = probing.next() => {
                    probing.record(attempt, policy, started.elapsed(), observer);
                }
            }
        }
    };
    if is_whole {
        round.fill_gaps();
    }
    policy.record(round, started.elapsed(), observer);
}

/// Waits until so long after the start; for ever, where no time is given or none can be reached.
async fn until(started: Instant, after: Option<Duration>) {
    match after.and_then(|after| started.checked_add(after)) {
        // A timer of no length would still take a millisecond.
        Some(moment) if moment <= Instant::now() => {}
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}
