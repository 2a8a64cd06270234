//! The promises of the library to custom sources, probes and observers, through the public API.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::time::Instant;
use wait_ready::{
    Address, Backoff, Condition, Deadline, Ending, Instance, InstanceId, InstanceSource, Jitter,
    NetProbe, Observer, Origin, Outcome, Policy, PollError, Probe, ProbeError, Round, Rules,
    Status, Target, WaitEvent, Waiter, Watch,
    answer::{
        address::InvalidAddress,
        poll_error::{Fault, PollError as Error, ServerError},
    },
};

fn id(name: &str) -> InstanceId {
    InstanceId::new(name).unwrap()
}

fn ready(name: &str, last_byte: u8) -> Instance {
    let mut instance = Instance::new(id(name), Status::Ready);
    instance.ip = Some(Address::new([203, 0, 113, last_byte].into(), Origin::Network).unwrap());
    instance
}

async fn wait(source: impl InstanceSource, rules: Rules, ids: &[&str]) -> Outcome {
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15), Jitter::Off);
    let policy = Policy::new(rules, backoff.unwrap(), ids.iter().map(|name| id(name)));
    Waiter::new(source, NetProbe::new(), policy).wait(&mut ()).await
}

fn within(secs: u64) -> Rules {
    Rules { deadline: Deadline::After(Duration::from_secs(secs)), ..Rules::default() }
}

/// A source made of one function.
struct Asked<F>(F);

impl<F: FnMut(&mut Round) + Send> InstanceSource for Asked<F> {
    async fn poll(&mut self, round: &mut Round) {
        (self.0)(round);
    }
}

