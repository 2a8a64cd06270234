//! File permissions on Unix.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{
    fs::{Access, AtFlags, CWD, accessat, rmdir},
    io::Errno,
};

/// Readable by everyone: the other containers of a pod may run as other users.
const READABLE: u32 = 0o644;

/// Sets the mode of `file` to 0644, whatever the umask.
pub(crate) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(READABLE))
}

/// Makes new files with mode 0644, as far as the umask allows.
pub(crate) fn create_readable(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(READABLE));
}

/// Checks that `file` may be written to, without opening it: opening a pipe waits for its reader.
pub(crate) fn check_right_to_write(file: &Path) -> io::Result<()> {
    Ok(accessat(CWD, file, Access::WRITE_OK, AtFlags::EACCESS)?)
}

/// Checks that another file may replace `file`, as far as that can be known without doing it: not
/// in a sticky folder if it is another user's, nor if it is immutable.
pub(crate) fn check_right_to_replace(file: &Path) -> io::Result<()> {
    if is_mount_point(file) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    // The kernel checks the permissions before it checks that this is a folder, which a file is
    // not: nothing can be removed.
    match rmdir(file) {
        Ok(()) | Err(Errno::NOTDIR | Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a file is a mount point, as with Kubernetes' subPath and
/// `docker run -v FILE:FILE`: it cannot be replaced.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_mount_point(file: &Path) -> bool {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    statx(CWD, file, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Other systems mount folders only.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_mount_point(_: &Path) -> bool {
    false
}

/// Returns whether an error is an I/O error of the disk.
pub(crate) fn is_fault(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::IO)
}
