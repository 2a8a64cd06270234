//! The verdict on a run: its exit code, and the words for it. Decides, and logs nothing.

use std::time::{Duration, SystemTime};

use super::failure::Failure;
use crate::{
    answer::{instance::InstanceId, poll_error::PollError},
    report::{
        advice::for_a_url_without_version,
        exit_code::ExitCode,
        explain::{Explanation, STILL_BILLED, explain, polls},
        fleet::FLEET_SIZE,
    },
    system::{clock::time_of_day, signals::Signal},
    text::duration::Brief,
    wait::{outcome::Outcome, rules::Rules, watch::Watch},
};

/// The most instances that are reported one by one; more share one line.
pub(super) const SHOWN_ONE_BY_ONE: usize = FLEET_SIZE - 1;

/// A run that is over.
pub(crate) struct Finished {
    pub(crate) outcome: Outcome,
    pub(crate) rules: Rules,
    /// The time of day at which the elapsed time began.
    pub(crate) started_at: SystemTime,
    pub(crate) end: End,
    /// Whether the API's URL has no version, as fal's has.
    pub(crate) lacks_version: bool,
}

/// Why the wait for `watch` failed, with what is known of the API's URL.
fn explained(finished: &Finished, watch: &Watch) -> Option<Explanation> {
    let mut explanation = explain(watch, &finished.rules)?;
    if finished.lacks_version
        && let Some(doubt) = for_a_url_without_version(watch)
    {
        let advice = explanation.advice.map(|advice| format!("{doubt}; {advice}"));
        explanation.advice = Some(advice.unwrap_or_else(|| doubt.to_owned()));
    }
    Some(explanation)
}

/// What ended a run.
#[derive(Debug)]
pub(crate) enum End {
    /// Every instance has its ending.
    Over,
    /// A signal.
    Signal(Signal),
    /// A failure of the program or its configuration.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Signal> for End {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

/// The verdict on a run.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) code: ExitCode,
    /// The reasons to log; none for a success.
    pub(crate) reasons: Vec<Reason>,
    /// How many more instances failed, for reasons too many to log.
    pub(crate) unlogged: usize,
    /// Why it is not a success, on one line.
    pub(crate) message: Option<String>,
}

/// One reason for a failure, logged once for all instances that share it.
#[derive(Debug)]
pub(crate) struct Reason {
    pub(crate) explanation: Explanation,
    pub(crate) code: ExitCode,
    /// The error of the first instance's last poll.
    pub(crate) error: Option<PollError>,
}

impl Finished {
    /// A run that ended before the first poll.
    pub(crate) fn before_the_wait(words: &[String], end: End) -> Self {
        let ids = words.iter().filter(|word| !word.starts_with('@'));
        let watches = ids.filter_map(|id| InstanceId::new(id).ok()).map(Watch::new).collect();
        let outcome = Outcome::new(watches, false, Duration::ZERO);
        let (rules, started_at) = (Rules::default(), time_of_day());
        Self { outcome, rules, started_at, end, lacks_version: false }
    }

    /// The instances that met the condition.
    pub(super) fn met(&self) -> impl Iterator<Item = &Watch> {
        self.outcome.watches().iter().filter(|watch| watch.is_met())
    }

    /// How many instances met the condition, in words.
    pub(super) fn tally(&self) -> String {
        format!("{} of {} met the condition", self.met().count(), self.outcome.watches().len())
    }
}

/// Decides how a run ended.
pub(crate) fn verdict(finished: &Finished) -> Verdict {
    match &finished.end {
        End::Failed(failure) => failure.clone().into(),
        End::Signal(signal) => Verdict::interrupted(finished, *signal),
        End::Over => match finished.outcome.decisive() {
            None => {
                Verdict { code: ExitCode::Success, reasons: Vec::new(), unlogged: 0, message: None }
            }
            Some(watch) => failed_wait(finished, watch),
        },
    }
}

impl Verdict {
    /// The verdict on a run that `signal` ended, whatever it had reached.
    pub(crate) fn interrupted(finished: &Finished, signal: Signal) -> Self {
        let explanation = interruption(finished, signal);
        Self::of(Reason { explanation, code: code_of(signal), error: None })
    }

    /// A failure for a single reason.
    fn of(reason: Reason) -> Self {
        let message = Some(reason.explanation.on_one_line());
        Self { code: reason.code, reasons: vec![reason], unlogged: 0, message }
    }
}

impl From<Failure> for Verdict {
    fn from(Failure { code, explanation }: Failure) -> Self {
        Self::of(Reason { explanation, code, error: None })
    }
}

fn failed_wait(finished: &Finished, decisive: &Watch) -> Verdict {
    let code = ExitCode::of_watch(decisive).unwrap_or(ExitCode::Unexpected);
    let mut kinds: Vec<(Reason, usize)> = Vec::new();
    let mut unlogged = 0;
    for watch in finished.outcome.watches() {
        let Some(explanation) = explained(finished, watch) else { continue };
        let own = ExitCode::of_watch(watch).unwrap_or(code);
        let same = kinds.iter_mut().find(|(kind, _)| kind.explanation.what == explanation.what);
        if let Some((_, others)) = same {
            *others += 1;
        } else if kinds.len() < SHOWN_ONE_BY_ONE {
            let error = watch.present_error().cloned();
            kinds.push((Reason { explanation, code: own, error }, 0));
        } else {
            unlogged += 1;
        }
    }
    let with_count = |(mut reason, others): (Reason, usize)| {
        if others > 0 {
            reason.explanation.what += &format!(" (the same for {others} more)");
        }
        reason
    };
    let reasons = kinds.into_iter().map(with_count).collect();
    let message = explained(finished, decisive).map(|it| it.on_one_line());
    Verdict { code, reasons, unlogged, message }
}

fn interruption(finished: &Finished, signal: Signal) -> Explanation {
    let outcome = &finished.outcome;
    let when = match outcome.elapsed() {
        Duration::ZERO => "before the wait began".to_owned(),
        elapsed => format!("after {}", Brief(elapsed)),
    };
    let seen = match outcome.watches() {
        [only] => only.instance().map(|instance| {
            format!("{} was {}; {}", only.id(), instance.status, polls(&only.tally()))
        }),
        _ => Some(finished.tally()),
    };
    let is_unfinished = outcome.watches().iter().any(Watch::is_waiting);
    Explanation {
        what: format!("ended by {} {when}", signal.name()),
        seen,
        advice: is_unfinished.then(|| STILL_BILLED.to_owned()),
    }
}

fn code_of(signal: Signal) -> ExitCode {
    match signal {
        Signal::Hangup => ExitCode::HungUp,
        Signal::Interrupt => ExitCode::Interrupted,
        Signal::Quit => ExitCode::Quit,
        Signal::Terminate => ExitCode::Terminated,
    }
}
