//! Finding and running programs, as `CreateProcess` does.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, exit},
};

use crate::system::signals::{Signal, Signals};

/// The exit code of a child that has none.
const UNKNOWN: i32 = 1;

/// The paths that `program` may have: itself if it names a folder, else one beside this program, in
/// each folder of Windows, and in each of `PATH`. Without an extension it is an `.exe`.
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

/// Checks nothing: Windows reports this when it starts the file.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn check_right_to_run(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Runs `command` and exits with its exit code. Returns only if it cannot be run, with the reason.
///
/// Console events go to every process of a console: `command` receives them too and decides, while
/// this process only records them.
///
/// # Errors
///
/// The signal that was received before.
pub(crate) fn hand_over(command: &mut Command, signals: &Signals) -> Result<io::Error, Signal> {
    if let Some(signal) = signals.heard() {
        return Err(signal);
    }
    match command.status() {
        #[expect(clippy::exit, reason = "`main` returns 8 bits, and Windows' exit codes have 32")]
        Ok(status) => exit(status.code().unwrap_or(UNKNOWN)),
        Err(error) => Ok(error),
    }
}
