//! Open streams, such as standard output.

use std::{
    fs::File,
    io::{self, Write as _},
    os::windows::io::AsHandle,
};

/// Writes all of `content`.
///
/// The standard library's handles ignore that a stream is not open for writing.
///
/// # Errors
///
/// The system's error.
pub(crate) fn write_to_stream(stream: &impl AsHandle, content: &[u8]) -> io::Result<()> {
    file_of(stream)?.write_all(content)
}

/// Checks that a stream is open; only writing shows whether it is writable.
///
/// # Errors
///
/// The system's error if it is not.
pub(crate) fn check_stream(stream: &impl AsHandle) -> io::Result<()> {
    file_of(stream).map(drop)
}

/// Returns false: nothing is opened in place of a closed stream.
pub(crate) fn may_have_been_closed(_: &impl AsHandle) -> bool {
    false
}

fn file_of(stream: &impl AsHandle) -> io::Result<File> {
    Ok(stream.as_handle().try_clone_to_owned()?.into())
}
