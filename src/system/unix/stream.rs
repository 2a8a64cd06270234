//! Open streams, such as standard output.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{OFlags, fcntl_getfl},
    io::{Errno, write},
};

/// Writes all of `content`, however slowly it is read.
///
/// The standard library's handles ignore that a stream is not open for writing, and fail if another
/// process made it non-blocking.
///
/// # Errors
///
/// The system's error.
pub(crate) fn write_to_stream(stream: &impl AsFd, content: &[u8]) -> io::Result<()> {
    let stream = stream.as_fd();
    let mut rest = content;
    while !rest.is_empty() {
        match write(stream, rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for_room(stream)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until a stream is writable or has an error.
fn wait_for_room(stream: BorrowedFd<'_>) -> io::Result<()> {
    match poll(&mut [PollFd::from_borrowed_fd(stream, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Checks that a stream was opened for writing.
///
/// # Errors
///
/// The error that writing to it would give.
pub(crate) fn check_stream(stream: &impl AsFd) -> io::Result<()> {
    match fcntl_getfl(stream)? & OFlags::RWMODE {
        OFlags::WRONLY | OFlags::RDWR => Ok(()),
        _ => Err(Errno::BADF.into()),
    }
}

/// Returns whether a stream may have been closed when this process started.
///
/// The standard library then opens `/dev/null` read-write in its place before `main`. Python and
/// Node pass the same to discard the output, so this is no reason to refuse a stream.
pub(crate) fn may_have_been_closed(stream: &impl AsFd) -> bool {
    use std::{fs::File, os::unix::fs::MetadataExt as _};
    let null = std::fs::metadata("/dev/null").map(|null| null.rdev());
    let own = stream.as_fd().try_clone_to_owned().and_then(|own| File::from(own).metadata());
    let is_null = own.is_ok_and(|own| null.is_ok_and(|null| null == own.rdev()));
    is_null && fcntl_getfl(stream).is_ok_and(|flags| flags & OFlags::RWMODE == OFlags::RDWR)
}
