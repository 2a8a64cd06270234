//! The loop under a paused clock: the exact instants of every poll, in process.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::{Instant, sleep_until};
use wait_ready::{
    answer::{
        address::{Address, Origin},
        instance::{InstanceId, Status},
    },
    simulate::simulation::{self, Simulation},
    wait::{
        backoff::{Backoff, Jitter},
        condition::Condition,
        ending::Ending,
        event::{Observer, WaitEvent, Why},
        policy::Policy,
        probe::{Probe, ProbeError, Target},
        rules::{Deadline, Rules},
        waiter::Waiter,
        watch::Watch,
    },
};

use crate::fixture::simulated_source::SimulatedSource;

/// A probe that succeeds from this time on.
#[derive(Debug, Clone, Copy)]
struct Opens(Instant);

impl Probe for Opens {
    async fn attempt(&self, _: Target<'_>) -> Result<(), ProbeError> {
        if Instant::now() >= self.0 { Ok(()) } else { Err(ProbeError::ConnectionRefused) }
    }
}

/// One wait in process.
struct Wait {
    script: &'static str,
    rules: Rules,
    min: Duration,
    max: Duration,
    jitter: Jitter,
    request_timeout: Duration,
    ids: usize,
    opens_after: Duration,
}

/// Its outcome.
struct Outcome {
    endings: Vec<Ending>,
    polls: Vec<f64>,
    elapsed: Duration,
    watches: Vec<Watch>,
    reasons: Vec<Why>,
}

const SECOND: Duration = Duration::from_secs(1);

fn wait(script: &'static str) -> Wait {
    Wait {
        script,
        rules: Rules::default(),
        min: SECOND,
        max: SECOND * 15,
        jitter: Jitter::Off,
        request_timeout: SECOND * 10,
        ids: 1,
        opens_after: Duration::ZERO,
    }
}

impl Wait {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn within(self, max_wait: Duration) -> Self {
        self.with(|wait| wait.rules.deadline = Deadline::from(max_wait))
    }

    fn until(self, condition: Condition) -> Self {
        self.with(|wait| wait.rules.condition = condition)
    }

    async fn run(self) -> Outcome {
        let ids = (0..self.ids).map(|n| InstanceId::new(&format!("inst_{n}")).unwrap());
        let ids: Vec<InstanceId> = ids.collect();
        let simulation = Simulation::new(self.script.parse().unwrap(), ids.clone());
        let mut source = SimulatedSource::new(simulation, self.request_timeout);
        let backoff = Backoff::new(self.min, self.max, self.jitter).unwrap();
        let policy = Policy::new(self.rules, backoff, ids);
        let probe = Opens(Instant::now() + self.opens_after);
        let mut reasons = Vec::new();
        let mut observer = |_: Duration, event: &WaitEvent<'_>| {
            if let WaitEvent::NextPoll { why, .. } = event {
                reasons.push(*why);
            }
        };
        let mut waiter = Waiter::new(&mut source, probe, policy);
        let _ = waiter.wait(&mut observer).await;
        let (watches, elapsed) = (waiter.watches().to_vec(), waiter.elapsed());
        let requests = source.simulation().requests();
        Outcome {
            endings: watches.iter().map(|watch| watch.ending().unwrap().clone()).collect(),
            polls: requests.iter().map(|request| request.at.as_secs_f64()).collect(),
            elapsed,
            watches,
            reasons,
        }
    }
}

fn met_at(address: &str) -> Ending {
    Ending::Met(Some(Address::parse(address, Origin::Network).unwrap()))
}

fn met() -> Vec<Ending> {
    vec![met_at("203.0.113.42")]
}

#[tokio::test(start_paused = true)]
async fn the_delay_between_polls_doubles_up_to_the_longest() {
    let outcome = wait("pending").within(SECOND * 62).run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30., 45., 60., 62.]);
    assert_eq!(outcome.endings, [Ending::TimedOut]);
    assert_eq!(outcome.elapsed, SECOND * 62);
}

