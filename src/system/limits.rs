//! Resources that this process or machine may run out of: file descriptors, threads, memory.

use std::{fs::File, io};

/// `EMFILE`, `ENFILE` and `ENOBUFS`, or their counterparts on Windows: `ERROR_TOO_MANY_OPEN_FILES`,
/// `WSAEMFILE` and `WSAENOBUFS`.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LIMITS: [i32; 3] = [24, 23, 105];
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const LIMITS: [i32; 3] = [24, 23, 55];
#[cfg(windows)]
const LIMITS: [i32; 3] = [4, 10_024, 10_055];

#[cfg(unix)]
const NULL_DEVICE: &str = "/dev/null";
#[cfg(windows)]
const NULL_DEVICE: &str = "NUL";

/// Returns whether an error means that this process or machine is out of file descriptors, threads
/// or memory, so that no peer is to blame.
pub(crate) fn is_of_limits(error: &io::Error) -> bool {
    // EAGAIN comes from starting a thread or a process: the runtime handles that of sockets.
    matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock)
        || error.raw_os_error().is_some_and(|number| LIMITS.contains(&number))
}

/// Returns the error if no file can be opened now. A lookup of a host name does not report this: it
/// fails like a network error.
pub(crate) fn out_of_files() -> Option<io::Error> {
    File::open(NULL_DEVICE).err().filter(is_of_limits)
}
