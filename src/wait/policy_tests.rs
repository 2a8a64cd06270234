use super::*;
use crate::answer::{
    address::Origin,
    hint::Hint,
    instance::{Instance, Status},
    poll_error::PollError,
};
use crate::wait::{backoff::Jitter, condition::Condition, event::Why};

const SECOND: Duration = Duration::from_secs(1);

fn policy(ids: &[&str], change: impl FnOnce(&mut Rules)) -> Policy {
    let mut rules = Rules::default();
    change(&mut rules);
    let backoff = Backoff::new(SECOND, SECOND * 15, Jitter::Off).unwrap();
    Policy::new(rules, backoff, ids.iter().map(|id| InstanceId::new(id).unwrap()))
}

/// An answer about whichever instance is asked about.
#[expect(clippy::unnecessary_wraps, reason = "a round may leave a place empty")]
fn instance(status: &str, ip: Option<&str>) -> Option<Answer> {
    let mut instance = Instance::new(InstanceId::new("anyone").unwrap(), status.into());
    instance.ip = ip.map(address);
    Some(Ok(instance))
}

fn address(text: &str) -> Address {
    Address::parse(text, Origin::Network).unwrap()
}

const IP: &str = "203.0.113.1";

/// The positions of the instances that are due.
fn due(policy: &Policy) -> Vec<usize> {
    policy.begin_round(Duration::ZERO).places.iter().map(|place| place.position).collect()
}

/// Polls at second `at` and records `answers` for the instances due; returns the events.
fn poll(policy: &mut Policy, at: u32, answers: Vec<Option<Answer>>) -> Vec<String> {
    let mut round = policy.begin_round(SECOND * at);
    assert_eq!(round.len(), answers.len(), "{round:?}");
    for (place, answer) in answers.into_iter().enumerate() {
        let Some(mut answer) = answer else { continue };
        if let Ok(instance) = &mut answer {
            instance.id = round.id(place).clone();
        }
        round.answer(place, answer);
    }
    let mut events = Vec::new();
    let mut observer = |_: Duration, event: &WaitEvent<'_>| events.extend(summary(event));
    policy.record(round, SECOND * at, &mut observer);
    events
}

/// A short text for each event that is shown to people.
fn summary(event: &WaitEvent<'_>) -> Option<String> {
    Some(match event {
        WaitEvent::Transition { id, from, now } => {
            format!("{id} {} after {from:?}", now.status)
        }
        WaitEvent::UnclearStatus { id, status } => format!("{id} unclear {status}"),
        WaitEvent::Fault { id, others, error, .. } => format!("{id} and {others} others: {error}"),
        WaitEvent::NotReached { id, error, .. } => format!("{id} not reached: {error}"),
        WaitEvent::NextPoll { delay, why, .. } => format!("next in {delay:?}: {why:?}"),
        WaitEvent::Ended { id, ending } => format!("{id} {ending:?}"),
        WaitEvent::Met { id, address } => format!("{id} met at {address:?}"),
        WaitEvent::Reopened { id } => format!("{id} reopened"),
        WaitEvent::UnusableAddress { id, text } => format!("{id} unusable {text}"),
        WaitEvent::Polled { .. } | WaitEvent::RoundOver { .. } | WaitEvent::Notice(_) => {
            return None;
        }
    })
}

#[expect(clippy::unnecessary_wraps, reason = "a round may leave a place empty")]
fn error(status: u16, hint: Option<u64>) -> Option<Answer> {
    let header = crate::answer::hint::HintHeader::RetryAfter;
    let hint = hint.map(|seconds| Hint { wait: Duration::from_secs(seconds), header });
    let answer = crate::answer::poll_error::ServerError::bare(status);
    Some(Err(PollError::from_answer(answer, hint, None)))
}

fn reach(policy: &mut Policy, position: usize, at: u32) {
    policy.record_probe(position, address(IP), Ok(()), SECOND * at, &mut ());
}

