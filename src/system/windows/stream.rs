//! Streams that are open already, such as standard output.

use std::{
    fs::File,
    io::{self, Write as _},
    os::windows::io::AsHandle,
};

/// Writes to an open stream, to the last byte.
///
/// # Errors
///
/// What the system says; the standard library's own handles take a stream that cannot be written
/// to for a success.
pub(crate) fn write_to_stream(stream: &impl AsHandle, content: &[u8]) -> io::Result<()> {
    file_of(stream)?.write_all(content)
}

/// Checks that a stream is there; only writing shows whether it is for writing.
///
/// # Errors
///
/// That it is not.
pub(crate) fn check_stream(stream: &impl AsHandle) -> io::Result<()> {
    file_of(stream).map(drop)
}

/// Nothing is opened in place of a stream that is closed.
pub(crate) fn may_have_been_closed(_: &impl AsHandle) -> bool {
    false
}

fn file_of(stream: &impl AsHandle) -> io::Result<File> {
    Ok(stream.as_handle().try_clone_to_owned()?.into())
}
