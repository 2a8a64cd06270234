//! One run of the program: the command line, the wait, and the result.

#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
#[allow(rustdoc::broken_intra_doc_links, reason = "and [:PORT] is no link there")]
pub mod cli;
mod command;
mod conclude;
mod execute;
mod failure;
pub mod instance_list;
mod live_output;
mod outcome_log;
pub mod output;
mod plan;
mod program_file;
mod simulated;
mod verdict;

use std::{
    env,
    ffi::OsString,
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    time::Duration,
};

use tracing::warn;

use crate::{
    report::{exit_code::ExitCode, record::Report},
    system::{
        clock::time_of_day,
        signals::{Signal, Signals},
    },
    terminal::{
        appearance::{Appearance, When},
        stderr::Stderr,
        subscriber::{LogFormat, Verbosity, gap, subscriber},
    },
};
use cli::{Cli, complaint::Complaint, error_options::ErrorOptions, generate::generate};
use conclude::{conclude, write_report};
use execute::execute;
use failure::Failure;
use outcome_log::{log_outcome, log_reason};
use output::print;
use plan::{Look, Plan};
use verdict::{End, Finished, Verdict, verdict};

/// How long the process may wait at its end for the reader of standard error.
const LAST_LINES: Duration = Duration::from_secs(1);
/// The same after a signal, within the 100 ms in which the process has to end.
const LAST_LINES_AFTER_A_SIGNAL: Duration = Duration::from_millis(30);

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    let signals = Signals::install();
    let stderr = Stderr::default();
    exit_on_panic(stderr.clone());
    let code = run_to_the_end(&stderr, &signals);
    let signal = Signal::ALL.into_iter().find(|signal| signal.exit_code() == code.number());
    stderr.flush_within(signal.map_or(LAST_LINES, |_| LAST_LINES_AFTER_A_SIGNAL));
    if let Some(signal) = signal {
        signal.die_of();
    }
    code.into()
}

fn run_to_the_end(stderr: &Stderr, signals: &Signals) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    let variable = |name: &str| env::var_os(name);
    match Cli::read(&arguments, variable) {
        Ok(Cli { output: cli::Output { generate: Some(what), .. }, .. }) => {
            after_printing(generate(what).and_then(|text| print(&text)), stderr)
        }
        Ok(cli) => run_with(cli, stderr, signals),
        Err(help) if help.is_help_or_version() => {
            after_printing(help.print().and_then(|()| io::stdout().flush()), stderr)
        }
        Err(complaint) => report_usage_error(complaint, &arguments, stderr),
    }
}

/// One plan in, one verdict out, then the conclusion.
fn run_with(cli: Cli, stderr: &Stderr, signals: &Signals) -> ExitCode {
    let plan = Plan::read(cli, io::stderr().is_terminal(), |name| env::var_os(name));
    let Plan { targets, wait, outputs, command, look, warnings } = plan;
    start_logging(&look, stderr);
    signals.listen();
    for warning in warnings {
        warn!(event = "warning", "{warning}");
    }
    let mut finished = wait
        .map_err(End::from)
        .and_then(|wait| execute(wait, &targets, &outputs, &command, &look, stderr, signals))
        .unwrap_or_else(|end| Finished::before_the_wait(&targets, end));
    if let Some(signal) = signals.heard() {
        finished.end = End::Signal(signal);
    }
    let verdict = verdict(&finished);
    log_outcome(&finished, &verdict, &look);
    // The log comes before the result, which may go to the same place, and before COMMAND.
    if !matches!(finished.end, End::Signal(_)) {
        let stderr = stderr.clone();
        // `conclude` sees a signal that cuts this short.
        let _ = signals.unless_stuck(move || stderr.flush_within(LAST_LINES));
    }
    conclude(&outputs, &command, &finished, verdict, stderr, signals)
}

/// Makes a panic end the process with exit code 1 instead of aborting it, which would look like a crash.
fn exit_on_panic(stderr: Stderr) {
    std::panic::set_hook(Box::new(move |panic| {
        stderr.say(format!("error: unexpected failure, a bug in wait-ready: {panic}\n"));
        stderr.flush_within(LAST_LINES);
        #[expect(clippy::exit, reason = "with panic=abort nothing runs after this hook")]
        std::process::exit(ExitCode::Unexpected.number().into())
    }));
}

/// Reports a usage error in the way the command line asks for, as far as that can be read.
fn report_usage_error(complaint: Complaint, arguments: &[OsString], stderr: &Stderr) -> ExitCode {
    let variable = |name: &str| env::var_os(name);
    let options = ErrorOptions::read(arguments, variable);
    let is_terminal = io::stderr().is_terminal();
    let look = Appearance::new(When::Never, options.color, is_terminal, variable);
    if !options.json_log {
        stderr.say(complaint.shown(look.color));
    }
    let what = complaint.on_one_line();
    if options.json_log {
        let json = subscriber(LogFormat::Json, Verbosity::Normal, None, false, stderr.clone());
        let _ = tracing::subscriber::set_global_default(json);
        Verdict::from(Failure::usage(what.clone())).reasons.iter().for_each(log_reason);
    }
    if let Some(path) = options.report {
        let (now, code) = (time_of_day(), ExitCode::Usage);
        let report = Report::new(&[], None, now, Duration::ZERO, code, Some(&what));
        let _ = write_report(&path, &report);
    }
    ExitCode::Usage
}

/// The exit code of a run that only prints a text, which a reader need not read to the end.
fn after_printing(printed: io::Result<()>, stderr: &Stderr) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::Success,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::Success,
        Err(error) => {
            stderr.say(format!("error: cannot write to standard output: {error}\n"));
            ExitCode::Unexpected
        }
    }
}

fn start_logging(look: &Look, stderr: &Stderr) {
    let rust_log = env::var("RUST_LOG").ok();
    stderr.set_gap(gap(look.log_format));
    let color = look.appearance.color;
    let subscriber =
        subscriber(look.log_format, look.verbosity, rust_log.as_deref(), color, stderr.clone());
    // Fails only if a subscriber is already set, which then serves.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