#[test]
fn with_any_the_others_are_abandoned_only_once_an_address_is_confirmed() {
    let mut policy = policy(&["a", "b"], |rules| {
        rules.condition = Condition::Tcp { port: 80 };
        (rules.any, rules.fail_fast) = (true, true);
    });
    poll(&mut policy, 0, vec![instance("ready", Some(IP)), instance("pending", None)]);
    reach(&mut policy, 0, 20);
    assert_eq!(policy.decide(), Decision::PollAt(SECOND * 20, Why::Confirmation));
    assert_eq!(due(&policy), [0]);
    poll(&mut policy, 20, vec![instance("init", None)]);
    assert_eq!(due(&policy), [1, 0]);
    poll(&mut policy, 21, vec![instance("pending", None), instance("ready", Some(IP))]);
    reach(&mut policy, 0, 22);
    assert_eq!(policy.decide(), Decision::Finish);
    assert_eq!(policy.watches()[0].ending(), Some(&Ending::Met(Some(address(IP)))));
    assert_eq!(policy.watches()[1].ending(), Some(&Ending::Abandoned));
}

#[test]
fn a_watch_has_the_last_observation_and_an_address_only_once_it_is_met() {
    let mut policy = policy(&["a"], |rules| rules.condition = Condition::Tcp { port: 80 });
    let seen = |policy: &Policy| {
        let watch = &policy.watches()[0];
        (watch.instance().map(|instance| instance.status.clone()), watch.address())
    };
    assert_eq!(seen(&policy), (None, None));
    poll(&mut policy, 0, vec![instance("ready", Some(IP))]);
    assert_eq!(seen(&policy), (Some(Status::Ready), None));
    reach(&mut policy, 0, 1);
    assert_eq!(seen(&policy), (Some(Status::Ready), Some(address(IP))));
}

#[test]
fn a_hint_or_a_limit_that_does_not_change_the_delay_is_not_its_reason() {
    let mut hinted = policy(&["a"], |_| ());
    poll(&mut hinted, 0, vec![error(429, Some(1))]);
    assert_eq!(hinted.decide(), Decision::PollAt(SECOND, Why::Backoff));
    let mut limited = policy(&["a"], |rules| {
        rules.budgets.push((Status::Pending, SECOND));
    });
    poll(&mut limited, 0, vec![instance("pending", None)]);
    assert_eq!(limited.decide(), Decision::PollAt(SECOND, Why::Changed));
    let mut missing = policy(&["a", "b"], |rules| rules.any = true);
    let backoff = Backoff::new(SECOND * 3, SECOND * 15, Jitter::Off).unwrap();
    missing.pace = Pace::new(backoff, missing.rules.deadline);
    poll(&mut missing, 0, vec![instance("pending", None), instance("pending", None)]);
    poll(&mut missing, 10, vec![error(404, None), instance("pending", None)]);
    assert_eq!(missing.decide(), Decision::PollAt(SECOND * 13, Why::Changed));
}

#[test]
fn fail_fast_confirms_no_address_after_a_failure() {
    let mut policy = policy(&["a", "b"], |rules| rules.fail_fast = true);
    poll(&mut policy, 0, vec![instance("ready", Some(IP)), instance("pending", None)]);
    poll(&mut policy, 30, vec![instance("stopped", None)]);
    assert_eq!(policy.decide(), Decision::Finish);
}

#[test]
fn a_fault_of_several_instances_is_one_event() {
    let mut policy = policy(&["a", "b", "c", "d"], |_| ());
    let answers = vec![error(502, None), error(429, None), error(502, None), error(502, None)];
    assert_eq!(
        poll(&mut policy, 0, answers),
        ["a and 2 others: HTTP 502", "b and 0 others: HTTP 429", "next in 1s: Backoff"]
    );
}

