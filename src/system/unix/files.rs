//! Files, which have owners and permissions on Unix.

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

/// What everyone reads and its owner writes: the other containers of a pod are others.
const READABLE: u32 = 0o644;

/// Lets everyone read `file` and its owner write it, whatever the umask.
pub(crate) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(READABLE))
}

/// The same for files that are to be made, as far as the umask lets them.
pub(crate) fn readable_from_the_start(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(READABLE));
}

/// Checks that `file` may be written to, without opening it: that waits for whoever reads a pipe.
pub(crate) fn check_right_to_write(file: &Path) -> io::Result<()> {
    Ok(accessat(CWD, file, Access::WRITE_OK, AtFlags::EACCESS)?)
}

/// Checks that another file may take the place of `file`, as far as that can be asked without doing
/// it: not in a sticky folder if it is somebody else's, nor if it is immutable.
pub(crate) fn check_right_to_replace(file: &Path) -> io::Result<()> {
    if is_mount_point(file) {
        return Err(io::ErrorKind::ResourceBusy.into());
    }
    // The kernel looks at the permissions first, and then at whether it is a folder, which no file
    // is: this can remove nothing.
    match rmdir(file) {
        Ok(()) | Err(Errno::NOTDIR | Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a file is one that is mounted by itself, as Kubernetes' subPath and
/// `docker run -v FILE:FILE` do it; no other file can take its place.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_mount_point(file: &Path) -> bool {
    use rustix::fs::{StatxAttributes, StatxFlags, statx};
    statx(CWD, file, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::TYPE)
        .is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Other systems mount folders alone.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_mount_point(_: &Path) -> bool {
    false
}

/// Returns whether the disk is at fault.
pub(crate) fn is_fault(error: &io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::IO)
}
