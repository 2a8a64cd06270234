//! `--generate`: the manual page and the completion scripts, from the command line itself.

use std::io;

use clap::{Command, builder::PossibleValuesParser};
use clap_complete::Shell;

use super::{Generated, command, manual};

/// What stands behind `--for`; a port follows a colon.
const CONDITIONS: [&str; 8] =
    ["ready", "ssh", "ssh:", "tcp:", "http:", "exec", "stopped", "deleted"];
/// What stands behind `--max-in`; a duration follows.
const BUDGETS: [&str; 5] = ["init=", "pending=", "provisioning=", "ready=", "unknown="];

/// Generates it.
///
/// # Errors
///
/// What clap says where it cannot.
pub fn generate(what: Generated) -> io::Result<Vec<u8>> {
    let command = command(|_| None);
    let mut text = Vec::new();
    let shell = match what {
        Generated::Man => {
            manual::render(command, &mut text)?;
            return Ok(text);
        }
        Generated::CompleteBash => Shell::Bash,
        Generated::CompleteZsh => Shell::Zsh,
        Generated::CompleteFish => Shell::Fish,
        Generated::CompletePowerShell => Shell::PowerShell,
    };
    clap_complete::generate(shell, &mut with_words(command), "wait-ready", &mut text);
    Ok(text)
}

/// `command` whose words that clap does not know, because other words are taken too, are offered.
fn with_words(command: Command) -> Command {
    command
        .mut_arg("condition", |arg| arg.value_parser(PossibleValuesParser::new(CONDITIONS)))
        .mut_arg("max_in", |arg| arg.value_parser(PossibleValuesParser::new(BUDGETS)))
}
