//! What this process, or its machine, may run out of: files, threads, memory.

use std::{fs::File, io};

/// How the system says that there are too many open files in this process or on this machine, and
/// no buffers.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LIMITS: [i32; 3] = [24, 23, 105];
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
const LIMITS: [i32; 3] = [24, 23, 55];
#[cfg(windows)]
const LIMITS: [i32; 3] = [4, 10_024, 10_055];

#[cfg(unix)]
const A_FILE: &str = "/dev/null";
#[cfg(windows)]
const A_FILE: &str = "NUL";

/// Returns whether an error says that there is no file, thread or memory to be had for the moment.
/// That is nothing that a peer has said or kept silent about.
pub(crate) fn is_of_limits(error: &io::Error) -> bool {
    // What the system asks to be tried again is a thread or a process here: of sockets only the
    // runtime hears it.
    matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::WouldBlock)
        || error.raw_os_error().is_some_and(|number| LIMITS.contains(&number))
}

/// Why there is no file to be had at this moment, where that is so. A look-up of a name does not
/// say it: it fails as if the network were to blame.
pub(crate) fn no_file_to_be_had() -> Option<io::Error> {
    File::open(A_FILE).err().filter(is_of_limits)
}
