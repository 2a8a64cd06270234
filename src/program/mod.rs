//! One run of one process: the command line, the wait, and what comes of it.

#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
#[allow(rustdoc::broken_intra_doc_links, reason = "and [:PORT] is no link there")]
pub mod cli;
mod command;
mod conclude;
mod execute;
mod failure;
pub mod instance_list;
pub mod output;
mod plan;
mod signals;
mod simulated;
mod tell;
mod verdict;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use tracing::warn;

use crate::{
    report::{exit_code::ExitCode, record::Report},
    terminal::subscriber::{LogFormat, Stderr, Verbosity, subscriber},
};
use cli::{Cli, Generated, complaint::Complaint, generate::generate, wishes::Wishes};
use conclude::{conclude, write_report};
use execute::execute;
use failure::Failure;
use output::{check_standard_output, print};
use plan::{Look, Outputs, Plan, Wait};
use signals::AtOnce;
use tell::{tell, tell_reason};
use verdict::{Finished, Verdict, verdict};

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    fail_instead_of_aborting();
    let arguments: Vec<OsString> = env::args_os().collect();
    let variable = |name: &str| env::var_os(name);
    match Cli::read(&arguments, variable) {
        Ok(Cli { output: cli::Output { generate: Some(what), .. }, .. }) => print_generated(what),
        Ok(cli) => run_with(cli),
        Err(answer) if answer.is_an_answer() => {
            printed_to_the_end(answer.print().and_then(|()| io::stdout().flush()))
        }
        Err(complaint) => complain(complaint, &arguments),
    }
    .into()
}

/// One plan in, one verdict out, and what comes of it.
fn run_with(cli: Cli) -> ExitCode {
    let plan = Plan::read(cli, io::stderr().is_terminal(), |name| env::var_os(name));
    let Plan { targets, wait, outputs, command, look, warnings } = plan;
    let stderr = start_logging(&look);
    for oddity in warnings {
        warn!("{oddity}");
    }
    let at_once = AtOnce::prepare().unwrap_or_default();
    let finished = wait
        .and_then(|wait| checked(wait, &outputs, &command))
        .and_then(|wait| execute(wait, &targets, &outputs, &look, &stderr, &at_once))
        .unwrap_or_else(|failure| Finished::failed(&targets, failure));
    let verdict = verdict(&finished);
    tell(&finished, &verdict, look.appearance.unicode);
    conclude(&outputs, &command, &finished, verdict, &at_once)
}

/// `wait`, whose result can be printed where it is to be. With COMMAND, the stream is COMMAND's.
fn checked(wait: Wait, outputs: &Outputs, command: &[OsString]) -> Result<Wait, Failure> {
    if outputs.result.is_none() && command.is_empty() {
        check_standard_output().map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
    }
    Ok(wait)
}

/// A panic is an unexpected failure with exit code 1; aborting would look like a crash.
fn fail_instead_of_aborting() {
    std::panic::set_hook(Box::new(|panic| {
        let _ = writeln!(io::stderr(), "error: unexpected failure, a bug of wait-ready: {panic}");
        #[expect(clippy::exit, reason = "with panic=abort nothing comes after this hook")]
        std::process::exit(ExitCode::Unexpected.number().into())
    }));
}

/// Tells what is wrong with the command line, as far as it can be read in the way it asks for.
fn complain(complaint: Complaint, arguments: &[OsString]) -> ExitCode {
    let wishes = Wishes::read(arguments, |name| env::var_os(name));
    if !wishes.json_log {
        // Without a standard error there is nobody to tell.
        let _ = complaint.print();
    }
    let what = complaint.on_one_line();
    if wishes.json_log {
        let json = subscriber(LogFormat::Json, Verbosity::Normal, None, false, Stderr::default());
        let _ = tracing::subscriber::set_global_default(json);
        Verdict::from(Failure::usage(what.clone())).reasons.iter().for_each(tell_reason);
    }
    if let Some(path) = wishes.report {
        let report = Report::new(&[], None, Duration::ZERO, ExitCode::Usage, Some(&what));
        let _ = write_report(&path, &report);
    }
    ExitCode::Usage
}

fn print_generated(what: Generated) -> ExitCode {
    printed_to_the_end(generate(what).and_then(|text| print(&text)))
}

fn printed_to_the_end(printed: io::Result<()>) -> ExitCode {
    match printed {
        Ok(()) => ExitCode::Success,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: cannot write to standard output: {error}");
            ExitCode::Unexpected
        }
    }
}

fn start_logging(look: &Look) -> Stderr {
    let rust_log = env::var("RUST_LOG").ok();
    let stderr = Stderr::default();
    let color = look.appearance.color;
    let subscriber =
        subscriber(look.log_format, look.verbosity, rust_log.as_deref(), color, stderr.clone());
    // Fails only where a subscriber is set already, and then that one serves.
    let _ = tracing::subscriber::set_global_default(subscriber);
    stderr
}
