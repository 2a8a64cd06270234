//! Files, which have the rights of their folder on Windows.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

/// Nothing has to be done: a file has the rights of its folder.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// The same for files that are to be made.
pub(crate) fn readable_from_the_start(_: &mut tempfile::Builder<'_, '_>) {}

/// Checks that `file`, which is none of a disk, is there.
pub(crate) fn check_right_to_write(file: &Path) -> io::Result<()> {
    file.metadata().map(drop)
}

/// Checks that another file may take the place of `file`, which goes by the right to write it.
pub(crate) fn check_right_to_replace(file: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(file).map(drop)
}

/// Windows mounts folders alone.
pub(crate) fn is_mount_point(_: &Path) -> bool {
    false
}

/// Returns whether the disk is at fault: it failed in the middle.
pub(crate) fn is_fault(error: &io::Error) -> bool {
    const ERROR_IO_DEVICE: i32 = 1117;
    error.raw_os_error() == Some(ERROR_IO_DEVICE)
}
