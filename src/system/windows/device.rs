//! The device behind standard error: its state, and single writes to it.

use std::{
    fs::File,
    io::{self, Write as _},
    os::windows::io::{AsHandle, AsRawHandle as _},
    thread,
    time::Duration,
};

/// The size assumed for a console that reports none, and for anything else that rows are drawn to.
const USUAL_SIZE: Size = Size { columns: 80, rows: 24 };

/// A file handle that lines are written to.
pub(crate) type Device = dyn AsHandle + Send + Sync;

/// The size of a terminal in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
}

/// The size of `device`, which is usually a console.
pub(crate) fn size(device: &Device) -> Size {
    let known = terminal_size::terminal_size_of(device.as_handle());
    known.map_or(USUAL_SIZE, |(width, height)| Size {
        columns: usize::from(width.0),
        rows: usize::from(height.0),
    })
}

/// Returns false: a console has no background.
pub(crate) fn is_in_background(_: &Device) -> bool {
    false
}

/// Writes once, as much as the device accepts.
pub(crate) fn write(device: &Device, bytes: &[u8]) -> io::Result<usize> {
    let handle = device.as_handle();
    let mut stderr = io::stderr();
    if handle.as_raw_handle() == stderr.as_raw_handle() {
        // The standard library converts console output to UTF-16.
        return stderr.write(bytes);
    }
    File::from(handle.try_clone_to_owned()?).write(bytes)
}

/// Returns true: whether the device is writable cannot be known, and a write waits until it is.
pub(crate) fn has_room(_: &Device, _patience: Duration) -> bool {
    true
}

/// Blocks this thread for `time`.
pub(crate) fn pause(time: Duration) {
    thread::park_timeout(time);
}

/// Whether the process was stopped and continued, which Windows does not report.
#[derive(Debug)]
pub(crate) struct Resumed;

impl Resumed {
    /// Makes the console interpret the escape sequences that draw rows.
    pub(crate) fn listen() -> Self {
        // A console too old for that shows the sequences as text.
        let _ = anstyle_query::windows::enable_ansi_colors();
        Self
    }

    /// Returns false.
    #[expect(clippy::unused_self, reason = "on Unix it is known")]
    pub(crate) fn has_happened(&self) -> bool {
        false
    }
}