#[tokio::test(start_paused = true)]
async fn a_status_change_starts_the_schedule_again() {
    let outcome = wait("pending:5s,provisioning:5s,ready").run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 8., 10., 14.]);
    assert_eq!(outcome.endings, met());
    assert_eq!(outcome.reasons[3], Why::Changed);
}

#[tokio::test(start_paused = true)]
async fn a_fault_does_not_start_the_schedule_again() {
    let outcome = wait("pending:2s,500*2,pending:1s,ready").run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30.]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_delays_the_next_poll_and_never_advances_it() {
    let outcome = wait("429:5s,pending*3,429:1s,ready").run().await;
    // The hint of 5 s outlasts the first step of 1 s; that of 1 s does not outlast 15 s.
    assert_eq!(outcome.polls, [0., 5., 6., 8., 12., 20.]);
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_ends_at_the_deadline_is_still_waited_for() {
    let outcome = wait("429:5s,ready").within(SECOND * 5).run().await;
    assert_eq!((outcome.polls, outcome.endings), (vec![0., 5.], met()));
}

#[tokio::test(start_paused = true)]
async fn a_hint_past_the_deadline_ends_the_wait_now() {
    let outcome = wait("pending,503:6s,ready").within(SECOND * 5).run().await;
    assert_eq!(outcome.elapsed, SECOND);
    assert!(matches!(outcome.endings[..], [Ending::Throttled(Some(_))]));
}

#[tokio::test(start_paused = true)]
async fn the_last_poll_is_sent_before_the_deadline() {
    let outcome = wait("pending:10s,ready").within(SECOND * 10).run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 10.]);
    assert_eq!(outcome.endings, met());
    assert_eq!(outcome.reasons.last(), Some(&Why::Deadline));
}

#[tokio::test(start_paused = true)]
async fn the_last_poll_leaves_the_time_that_an_answer_takes() {
    let script = "slow:300ms,pending,slow:300ms,pending,slow:300ms,ready";
    let outcome = wait(script).within(SECOND * 7 / 2).run().await;
    // The last one is sent before the deadline by twice the 300 ms that a poll takes.
    assert_eq!(outcome.polls, [0., 1.3, 2.9]);
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_falls_at_the_deadline_by_itself_is_not_called_the_last() {
    let outcome = wait("pending").within(SECOND * 7).run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7.]);
    assert!(!outcome.reasons.contains(&Why::Deadline), "{:?}", outcome.reasons);
}