#[test]
fn a_repeated_fault_is_an_event_only_with_a_hint() {
    let mut policy = policy(&["a"], |_| ());
    let mut is_event = |at, status, hint| {
        let events = poll(&mut policy, at, vec![error(status, hint)]);
        events.iter().any(|line| line.contains("others"))
    };
    let polls = [
        (500, None, true),
        (500, None, false),
        (502, None, true),
        (429, None, true),
        (429, None, false),
        (429, Some(1), true),
        (503, Some(1), true),
        (503, Some(1), true),
        (503, None, false),
        (404, None, true),
    ];
    for (at, (status, hint, due)) in (0..).zip(polls) {
        assert_eq!(is_event(at, status, hint), due, "poll {at}: {status} {hint:?}");
    }
}

#[test]
fn a_fault_is_an_event_again_after_an_observation() {
    let mut policy = policy(&["a"], |_| ());
    for (at, answer) in [(0, error(500, None)), (1, instance("pending", None))] {
        poll(&mut policy, at, vec![answer]);
    }
    assert_eq!(poll(&mut policy, 2, vec![error(500, None)])[0], "a and 0 others: HTTP 500");
}

#[test]
fn an_error_that_ends_the_wait_is_an_ending_and_not_a_fault() {
    let mut policy = policy(&["a", "b"], |_| ());
    let events = poll(&mut policy, 0, vec![error(401, None), error(400, None)]);
    assert!(events.len() == 2 && events[0].starts_with("a Unauth"), "{events:?}");
    assert_eq!(policy.decide(), Decision::Finish);
}

#[test]
fn the_longest_hint_of_a_round_counts() {
    for seconds in [[2, 5], [5, 2], [5, 5]] {
        let mut policy = policy(&["a", "b"], |_| ());
        poll(&mut policy, 0, seconds.map(|s| error(429, Some(s))).into());
        let Decision::PollAt(at, Why::Hint(hint)) = policy.decide() else { panic!() };
        assert_eq!((at, hint.wait), (SECOND * 5, SECOND * 5));
    }
}

#[test]
fn a_round_after_one_cut_short_begins_with_the_instances_left_out() {
    let mut policy = policy(&["a", "b", "c"], |_| ());
    poll(&mut policy, 0, vec![instance("pending", None), error(429, None), None]);
    assert_eq!(due(&policy), [2, 0, 1]);
    assert_eq!(policy.watches()[2].tally().polls, 0);
}

#[test]
fn a_transition_has_the_previous_status_and_its_duration() {
    let mut policy = policy(&["a"], |_| ());
    let events = [(0, "pending"), (3, "pending"), (7, "provisioning")]
        .map(|(at, status)| poll(&mut policy, at, vec![instance(status, None)]));
    assert_eq!(events[0][0], "a pending after None");
    assert_eq!(events[1].len(), 1);
    assert_eq!(events[2][0], "a provisioning after Some((Pending, 7s))");
}

#[test]
fn the_warnings_of_unclear_statuses_are_limited() {
    let mut policy = policy(&["a"], |_| ());
    let mut warnings = 0;
    for at in 0..70 {
        let events = poll(&mut policy, at, vec![instance(&format!("odd{at}"), None)]);
        warnings += events.iter().filter(|line| line.contains("unclear")).count();
    }
    assert_eq!(warnings, 64);
}

#[test]
fn a_failed_attempt_is_an_event_if_its_reason_has_changed() {
    let mut policy = policy(&["a"], |rules| rules.condition = Condition::Tcp { port: 80 });
    poll(&mut policy, 0, vec![instance("ready", Some(IP))]);
    let mut events = Vec::new();
    let mut fail = |ip: &str, error| {
        let mut observer = |_: Duration, event: &WaitEvent<'_>| events.extend(summary(event));
        policy.record_probe(0, address(ip), Err(error), SECOND, &mut observer);
    };
    fail("203.0.113.9", ProbeError::Closed);
    for error in [ProbeError::ConnectionRefused, ProbeError::ConnectionRefused, ProbeError::Closed]
    {
        fail(IP, error);
    }
    assert_eq!(
        events,
        [
            "a not reached: connection refused",
            "a not reached: connected, but closed without an SSH identification"
        ]
    );
}

