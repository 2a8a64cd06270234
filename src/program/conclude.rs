//! What comes of a run that is over: the summary, the report, the result, and COMMAND. The order
//! is that of what can be taken back: a report is written anew where a later step fails, while an
//! address that is printed stays printed, and nothing of this process is left once COMMAND runs.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    path::Path,
};

use tracing::warn;

use super::{
    command::{become_command, command},
    failure::Failure,
    output::{print, render},
    plan::Outputs,
    signals::AtOnce,
    tell::tell_reason,
    verdict::{Finished, Verdict},
};
use crate::{
    report::{
        annotation::annotation, exit_code::ExitCode, fitting::fitting, json, record::Report,
        summary::summary,
    },
    system::{
        place::is_special,
        write::{FileError, append, replace, replace_or_shorten},
    },
};

/// The kubelet keeps the last 4,096 bytes of a termination log; the last one ends the line.
const MOST_IN_PLACE: usize = 4_095;

/// Reports, passes the result on, and becomes COMMAND where there is one; the exit code.
pub(crate) fn conclude(
    outputs: &Outputs,
    command: &[OsString],
    finished: &Finished,
    verdict: Verdict,
    at_once: &AtOnce,
) -> ExitCode {
    let conclude = || {
        let mut verdict = report(outputs, finished, verdict);
        if verdict.code == ExitCode::Success
            && let Err(failure) = pass_on(outputs, command, finished, at_once)
        {
            verdict = report(outputs, finished, spoiled(failure));
        }
        if let Some(message) = verdict.message.filter(|_| outputs.annotates) {
            let _ = writeln!(io::stderr(), "{}", annotation(&message));
        }
        verdict.code
    };
    // Only where it may be stuck: elsewhere a signal would leave half of the work behind.
    let may_be_stuck = outputs.files().any(|(_, path)| is_special(path));
    if may_be_stuck { at_once.during(conclude) } else { conclude() }
}

/// Writes the result and becomes COMMAND; comes back where there is none or that is impossible.
fn pass_on(
    outputs: &Outputs,
    words: &[OsString],
    finished: &Finished,
    at_once: &AtOnce,
) -> Result<(), Failure> {
    let met = finished.outcome.met();
    let text = || render(outputs.format, &met, finished.outcome.elapsed());
    if let Some(path) = &outputs.result {
        replace(path, text().as_bytes())
            .map_err(|error| Failure::unexpected("cannot write the result", &error))?;
    } else if words.is_empty() {
        // With COMMAND, standard output is COMMAND's.
        at_once.during(|| print(text().as_bytes())).map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
    }
    let Some(command) = command(words, &met) else { return Ok(()) };
    let error = become_command(command);
    Err(Failure::command(error.code(), &error))
}

/// Writes the summary and the report; a success that cannot be reported is none.
fn report(outputs: &Outputs, finished: &Finished, mut verdict: Verdict) -> Verdict {
    let outcome = &finished.outcome;
    let (watches, elapsed) = (outcome.watches(), outcome.elapsed());
    if let Some(path) = &outputs.summary {
        let text = summary(watches, elapsed, verdict.code, verdict.message.as_deref());
        let written = append(path, text.as_bytes());
        verdict = unless_written("cannot write the summary", written, verdict);
    }
    if let Some(path) = &outputs.report {
        let decisive = outcome
            .decisive()
            .or_else(|| watches.iter().find(|watch| watch.is_met()))
            .or(watches.first());
        let message = verdict.message.as_deref();
        let report = Report::new(watches, decisive, elapsed, verdict.code, message);
        let written = write_report(path, &report);
        verdict = unless_written("cannot write the report", written, verdict);
    }
    verdict
}

/// `verdict`, or that of a success that came to nothing here; a failure stays what it is.
fn unless_written(what: &str, written: Result<(), FileError>, verdict: Verdict) -> Verdict {
    let Err(error) = written else { return verdict };
    let failure = Failure::unexpected(what, &error);
    if verdict.code == ExitCode::Success {
        spoiled(failure)
    } else {
        warn!("{}", failure.explanation.what);
        verdict
    }
}

/// The verdict on a success that came to nothing after the wait, which is told at once.
fn spoiled(failure: Failure) -> Verdict {
    let verdict = Verdict::from(failure);
    verdict.reasons.iter().for_each(tell_reason);
    verdict
}

/// Writes a report, over a file that cannot be replaced too.
pub(crate) fn write_report(path: &Path, report: &Report<'_>) -> Result<(), FileError> {
    let (whole, short) = (json::line(report), fitting(report, MOST_IN_PLACE));
    replace_or_shorten(path, format!("{whole}\n").as_bytes(), format!("{short}\n").as_bytes())
}
