//! Programs, as `CreateProcess` finds them.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

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
