//! The attempts to reach an address that go on beside the polls, under a paused clock.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::sleep;
use wait_ready::{
    backoff::{Backoff, Jitter},
    condition::Condition,
    instance::InstanceId,
    policy::{Policy, Rules},
    probe::Probe,
    probe_error::ProbeError,
    simulate::{simulation::Simulation, source::SimulatedSource},
    waiter::Waiter,
};

const SECOND: Duration = Duration::from_secs(1);

/// Never reaches anything, slowly, and counts the attempts under way.
#[derive(Default)]
struct Slow {
    under_way: AtomicUsize,
    most: AtomicUsize,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Probe for &Slow {
    async fn attempt(&self, _: IpAddr) -> Result<(), ProbeError> {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _under_way = UnderWay(&self.under_way);
        self.most.fetch_max(now, Ordering::Relaxed);
        sleep(SECOND * 5).await;
        Err(ProbeError::ConnectionRefused)
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_changes_and_comes_back_is_tried_by_one_attempt_at_a_time() {
    let ids = [InstanceId::new("inst_0").unwrap()];
    let script = "ready@203.0.113.1,ready@203.0.113.2,ready@203.0.113.1";
    let simulation = Simulation::new(script.parse().unwrap(), ids.clone());
    let source = SimulatedSource::new(simulation, SECOND);
    let rules =
        Rules { condition: Condition::Tcp { port: 80 }, max_wait: SECOND * 60, ..Rules::default() };
    let backoff = Backoff::new(SECOND, SECOND, Jitter::Off).unwrap();
    let probe = Slow::default();
    let mut waiter = Waiter::new(source, &probe, Policy::new(rules, backoff, ids));
    waiter.wait(&mut ()).await;
    assert_eq!(probe.most.load(Ordering::Relaxed), 1);
    assert_eq!(probe.under_way.load(Ordering::Relaxed), 0);
}
