//! A wait that is over: what is told of it, and what comes of it.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use tracing::{error, info};

use crate::{
    cli::Cli,
    command::{become_command, command},
    duration::Brief,
    exit_code::{ExitCode, decisive},
    failure::Failure,
    output::render,
    policy::Rules,
    report::explain::{Explanation, explain, polls, success},
    watch::Watch,
};

/// With more instances than this, one line tells of all.
const TOLD_ONE_BY_ONE: usize = 20;

/// A wait that is over.
pub(crate) struct Finished {
    pub(crate) watches: Vec<Watch>,
    pub(crate) rules: Rules,
    pub(crate) elapsed: Duration,
    pub(crate) signal: Option<ExitCode>,
}

impl Finished {
    /// Tells how it ended and passes the result on; the exit code, unless COMMAND takes over.
    pub(crate) fn conclude(&self, cli: &Cli) -> Result<u8, Failure> {
        if let Some(code) = self.signal {
            tell(&self.interruption(code), code);
            return Ok(code.number());
        }
        if let Some(watch) = decisive(&self.watches, self.rules.any) {
            let code =
                watch.ending().as_ref().and_then(ExitCode::of).unwrap_or(ExitCode::Unexpected);
            self.tell_failures(code);
            return Ok(code.number());
        }
        self.tell_success();
        if let Some(command) = command(&cli.command, &self.watches) {
            return become_command(command).map_err(|e| Failure::command(e.code(), &e));
        }
        let text = render(cli.output.format, &self.watches, self.elapsed);
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| {
            Failure::unexpected("cannot write the result to standard output", &error)
        })?;
        Ok(ExitCode::Success.number())
    }

    fn met(&self) -> impl Iterator<Item = &Watch> {
        self.watches.iter().filter(|watch| watch.is_met())
    }

    fn interruption(&self, code: ExitCode) -> Explanation {
        let name = if code == ExitCode::Interrupted { "SIGINT" } else { "SIGTERM" };
        let seen = match self.watches.as_slice() {
            [only] => only.instance().map(|instance| {
                format!("{} was {}; {}", only.id(), instance.status, polls(&only.tally()))
            }),
            all => Some(format!("{} of {} got there", self.met().count(), all.len())),
        };
        Explanation {
            what: format!("ended by {name} after {}", Brief(self.elapsed)),
            seen,
            advice: None,
        }
    }

    /// Explains every failure; what befell several instances in the same words, once.
    fn tell_failures(&self, code: ExitCode) {
        let mut told: Vec<(Explanation, ExitCode, usize)> = Vec::new();
        let mut untold = 0;
        for watch in &self.watches {
            let Some(explanation) = explain(watch, &self.rules) else { continue };
            let own = watch.ending().as_ref().and_then(ExitCode::of).unwrap_or(code);
            if let Some(same) = told.iter_mut().find(|told| told.0.what == explanation.what) {
                same.2 += 1;
            } else if told.len() < TOLD_ONE_BY_ONE {
                told.push((explanation, own, 0));
            } else {
                untold += 1;
            }
        }
        for (mut explanation, own, others) in told {
            if others > 0 {
                explanation.what += &format!(" (the same for {others} more)");
            }
            tell(&explanation, own);
        }
        if untold > 0 {
            error!(
                event = code.outcome(),
                exit_code = code.number(),
                "{untold} more did not get there"
            );
        }
    }

    fn tell_success(&self) {
        let met =
            || self.watches.iter().filter(|watch| watch.ending().is_some_and(|e| e.is_success()));
        if met().count() > TOLD_ONE_BY_ONE {
            let (count, all) = (self.met().count(), self.watches.len());
            info!(event = "met", "{count} of {all} got there after {}", Brief(self.elapsed));
            return;
        }
        for watch in self.met() {
            let after = watch.over_at().unwrap_or(self.elapsed);
            info!(
                event = "met", instance = %watch.id(),
                "{}  {}", watch.id(), success(watch, self.rules.condition, after)
            );
        }
    }
}

/// Tells a failure, in words and as data.
pub(crate) fn tell(explanation: &Explanation, code: ExitCode) {
    let Explanation { what, seen, advice } = explanation;
    let (seen, advice) = (seen.as_deref(), advice.as_deref());
    error!(event = code.outcome(), exit_code = code.number(), seen, advice, "{what}");
}
