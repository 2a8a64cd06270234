//! Files and open streams, which are descriptors with permissions on Unix.

use std::{
    fs::{File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
};

pub(crate) use std::os::fd::AsFd as AsStream;

/// Lets everyone read `file` and its owner write it, whatever the umask: the other containers of a
/// pod are others.
pub(crate) fn make_readable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o644))
}

/// An open stream as a file of its own.
pub(crate) fn file_of(stream: &impl AsStream) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}