#[tokio::test(start_paused = true)]
async fn the_last_poll_too_keeps_the_shortest_delay() {
    let outcome = wait("pending:3s,ready").within(SECOND * 7 / 2).run().await;
    assert_eq!(outcome.polls, [0., 1., 3.]);
    let outcome = wait("pending").within(SECOND * 7 / 2).run().await;
    assert_eq!(outcome.polls, [0., 1., 3.], "the next one would come after half a second");
    assert_eq!(outcome.elapsed, SECOND * 7 / 2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_server_asks_for_is_not_cut_short_by_the_deadline() {
    for script in ["429", "503:1s"] {
        let outcome = wait(script).within(SECOND * 10).run().await;
        assert_eq!(outcome.polls, [0., 1., 3., 7.], "{script}");
        assert_eq!(outcome.elapsed, SECOND * 10);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_slow_answer_the_time_before_the_deadline_is_still_used() {
    let outcome = wait("slow:1s,500,ready").within(SECOND * 12 / 5).run().await;
    assert_eq!((outcome.polls, outcome.endings), (vec![0., 2.], met()));
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_is_cut_at_the_deadline() {
    let outcome = wait("hang:60s").within(SECOND * 4).run().await;
    assert_eq!((outcome.elapsed, outcome.endings), (SECOND * 4, vec![Ending::TimedOut]));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cut_by_its_own_timeout_and_the_wait_goes_on() {
    let outcome = wait("hang:60s,ready").run().await;
    assert_eq!((outcome.polls, outcome.endings), (vec![0., 11.], met()));
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_due_when_the_grace_for_a_404_ends() {
    let outcome = wait("404").run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 10.]);
    assert!(matches!(outcome.endings[..], [Ending::NotFound(_)]));
    assert_eq!(outcome.reasons.last(), Some(&Why::Limit));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_instance_ends_the_wait_at_the_second_404() {
    let outcome = wait("pending:10s,404").run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 18.]);
    assert!(matches!(outcome.endings[..], [Ending::Deleted(_)]));
    assert_eq!(outcome.reasons.last(), Some(&Why::SecondLook));
}

#[tokio::test(start_paused = true)]
async fn no_deletion_is_final_within_the_grace() {
    let outcome = wait("pending,404").run().await;
    assert_eq!(outcome.polls, [0., 1., 4., 6., 10.]);
    assert!(matches!(outcome.endings[..], [Ending::Deleted(_)]));
    let lagging = wait("pending,404*3,ready").run().await;
    assert_eq!(lagging.endings, met());
    assert_eq!(lagging.polls, [0., 1., 4., 6., 10.]);
}

#[tokio::test(start_paused = true)]
async fn a_second_404_counts_only_after_the_longer_of_three_seconds_and_the_shortest_delay() {
    let deleted = |min: Duration| async move {
        let outcome =
            wait("ready:60s,404").until(Condition::Deleted).with(|wait| wait.min = min).run().await;
        assert_eq!(outcome.endings, [Ending::Met(None)]);
        let [.., first, second] = outcome.polls[..] else { panic!("{:?}", outcome.polls) };
        second - first
    };
    assert!((deleted(SECOND / 10).await - 3.).abs() < 0.01);
    assert!((deleted(SECOND).await - 3.).abs() < 0.01);
    assert!((deleted(SECOND * 8).await - 8.).abs() < 0.01);
}

#[tokio::test(start_paused = true)]
async fn the_condition_can_be_deleted() {
    let outcome = wait("ready:2s,404,ready:1s,404").until(Condition::Deleted).run().await;
    assert_eq!(outcome.endings, [Ending::Met(None)]);
    let (last, before) = (outcome.polls.len() - 1, outcome.polls.len() - 2);
    assert!(outcome.polls[last] - outcome.polls[before] >= 1.);
}

#[tokio::test(start_paused = true)]
async fn the_condition_can_be_stopped() {
    let outcome = wait("ready:2s,stopped").until(Condition::Stopped).run().await;
    assert_eq!(outcome.endings, [Ending::Met(None)]);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_was_seen_before_does_not_start_the_schedule_again() {
    let flapping = "pending:1s,unknown:1s,".repeat(40) + "ready";
    let script: &'static str = Box::leak(flapping.into_boxed_str());
    let outcome = wait(script).within(SECOND * 60).run().await;
    assert!(outcome.polls.len() <= 9, "{:?}", outcome.polls);
}

#[tokio::test(start_paused = true)]
async fn a_first_address_starts_the_schedule_again_and_another_one_does_not() {
    let outcome = wait("ready@none:20s,ready")
        .with(|wait| wait.rules.stable = NonZeroU32::new(3).unwrap())
        .run()
        .await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30., 31., 33.]);
    let outcome = wait("pending@203.0.113.1:20s,pending@203.0.113.2:20s,ready").run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30., 45., 60.]);
}

#[tokio::test(start_paused = true)]
async fn a_budget_ends_the_wait_when_it_is_spent_over_all_stays() {
    let outcome = wait("pending:4s,unknown:1s,pending:60s,ready")
        .with(|wait| wait.rules.budgets = vec![(Status::Pending, SECOND * 10)])
        .run()
        .await;
    assert_eq!(
        outcome.endings,
        [Ending::OverBudget { status: Status::Pending, budget: SECOND * 10 }]
    );
    let spent = outcome.watches[0].timeline().time_in(&Status::Pending, outcome.elapsed);
    assert_eq!(spent, SECOND * 10);
}

#[tokio::test(start_paused = true)]
async fn a_spent_budget_does_not_advance_the_polls_of_a_failing_server() {
    let outcome = wait("pending,500*20")
        .within(SECOND * 60)
        .with(|wait| wait.rules.budgets = vec![(Status::Pending, SECOND * 5)])
        .run()
        .await;
    assert_eq!(outcome.polls, [0., 1., 3., 5., 13., 28., 43., 58., 60.]);
}

#[tokio::test(start_paused = true)]
async fn the_grace_for_a_404_does_not_apply_to_a_wait_for_deletion() {
    let outcome = wait("500*5,404,500,404").until(Condition::Deleted).run().await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30., 33., 35., 38.]);
}

