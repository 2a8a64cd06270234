//! What this process, or its machine, may run out of: files, threads, memory.

use std::{fs::File, io};

/// Returns whether an error says that there is no file, thread or memory to be had for the moment.
/// That is nothing that a peer has said or kept silent about.
pub(crate) fn is_of_limits(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        // What is refused with EAGAIN is a thread or a process: sockets say it of themselves only
        // to the runtime, which tries again.
        const LIMITS: [Errno; 5] =
            [Errno::MFILE, Errno::NFILE, Errno::AGAIN, Errno::NOMEM, Errno::NOBUFS];
        if Errno::from_io_error(error).is_some_and(|errno| LIMITS.contains(&errno)) {
            return true;
        }
    }
    error.kind() == io::ErrorKind::OutOfMemory
}

/// Why there is no file to be had at this moment, where that is so. A look-up of a name does not
/// say it: it fails as if the network were to blame.
pub(crate) fn no_file_to_be_had() -> Option<io::Error> {
    File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).err().filter(is_of_limits)
}
