//! Files and open streams, which are handles on Windows.

use std::{fs::File, io};

pub(crate) use std::os::windows::io::AsHandle as AsStream;

/// Nothing has to be done: a file has the rights of its folder.
#[expect(clippy::unnecessary_wraps, reason = "on Unix it can fail")]
pub(crate) fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// An open stream as a file of its own.
pub(crate) fn file_of(stream: &impl AsStream) -> io::Result<File> {
    Ok(stream.as_handle().try_clone_to_owned()?.into())
}
