//! What the system says of the file that standard error is, and writing to it once.

use std::{
    io,
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::getpgrp,
    termios::{tcgetpgrp, tcgetwinsize},
};
use signal_hook::{consts::SIGCONT, flag::register};

/// The size of a terminal that does not say, and of a file that is drawn to all the same.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// A file descriptor that lines are written to.
pub(crate) type Device = dyn AsFd + Send + Sync;

/// How much a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The size of the terminal that `device` is.
pub(crate) fn size(device: &Device) -> Size {
    let known = tcgetwinsize(device).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or(USUAL_SIZE, |size| Size {
        columns: usize::from(size.ws_col),
        rows: usize::from(size.ws_row),
    })
}

/// Returns whether this process is in the background of the terminal that `device` is. Of a
/// terminal that controls another session that cannot be known, and it is not.
pub(crate) fn is_in_background(device: &Device) -> bool {
    tcgetpgrp(device).is_ok_and(|foreground| foreground != getpgrp())
}

/// Writes once, as much as the device takes.
pub(crate) fn write(device: &Device, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(device, bytes)?)
}

/// Waits until the device takes something, or is in error, which the next write tells; returns
/// whether that came within `patience`.
pub(crate) fn has_room(device: &Device, patience: Duration) -> bool {
    let mut watched = [PollFd::new(&device, PollFlags::OUT)];
    match poll(&mut watched, Timespec::try_from(patience).ok().as_ref()) {
        Ok(ready) => ready > 0,
        Err(error) => error != Errno::INTR,
    }
}

/// Lets so much time pass on this thread.
pub(crate) fn pause(time: Duration) {
    let _ = poll(&mut [], Timespec::try_from(time).ok().as_ref());
}

/// Whether the process was stopped and goes on: who knows what the terminal shows since.
#[derive(Debug, Default)]
pub(crate) struct Resumed(Arc<AtomicBool>);

impl Resumed {
    /// Listens from now on.
    pub(crate) fn listen() -> Self {
        let resumed = Self::default();
        // Without it, rows are drawn over what the shell wrote meanwhile: no reason to give up.
        let _ = register(SIGCONT, Arc::clone(&resumed.0));
        resumed
    }

    /// Returns whether that has happened since the last call.
    pub(crate) fn has_happened(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}
