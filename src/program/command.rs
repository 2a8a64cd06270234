//! COMMAND: what runs once the condition holds.

use std::{ffi::OsString, io, process::Command};

use super::{
    output::joined,
    program_file::{CannotRun, find_program},
};
use crate::{
    answer::instance::InstanceId,
    api::credentials::KEY_VARIABLES,
    reach::template::Template,
    report::exit_code::ExitCode,
    system::{
        programs,
        signals::{Signal, Signals},
    },
    text::untrusted::Untrusted,
    wait::watch::Watch,
};

/// Why COMMAND does not run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {}: {cause}", Untrusted::from(program.to_string_lossy().as_ref()))]
pub(crate) struct CommandError {
    program: OsString,
    cause: CannotRun,
}

impl CommandError {
    /// 127 where there is no such command, as in a shell; else 126.
    pub(crate) fn code(&self) -> ExitCode {
        match self.cause {
            CannotRun::NotFound => ExitCode::CommandNotFound,
            _ => ExitCode::CannotRun,
        }
    }
}

/// Looks for the program of COMMAND, and at what will be handed to it, as far as the start of the
/// wait can know: who has waited for ten minutes should not learn of a typing error then.
///
/// # Errors
///
/// [`CommandError`] where it will surely not run.
pub(crate) fn check(words: &[OsString], ids: &[InstanceId]) -> Result<(), CommandError> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let cannot = |cause| CommandError { program: program.clone(), cause };
    find_program(program).map_err(cannot)?;
    if longest_string(arguments, ids) > LONGEST_STRING {
        return Err(cannot(CannotRun::TooLong(ids.len())));
    }
    Ok(())
}

/// The longest argument or variable that Linux hands on (`MAX_ARG_STRLEN`), with its last byte; no
/// other system takes more in practice.
const LONGEST_STRING: usize = 128 * 1024 - 1;

/// The length of the longest string that COMMAND gets at the least: addresses are not known yet.
fn longest_string(arguments: &[OsString], ids: &[InstanceId]) -> usize {
    let joined: usize = ids.iter().map(|id| id.as_str().len() + 1).sum();
    let addresses = ids.len() * "1.1.1.1 ".len();
    let filled = |argument: &OsString| {
        let text = argument.to_string_lossy();
        text.matches("{id}").count() * joined + text.matches("{ip}").count() * addresses
    };
    let of_arguments = arguments.iter().map(filled).max().unwrap_or_default();
    (joined + "FAL_INSTANCE_ID".len()).max(of_arguments)
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

/// Hands over to COMMAND; comes back only where that is impossible.
///
/// # Errors
///
/// The signal that came before.
pub(crate) fn hand_over(
    mut command: Command,
    instances: usize,
    signals: &Signals,
) -> Result<CommandError, Signal> {
    let error = programs::hand_over(&mut command, signals)?;
    let program = command.get_program().to_owned();
    let cause = match error.kind() {
        io::ErrorKind::ArgumentListTooLong => CannotRun::TooLong(instances),
        // It was there at the start; if it still is, the system means what it needs.
        io::ErrorKind::NotFound => match find_program(&program) {
            Ok(()) => CannotRun::System(error),
            Err(cause) => cause,
        },
        _ => CannotRun::System(error),
    };
    Ok(CommandError { program, cause })
}
