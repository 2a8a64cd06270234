//! The device behind standard error: its state, and single writes to it.

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

/// The size assumed for a terminal that reports none, and for anything else that rows are drawn to.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// A file descriptor that lines are written to.
pub(crate) type Device = dyn AsFd + Send + Sync;

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The size of `device`, which is usually a terminal.
pub(crate) fn size(device: &Device) -> Size {
    let known = tcgetwinsize(device).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or(USUAL_SIZE, |size| Size {
        columns: usize::from(size.ws_col),
        rows: usize::from(size.ws_row),
    })
}

/// Returns whether this process is in the background of the terminal `device`; false if the terminal
/// belongs to another session, where that cannot be known.
pub(crate) fn is_in_background(device: &Device) -> bool {
    tcgetpgrp(device).is_ok_and(|foreground| foreground != getpgrp())
}

/// Writes once, as much as the device accepts.
pub(crate) fn write(device: &Device, bytes: &[u8]) -> io::Result<usize> {
    Ok(rustix::io::write(device, bytes)?)
}

/// Waits at most `patience` until the device is writable, or has an error that the next write
/// reports; returns whether it is.
pub(crate) fn has_room(device: &Device, patience: Duration) -> bool {
    let mut watched = [PollFd::new(&device, PollFlags::OUT)];
    match poll(&mut watched, Timespec::try_from(patience).ok().as_ref()) {
        Ok(ready) => ready > 0,
        Err(error) => error != Errno::INTR,
    }
}

/// Blocks this thread for `time`.
pub(crate) fn pause(time: Duration) {
    let _ = poll(&mut [], Timespec::try_from(time).ok().as_ref());
}

/// Whether the process was stopped and continued, after which the terminal may show anything.
#[derive(Debug, Default)]
pub(crate) struct Resumed(Arc<AtomicBool>);

impl Resumed {
    /// Listens for SIGCONT from now on.
    pub(crate) fn listen() -> Self {
        let resumed = Self::default();
        // If this fails, rows are drawn over what the shell wrote: no reason to give up.
        let _ = register(SIGCONT, Arc::clone(&resumed.0));
        resumed
    }

    /// Returns whether the process was continued since the last call.
    pub(crate) fn has_happened(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}
