//! COMMAND: what runs once the condition holds.

use std::{ffi::OsString, io, os::unix::process::CommandExt as _, process::Command};

use super::output::joined;
use crate::{
    api::credentials::KEY_VARIABLES, reach::template::Template, report::exit_code::ExitCode,
    wait::watch::Watch,
};

/// Why COMMAND did not run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {}: {source}", program.display())]
pub(crate) struct CommandError {
    program: OsString,
    source: io::Error,
}

impl CommandError {
    /// 127 where there is no such command, as in a shell; else 126.
    pub(crate) fn code(&self) -> ExitCode {
        match self.source.kind() {
            io::ErrorKind::NotFound => ExitCode::CommandNotFound,
            _ => ExitCode::CannotRun,
        }
    }
}

/// COMMAND as it is filled in, without the API key in its environment; none where there is none.
pub(crate) fn template(words: &[OsString]) -> Option<Template> {
    Template::new(words, &KEY_VARIABLES)
}

/// COMMAND for the instances that met the condition.
pub(crate) fn command(words: &[OsString], met: &[&Watch]) -> Option<Command> {
    let (ids, addresses) = joined(met, " ");
    Some(template(words)?.fill(&ids, &addresses))
}

/// Becomes COMMAND; returns only where that is impossible.
pub(crate) fn become_command(mut command: Command) -> CommandError {
    let source = command.exec();
    CommandError { program: command.get_program().to_owned(), source }
}