#[tokio::test(start_paused = true)]
async fn a_status_without_a_budget_is_not_counted() {
    let outcome = wait("pending:60s,ready")
        .with(|wait| wait.rules.budgets = vec![(Status::Provisioning, SECOND)])
        .run()
        .await;
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn stable_counts_polls_in_a_row_with_the_same_status_and_address() {
    let three = NonZeroU32::new(3).unwrap();
    let polls = |script| async move {
        let outcome = wait(script).with(|wait| wait.rules.stable = three).run().await;
        (outcome.polls.len(), outcome.endings[0].clone())
    };
    assert_eq!(polls("ready").await, (3, met_at("203.0.113.42")));
    assert_eq!(polls("ready*2,unknown,ready").await, (6, met_at("203.0.113.42")));
    assert_eq!(polls("ready*2,500,ready").await, (6, met_at("203.0.113.42")));
    assert_eq!(polls("ready*2,ready@203.0.113.9").await, (5, met_at("203.0.113.9")));
    assert_eq!(polls("ready*2,ready@none,ready").await, (6, met_at("203.0.113.42")));
}

#[tokio::test(start_paused = true)]
async fn while_an_address_is_probed_the_api_is_watched_at_the_pace_of_the_backoff() {
    let outcome = wait("pending,ready")
        .until(Condition::Ssh { port: 22 })
        .with(|wait| wait.opens_after = SECOND * 40)
        .run()
        .await;
    // Probes at 1, 2, 4, 8, 16, 31 and 46 s; then the API confirms the address immediately.
    assert_eq!(outcome.polls, [0., 1., 2., 4., 8., 16., 31., 46.]);
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_fails_backs_off() {
    let outcome = wait("ready,500*8,ready")
        .until(Condition::Ssh { port: 22 })
        .with(|wait| wait.opens_after = SECOND * 30)
        .run()
        .await;
    assert_eq!(outcome.polls, [0., 1., 3., 7., 15., 30., 31., 33., 37., 45.]);
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn an_address_that_no_poll_can_confirm_in_time_is_used_at_once() {
    let outcome = wait("ready,500")
        .until(Condition::Ssh { port: 22 })
        .within(SECOND * 61 / 2)
        .with(|wait| wait.opens_after = SECOND * 30)
        .run()
        .await;
    assert_eq!((outcome.polls, outcome.elapsed), (vec![0., 1., 3., 7., 15., 30.], SECOND * 30));
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_stops_during_the_probe_is_noticed() {
    let outcome = wait("ready:20s,stopped")
        .until(Condition::Tcp { port: 80 })
        .with(|wait| wait.opens_after = SECOND * 500)
        .run()
        .await;
    assert_eq!(outcome.endings, [Ending::Failed(Status::Stopped)]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_changes_during_the_probe_is_the_one_that_counts() {
    let outcome = wait("ready@203.0.113.1:20s,ready@203.0.113.2")
        .until(Condition::Tcp { port: 80 })
        .with(|wait| wait.opens_after = SECOND * 40)
        .run()
        .await;
    assert_eq!(outcome.endings, [met_at("203.0.113.2")]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_never_reached_says_why() {
    let outcome = wait("ready")
        .until(Condition::Ssh { port: 22 })
        .within(SECOND * 30)
        .with(|wait| wait.opens_after = SECOND * 60)
        .run()
        .await;
    assert_eq!(outcome.endings, [Ending::Unreachable(Some(ProbeError::ConnectionRefused))]);
    assert_eq!(outcome.elapsed, SECOND * 30);
}

#[tokio::test(start_paused = true)]
async fn jittered_polls_stay_inside_the_bounds() {
    for seed in 0..200 {
        let outcome = wait("pending:3m,500*5,unknown:1m,ready")
            .with(|wait| wait.jitter = Jitter::Seeded(seed))
            .run()
            .await;
        assert_eq!(outcome.endings, met());
        for pair in outcome.polls.windows(2) {
            let gap = pair[1] - pair[0];
            assert!((0.999..=15.001).contains(&gap), "seed {seed}: {:?}", outcome.polls);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_instances_behind_five_requests_a_second_all_become_ready() {
    let ids: Vec<InstanceId> =
        (0..200).map(|n| InstanceId::new(&format!("inst_{n}")).unwrap()).collect();
    let simulation = Simulation::new("ready".parse().unwrap(), ids.clone()).limited_to(5);
    let mut source = SimulatedSource::new(simulation, SECOND);
    let backoff = Backoff::new(SECOND, SECOND * 15, Jitter::Seeded(1)).unwrap();
    let mut waiter = Waiter::new(
        &mut source,
        Opens(Instant::now()),
        Policy::new(Rules::default(), backoff, ids),
    );
    let _ = waiter.wait(&mut ()).await;
    assert!(waiter.watches().iter().all(Watch::is_met));
    let requests = source.simulation().requests();
    for pair in requests.windows(2) {
        if let simulation::Outcome::Throttled(wait) = pair[0].outcome {
            assert!(pair[1].at >= pair[0].at + wait, "{pair:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn durations_of_any_size_neither_panic_nor_end_early() {
    for max_wait in [SECOND * u32::MAX, Duration::MAX] {
        let outcome = wait("pending:5s,ready").within(max_wait).run().await;
        assert_eq!(outcome.endings, met());
    }
    // A deadline that stands for "never" must not cut a request.
    let outcome = wait("pending:300d,provisioning:300d,slow:2s,ready")
        .with(|wait| wait.max = Duration::MAX)
        .within(Duration::MAX)
        .run()
        .await;
    assert_eq!(outcome.endings, met());
    let outcome = wait("429:3m,ready")
        .with(|wait| wait.max = Duration::MAX)
        .within(Duration::MAX)
        .run()
        .await;
    assert_eq!(outcome.endings, met());
}

#[tokio::test(start_paused = true)]
async fn a_dropped_wait_keeps_what_was_observed() {
    let ids = [InstanceId::new("inst_0").unwrap()];
    let simulation = Simulation::new("pending".parse().unwrap(), ids.clone());
    let source = SimulatedSource::new(simulation, SECOND);
    let backoff = Backoff::new(SECOND, SECOND, Jitter::Off).unwrap();
    let now = Instant::now();
    let mut waiter = Waiter::new(source, Opens(now), Policy::new(Rules::default(), backoff, ids));
    let mut nobody = ();
    // Between two polls: at the time of a poll, chance would decide which comes first.
    let between_polls = SECOND * 90 + SECOND / 2;
    tokio::select! {
        _ = waiter.wait(&mut nobody) => panic!("it cannot end"),
        () = sleep_until(now + between_polls) => {}
    }
    assert_eq!(waiter.elapsed(), between_polls);
    assert_eq!(waiter.watches()[0].tally().polls, 91);
    assert_eq!(waiter.watches()[0].ending(), None);
}

/// Any closure can observe, and so can `()`.
#[test]
fn observers_are_closures_or_nothing() {
    fn takes(_: &mut impl Observer) {}
    takes(&mut ());
    takes(&mut |_: Duration, _: &WaitEvent<'_>| {});
}
