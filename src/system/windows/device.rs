//! What the system says of the file that standard error is, and writing to it once.

use std::{
    fs::File,
    io::{self, Write as _},
    os::windows::io::{AsHandle, AsRawHandle as _},
    thread,
    time::Duration,
};

/// The size of a terminal that does not say, and of a file that is drawn to all the same.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// A file handle that lines are written to.
pub(crate) type Device = dyn AsHandle + Send + Sync;

/// How much a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The size of the console that `device` is.
pub(crate) fn size(device: &Device) -> Size {
    let known = terminal_size::terminal_size_of(device.as_handle());
    known.map_or(USUAL_SIZE, |(width, height)| Size {
        columns: usize::from(width.0),
        rows: usize::from(height.0),
    })
}

/// A console has no background.
pub(crate) fn is_in_background(_: &Device) -> bool {
    false
}

/// Writes once, as much as the device takes.
pub(crate) fn write(device: &Device, bytes: &[u8]) -> io::Result<usize> {
    let handle = device.as_handle();
    let mut stderr = io::stderr();
    if handle.as_raw_handle() == stderr.as_raw_handle() {
        // The standard library turns what a console gets into UTF-16.
        return stderr.write(bytes);
    }
    File::from(handle.try_clone_to_owned()?).write(bytes)
}

/// Whether there is room cannot be known: a write waits for it.
pub(crate) fn has_room(_: &Device, _patience: Duration) -> bool {
    true
}

/// Lets so much time pass on this thread.
pub(crate) fn pause(time: Duration) {
    thread::park_timeout(time);
}

/// Whether the process was stopped and goes on, which Windows does not tell.
#[derive(Debug)]
pub(crate) struct Resumed;

impl Resumed {
    /// A console understands the sequences that draw rows from now on.
    pub(crate) fn listen() -> Self {
        // Where it is too old for that, rows are drawn with what it shows instead.
        let _ = anstyle_query::windows::enable_ansi_colors();
        Self
    }

    /// Returns whether that has happened since the last call.
    #[expect(clippy::unused_self, reason = "on Unix it is known")]
    pub(crate) fn has_happened(&self) -> bool {
        false
    }
}
