//! One run of one process: the command line, the wait, and what comes of it.

#[expect(clippy::doc_markdown, reason = "the comments of its fields are the text of --help")]
#[allow(rustdoc::broken_intra_doc_links, reason = "and [:PORT] is no link there")]
pub mod cli;
mod command;
mod conclude;
mod failure;
pub mod instance_list;
#[expect(clippy::doc_markdown, reason = "the comments of its formats are part of --help")]
pub mod output;
mod plan;
mod signals;
#[cfg(feature = "simulate")]
mod simulated;
mod verdict;

use std::{
    env,
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    time::Duration,
};

use crate::{
    report::{exit_code::ExitCode, record::Report},
    system::write::is_special,
    terminal::{
        appearance::Appearance,
        subscriber::{LogFormat, Stderr, Verbosity, subscriber},
    },
};
use cli::{Cli, Generated, complaint::complaint, generate::generate, wishes::Wishes};
use conclude::{conclude, write_report};
use failure::Failure;
use output::print;
use plan::{Plan, block_on};
use signals::AtOnce;
use verdict::{Finished, told};

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> std::process::ExitCode {
    fail_instead_of_aborting();
    let arguments: Vec<OsString> = env::args_os().collect();
    match Cli::read(&arguments) {
        Ok(cli) => run_with(&cli),
        Err(error) => {
            let error = complaint(error, &arguments, |name| env::var_os(name));
            if error.use_stderr() {
                return complain(&error, &arguments).into();
            }
            printed_to_the_end(error.print().and_then(|()| io::stdout().flush())).number()
        }
    }
    .into()
}

fn run_with(cli: &Cli) -> u8 {
    if let Some(what) = cli.output.generate {
        return print_generated(what).number();
    }
    let look = Appearance::new(
        cli.output.progress,
        cli.output.color,
        io::stderr().is_terminal(),
        |name| env::var_os(name),
    );
    let stderr = start_logging(cli, look);
    let at_once = AtOnce::prepare().unwrap_or_default();
    let (finished, verdict) =
        match Plan::new(cli).and_then(|p| block_on(p.carry_out(cli, look, &stderr, &at_once))) {
            Ok(finished) => {
                let verdict = finished.verdict(look.unicode);
                (finished, verdict)
            }
            Err(failure) => {
                let verdict = told(&failure.explanation, failure.code);
                (Finished::before_the_first_poll(&cli.instances), verdict)
            }
        };
    let conclude = || conclude(cli, &finished, verdict, &at_once);
    // Only where it may be stuck: elsewhere a signal would leave half of the work behind.
    let may_be_stuck = cli.output.files().any(|(_, path)| is_special(path));
    let code = if may_be_stuck { at_once.during(conclude) } else { conclude() };
    code.number()
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
fn complain(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let wishes = Wishes::read(arguments, |name| env::var_os(name));
    let text = error.to_string();
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let words: Vec<&str> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    let what = words.join(" ");
    let what = what.strip_prefix("error: ").unwrap_or(&what);
    if wishes.json_log {
        let rust_log = None;
        let (level, stderr) = (Verbosity::Normal, Stderr::default());
        let json = subscriber(LogFormat::Json, level, rust_log, false, stderr);
        let _ = tracing::subscriber::set_global_default(json);
        told(&Failure::usage(what.to_owned()).explanation, ExitCode::Usage);
    } else {
        // Without a standard error there is nobody to tell.
        let _ = error.print();
    }
    if let Some(path) = wishes.report {
        let report = Report::new(&[], None, Duration::ZERO, ExitCode::Usage, Some(what));
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

fn start_logging(cli: &Cli, look: Appearance) -> Stderr {
    let verbosity = match (cli.output.quiet, cli.output.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, 1) => Verbosity::Verbose,
        (false, _) => Verbosity::Trace,
    };
    let rust_log = env::var("RUST_LOG").ok();
    let (format, stderr) = (cli.output.log_format, Stderr::default());
    let subscriber = subscriber(format, verbosity, rust_log.as_deref(), look.color, stderr.clone());
    // Fails only where a subscriber is set already, and then that one serves.
    let _ = tracing::subscriber::set_global_default(subscriber);
    stderr
}
