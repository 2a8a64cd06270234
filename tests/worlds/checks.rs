//! What has to hold after every wait.

use std::{net::IpAddr, time::Duration};

use wait_ready::{
    Address,
    report::exit_code::ExitCode,
    wait::{ending::Ending, outcome::Outcome as WaitOutcome, watch::Watch},
};

use super::{
    Outcome,
    answers::Said,
    oracle::{Oracle, State, Subject},
    pace,
    source::Event,
    world::{Ms, Options},
};

/// Holds what the waiter made of a world against what the contract makes of its history.
pub(crate) fn check(
    options: &Options,
    log: &[Event],
    outcome: &WaitOutcome,
) -> Result<Outcome, String> {
    let (watches, elapsed) = (outcome.watches(), outcome.elapsed());
    let oracle = Oracle::read(options, watches.len(), log)?;
    for (watch, subject) in watches.iter().zip(&oracle.subjects) {
        check_watch(watch, subject, options.stable).map_err(|e| format!("{}: {e}", watch.id()))?;
    }
    let code = match outcome.decisive() {
        Some(watch) => watch.ending().and_then(ExitCode::of).map(ExitCode::number),
        None => Some(0),
    };
    same("the exit code", code, Some(oracle.exit_code()))?;
    let met = watches.iter().filter(|watch| watch.is_met()).count();
    if code == Some(0) && (met == 0 || (met < watches.len() && !options.any)) {
        return Err(format!("success, and {met} of {} got there", watches.len()));
    }
    same("the end", elapsed, Duration::from_millis(oracle.last_event))?;
    if options.max_wait > 0 && elapsed > Duration::from_millis(options.max_wait) {
        return Err(format!("the wait outlived its deadline: {elapsed:?}"));
    }
    let told = |event| log.iter().filter(|told| **told == event).count();
    let polls = oracle.subjects.iter().map(|subject| subject.answers.len()).sum();
    same("the polls told", told(Event::ToldPoll), polls)?;
    let unclear = oracle.subjects.iter().map(Subject::unclear).sum();
    same("the warnings", told(Event::ToldUnclear), unclear)?;
    pace::check(options, &oracle)?;
    pace::check_attempts(log)?;
    Ok(Outcome { code: oracle.exit_code(), rounds: oracle.rounds.len() })
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is made for it")]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, due: T) -> Result<(), String> {
    if got == due { Ok(()) } else { Err(format!("{what} is {got:?}; the oracle says {due:?}")) }
}

fn check_watch(watch: &Watch, subject: &Subject, stable: usize) -> Result<(), String> {
    let state = match watch.ending() {
        None => State::Waiting,
        Some(Ending::Met(address)) => State::Met(address.map(Address::ip)),
        Some(Ending::Abandoned) => State::Abandoned,
        Some(ending) => State::Over(ExitCode::of(ending).map_or(0, ExitCode::number)),
    };
    same("the ending", state, subject.state)?;
    same("its moment", watch.over_at(), subject.over_at.map(Duration::from_millis))?;
    if let Some(ip) = watch.address().map(Address::ip) {
        check_address(ip, &subject.answers, stable)?;
    }
    let tally = watch.tally();
    let totals = [tally.polls, tally.throttled, tally.transient_errors].map(u64::from);
    let (polls, throttled, transient) = subject.totals();
    let counts = [polls, throttled, transient].map(|count| count as u64);
    same("polls, throttled, transient", totals, counts)?;
    let throttled_for = Duration::from_millis(subject.throttled_ms);
    same("the throttled time", tally.throttled_for, throttled_for)?;
    let seen = watch.timeline().transitions().iter();
    let seen: Vec<_> = seen.map(|t| (t.status.as_received(), t.at)).collect();
    let due = subject.transitions();
    let due: Vec<_> = due.into_iter().map(|(s, at)| (s, Duration::from_millis(at))).collect();
    same("the transitions", seen, due)?;
    let failed = subject.answers.iter().any(|(_, said)| !matches!(said, Said::Instance { .. }));
    same("whether anything failed", watch.last_error().is_some(), failed)
}

/// Whether enough ready answers in a row carried the address, and none denied it since.
fn check_address(ip: IpAddr, answers: &[(Ms, Said)], stable: usize) -> Result<(), String> {
    let ready = Said::Instance { status: "ready", ip: Some(ip) };
    let mut row = 0;
    let mut longest = 0;
    for (_, said) in answers {
        row = if *said == ready { row + 1 } else { 0 };
        longest = longest.max(row);
    }
    let last = answers.iter().rev().find(|(_, said)| matches!(said, Said::Instance { .. }));
    if longest >= stable && last.is_some_and(|(_, said)| *said == ready) {
        Ok(())
    } else {
        Err(format!("{ip} was never promised {stable} times in a row, or no longer is"))
    }
}
