//! What comes of a run that is over: the summary, the report, the result, and COMMAND. The order
//! is that of what can be taken back: a report is written anew where a later step fails or a signal
//! comes, while an address that is printed stays printed, and nothing of this process is left once
//! COMMAND runs. Until then a signal is looked for before each step, and each step is left where it
//! is stuck, so that the report tells of the signal too.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    command::{command, hand_over},
    failure::Failure,
    output::{print, render},
    plan::Outputs,
    tell::tell_reason,
    verdict::{End, Finished, Verdict},
};
use crate::{
    report::{
        annotation::annotation, exit_code::ExitCode, fitting::fitting, json, record::Report,
        summary::summary,
    },
    system::{
        place::may_block,
        signals::{Signal, Signals},
        write::{FileError, append, replace, replace_or_shorten},
    },
    terminal::stderr::Stderr,
    wait::watch::Watch,
};

/// The kubelet keeps the last 4,096 bytes of a termination log; one of them ends the line.
const MOST_IN_PLACE: usize = 4_095;

/// Reports, passes the result on, and becomes COMMAND where there is one; the exit code.
pub(crate) fn conclude(
    outputs: &Outputs,
    command: &[OsString],
    finished: &Finished,
    mut verdict: Verdict,
    stderr: &Stderr,
    signals: &Signals,
) -> ExitCode {
    let mut accounts = Accounts { outputs, finished, signals, broken: Vec::new() };
    // A success can turn into a failure, and either into a signal's ending: three turns at most.
    loop {
        let done = accounts.give(&verdict).and_then(|()| match verdict.code {
            ExitCode::Success => pass_on(outputs, command, finished, signals),
            _ => Ok(()),
        });
        verdict = match done {
            Ok(()) | Err(End::Over) => break,
            Err(End::Failed(failure)) => failure.into(),
            Err(End::Signal(signal)) => Verdict::interrupted(finished, signal),
        };
        verdict.reasons.iter().for_each(tell_reason);
    }
    if let Some(message) = verdict.message.filter(|_| outputs.annotates) {
        stderr.say(annotation(&message) + "\n");
    }
    verdict.code
}

/// Writes the result and becomes COMMAND; comes back where there is none or that is impossible.
fn pass_on(
    outputs: &Outputs,
    words: &[OsString],
    finished: &Finished,
    signals: &Signals,
) -> Result<(), End> {
    let met = finished.outcome.met();
    let elapsed = finished.outcome.elapsed();
    let text = || render(outputs.format, &met, finished.started_at, elapsed).into_bytes();
    if let Some(path) = outputs.result.clone() {
        let text = text();
        write_to(path, signals, move |path| replace(path, &text))?
            .map_err(|error| Failure::unexpected("cannot write the result", &error))?;
    } else if words.is_empty() {
        // With COMMAND, standard output is COMMAND's.
        let text = text();
        signals.unless_stuck(move || print(&text))?.map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
    }
    let Some(command) = command(words, &met) else { return Ok(()) };
    let error = hand_over(command, met.len(), signals)?;
    Err(Failure::command(error.code(), &error).into())
}

/// Writes to a file. What is no regular file may be stuck, and is then given up for a signal; a
/// regular one is written to its end, however busy the disk.
fn write_to(
    path: PathBuf,
    signals: &Signals,
    write: impl FnOnce(&Path) -> Result<(), FileError> + Send + 'static,
) -> Result<Result<(), FileError>, Signal> {
    if may_block(&path) { signals.unless_stuck(move || write(&path)) } else { Ok(write(&path)) }
}

/// The accounts that are given of a run: the summary and the report.
struct Accounts<'a> {
    outputs: &'a Outputs,
    finished: &'a Finished,
    signals: &'a Signals,
    /// Those that cannot be written, which is told once.
    broken: Vec<&'static str>,
}

impl Accounts<'_> {
    /// Gives them of `verdict`. A success that cannot be reported is none, and what a signal has
    /// overtaken is none either.
    fn give(&mut self, verdict: &Verdict) -> Result<(), End> {
        let is_signals = verdict.code.is_of_signal();
        for (what, path) in [("summary", &self.outputs.summary), ("report", &self.outputs.report)] {
            let Some(path) = path.as_ref().filter(|_| !self.broken.contains(&what)) else {
                continue;
            };
            if let Some(signal) = self.signals.heard().filter(|_| !is_signals) {
                return Err(signal.into());
            }
            let end = match self.write(what, path.clone(), verdict) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => {
                    End::Failed(Failure::unexpected(&format!("cannot write the {what}"), &error))
                }
                Err(signal) => End::Signal(signal),
            };
            self.broken.push(what);
            match end {
                End::Failed(failure) if verdict.code != ExitCode::Success => {
                    warn!(event = "warning", "{}", failure.explanation.what);
                }
                End::Signal(_) if is_signals => {
                    warn!(event = "warning", "cannot write the {what}: it is stuck");
                }
                end => return Err(end),
            }
        }
        match self.signals.heard().filter(|_| !is_signals) {
            Some(signal) => Err(signal.into()),
            None => Ok(()),
        }
    }

    fn write(
        &self,
        what: &str,
        path: PathBuf,
        verdict: &Verdict,
    ) -> Result<Result<(), FileError>, Signal> {
        let outcome = &self.finished.outcome;
        let (watches, elapsed) = (outcome.watches(), outcome.elapsed());
        let started_at = self.finished.started_at;
        let message = verdict.message.as_deref();
        if what == "summary" {
            let text = summary(watches, started_at, elapsed, verdict.code, message);
            write_to(path, self.signals, move |path| append(path, text.as_bytes()))
        } else {
            let watch = decisive(self.finished, verdict.code);
            let report = Report::new(watches, watch, started_at, elapsed, verdict.code, message);
            let (whole, short) = lines(&report);
            write_to(path, self.signals, move |path| replace_or_shorten(path, &whole, &short))
        }
    }
}

/// The instance that a report puts first: the one that decided the wait; after a signal, which no
/// instance decided, the first that was still waited for.
fn decisive(finished: &Finished, code: ExitCode) -> Option<&Watch> {
    let watches = finished.outcome.watches();
    let first = |is_it: fn(&Watch) -> bool| watches.iter().find(|watch| is_it(watch));
    let of_wait = if code.is_of_signal() {
        first(Watch::is_waiting).or_else(|| first(|watch| !watch.is_met()))
    } else {
        finished.outcome.decisive().or_else(|| first(Watch::is_met))
    };
    of_wait.or(watches.first())
}

/// Writes a report, over a file that cannot be replaced too.
pub(crate) fn write_report(path: &Path, report: &Report<'_>) -> Result<(), FileError> {
    let (whole, short) = lines(report);
    replace_or_shorten(path, &whole, &short)
}

/// A report, whole and as short as a file wants it that cannot be replaced.
fn lines(report: &Report<'_>) -> (Vec<u8>, Vec<u8>) {
    let line = |text: String| (text + "\n").into_bytes();
    (line(json::line(report)), line(fitting(report, MOST_IN_PLACE)))
}
