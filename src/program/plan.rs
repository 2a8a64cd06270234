//! The plan of a run: what the command line asks for, checked and typed.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    cli::{Api, Cli, Output, Pace, Wanted},
    command::template,
    failure::Failure,
    output::Format,
};
use crate::{
    api::url::{ApiUrl, PlainHttp},
    reach::template::Template,
    simulate::script::Script,
    terminal::{
        appearance::Appearance,
        subscriber::{LogFormat, Verbosity},
    },
    wait::{
        backoff::{Backoff, Jitter},
        condition::Condition,
        rules::Rules,
    },
};

/// The complete plan of a run: nothing else reads the command line.
pub(crate) struct Plan {
    /// The words that name the instances; the lists among them are not read yet.
    pub(crate) targets: Vec<String>,
    /// The wait, or why there can be none, which is logged and reported as the rest says.
    pub(crate) wait: Result<Wait, Failure>,
    pub(crate) outputs: Outputs,
    /// COMMAND and its arguments; empty without one.
    pub(crate) command: Vec<OsString>,
    pub(crate) look: Look,
    pub(crate) warnings: Vec<String>,
}

/// A wait, checked as far as that needs neither files nor the network.
pub(crate) struct Wait {
    pub(crate) rules: Rules,
    pub(crate) pace: Backoff,
    /// COMMAND, if that is the probe.
    pub(crate) probe: Option<Template>,
    pub(crate) source: Source,
}

/// The API to poll, and its key.
pub(crate) struct Source {
    pub(crate) api: ApiUrl,
    pub(crate) key_file: Option<PathBuf>,
    /// The script of a simulated API that replaces the real one.
    pub(crate) simulated: Option<Script>,
    pub(crate) request_timeout: Duration,
}

/// Where the result and the reports go.
#[derive(Debug, Default)]
pub(crate) struct Outputs {
    pub(crate) format: Format,
    /// The file for the result; else standard output.
    pub(crate) result: Option<PathBuf>,
    pub(crate) report: Option<PathBuf>,
    /// The file that a summary is appended to.
    pub(crate) summary: Option<PathBuf>,
    /// Whether an error is annotated on the page of a GitHub workflow run.
    pub(crate) annotates: bool,
}

/// The log and its appearance.
pub(crate) struct Look {
    pub(crate) appearance: Appearance,
    pub(crate) verbosity: Verbosity,
    pub(crate) log_format: LogFormat,
    /// The silence after which a heartbeat is logged.
    pub(crate) heartbeat: Option<Duration>,
}

impl Plan {
    /// Reads the plan from the command line; `variable` reads an environment variable.
    pub(crate) fn read(
        cli: Cli,
        stderr_is_terminal: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let Cli { instances: targets, mut command, wanted, pace, api, output } = cli;
        let look = Look::read(&output, stderr_is_terminal, &variable);
        let outputs = Outputs::read(output, look.log_format, &variable);
        let mut warnings = Vec::new();
        // A COMMAND that is the probe does not take over: the result is printed as usual.
        let probe = (wanted.condition == Condition::Exec).then(|| std::mem::take(&mut command));
        let wait = Wait::read(wanted, probe.as_deref(), &pace, api, &mut warnings);
        Self { targets, wait, outputs, command, look, warnings }
    }
}

fn no_command() -> Failure {
    let text = "--for exec needs a COMMAND: wait-ready inst_abc --for exec -- ssh ubuntu@{ip} true";
    Failure::usage(text.to_owned())
}

impl Wait {
    fn read(
        wanted: Wanted,
        probe: Option<&[OsString]>,
        pace: &Pace,
        api: Api,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let probe = probe.map(|words| template(words).ok_or_else(no_command)).transpose()?;
        let schedule = schedule(pace)?;
        let source = Source::read(api, pace)?;
        Ok(Self { rules: rules(wanted, pace, warnings)?, pace: schedule, probe, source })
    }
}

fn schedule(pace: &Pace) -> Result<Backoff, Failure> {
    Backoff::new(pace.min_delay, pace.max_delay, Jitter::Random)
        .map_err(|error| Failure::usage(format!("--min-delay and --max-delay: {error}")))
}

fn rules(wanted: Wanted, pace: &Pace, warnings: &mut Vec<String>) -> Result<Rules, Failure> {
    let undocumented = wanted.max_in.iter().filter(|budget| !budget.status.is_documented());
    warnings.extend(
        undocumented.map(|budget| {
            format!("--max-in {0}=…: the API documents no status {0}", budget.status)
        }),
    );
    for (position, budget) in wanted.max_in.iter().enumerate() {
        if wanted.max_in[..position].iter().any(|other| other.status == budget.status) {
            return Err(Failure::usage(format!("--max-in {}=… is given twice", budget.status)));
        }
    }
    Ok(Rules {
        condition: wanted.condition,
        deadline: pace.timeout.into(),
        not_found_grace: pace.not_found_grace,
        stable: wanted.stable,
        budgets: wanted.max_in.into_iter().map(|budget| (budget.status, budget.time)).collect(),
        any: wanted.any,
        fail_fast: wanted.fail_fast,
        late_poll: pace.request_timeout,
    })
}

impl Source {
    fn read(api: Api, pace: &Pace) -> Result<Self, Failure> {
        let plain_http =
            if api.insecure_http { PlainHttp::Anywhere } else { PlainHttp::LoopbackOnly };
        let url = ApiUrl::new(&api.api_url, plain_http)
            .map_err(|error| Failure::usage(format!("--api-url (FAL_API_URL): {error}")))?;
        Ok(Self {
            api: url,
            key_file: api.api_key_file,
            simulated: api.simulate.script,
            request_timeout: pace.request_timeout,
        })
    }
}

impl Outputs {
    fn read(
        output: Output,
        log_format: LogFormat,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let in_a_workflow = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Self {
            format: output.format,
            result: output.output_file,
            report: output.report,
            summary: output.summary,
            annotates: in_a_workflow && log_format == LogFormat::Text,
        }
    }

    /// The files to write, each with a name for it.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        [("result", &self.result), ("report", &self.report), ("summary", &self.summary)]
            .into_iter()
            .filter_map(|(what, path)| Some((what, path.as_deref()?)))
    }
}

impl Look {
    fn read(
        output: &Output,
        stderr_is_terminal: bool,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let verbosity = match (output.quiet, output.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Trace,
        };
        let appearance =
            Appearance::new(output.progress, output.color, stderr_is_terminal, variable);
        let heartbeat = Some(output.heartbeat).filter(|every| !every.is_zero());
        Self { appearance, verbosity, log_format: output.log_format, heartbeat }
    }

    /// Returns whether progress rows are drawn.
    pub(crate) fn draws(&self) -> bool {
        self.appearance.progress
            && self.verbosity != Verbosity::Quiet
            && self.log_format == LogFormat::Text
    }
}
