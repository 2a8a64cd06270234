//! COMMAND, which runs once the condition is met.

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

/// Why COMMAND cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {}: {cause}", Untrusted::from(program.to_string_lossy().as_ref()))]
pub(crate) struct CommandError {
    program: OsString,
    cause: CannotRun,
}

impl CommandError {
    /// The exit code, as in a shell: 127 if there is no such command, else 126.
    pub(crate) fn code(&self) -> ExitCode {
        match self.cause {
            CannotRun::NotFound => ExitCode::CommandNotFound,
            _ => ExitCode::CannotRun,
        }
    }
}

/// Checks that the program of COMMAND exists and can take its arguments, as far as can be known before
/// the wait: nobody should wait ten minutes to learn of a typing error.
///
/// # Errors
///
/// [`CommandError`] if COMMAND cannot be run.
pub(crate) fn check(words: &[OsString], ids: &[InstanceId]) -> Result<(), CommandError> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let cannot = |cause| CommandError { program: program.clone(), cause };
    find_program(program).map_err(cannot)?;
    if longest_string(arguments, ids) > LONGEST_STRING {
        return Err(cannot(CannotRun::TooLong(ids.len())));
    }
    Ok(())
}

/// The longest argument or variable in bytes that Linux passes on (`MAX_ARG_STRLEN` without the final
/// zero, execve(2)); other systems take no more in practice.
const LONGEST_STRING: usize = 128 * 1024 - 1;

/// A lower bound, in bytes, of the longest string that COMMAND gets: addresses are not known yet.
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

/// COMMAND as a template, without the API key in its environment; `None` without one.
pub(crate) fn template(words: &[OsString]) -> Option<Template> {
    Template::new(words, &KEY_VARIABLES)
}

/// COMMAND for the instances that met the condition.
pub(crate) fn command(words: &[OsString], met: &[&Watch]) -> Option<Command> {
    let (ids, addresses) = joined(met, " ");
    Some(template(words)?.fill(&ids, &addresses))
}

/// Replaces this process with COMMAND; returns only if that is impossible.
///
/// # Errors
///
/// A signal that arrived before.
pub(crate) fn hand_over(
    mut command: Command,
    instances: usize,
    signals: &Signals,
) -> Result<CommandError, Signal> {
    let error = programs::hand_over(&mut command, signals)?;
    let program = command.get_program().to_owned();
    let cause = match error.kind() {
        io::ErrorKind::ArgumentListTooLong => CannotRun::TooLong(instances),
        // The program was found before; if it still is, something that it needs is missing.
        io::ErrorKind::NotFound => match find_program(&program) {
            Ok(()) => CannotRun::System(error),
            Err(cause) => cause,
        },
        _ => CannotRun::System(error),
    };
    Ok(CommandError { program, cause })
}
