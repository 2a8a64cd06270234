//! Programs, as `execvp` finds and runs them.

use std::{
    env,
    ffi::OsStr,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::fs::{Access, access};

use crate::system::signals::{Signal, Signals};

/// Where `program` is looked for: at its place if it has one, else in the folders of `PATH`.
pub(crate) fn places(program: &OsStr) -> Vec<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    env::split_paths(&path).map(|folder| folder.join(program)).collect()
}

/// Whether this process may run `file`.
pub(crate) fn check_right_to_run(file: &Path) -> io::Result<()> {
    Ok(access(file, Access::EXEC_OK)?)
}

/// Becomes `command`, so that signals and the exit code are its own; comes back only where that is
/// impossible, with the reason.
///
/// # Errors
///
/// The signal that came before.
pub(crate) fn hand_over(command: &mut Command, signals: &Signals) -> Result<io::Error, Signal> {
    signals.at_once(|| command.exec())
}
