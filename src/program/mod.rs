//! One run of one process: the command line, the wait, and what comes of it.

#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
#[allow(rustdoc::broken_intra_doc_links, reason = "and [:PORT] is no link there")]
pub mod cli;
mod command;
mod conclude;
mod execute;
mod failure;
pub mod instance_list;
mod meanwhile;
pub mod output;
mod plan;
mod program_file;
mod simulated;
mod tell;
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
use cli::{Cli, complaint::Complaint, generate::generate, wishes::Wishes};
use conclude::{conclude, write_report};
use execute::execute;
use failure::Failure;
use output::print;
use plan::{Look, Plan};
use tell::{tell, tell_reason};
use verdict::{End, Finished, Verdict, verdict};

/// How long the end of the process may wait for whoever reads standard error.
const LAST_LINES: Duration = Duration::from_secs(1);
/// The same after a signal.
const LAST_LINES_AFTER_A_SIGNAL: Duration = Duration::from_millis(30);

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    let signals = Signals::install();
    let stderr = Stderr::default();
    fail_instead_of_aborting(stderr.clone());
    let code = run_to_the_end(&stderr, &signals);
    if !code.is_of_signal() {
        stderr.flush_within(LAST_LINES);
        return code.into();
    }
    stderr.flush_within(LAST_LINES_AFTER_A_SIGNAL);
    if let Some(signal) = Signal::ALL.into_iter().find(|it| it.exit_code() == code.number()) {
        signal.die_of();
    }
    code.into()
}

fn run_to_the_end(stderr: &Stderr, signals: &Signals) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().collect();
    let variable = |name: &str| env::var_os(name);
    match Cli::read(&arguments, variable) {
        Ok(Cli { output: cli::Output { generate: Some(what), .. }, .. }) => {
            printed_to_the_end(generate(what).and_then(|text| print(&text)), stderr)
        }
        Ok(cli) => run_with(cli, stderr, signals),
        Err(answer) if answer.is_an_answer() => {
            printed_to_the_end(answer.print().and_then(|()| io::stdout().flush()), stderr)
        }
        Err(complaint) => complain(complaint, &arguments, stderr),
    }
}

/// One plan in, one verdict out, and what comes of it.
fn run_with(cli: Cli, stderr: &Stderr, signals: &Signals) -> ExitCode {
    let plan = Plan::read(cli, io::stderr().is_terminal(), |name| env::var_os(name));
    let Plan { targets, wait, outputs, command, look, warnings } = plan;
    start_logging(&look, stderr);
    signals.listen();
    for oddity in warnings {
        warn!(event = "warning", "{oddity}");
    }
    let mut finished = wait
        .map_err(End::from)
        .and_then(|wait| execute(wait, &targets, &outputs, &command, &look, stderr, signals))
        .unwrap_or_else(|end| Finished::before_the_wait(&targets, end));
    if let Some(signal) = signals.heard() {
        finished.end = End::Signal(signal);
    }
    let verdict = verdict(&finished);
    tell(&finished, &verdict, &look);
    // What was told comes before the result, where both go to one place, and before COMMAND.
    if !matches!(finished.end, End::Signal(_)) {
        let stderr = stderr.clone();
        // A signal cuts it short, and whoever concludes hears that one too.
        let _ = signals.unless_stuck(move || stderr.flush_within(LAST_LINES));
    }
    conclude(&outputs, &command, &finished, verdict, stderr, signals)
}

/// A panic is an unexpected failure with exit code 1; aborting would look like a crash.
fn fail_instead_of_aborting(stderr: Stderr) {
    std::panic::set_hook(Box::new(move |panic| {
        stderr.say(format!("error: unexpected failure, a bug of wait-ready: {panic}\n"));
        stderr.flush_within(LAST_LINES);
        #[expect(clippy::exit, reason = "with panic=abort nothing comes after this hook")]
        std::process::exit(ExitCode::Unexpected.number().into())
    }));
}

/// Tells what is wrong with the command line, as far as it can be read in the way it asks for.
fn complain(complaint: Complaint, arguments: &[OsString], stderr: &Stderr) -> ExitCode {
    let variable = |name: &str| env::var_os(name);
    let wishes = Wishes::read(arguments, variable);
    let is_terminal = io::stderr().is_terminal();
    let look = Appearance::new(When::Never, wishes.color, is_terminal, variable);
    if !wishes.json_log {
        stderr.say(complaint.shown(look.color));
    }
    let what = complaint.on_one_line();
    if wishes.json_log {
        let json = subscriber(LogFormat::Json, Verbosity::Normal, None, false, stderr.clone());
        let _ = tracing::subscriber::set_global_default(json);
        Verdict::from(Failure::usage(what.clone())).reasons.iter().for_each(tell_reason);
    }
    if let Some(path) = wishes.report {
        let (now, code) = (time_of_day(), ExitCode::Usage);
        let report = Report::new(&[], None, now, Duration::ZERO, code, Some(&what));
        let _ = write_report(&path, &report);
    }
    ExitCode::Usage
}

/// The end of a run that prints a text, of which nobody needs to read more than he wants.
fn printed_to_the_end(printed: io::Result<()>, stderr: &Stderr) -> ExitCode {
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
    // Fails only where a subscriber is set already, and then that one serves.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