#[test]
fn at_the_deadline_each_waiting_instance_ends_with_its_reason() {
    let mut policy = policy(&["a", "b", "c"], |rules| {
        rules.condition = Condition::Tcp { port: 80 };
    });
    let answers = vec![error(429, Some(3)), instance("ready", Some(IP)), instance("init", None)];
    poll(&mut policy, 0, answers);
    policy.give_up(SECOND * 600, &mut ());
    let endings: Vec<&Ending> = policy.watches().iter().filter_map(Watch::ending).collect();
    assert!(matches!(
        endings[..],
        [Ending::Throttled(None), Ending::Unreachable(None), Ending::TimedOut]
    ));
    assert_eq!(policy.decide(), Decision::Finish);
}

#[test]
fn an_address_is_confirmed_at_the_deadline_itself_and_not_after_it() {
    let decision = |max_wait| {
        let mut policy = policy(&["a"], |rules| {
            rules.condition = Condition::Tcp { port: 80 };
            rules.deadline = Deadline::After(SECOND * max_wait);
        });
        poll(&mut policy, 0, vec![instance("ready", Some(IP))]);
        poll(&mut policy, 20, vec![error(500, None)]);
        policy.record_probe(0, address(IP), Ok(()), SECOND * 41 / 2, &mut ());
        policy.decide()
    };
    assert_eq!(decision(21), Decision::PollAt(SECOND * 21, Why::Confirmation));
    let reached_at = SECOND * 41 / 2;
    assert_eq!(decision(22), Decision::PollAt(SECOND * 21, Why::Confirmation));
    assert_eq!(decision(20), Decision::Finish);
    let mut policy = policy(&["a"], |rules| rules.deadline = Deadline::After(reached_at));
    policy.rules.condition = Condition::Tcp { port: 80 };
    poll(&mut policy, 0, vec![instance("ready", Some(IP))]);
    poll(&mut policy, 20, vec![error(500, None)]);
    policy.record_probe(0, address(IP), Ok(()), reached_at, &mut ());
    assert_eq!(policy.decide(), Decision::GiveUpAt(reached_at));
}

#[test]
fn a_deadline_missed_by_more_than_half_a_second_allows_one_more_poll() {
    for (late, polls_again) in [(500, false), (501, true)] {
        let mut policy = policy(&["a"], |rules| rules.deadline = Deadline::After(SECOND));
        let now = SECOND + Duration::from_millis(late);
        policy.give_up(now, &mut ());
        let due =
            if polls_again { Decision::PollAt(now, Why::Overslept) } else { Decision::Finish };
        assert_eq!(policy.decide(), due);
    }
}

#[test]
fn a_fault_says_whether_another_poll_follows() {
    let polls_again = |policy: &mut Policy, at: Duration| {
        let mut round = policy.begin_round(at);
        round.answer(0, error(500, None).unwrap());
        let mut said = Vec::new();
        let mut observer = |_: Duration, event: &WaitEvent<'_>| {
            if let WaitEvent::Fault { polls_again, .. } = event {
                said.push(*polls_again);
            }
        };
        policy.record(round, at, &mut observer);
        said
    };
    let mut once = policy(&["a"], |rules| rules.deadline = Deadline::LookOnce);
    assert_eq!(polls_again(&mut once, Duration::ZERO), [false]);
    let mut policy = policy(&["a"], |rules| rules.deadline = Deadline::After(SECOND * 60));
    assert_eq!(polls_again(&mut policy, Duration::ZERO), [true]);
    poll(&mut policy, 1, vec![instance("pending", None)]);
    policy.give_up(SECOND * 90, &mut ());
    assert_eq!(polls_again(&mut policy, SECOND * 90), [false]);
}
