//! The attempts at addresses, concurrent with the polls.

use std::{
    collections::{BTreeMap, HashMap},
    future::pending,
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{AbortHandle, Abortable, BoxFuture},
    stream::FuturesUnordered,
};
use tokio::time::sleep;

use super::{
    backoff::Backoff,
    event::Observer,
    policy::Policy,
    probe::{Probe, ProbeError, Target},
    stage::Stage,
};
use crate::answer::address::Address;

/// One finished attempt, and the schedule for the next one.
pub(super) struct Attempt {
    position: usize,
    address: Address,
    result: Result<(), ProbeError>,
    backoff: Backoff,
}

/// The pending attempts: at most one for each instance.
pub(super) struct Probing<'a, P> {
    probe: &'a P,
    attempts: FuturesUnordered<BoxFuture<'a, Option<Attempt>>>,
    addresses: HashMap<usize, (Address, AbortHandle)>,
}

impl<'a, P: Probe + Sync> Probing<'a, P> {
    pub(super) fn new(probe: &'a P) -> Self {
        Self { probe, attempts: FuturesUnordered::new(), addresses: HashMap::new() }
    }

    /// Starts an attempt for each instance that has come to be probed, and cancels those at
    /// addresses that are no longer wanted.
    pub(super) fn follow(&mut self, policy: &mut Policy) {
        if !policy.rules().condition.needs_probe() {
            return;
        }
        let wanted: BTreeMap<usize, Address> = policy
            .watches()
            .iter()
            .enumerate()
            .filter_map(|(position, watch)| match *watch.stage() {
                Stage::Probing { address, .. } => Some((position, address)),
                Stage::Waiting | Stage::Over { .. } => None,
            })
            .collect();
        self.addresses.retain(|position, (address, attempt)| {
            let is_wanted = wanted.get(position) == Some(address);
            if !is_wanted {
                attempt.abort();
            }
            is_wanted
        });
        for (position, address) in wanted {
            if !self.addresses.contains_key(&position) {
                let backoff = policy.fork_backoff();
                self.attempt(policy, position, address, Duration::ZERO, backoff);
            }
        }
    }

    /// Returns the next attempt that finishes; pending while there is none.
    pub(super) async fn next(&mut self) -> Attempt {
        loop {
            match self.attempts.next().await {
                Some(Some(attempt)) => return attempt,
                // It was cancelled.
                Some(None) => {}
                None => pending().await,
            }
        }
    }

    /// Records `attempt` in the policy, and starts another one if it is still wanted.
    pub(super) fn record(
        &mut self,
        attempt: Attempt,
        policy: &mut Policy,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        let Attempt { position, address, result, mut backoff } = attempt;
        policy.record_probe(position, address, result, now, observer);
        // This is an attempt at the current address: any other is cancelled.
        if matches!(policy.watches()[position].stage(), Stage::Probing { .. }) {
            let delay = backoff.next_delay();
            self.attempt(policy, position, address, delay, backoff);
        } else {
            self.addresses.remove(&position);
        }
    }

    /// Starts an attempt after `delay`.
    fn attempt(
        &mut self,
        policy: &Policy,
        position: usize,
        address: Address,
        delay: Duration,
        backoff: Backoff,
    ) {
        let probe = self.probe;
        let id = policy.watches()[position].id().clone();
        let condition = policy.rules().condition.clone();
        let attempt = async move {
            if !delay.is_zero() {
                sleep(delay).await;
            }
            let result = probe.attempt(Target { id: &id, address, condition: &condition }).await;
            Attempt { position, address, result, backoff }
        };
        let (handle, registration) = AbortHandle::new_pair();
        self.addresses.insert(position, (address, handle));
        self.attempts.push(Abortable::new(attempt, registration).map(Result::ok).boxed());
    }
}
