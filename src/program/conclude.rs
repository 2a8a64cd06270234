//! What comes of a wait that is over: the result, the report, the summary, and COMMAND.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
};

use tracing::warn;

use super::{
    cli::Cli,
    command::{become_command, command},
    failure::Failure,
    output::{print, render},
    signals::AtOnce,
    verdict::{Finished, Verdict, told},
};
use crate::{
    report::{annotation::annotation, exit_code::ExitCode, json, record::Report, summary::summary},
    system::write::{FileError, append, replace, replace_or_overwrite},
    terminal::subscriber::LogFormat,
};

/// Reports, passes the result on, and becomes COMMAND where there is one; the exit code.
///
/// The result comes after the report, which can be written anew where that fails: an address that
/// is printed cannot be taken back.
pub(crate) fn conclude(
    cli: &Cli,
    finished: &Finished,
    verdict: Verdict,
    at_once: &AtOnce,
) -> ExitCode {
    let mut verdict = report(cli, finished, verdict);
    if verdict.code == ExitCode::Success
        && let Err(failure) = pass_on(cli, finished, at_once)
    {
        verdict = report(cli, finished, told(&failure.explanation, failure.code));
    }
    annotate(cli, &verdict);
    verdict.code
}

/// Writes the result and becomes COMMAND; comes back where there is none or that is impossible.
fn pass_on(cli: &Cli, finished: &Finished, at_once: &AtOnce) -> Result<(), Failure> {
    let met = finished.outcome.met();
    let text = || render(cli.output.format, &met, finished.outcome.elapsed());
    if let Some(path) = &cli.output.output_file {
        replace(path, text().as_bytes())
            .map_err(|error| Failure::unexpected("cannot write the result", &error))?;
    } else if cli.command.is_empty() {
        // With COMMAND, standard output is COMMAND's.
        at_once.during(|| print(text().as_bytes())).map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
    }
    let Some(command) = command(&cli.command, &met) else { return Ok(()) };
    let error = become_command(command);
    Err(Failure::command(error.code(), &error))
}

/// Writes the summary and the report; a success that cannot be reported is none.
fn report(cli: &Cli, finished: &Finished, mut verdict: Verdict) -> Verdict {
    let outcome = &finished.outcome;
    let (watches, elapsed) = (outcome.watches(), outcome.elapsed());
    if let Some(path) = &cli.output.summary {
        let text = summary(watches, elapsed, verdict.code, verdict.message.as_deref());
        let written = append(path, text.as_bytes());
        verdict = unless_written("cannot write the summary", written, verdict);
    }
    if let Some(path) = &cli.output.report {
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
        told(&failure.explanation, failure.code)
    } else {
        warn!("{}", failure.explanation.what);
        verdict
    }
}

/// Writes a report, over a file that cannot be replaced too.
pub(crate) fn write_report(path: &Path, report: &Report<'_>) -> Result<(), FileError> {
    replace_or_overwrite(path, format!("{}\n", json::line(report)).as_bytes())
}

/// In a GitHub workflow the last error is shown on the run's page.
fn annotate(cli: &Cli, verdict: &Verdict) {
    let Some(message) = &verdict.message else { return };
    let in_a_workflow = env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if in_a_workflow && cli.output.log_format == LogFormat::Text {
        let _ = writeln!(io::stderr(), "{}", annotation(message));
    }
}
