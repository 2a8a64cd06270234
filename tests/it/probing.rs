//! Attempts at an address concurrent with the polls, under a paused clock.

use std::{
    net::IpAddr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use wait_ready::{
    answer::instance::InstanceId,
    simulate::simulation::Simulation,
    wait::{
        backoff::{Backoff, Jitter},
        condition::Condition,
        policy::Policy,
        probe::{Probe, ProbeError, Target},
        rules::{Deadline, Rules},
        waiter::Waiter,
    },
};

use crate::fixture::simulated_source::SimulatedSource;

const SECOND: Duration = Duration::from_secs(1);

/// A probe that fails after five seconds, and records its attempts.
#[derive(Default)]
struct Slow {
    under_way: AtomicUsize,
    most: AtomicUsize,
    attempts: Mutex<Vec<(Instant, IpAddr)>>,
}

struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Probe for &Slow {
    async fn attempt(&self, target: Target<'_>) -> Result<(), ProbeError> {
        let now = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        let _under_way = UnderWay(&self.under_way);
        self.most.fetch_max(now, Ordering::Relaxed);
        self.attempts.lock().unwrap().push((Instant::now(), target.address.ip()));
        sleep(SECOND * 5).await;
        Err(ProbeError::ConnectionRefused)
    }
}

/// Waits for a minute with one poll a second.
async fn wait(script: &str, probe: &Slow) {
    let ids = [InstanceId::new("inst_0").unwrap()];
    let simulation = Simulation::new(script.parse().unwrap(), ids.clone());
    let source = SimulatedSource::new(simulation, SECOND);
    let rules = Rules {
        condition: Condition::Tcp { port: 80 },
        deadline: Deadline::After(SECOND * 60),
        ..Rules::default()
    };
    let backoff = Backoff::new(SECOND, SECOND, Jitter::Off).unwrap();
    let _ = Waiter::new(source, probe, Policy::new(rules, backoff, ids)).wait(&mut ()).await;
}

impl Slow {
    /// When each attempt began, in seconds, and the last byte of the address.
    fn attempts(&self, began: Instant) -> Vec<(u64, u8)> {
        let last_byte = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets()[3],
            IpAddr::V6(ip) => ip.octets()[15],
        };
        let attempts = self.attempts.lock().unwrap();
        attempts.iter().map(|(at, ip)| ((*at - began).as_secs(), last_byte(ip))).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn an_address_that_changes_and_comes_back_is_tried_by_one_attempt_at_a_time() {
    let probe = Slow::default();
    wait("ready@203.0.113.1,ready@203.0.113.2,ready@203.0.113.1", &probe).await;
    assert_eq!(probe.most.load(Ordering::Relaxed), 1);
    assert_eq!(probe.under_way.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_goes_on_during_polls_with_the_same_address() {
    let (probe, began) = (Slow::default(), Instant::now());
    wait("ready@203.0.113.1", &probe).await;
    let expected: Vec<(u64, u8)> = (0..10).map(|n| (6 * n, 1)).collect();
    assert_eq!(probe.attempts(began)[..10], expected);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_at_an_outdated_address_is_cancelled_immediately() {
    let (probe, began) = (Slow::default(), Instant::now());
    wait("ready@203.0.113.1:2s,ready@203.0.113.2", &probe).await;
    assert_eq!(probe.attempts(began)[..3], [(0, 1), (2, 2), (8, 2)]);
}
