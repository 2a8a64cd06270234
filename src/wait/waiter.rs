//! The loop: asks, lets the policy judge, sleeps; one loop for one instance and for ten thousand.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::{
    event::{Observer, WaitEvent},
    pace::Decision,
    policy::Policy,
    probe::Probe,
    probing::Probing,
    source::InstanceSource,
    watch::Watch,
};
use crate::answer::{Answer, instance::InstanceId};

/// Stands for "never" where an addition leaves what an `Instant` can hold.
const FAR_FUTURE: Duration = Duration::from_secs(86_400 * 365 * 30);

/// A wait for a set of instances.
///
/// Dropping the future of [`wait`](Self::wait) stops the wait; what was seen until then stays
/// readable through [`watches`](Self::watches).
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

    /// Waits until every instance has its ending, which is at the deadline at the latest.
    ///
    /// A wait of zero looks once, for as long as the source takes to answer.
    pub async fn wait(&mut self, observer: &mut impl Observer) {
        let started = *self.started.get_or_insert_with(Instant::now);
        let Self { source, probe, policy, .. } = self;
        let mut probing = Probing::new(probe);
        loop {
            let decision = policy.decide();
            let (Decision::PollAt(at, _) | Decision::GiveUpAt(at)) = decision else { return };
            tokio::select! {
                biased;
                attempt = probing.next() => {
                    probing.record(attempt, policy, started.elapsed(), observer);
                    continue;
                }
                () = sleep_until(moment(started, at)) => {}
            }
            match decision {
                Decision::GiveUpAt(_) => policy.give_up(started.elapsed(), observer),
                _ => poll_once(source, &mut probing, policy, started, observer).await,
            }
            probing.begin(policy);
        }
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
    let asked_at = started.elapsed();
    let positions = policy.due();
    let ids: Vec<InstanceId> =
        positions.iter().map(|&position| policy.watches()[position].id().clone()).collect();
    let mut answers: Vec<Answer> = ids.iter().map(|_| None).collect();
    let max_wait = policy.rules().max_wait;
    let cut = if max_wait.is_zero() { FAR_FUTURE } else { max_wait };
    let notice = {
        let mut poll = pin!(source.poll(&ids, &mut answers));
        loop {
            tokio::select! {
                biased;
                notice = &mut poll => break notice,
                () = sleep_until(moment(started, cut)) => break None,
                attempt = probing.next() => {
                    probing.record(attempt, policy, started.elapsed(), observer);
                }
            }
        }
    };
    let now = started.elapsed();
    if let Some(notice) = notice {
        observer.observe(now, &WaitEvent::Notice(&notice));
    }
    policy.record_round(&positions, answers, asked_at, now, observer);
}

/// The moment `after` the start, as far as an `Instant` reaches.
fn moment(started: Instant, after: Duration) -> Instant {
    started.checked_add(after).unwrap_or_else(|| started + FAR_FUTURE)
}
