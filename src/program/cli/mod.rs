//! The command line: its options and their defaults. Reads no file, prints nothing.

pub mod budget;
pub mod complaint;
pub mod error_options;
pub mod generate;
mod manual;
mod simulate;
mod values;
mod variables;

use std::{ffi::OsString, num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{
    Arg, ArgAction, Command, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use crate::{
    api::url::ApiUrl,
    program::output::Format,
    terminal::{appearance::When, subscriber::LogFormat},
    text::duration::{parse_duration, parse_positive_duration as parse_positive},
    wait::condition::Condition,
};
use budget::Budget;
use complaint::Complaint;
use simulate::Simulate;
use variables::with_variable;

const EXAMPLES: &str = "\
Examples:
  Try it: no key, no account
    wait-ready inst_demo --simulate
  The address of one instance, for the next step
    IP=$(wait-ready inst_abc --timeout 10m)
    ssh ubuntu@\"$IP\"
  Eight nodes, until SSH answers on all of them, then run a command
    wait-ready --for ssh @nodes.txt -- ansible-playbook site.yml
  A teardown job: until nothing is billed any more
    wait-ready --for deleted inst_abc

Exit codes: 0 condition met, 1 unexpected failure, 2 usage or no API key, 3 stopped, \
4 credentials refused, 5 not found or deleted, 6 request refused, 7 throttled, 8 never reached, \
9 over budget, 124 timeout, 126/127 COMMAND cannot be run or was not found, 129 SIGHUP, \
130 SIGINT, 131 SIGQUIT, 143 SIGTERM, other: COMMAND's own.

Each option can also be set by an environment variable, such as WAIT_READY_TIMEOUT=20m for \
--timeout; an option wins. --api-url is FAL_API_URL, --api-key-file is FAL_KEY_FILE.

The API key is read from --api-key-file, FAL_KEY, FAL_KEY_ID with FAL_KEY_SECRET, or fal's own \
config file, in this order; there is no option that takes the key itself.";

const BRIEF: &str = "\
Examples:
  wait-ready inst_demo --simulate              try it: no key, no account
  IP=$(wait-ready inst_abc --timeout 10m)      the address, for the next step

Exit codes:
    0  the condition is met
    1  unexpected failure of the program or of its output
    2  usage or configuration, no API key
    3  stopped: it cannot become ready
    4  credentials refused
    5  no such instance, or deleted
    6  the API refused the request
    7  throttled past the deadline
    8  ready, but the probe never succeeded
    9  a --max-in budget ran out
  124  timeout
  126  COMMAND cannot be run; 127 was not found
  129  SIGHUP; 130 SIGINT, 131 SIGQUIT, 143 SIGTERM

--help shows more.";

/// Wait until a GPU instance of fal's Compute API is ready, and print its IP address
#[derive(Debug, Parser)]
#[command(
    name = "wait-ready",
    version,
    after_long_help = EXAMPLES,
    after_help = BRIEF,
    max_term_width = 100,
    disable_help_subcommand = true,
    override_usage = "wait-ready [OPTIONS] <INSTANCE_ID>... [-- <COMMAND> [ARG]...]",
)]
pub(crate) struct Cli {
    /// The instances to wait for: ids, @FILE with one id a line, or @- for standard input
    #[arg(value_name = "INSTANCE_ID", required_unless_present = "generate")]
    pub(crate) instances: Vec<String>,

    /// A command to run once the condition holds, with {ip} and {id} replaced
    ///
    /// It gets FAL_INSTANCE_ID and FAL_INSTANCE_IP in its environment, and no API key.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,

    #[command(flatten)]
    pub(crate) wanted: Wanted,

    #[command(flatten)]
    pub(crate) pace: Pace,

    #[command(flatten)]
    pub(crate) api: Api,

    #[command(flatten)]
    pub(crate) output: Output,
}

/// The command line as clap knows it. Each option can also be set by its variable, unless that is
/// empty: CI systems set empty variables.
#[must_use]
pub fn command(variable: impl Fn(&str) -> Option<OsString>) -> Command {
    // clap would take a negative duration for an option, and say less than our own message.
    let is_duration = |arg: &Arg| {
        arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "DURATION"))
    };
    let with_own_message =
        |arg: Arg| if is_duration(&arg) { arg.allow_hyphen_values(true) } else { arg };
    Cli::command().mut_args(|arg| with_variable(with_own_message(arg), &variable))
}

