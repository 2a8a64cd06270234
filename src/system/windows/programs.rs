//! Programs, as `CreateProcess` finds them.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, exit},
};

use crate::system::signals::{Signal, Signals};

/// The exit code of a child that the system knows none of.
const UNKNOWN: i32 = 1;

/// Where `program` is looked for: at its place if it has one, else beside this program, in the
/// folders of Windows, and in those of `PATH`. Without an extension it is an `.exe`.
pub(crate) fn places(program: &OsStr) -> Vec<PathBuf> {
    let mut program = PathBuf::from(program);
    if program.extension().is_none() {
        program.set_extension("exe");
    }
    if program.components().count() > 1 {
        return vec![program];
    }
    let own = env::current_exe().ok().and_then(|own| Some(own.parent()?.to_owned()));
    let windows = env::var_os("SystemRoot").map(PathBuf::from);
    let system = windows.as_ref().map(|windows| windows.join("System32"));
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = own.into_iter().chain(system).chain(windows).chain(env::split_paths(&path));
    folders.map(|folder| folder.join(&program)).collect()
}

/// Windows itself says it when it starts `file`.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn check_right_to_run(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Runs `command` and ends with its exit code; comes back only where it cannot be run, with the reason.
///
/// What ends a run is sent to all that share a console: `command` hears it too and decides, while
/// this process only notes it.
///
/// # Errors
///
/// The signal that came before.
pub(crate) fn hand_over(command: &mut Command, signals: &Signals) -> Result<io::Error, Signal> {
    if let Some(signal) = signals.heard() {
        return Err(signal);
    }
    match command.status() {
        #[expect(
            clippy::exit,
            reason = "an exit code of Windows is longer than what `main` returns"
        )]
        Ok(status) => exit(status.code().unwrap_or(UNKNOWN)),
        Err(error) => Ok(error),
    }
}
