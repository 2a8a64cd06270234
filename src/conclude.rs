//! What comes of a wait that is over: the result, the report, the summary, and COMMAND.

use std::{
    env,
    io::{self, Write as _},
    path::Path,
};

use tracing::warn;

use crate::{
    cli::Cli,
    command::{become_command, command},
    exit_code::{ExitCode, decisive},
    failure::Failure,
    file::{FileError, append, replace, replace_or_overwrite},
    finished::{Finished, Verdict, told},
    output::{print, render},
    report::{
        annotation::annotation, json, record::Report, subscriber::LogFormat, summary::summary,
    },
};

/// Passes the result on, reports, and becomes COMMAND where there is one; the exit code.
pub(crate) fn conclude(cli: &Cli, finished: &Finished, mut verdict: Verdict) -> u8 {
    if verdict.code == ExitCode::Success
        && let Err(failure) = deliver(cli, finished)
    {
        verdict = told(&failure.explanation, failure.code);
    }
    verdict = report(cli, finished, verdict);
    if verdict.code == ExitCode::Success
        && let Some(command) = command(&cli.command, &finished.result())
    {
        match become_command(command) {
            Ok(code) => return code,
            Err(error) => {
                let failure = Failure::command(error.code(), &error);
                verdict = told(&failure.explanation, failure.code);
                verdict = report(cli, finished, verdict);
            }
        }
    }
    annotate(cli, &verdict);
    verdict.code.number()
}

/// Writes the result. With COMMAND, standard output is COMMAND's.
fn deliver(cli: &Cli, finished: &Finished) -> Result<(), Failure> {
    let text = render(cli.output.format, &finished.result(), finished.elapsed);
    if let Some(path) = &cli.output.output_file {
        return replace(path, text.as_bytes())
            .map_err(|error| Failure::unexpected("cannot write the result", &error));
    }
    if !cli.command.is_empty() {
        return Ok(());
    }
    print(text.as_bytes())
        .map_err(|error| Failure::unexpected("cannot write the result to standard output", &error))
}

/// Writes the report and the summary; a success whose report cannot be written is none.
fn report(cli: &Cli, finished: &Finished, verdict: Verdict) -> Verdict {
    let Finished { watches, rules, elapsed, .. } = finished;
    let decisive = decisive(watches, rules.any)
        .or_else(|| watches.iter().find(|watch| watch.is_met()))
        .or(watches.first());
    let message = verdict.message.as_deref();
    let report = Report::new(watches, decisive, *elapsed, verdict.code, message);
    let written = [
        cli.output.report.as_ref().map(|path| write_report(path, &report)),
        cli.output
            .summary
            .as_ref()
            .map(|path| append(path, summary(watches, *elapsed, verdict.code, message).as_bytes())),
    ];
    let mut verdict = verdict;
    for error in written.into_iter().flatten().filter_map(Result::err) {
        let failure = Failure::unexpected("cannot write the report", &error);
        if verdict.code == ExitCode::Success {
            verdict = told(&failure.explanation, failure.code);
        } else {
            warn!("{}", failure.explanation.what);
        }
    }
    verdict
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
