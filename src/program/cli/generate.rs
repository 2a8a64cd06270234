//! `--generate`: the manual page and the completion scripts, from the command line itself.

use std::io;

use clap_complete::Shell;

use super::{Generated, command};

/// Generates it.
///
/// # Errors
///
/// What clap says where it cannot.
pub fn generate(what: Generated) -> io::Result<Vec<u8>> {
    let mut command = command(|_| None);
    let mut text = Vec::new();
    let shell = match what {
        Generated::Man => {
            clap_mangen::Man::new(command).render(&mut text)?;
            return Ok(text);
        }
        Generated::CompleteBash => Shell::Bash,
        Generated::CompleteZsh => Shell::Zsh,
        Generated::CompleteFish => Shell::Fish,
        Generated::CompletePowerShell => Shell::PowerShell,
    };
    clap_complete::generate(shell, &mut command, "wait-ready", &mut text);
    Ok(text)
}
