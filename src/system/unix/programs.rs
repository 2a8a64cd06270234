//! Programs, as `execvp` finds and runs them.

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access};

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
