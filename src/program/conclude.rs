//! The conclusion of a run: the summary, the report, the result, and COMMAND, in the order in which
//! they can be undone. A report is rewritten if a later step fails or a signal arrives, a printed
//! address stays printed, and nothing of this process is left once COMMAND runs. Until then each step
//! first checks for a signal, and is abandoned if one arrives while it is stuck, so that the report
//! covers the signal too.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    command::{command, hand_over},
    failure::Failure,
    outcome_log::log_reason,
    output::{print, render},
    plan::Outputs,
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

/// Reports, writes the result, and becomes COMMAND if there is one; else returns the exit code.
pub(crate) fn conclude(
    outputs: &Outputs,
    command: &[OsString],
    finished: &Finished,
    mut verdict: Verdict,
    stderr: &Stderr,
    signals: &Signals,
) -> ExitCode {
    let mut reports = Reports { outputs, finished, signals, failed: Vec::new() };
    // A success can turn into a failure, and either into a signal's ending: at most three rounds.
    loop {
        let done = reports.write(&verdict).and_then(|()| match verdict.code {
            ExitCode::Success => deliver(outputs, command, finished, signals),
            _ => Ok(()),
        });
        verdict = match done {
            Ok(()) | Err(End::Over) => break,
            Err(End::Failed(failure)) => failure.into(),
            Err(End::Signal(signal)) => Verdict::interrupted(finished, signal),
        };
        verdict.reasons.iter().for_each(log_reason);
    }
    if let Some(message) = verdict.message.filter(|_| outputs.annotates) {
        stderr.say(annotation(&message) + "\n");
    }
    verdict.code
}

/// Writes the result and becomes COMMAND; returns if there is none or that is impossible.
fn deliver(
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

/// Writes to a file. A regular file is written to its end, however busy the disk is; anything else may
/// block for ever, and is abandoned when a signal arrives.
fn write_to(
    path: PathBuf,
    signals: &Signals,
    write: impl FnOnce(&Path) -> Result<(), FileError> + Send + 'static,
) -> Result<Result<(), FileError>, Signal> {
    if may_block(&path) { signals.unless_stuck(move || write(&path)) } else { Ok(write(&path)) }
}

/// The summary and the report.
struct Reports<'a> {
    outputs: &'a Outputs,
    finished: &'a Finished,
    signals: &'a Signals,
    /// Those that could not be written, which are not tried again.
    failed: Vec<&'static str>,
}

impl Reports<'_> {
    /// Writes both, on `verdict`.
    ///
    /// # Errors
    ///
    /// A success that cannot be reported ends as a failure, and a signal ends everything else.
    fn write(&mut self, verdict: &Verdict) -> Result<(), End> {
        let is_signals = verdict.code.is_of_signal();
        let signals = self.signals;
        let check_signals =
            || signals.heard().filter(|_| !is_signals).map_or(Ok(()), |signal| Err(signal.into()));
        for (what, path) in [("summary", &self.outputs.summary), ("report", &self.outputs.report)] {
            let Some(path) = path.as_ref().filter(|_| !self.failed.contains(&what)) else {
                continue;
            };
            check_signals()?;
            let end = match self.write_one(what, path.clone(), verdict) {
                Ok(Ok(())) => continue,
                Ok(Err(error)) => {
                    End::Failed(Failure::unexpected(&format!("cannot write the {what}"), &error))
                }
                Err(signal) => End::Signal(signal),
            };
            self.failed.push(what);
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
        check_signals()
    }

    fn write_one(
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

/// Writes a report, shortened if the file cannot be replaced.
pub(crate) fn write_report(path: &Path, report: &Report<'_>) -> Result<(), FileError> {
    let (whole, short) = lines(report);
    replace_or_shorten(path, &whole, &short)
}

/// A report, whole, and shortened for a file that cannot be replaced.
fn lines(report: &Report<'_>) -> (Vec<u8>, Vec<u8>) {
    let line = |text: String| (text + "\n").into_bytes();
    (line(json::line(report)), line(fitting(report, MOST_IN_PLACE)))
}
