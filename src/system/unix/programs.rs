//! Finding and running programs, as `execvp` does.

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

/// The paths that `program` may have: itself if it contains a slash, else one in each folder of
/// `PATH`.
pub(crate) fn places(program: &OsStr) -> Vec<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    let path = env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into());
    env::split_paths(&path).map(|folder| folder.join(program)).collect()
}

/// Checks that this process may run `file`.
pub(crate) fn check_right_to_run(file: &Path) -> io::Result<()> {
    Ok(access(file, Access::EXEC_OK)?)
}

/// Replaces this process by `command`, so that signals and the exit code are its own. Returns only
/// if that fails, with the reason.
///
/// # Errors
///
/// The signal that was received before.
pub(crate) fn hand_over(command: &mut Command, signals: &Signals) -> Result<io::Error, Signal> {
    signals.at_once(|| command.exec())
}
