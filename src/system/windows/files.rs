//! File permissions on Windows, which files inherit from their folder.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Does nothing: a file inherits the permissions of its folder.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Does nothing, for the same reason.
pub(crate) fn create_readable(_: &mut tempfile::Builder<'_, '_>) {}

/// Checks that `file`, which is not on a disk, exists.
pub(crate) fn check_right_to_write(file: &Path) -> io::Result<()> {
    file.metadata().map(drop)
}

/// Checks that another file may replace `file`, which takes the right to write it.
pub(crate) fn check_right_to_replace(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file).map(drop)
}

/// Windows mounts folders only.
pub(crate) fn is_mount_point(_: &Path) -> bool {
    false
}

/// Returns whether an error is an I/O error of the disk.
pub(crate) fn is_fault(error: &io::Error) -> bool {
    const ERROR_IO_DEVICE: i32 = 1117;
    error.raw_os_error() == Some(ERROR_IO_DEVICE)
}
