//! Refusals, the API's own and foreign: when they end a wait, and when not. In process, under a
//! paused clock.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};
use wait_ready::{
    Address, Answer, Backoff, Condition, Deadline, Ending, Instance, InstanceId, InstanceSource,
    Jitter, Origin, Policy, PollError, Probe, ProbeError, Round, Rules, Target, Waiter,
    answer::{
        hint::{Hint, HintHeader},
        poll_error::{Fault, Foreign, Refusal, ServerError},
    },
};

const SECOND: Duration = Duration::from_secs(1);

/// The answer to a poll.
#[derive(Debug, Clone)]
enum Said {
    Status(&'static str),
    Own(u16),
    Foreign(u16),
    Hint(u64),
    Fault,
    /// A refusal of a new key.
    NewKey(u16),
}

/// A source that plays one answer for each poll and repeats the last; it records the poll times.
struct Scripted {
    script: Vec<Said>,
    polls: Vec<f64>,
    began: Instant,
    takes: Duration,
}

impl InstanceSource for Scripted {
    async fn poll(&mut self, round: &mut Round) {
        let said = self.script[self.polls.len().min(self.script.len() - 1)].clone();
        self.polls.push(self.began.elapsed().as_secs_f64());
        sleep(self.takes).await;
        if matches!(said, Said::NewKey(_)) {
            round.note_new_key();
        }
        for place in 0..round.len() {
            let answer = answer(round.id(place), &said);
            round.answer(place, answer);
        }
    }
}

fn answer(id: &InstanceId, said: &Said) -> Answer {
    let from = |answer, hint| Err(PollError::from_answer(answer, hint, None));
    match said {
        Said::Status(status) => {
            let mut instance = Instance::new(id.clone(), (*status).into());
            instance.ip = Address::parse("203.0.113.42", Origin::Network).ok();
            Ok(instance)
        }
        Said::Own(status) | Said::NewKey(status) => from(ServerError::bare(*status), None),
        Said::Foreign(status) => {
            let mut answer = ServerError::bare(*status);
            answer.foreign = Some(Box::new(Foreign::default()));
            from(answer, None)
        }
        Said::Hint(seconds) => {
            let wait = Duration::from_secs(*seconds);
            let hint = Hint { wait, header: HintHeader::RetryAfter };
            from(ServerError::bare(429), Some(hint))
        }
        Said::Fault => Err(PollError::transient(Fault::Broken("reset".into()))),
    }
}

/// A probe that fails a number of times, then succeeds; an attempt takes no time.
struct Flaky(Arc<std::sync::Mutex<Vec<bool>>>);

impl Probe for Flaky {
    async fn attempt(&self, _: Target<'_>) -> Result<(), ProbeError> {
        let mut left = self.0.lock().unwrap();
        let succeeds = if left.len() > 1 { left.remove(0) } else { left[0] };
        if succeeds { Ok(()) } else { Err(ProbeError::ConnectionRefused) }
    }
}

struct Wait {
    rules: Rules,
    jitter: Jitter,
    ids: usize,
    probes: Vec<bool>,
}

struct Ended {
    endings: Vec<Ending>,
    polls: Vec<f64>,
    elapsed: f64,
}

fn wait(change: impl FnOnce(&mut Rules)) -> Wait {
    let mut rules = Rules::default();
    change(&mut rules);
    Wait { rules, jitter: Jitter::Off, ids: 1, probes: vec![true] }
}

impl Wait {
    async fn over(self, script: impl IntoIterator<Item = Said>) -> Ended {
        let script = script.into_iter().collect();
        let began = Instant::now();
        let mut source = Scripted { script, polls: Vec::new(), began, takes: Duration::ZERO };
        let ids = (0..self.ids).map(|n| InstanceId::new(&format!("inst_{n}")).unwrap());
        let backoff = Backoff::new(SECOND, SECOND * 15, self.jitter).unwrap();
        let policy = Policy::new(self.rules, backoff, ids);
        let probe = Flaky(Arc::new(self.probes.into()));
        let outcome = Waiter::new(&mut source, probe, policy).wait(&mut ()).await;
        Ended {
            endings: outcome.watches().iter().map(|w| w.ending().unwrap().clone()).collect(),
            polls: source.polls,
            elapsed: outcome.elapsed().as_secs_f64(),
        }
    }
}

fn exit_code(ended: &Ended) -> u8 {
    wait_ready::ExitCode::of(&ended.endings[0]).unwrap().number()
}

#[tokio::test(start_paused = true)]
async fn a_foreign_refusal_ends_the_wait_after_thirty_seconds() {
    for (status, code) in [(401, 4), (403, 4), (404, 5), (400, 6), (418, 6), (451, 6)] {
        let ended = wait(|_| ()).over([Said::Foreign(status)]).await;
        assert_eq!(exit_code(&ended), code, "{status}");
        assert_eq!(ended.polls, [0., 1., 3., 7., 15., 30.], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_refusal_needs_three_polls_however_far_apart() {
    let rules = |rules: &mut Rules| rules.deadline = Deadline::After(SECOND * 600);
    // The API asks for a pause between them, which is no answer about the instance.
    let ended = wait(rules).over([Said::Foreign(403), Said::Hint(60), Said::Foreign(403)]).await;
    assert_eq!(exit_code(&ended), 4);
    assert_eq!(ended.polls.len(), 4, "{:?}", ended.polls);
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_the_api_ends_a_run_of_foreign_refusals() {
    let row = |count| vec![Said::Foreign(403); count];
    for own in [Said::Status("pending"), Said::Own(404)] {
        let script = [row(5), vec![own], row(5), vec![Said::Status("ready")]].concat();
        let ended = wait(|rules| rules.not_found_grace = SECOND * 100).over(script).await;
        assert_eq!(exit_code(&ended), 0, "{:?}", ended.polls);
    }
}

#[tokio::test(start_paused = true)]
async fn transient_errors_between_foreign_refusals_are_ignored() {
    let script = [
        vec![Said::Foreign(403), Said::Fault, Said::Own(502), Said::Foreign(404)],
        vec![Said::Own(500); 4],
        vec![Said::Foreign(403)],
    ];
    let ended = wait(|_| ()).over(script.concat()).await;
    assert_eq!(exit_code(&ended), 4);
    assert_eq!(ended.polls.len(), 9, "{:?}", ended.polls);
}

#[tokio::test(start_paused = true)]
async fn a_foreign_404_is_no_evidence_of_a_deletion() {
    let deleted = |rules: &mut Rules| rules.condition = Condition::Deleted;
    let script = [Said::Status("ready"), Said::Foreign(404), Said::Foreign(404)];
    let ended = wait(deleted).over(script.into_iter().chain([Said::Status("ready")])).await;
    assert_eq!(ended.endings, [Ending::TimedOut]);
    let ended = wait(deleted).over([Said::Foreign(404)]).await;
    assert!(matches!(ended.endings[..], [Ending::NotFound(_)]), "{:?}", ended.endings);
    // One of the API's own does not make the foreign one a second.
    let mixed = [Said::Own(404), Said::Foreign(404), Said::Own(404), Said::Foreign(404)];
    let ended = wait(deleted).over(mixed.into_iter().chain([Said::Status("ready")])).await;
    assert_eq!(ended.endings, [Ending::TimedOut]);
    let seen = [Said::Status("pending"), Said::Foreign(404), Said::Foreign(404)];
    let ended = wait(|rules| rules.not_found_grace = Duration::ZERO)
        .over(seen.into_iter().chain([Said::Status("ready")]))
        .await;
    assert!(matches!(ended.endings[..], [Ending::Met(Some(_))]), "{:?}", ended.endings);
}

#[tokio::test(start_paused = true)]
async fn a_proxy_or_a_redirect_ends_the_wait_immediately_whoever_answers() {
    for status in [301, 302, 307, 407] {
        let ended = wait(|_| ()).over([Said::Foreign(status), Said::Status("ready")]).await;
        assert_eq!((exit_code(&ended), ended.polls.len()), (6, 1), "{status}");
        let is_redirect = matches!(ended.endings[0], Ending::Refused(Refusal::Redirect { .. }));
        assert_eq!(is_redirect, status != 407);
    }
}

#[tokio::test(start_paused = true)]
async fn an_accepted_key_is_refused_at_the_second_refusal_in_a_row_and_a_new_one_at_the_first() {
    for status in [401, 403] {
        let ready = Said::Status("ready");
        let script = [Said::Status("pending"), Said::Own(status), ready.clone()];
        assert_eq!(exit_code(&wait(|_| ()).over(script).await), 0);
        let script = [Said::Status("pending"), Said::Own(status), Said::Own(status), ready.clone()];
        let ended = wait(|_| ()).over(script).await;
        assert_eq!((exit_code(&ended), ended.polls.len()), (4, 3));
        let script = [Said::Status("pending"), Said::NewKey(status), ready.clone()];
        let ended = wait(|_| ()).over(script).await;
        assert_eq!((exit_code(&ended), ended.polls.len()), (4, 2));
        let fresh = wait(|_| ()).over([Said::Fault, Said::Own(status), ready]).await;
        assert_eq!((exit_code(&fresh), fresh.polls.len()), (4, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn clients_throttled_together_poll_again_spread_out_and_never_before_the_hint() {
    let mut back = Vec::new();
    for seed in 0..200 {
        let mut waiting = wait(|_| ());
        waiting.jitter = Jitter::Seeded(seed);
        let ended = waiting.over([Said::Hint(60), Said::Status("ready")]).await;
        assert!((60. ..=75.001).contains(&ended.polls[1]), "{:?}", ended.polls);
        back.push(ended.polls[1]);
    }
    back.sort_by(f64::total_cmp);
    assert!(back[199] - back[0] > 13., "spread over a quarter: {} to {}", back[0], back[199]);
    let mut waiting = wait(|rules| rules.deadline = Deadline::After(SECOND * 1_000));
    waiting.jitter = Jitter::Seeded(1);
    let ended = waiting.over([Said::Hint(600), Said::Status("ready")]).await;
    assert!((600. ..=615.001).contains(&ended.polls[1]), "at most 15 s: {:?}", ended.polls);
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_spread_up_to_the_deadline_and_not_past_it() {
    for seed in 0..50 {
        let mut waiting = wait(|rules| rules.deadline = Deadline::After(SECOND * 62));
        waiting.jitter = Jitter::Seeded(seed);
        let ended = waiting.over([Said::Hint(60), Said::Status("ready")]).await;
        assert_eq!(exit_code(&ended), 0, "{:?}", ended.polls);
        assert!((60. ..=62.).contains(&ended.polls[1]), "{:?}", ended.polls);
    }
}

#[tokio::test(start_paused = true)]
async fn with_a_probe_stable_counts_attempts_in_a_row_too() {
    let mut waiting = wait(|rules| {
        rules.condition = Condition::Ssh { port: 22 };
        rules.stable = 3.try_into().unwrap();
    });
    waiting.probes = vec![true, true, false, true, true, true];
    let ended = waiting.over([Said::Status("ready")]).await;
    assert!(matches!(ended.endings[..], [Ending::Met(Some(_))]));
    // Three polls at 0, 1 and 3 s, then six attempts with doubling delays.
    assert!(ended.elapsed >= 3. + 5., "{}", ended.elapsed);
}

/// A source during whose poll the process is stopped: the clock jumps.
struct Stopped {
    polls: usize,
    stops_at: usize,
    last: &'static str,
}

impl InstanceSource for Stopped {
    async fn poll(&mut self, round: &mut Round) {
        self.polls += 1;
        if self.polls == self.stops_at {
            tokio::time::advance(SECOND * 500).await;
            std::future::pending::<()>().await;
        }
        let status = if self.polls > self.stops_at { self.last } else { "pending" };
        let id = round.id(0).clone();
        round.answer(0, answer(&id, &Said::Status(status)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_process_stopped_past_its_deadline_polls_once_more() {
    let ssh = Condition::Ssh { port: 22 };
    for (last, condition, met) in [
        ("ready", Condition::Ready, true),
        ("pending", Condition::Ready, false),
        ("ready", ssh.clone(), true),
        ("pending", ssh, false),
    ] {
        let mut source = Stopped { polls: 0, stops_at: 3, last };
        let backoff = Backoff::new(SECOND, SECOND * 15, Jitter::Off).unwrap();
        let rules = Rules { condition, deadline: Deadline::After(SECOND * 60), ..Rules::default() };
        let policy = Policy::new(rules, backoff, [InstanceId::new("inst_a").unwrap()]);
        let outcome = Waiter::new(&mut source, Flaky(Arc::new(vec![true].into())), policy)
            .wait(&mut ())
            .await;
        assert_eq!(outcome.result().is_ok(), met, "{:?}", outcome.watches());
        assert_eq!(source.polls, 4);
    }
}

#[tokio::test(start_paused = true)]
async fn the_late_poll_is_cut_after_the_request_timeout() {
    struct Silent(usize);
    impl InstanceSource for Silent {
        async fn poll(&mut self, _: &mut Round) {
            self.0 += 1;
            if self.0 == 1 {
                tokio::time::advance(SECOND * 500).await;
            }
            std::future::pending::<()>().await;
        }
    }
    let mut source = Silent(0);
    let backoff = Backoff::new(SECOND, SECOND * 15, Jitter::Off).unwrap();
    let rules =
        Rules { deadline: Deadline::After(SECOND * 60), late_poll: SECOND * 7, ..Rules::default() };
    let policy = Policy::new(rules, backoff, [InstanceId::new("inst_a").unwrap()]);
    let mut waiter = Waiter::new(&mut source, Flaky(Arc::new(vec![true].into())), policy);
    let outcome = waiter.wait(&mut ()).await;
    assert_eq!(outcome.watches()[0].ending(), Some(&Ending::TimedOut));
    assert_eq!(outcome.elapsed(), SECOND * 507);
    drop(waiter);
    assert_eq!(source.0, 2);
}