#[test]
fn a_round_is_empty_only_without_instances() {
    assert!(Round::new([]).is_empty());
    assert!(!Round::new([id("a")]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_in_the_place_of_another_instance_is_malformed() {
    let swapped = Asked(|round: &mut Round| {
        round.answer(0, Ok(ready("b", 2)));
        round.answer(1, Ok(ready("a", 1)));
    });
    let outcome = wait(swapped, within(10), &["a", "b"]).await;
    assert_eq!(outcome.addresses(), []);
    let error = outcome.result().unwrap_err();
    assert_eq!((error.id.as_str(), error.ending), ("a", Ending::TimedOut));
    let told = outcome.watches()[0].last_error().unwrap().to_string();
    assert!(told.contains("it describes another instance"), "{told}");
}

#[test]
fn an_ip_address_of_no_host_is_not_an_address() {
    for octets in [[0, 0, 0, 0], [0, 1, 2, 3], [224, 0, 0, 1], [255, 255, 255, 255]] {
        assert_eq!(Address::new(octets.into(), Origin::Loopback), Err(InvalidAddress::NoHost));
    }
}

#[tokio::test]
async fn a_condition_that_needs_a_connection_is_not_met_without_one() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let source = Asked(|round: &mut Round| {
        let mut instance = Instance::new(round.id(0).clone(), Status::Ready);
        instance.ip = Some(Address::parse("127.0.0.1", Origin::Loopback).unwrap());
        round.answer(0, Ok(instance));
    });
    let rules = Rules { condition: Condition::Ssh { port }, ..within(1) };
    let outcome = wait(source, rules, &["a"]).await;
    let ending = outcome.watches()[0].ending().unwrap();
    assert!(matches!(ending, Ending::Unreachable(Some(_))), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn an_empty_place_is_an_error() {
    let mut told = Vec::new();
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15), Jitter::Off);
    let policy = Policy::new(within(10), backoff.unwrap(), [id("a"), id("b")]);
    let half = Asked(|round: &mut Round| {
        if round.id(0).as_str() == "a" {
            round.answer(0, Ok(ready("a", 1)));
        }
    });
    let mut observer = wait_ready::observer(|_, event| {
        if let WaitEvent::Fault { id, error, .. } = event {
            told.push(format!("{id}: {error}"));
        }
    });
    let outcome = Waiter::new(half, NetProbe::new(), policy).wait(&mut observer).await;
    assert_eq!(told, ["b: the source gave no answer"]);
    let unanswered = outcome.watches()[1].last_error();
    assert!(matches!(unanswered, Some(Error::Transient { fault: Fault::Unanswered, .. })));
}

#[tokio::test(start_paused = true)]
async fn a_place_may_stay_empty_once_an_answer_asks_for_a_pause() {
    let throttled = || Err(Error::from_answer(ServerError::bare(429), None, None));
    let source = Asked(|round: &mut Round| round.answer(0, throttled()));
    let outcome = wait(source, within(10), &["a", "b"]).await;
    let tallies: Vec<_> = outcome.watches().iter().map(Watch::tally).collect();
    assert!(tallies.iter().all(|tally| tally.throttled > 0 && tally.transient_errors == 0));
}

#[tokio::test(start_paused = true)]
async fn an_id_given_twice_is_one_instance() {
    let most = AtomicUsize::new(0);
    let source = Asked(|round: &mut Round| {
        most.fetch_max(round.len(), Ordering::Relaxed);
        for place in 0..round.len() {
            let name = round.id(place).as_str().to_owned();
            round.answer(place, Ok(ready(&name, 1)));
        }
    });
    let outcome = wait(source, within(10), &["a", "b", "a"]).await;
    let ids: Vec<&str> = outcome.watches().iter().map(|watch| watch.id().as_str()).collect();
    assert_eq!((ids.as_slice(), most.load(Ordering::Relaxed)), (&["a", "b"][..], 2));
}

/// An observer that counts each kind of ending.
#[derive(Default)]
struct Endings {
    met: Vec<String>,
    reopened: usize,
    ended: Vec<String>,
}

impl Observer for Endings {
    fn observe(&mut self, _: Duration, event: &WaitEvent<'_>) {
        match event {
            WaitEvent::Met { id, .. } => self.met.push(id.to_string()),
            WaitEvent::Reopened { .. } => self.reopened += 1,
            WaitEvent::Ended { id, .. } => self.ended.push(id.to_string()),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_is_met_twice_has_one_ending() {
    let mut round_number = 0;
    let source = Asked(|round: &mut Round| {
        round_number += 1;
        for place in 0..round.len() {
            let name = round.id(place).as_str().to_owned();
            // "a" is ready, has changed at its confirmation, and is ready again.
            let instance = match (name.as_str(), round_number) {
                ("a", 1 | 7..) => ready(&name, 1),
                ("b", 5..) => ready(&name, 2),
                _ => Instance::new(id(&name), Status::Provisioning),
            };
            round.answer(place, Ok(instance));
        }
    });
    let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(15), Jitter::Off);
    let policy = Policy::new(within(600), backoff.unwrap(), [id("a"), id("b")]);
    let mut endings = Endings::default();
    let outcome = Waiter::new(source, NetProbe::new(), policy).wait(&mut endings).await;
    assert!(outcome.result().is_ok());
    assert_eq!(endings.met.iter().filter(|name| *name == "a").count(), 2);
    assert_eq!(endings.reopened, 1);
    assert_eq!(endings.ended, ["a", "b"]);
}

/// A probe that succeeds at the second attempt for each address.
#[derive(Default)]
struct SecondTime(std::sync::Mutex<Vec<Address>>);

impl Probe for SecondTime {
    async fn attempt(&self, target: Target<'_>) -> Result<(), ProbeError> {
        assert_eq!(*target.condition, Condition::Tcp { port: 8000 });
        let mut tried = self.0.lock().unwrap();
        let is_second = tried.contains(&target.address);
        tried.push(target.address);
        if is_second { Ok(()) } else { Err(ProbeError::ConnectionRefused) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_custom_source_probe_and_observer_work_on_several_threads() {
    let began = Instant::now();
    let task = tokio::spawn(async {
        let source = Asked(|round: &mut Round| {
            for place in 0..round.len() {
                let name = round.id(place).as_str().to_owned();
                let answer = match name.as_str() {
                    "a" => Ok(ready("a", 1)),
                    _ => Ok(ready("b", 2)),
                };
                round.answer(place, answer);
            }
        });
        let pace = (Duration::from_millis(5), Duration::from_millis(20));
        let backoff = Backoff::new(pace.0, pace.1, Jitter::Random).unwrap();
        let rules = Rules { condition: Condition::Tcp { port: 8000 }, ..Rules::default() };
        let policy = Policy::new(rules, backoff, [id("a"), id("b")]);
        let mut endings = Endings::default();
        let outcome = Waiter::new(source, SecondTime::default(), policy).wait(&mut endings).await;
        (outcome, endings)
    });
    let (outcome, endings) = task.await.unwrap();
    let addresses: Vec<String> = outcome.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["203.0.113.1", "203.0.113.2"]);
    assert_eq!(endings.ended, ["a", "b"]);
    assert!(outcome.elapsed() <= began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_error_with_its_causes() {
    let refuses = Asked(|round: &mut Round| {
        let answer = ServerError::bare(401);
        round.answer(0, Err(PollError::from_answer(answer, None, None)));
    });
    let outcome = wait(refuses, within(10), &["a"]).await;
    let error: Box<dyn std::error::Error> = outcome.result().unwrap_err();
    let chain: Vec<String> = std::iter::successors(Some(&*error), |error| (*error).source())
        .map(ToString::to_string)
        .collect();
    assert_eq!(chain, ["a after 0s", "the credentials are refused", "HTTP 401"]);
}
