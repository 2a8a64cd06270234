//! The loop of a wait: polls, passes the answers to the policy, sleeps.

use std::{future::pending, pin::pin, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    event::Observer, outcome::Outcome, pace::Decision, policy::Policy, probe::Probe,
    probing::Probing, source::InstanceSource, watch::Watch,
};

/// A wait for one instance or many.
///
/// Dropping the future of [`wait`](Self::wait) stops the wait; [`outcome`](Self::outcome) returns
/// what is known by then.
#[derive(Debug)]
pub struct Waiter<S, P> {
    source: S,
    probe: P,
    policy: Policy,
    started: Option<Instant>,
}

impl<S: InstanceSource, P: Probe + Sync> Waiter<S, P> {
    /// Makes a wait that polls `source`, tries addresses with `probe`, and follows `policy`.
    pub fn new(source: S, probe: P, policy: Policy) -> Self {
        Self { source, probe, policy, started: None }
    }

    /// The state of every instance, in the order given.
    #[must_use]
    pub fn watches(&self) -> &[Watch] {
        self.policy.watches()
    }

    /// How long the wait has lasted; zero before it began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.map(|started| started.elapsed()).unwrap_or_default()
    }

    /// The outcome so far.
    pub fn outcome(&self) -> Outcome {
        Outcome::new(self.watches().to_vec(), self.policy.rules().any, self.elapsed())
    }

    /// Waits until every instance has an ending, at most until the deadline.
    ///
    /// With [`Deadline::LookOnce`](super::rules::Deadline::LookOnce) this takes as long as the
    /// source takes to answer.
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
            // After the process was stopped: a poll would be cancelled as soon as it is sent.
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

/// Sends one round of polls while the probes go on. At the deadline it is cancelled, and the answers
/// that have come by then count.
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

/// Sleeps until `after` the start; forever if that is `None` or out of range.
async fn until(started: Instant, after: Option<Duration>) {
    match after.and_then(|after| started.checked_add(after)) {
        // A timer of zero length takes a millisecond.
        Some(instant) if instant <= Instant::now() => {}
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
