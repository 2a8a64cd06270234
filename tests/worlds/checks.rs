//! What has to hold after every wait.

use std::{net::IpAddr, time::Duration};

use wait_ready::{
    Address,
    report::exit_code::ExitCode,
    wait::{ending::Ending, outcome::Outcome, watch::Watch},
};

use super::{
    answers::Said,
    oracle::{Oracle, State, Subject},
    pace,
    source::Event,
    world::{Ms, Options},
};

/// What the oracle makes of a wait in which all was right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    /// The exit code.
    pub(crate) code: u8,
    /// How many rounds of polls it took.
    pub(crate) rounds: usize,
}

/// A wait that is over, as it is held against the oracle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) watches: &'a [Watch],
    pub(crate) decisive: Option<&'a Watch>,
    pub(crate) elapsed: Duration,
}

impl<'a> From<&'a Outcome> for Ended<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let (watches, decisive) = (outcome.watches(), outcome.decisive());
        Self { watches, decisive, elapsed: outcome.elapsed() }
    }
}

/// Holds what the waiter made of a world against what the contract makes of its history.
pub(crate) fn check(options: &Options, log: &[Event], outcome: &Outcome) -> Result<Judged, String> {
    let oracle = Oracle::read(options, outcome.watches().len(), log)?;
    check_ended(options, log, &oracle, Ended::from(outcome))
}

/// The same where the oracle has read the history.
pub(crate) fn check_ended(
    options: &Options,
    log: &[Event],
    oracle: &Oracle<'_>,
    ended: Ended<'_>,
) -> Result<Judged, String> {
    check_watches(options, oracle, ended)?;
    same("the end", ended.elapsed, Duration::from_millis(oracle.last_event))?;
    if options.max_wait > 0 && ended.elapsed > Duration::from_millis(options.max_wait) {
        return Err(format!("the wait outlived its deadline: {:?}", ended.elapsed));
    }
    check_told(log, oracle)?;
    pace::check(options, oracle)?;
    pace::check_attempts(log)?;
    Ok(Judged { code: oracle.exit_code(), rounds: oracle.rounds.len() })
}

/// What was told, as often as it was due.
fn check_told(log: &[Event], oracle: &Oracle<'_>) -> Result<(), String> {
    let (mut polls, mut unclear, mut notices, mut failed_lists) = (0, 0, 0, 0);
    for event in log {
        match event {
            Event::ToldPoll => polls += 1,
            Event::ToldUnclear => unclear += 1,
            Event::ToldNotice => notices += 1,
            Event::NoList => failed_lists += 1,
            _ => {}
        }
    }
    let of_each = |count: fn(&Subject) -> usize| oracle.subjects.iter().map(count).sum::<usize>();
    same("the polls told", polls, of_each(|subject| subject.answers.len()))?;
    same("the warnings", unclear, of_each(Subject::unclear))?;
    same("the notices", notices, failed_lists)
}

/// How each instance fared, and what decides.
fn check_watches(options: &Options, oracle: &Oracle<'_>, ended: Ended<'_>) -> Result<(), String> {
    let Ended { watches, decisive, .. } = ended;
    for (watch, subject) in watches.iter().zip(&oracle.subjects) {
        check_watch(watch, subject, options.stable).map_err(|e| format!("{}: {e}", watch.id()))?;
    }
    let code = match decisive {
        Some(watch) => watch.ending().and_then(ExitCode::of).map(ExitCode::number),
        None => Some(0),
    };
    same("the exit code", code, Some(oracle.exit_code()))?;
    let met = watches.iter().filter(|watch| watch.is_met()).count();
    if code == Some(0) && (met == 0 || (met < watches.len() && !options.any)) {
        return Err(format!("success, and {met} of {} met the condition", watches.len()));
    }
    Ok(())
}

/// The same where the process was stopped: past the deadline it polls once more, for one request's
/// time, and gives up when that is over. Its pace is not its own.
pub(crate) fn check_overslept(
    options: &Options,
    log: &[Event],
    outcome: &Outcome,
) -> Result<Judged, String> {
    let late: Vec<Ms> = log
        .iter()
        .filter_map(|event| match event {
            Event::Ask { at } if *at > options.max_wait => Some(*at),
            _ => None,
        })
        .collect();
    if late.len() > 1 {
        return Err(format!("more than one poll past the deadline: {late:?}"));
    }
    let mut options = options.clone();
    let last = log.iter().rev().find_map(|event| match event {
        Event::Answered { at } => Some(*at),
        _ => None,
    });
    if let (Some(asked), Some(answered)) = (late.first(), last) {
        if answered > asked + options.request_timeout {
            return Err(format!("the late poll takes from {asked} to {answered}"));
        }
        // A deadline at the end of the late poll judges what it brought.
        options.max_wait = answered;
    }
    let count = outcome.watches().len();
    let oracle = if late.is_empty() {
        Oracle::read(&options, count, log)?
    } else {
        Oracle::read_late(&options, count, log)?
    };
    check_watches(&options, &oracle, Ended::from(outcome))?;
    same("the end", outcome.elapsed(), Duration::from_millis(oracle.last_event))?;
    Ok(Judged { code: oracle.exit_code(), rounds: oracle.rounds.len() })
}

/// The same where the wait was dropped: what was seen until then is told, and nothing else.
pub(crate) fn check_dropped(
    options: &Options,
    log: &[Event],
    outcome: &Outcome,
) -> Result<Judged, String> {
    let mut oracle = Oracle::read_open(options, outcome.watches().len(), log)?;
    for subject in &mut oracle.subjects {
        if subject.state.is_waiting() {
            subject.state = State::Waiting;
        }
        subject.answers.retain(|(at, _)| *at != Ms::MAX);
    }
    for (watch, subject) in outcome.watches().iter().zip(&oracle.subjects) {
        check_watch(watch, subject, options.stable).map_err(|e| format!("{}: {e}", watch.id()))?;
    }
    Ok(Judged { code: oracle.exit_code(), rounds: oracle.rounds.len() })
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
