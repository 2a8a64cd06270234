//! The attempts to reach addresses that are under way beside the polls.

use std::{collections::HashMap, future::pending, net::IpAddr, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{AbortHandle, Abortable, BoxFuture},
    stream::FuturesUnordered,
};
use tokio::time::sleep;

use super::{
    backoff::Backoff, event::Observer, policy::Policy, probe::Probe, probe::ProbeError,
    stage::Stage,
};

/// One finished attempt, and the schedule that the next one follows.
pub(super) struct Attempt {
    position: usize,
    ip: IpAddr,
    result: Result<(), ProbeError>,
    backoff: Backoff,
}

/// The attempts under way: at most one for each instance.
pub(super) struct Probing<'a, P> {
    probe: &'a P,
    attempts: FuturesUnordered<BoxFuture<'a, Option<Attempt>>>,
    addresses: HashMap<usize, (IpAddr, AbortHandle)>,
}

impl<'a, P: Probe + Sync> Probing<'a, P> {
    pub(super) fn new(probe: &'a P) -> Self {
        Self { probe, attempts: FuturesUnordered::new(), addresses: HashMap::new() }
    }

    /// Begins with every instance whose address has become one to reach.
    pub(super) fn begin(&mut self, policy: &Policy) {
        if !policy.rules().condition.needs_probe() {
            return;
        }
        for (position, watch) in policy.watches().iter().enumerate() {
            if let Stage::Probing { ip, .. } = *watch.stage()
                && self.addresses.get(&position).is_none_or(|(tried, _)| *tried != ip)
            {
                let mut backoff = policy.backoff().clone();
                backoff.reset();
                self.attempt(position, ip, Duration::ZERO, backoff);
            }
        }
    }

    /// The next attempt to end; never, while there is none.
    pub(super) async fn next(&mut self) -> Attempt {
        loop {
            match self.attempts.next().await {
                Some(Some(attempt)) => return attempt,
                // It was abandoned for another address.
                Some(None) => {}
                None => pending().await,
            }
        }
    }

    /// Lets the policy judge `attempt`, and tries again later where that is still wanted.
    pub(super) fn record(
        &mut self,
        attempt: Attempt,
        policy: &mut Policy,
        now: Duration,
        observer: &mut impl Observer,
    ) {
        let Attempt { position, ip, result, mut backoff } = attempt;
        policy.record_probe(position, ip, result, now, observer);
        // An attempt at another address than the present one does not get here: it is abandoned.
        if matches!(policy.watches()[position].stage(), Stage::Probing { .. }) {
            let delay = backoff.next_delay();
            self.attempt(position, ip, delay, backoff);
        } else {
            self.addresses.remove(&position);
        }
    }

    /// Makes an attempt, so much later; one for another address of the instance is abandoned.
    fn attempt(&mut self, position: usize, ip: IpAddr, delay: Duration, backoff: Backoff) {
        let probe = self.probe;
        let attempt = async move {
            sleep(delay).await;
            let result = probe.attempt(ip).await;
            Attempt { position, ip, result, backoff }
        };
        let (handle, registration) = AbortHandle::new_pair();
        if let Some((_, former)) = self.addresses.insert(position, (ip, handle)) {
            former.abort();
        }
        self.attempts.push(Abortable::new(attempt, registration).map(Result::ok).boxed());
    }
}
