//! COMMAND: what runs once the condition holds.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        process::CommandExt as _,
    },
    process::Command,
};

use super::output::joined;
use crate::{api::credentials::KEY_VARIABLES, report::exit_code::ExitCode, wait::watch::Watch};

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

/// COMMAND for the instances that got there, without the API key in its environment.
pub(crate) fn command(words: &[OsString], met: &[&Watch]) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let (ids, addresses) = joined(met, " ");
    let mut command = Command::new(program);
    for argument in arguments {
        command.arg(filled_in(argument, &ids, &addresses));
    }
    for variable in KEY_VARIABLES {
        command.env_remove(variable);
    }
    command.env("FAL_INSTANCE_ID", ids).env("FAL_INSTANCE_IP", addresses);
    Some(command)
}

/// `argument` with `{id}` and `{ip}` replaced, in one pass: an id may itself look like `{ip}`.
fn filled_in(argument: &OsStr, ids: &str, addresses: &str) -> OsString {
    OsString::from_vec(filled(argument.as_bytes(), ids, addresses))
}

fn filled(argument: &[u8], ids: &str, addresses: &str) -> Vec<u8> {
    let mut rest = argument;
    let mut filled = Vec::with_capacity(argument.len());
    while let Some((&byte, after)) = rest.split_first() {
        let placeholder = [(b"{id}", ids), (b"{ip}", addresses)]
            .into_iter()
            .find_map(|(name, value)| Some((value, rest.strip_prefix(name)?)));
        if let Some((value, after)) = placeholder {
            filled.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            filled.push(byte);
            rest = after;
        }
    }
    filled
}

/// Becomes COMMAND; returns only where that is impossible.
pub(crate) fn become_command(mut command: Command) -> CommandError {
    let source = command.exec();
    CommandError { program: command.get_program().to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_replaced_and_nothing_else() {
        for (argument, filled) in [
            ("ubuntu@{ip}", "ubuntu@1.2.3.4"),
            ("{id}={ip},{ip}", "{ip}=1.2.3.4,1.2.3.4"),
            ("{IP} {} {ip {{ip}}", "{IP} {} {ip {1.2.3.4}"),
            ("", ""),
        ] {
            assert_eq!(filled_in(argument.as_ref(), "{ip}", "1.2.3.4"), filled, "{argument}");
        }
    }
}