impl Cli {
    /// Reads a command line, and the variables of the options.
    ///
    /// # Errors
    ///
    /// clap's error, which for `--help` is the help.
    pub(crate) fn read(
        arguments: &[OsString],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Complaint> {
        let command = command(&variable);
        Self::parsed(arguments, &command)
            .map_err(|error| Complaint::new(error, command, arguments, variable))
    }

    fn parsed(arguments: &[OsString], command: &Command) -> Result<Self, clap::Error> {
        let matches = command.clone().try_get_matches_from(arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        if cli.output.quiet && cli.output.verbose > 0 {
            let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            match (is_given("quiet"), is_given("verbose")) {
                (true, false) => cli.output.verbose = 0,
                (false, true) => cli.output.quiet = false,
                _ => return Err(conflict(command.clone(), "--quiet", "--verbose")),
            }
        }
        Ok(cli)
    }
}

/// The error that one option cannot be used with another.
fn conflict(mut command: Command, one: &str, other: &str) -> clap::Error {
    let mut error = clap::Error::new(ErrorKind::ArgumentConflict).with_cmd(&command);
    error.insert(ContextKind::InvalidArg, ContextValue::String(one.to_owned()));
    error.insert(ContextKind::PriorArg, ContextValue::String(other.to_owned()));
    error.insert(ContextKind::Usage, ContextValue::StyledStr(command.render_usage()));
    error
}

/// The condition, and the instances that decide.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What to wait for")]
pub(crate) struct Wanted {
    /// ready, ssh[:PORT], tcp:PORT, http:PORT[/PATH], exec (COMMAND is the probe), stopped, or deleted
    #[arg(long = "for", value_name = "CONDITION", default_value_t)]
    pub(crate) condition: Condition,

    /// Succeed with the first instance that meets the condition
    #[arg(long)]
    pub(crate) any: bool,

    /// Stop at the first instance that cannot meet it
    #[arg(long)]
    pub(crate) fail_fast: bool,

    /// How many polls in a row must show the same status and the same IP
    #[arg(long, value_name = "N", default_value = "1", value_parser = parse_count)]
    pub(crate) stable: NonZeroU32,

    /// The most time in one status, such as pending=5m; repeatable
    #[arg(long, value_name = "STATUS=DURATION", value_delimiter = ',')]
    pub(crate) max_in: Vec<Budget>,
}

/// The deadline, and the delays between polls.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Timing")]
pub(crate) struct Pace {
    /// The one deadline for everything, such as 90s or 1h30m; 0 looks once
    #[arg(short, long, value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub(crate) timeout: Duration,

    /// The shortest delay between two polls; the schedule starts again here on a new status
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_positive)]
    pub(crate) min_delay: Duration,

    /// The longest delay between two polls, unless the server asks for more
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = parse_positive)]
    pub(crate) max_delay: Duration,

    /// Ignore 404s for this long after the start, while the instance has never been seen
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub(crate) not_found_grace: Duration,

    /// The time limit of one request
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_positive)]
    pub(crate) request_timeout: Duration,
}

/// The API to poll.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "API")]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct Api {
    /// The base URL of the API
    #[arg(long, value_name = "URL", default_value = ApiUrl::PRODUCTION)]
    pub(crate) api_url: String,

    /// Allow plain http to a host that is not this machine: the key is sent unencrypted
    #[arg(long)]
    pub(crate) insecure_http: bool,

    /// A file with the API key
    #[arg(long, value_name = "PATH")]
    pub(crate) api_key_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) simulate: Simulate,
}

/// The outputs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(crate) struct Output {
    /// How the result is written to standard output
    #[arg(short = 'o', long = "output", value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) format: Format,

    /// Write the result to this file instead, whole or not at all
    #[arg(long, value_name = "PATH")]
    pub(crate) output_file: Option<PathBuf>,

    /// Write one JSON object on how it went to this file, on every ending
    #[arg(long, value_name = "PATH")]
    pub(crate) report: Option<PathBuf>,

    /// Append a Markdown table and a timeline to this file, such as "$GITHUB_STEP_SUMMARY"
    #[arg(long, value_name = "PATH")]
    pub(crate) summary: Option<PathBuf>,

    /// Print only errors, and warnings without which a success would mislead
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Print each poll; repeat for more. RUST_LOG wins
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Log the state of the wait when nothing else was logged for this long; 0 for never
    ///
    /// One line for all instances together, and none where progress rows are drawn.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub(crate) heartbeat: Duration,

    /// How messages are written to standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// Draw progress rows on standard error; off in CI, in the background of a terminal, and for TERM=dumb
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) progress: When,

    /// Colour the words "error" and "warning"; off for NO_COLOR and TERM=dumb
    #[arg(long, value_name = "WHEN", value_enum, default_value_t)]
    pub(crate) color: When,

    /// Print a manual page or a completion script for a shell, and exit
    #[arg(long, value_name = "WHAT", value_enum)]
    pub(crate) generate: Option<Generated>,
}

/// What can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Generated {
    /// A manual page, for man
    Man,
    /// Completions for bash
    CompleteBash,
    /// Completions for zsh
    CompleteZsh,
    /// Completions for fish
    CompleteFish,
    /// Completions for `PowerShell`
    #[value(name = "complete-powershell")]
    CompletePowerShell,
}

fn parse_count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "it must be a whole number of at least 1".to_owned())
}
