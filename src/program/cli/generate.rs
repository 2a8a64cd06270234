//! `--generate`: the manual page and the completion scripts, made from the command line definition.

use std::io;

use clap::builder::PossibleValuesParser;
use clap_complete::Shell;

use super::{Generated, command, manual};

/// The values offered for `--for`; a port follows a colon.
const CONDITIONS: [&str; 8] =
    ["ready", "ssh", "ssh:", "tcp:", "http:", "exec", "stopped", "deleted"];
/// The values offered for `--max-in`; a duration follows.
const BUDGETS: [&str; 5] = ["init=", "pending=", "provisioning=", "ready=", "unknown="];

/// Generates a manual page or a completion script.
///
/// # Errors
///
/// An error of the manual page's renderer.
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
    // clap offers values only of a fixed set, which these options do not have.
    let mut command = command
        .mut_arg("condition", |arg| arg.value_parser(PossibleValuesParser::new(CONDITIONS)))
        .mut_arg("max_in", |arg| arg.value_parser(PossibleValuesParser::new(BUDGETS)));
    clap_complete::generate(shell, &mut command, "wait-ready", &mut text);
    Ok(text)
}
