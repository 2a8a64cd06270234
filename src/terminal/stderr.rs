//! Standard error that never blocks its callers: a thread of its own writes what is queued.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use tokio::time::Instant;
use tracing_subscriber::fmt::writer::MakeWriter;

use super::{
    queue::{AT_ONCE, Queue},
    rows::Rows,
};
use crate::system::device::{self, Device, Resumed, Size};

/// Standard error is stuck once a write has made no progress for this long.
const STUCK_AFTER: Duration = Duration::from_secs(1);
/// How long the final flush waits for a standard error that is stuck.
const LAST_CHANCE: Duration = Duration::from_millis(100);
/// The pause before the next attempt on a device that claims to have room but takes nothing.
const PAUSE: Duration = Duration::from_millis(5);
/// The stack of the writing thread in bytes; it only copies.
const STACK: usize = 128 << 10;

/// Standard error: log lines, and rows that change in place.
///
/// It may have no reader, and its terminal may be gone, so a caller never waits for it: while it takes
/// nothing for a second, lines are dropped and counted.
#[derive(Clone)]
pub struct Stderr(Arc<Shared>);

struct Shared {
    device: Box<Device>,
    state: Mutex<State>,
    changed: Condvar,
    gap: OnceLock<fn(u64) -> String>,
}

#[derive(Default)]
struct State {
    queue: Queue,
    rows: Option<Vec<String>>,
    has_writer: bool,
    /// Since when the current write has made no progress.
    writing_since: Option<Instant>,
    /// Without a writer: whether the device had no room the last time.
    is_refused: bool,
    said_at: Option<Instant>,
}

impl State {
    fn is_stuck(&self, now: Instant) -> bool {
        let is_late = |since: Instant| now.saturating_duration_since(since) >= STUCK_AFTER;
        self.is_refused || self.writing_since.is_some_and(is_late)
    }

    fn is_done(&self) -> bool {
        self.queue.is_empty() && self.rows.is_none() && self.writing_since.is_none()
    }
}

impl Default for Stderr {
    fn default() -> Self {
        Self::to(Box::new(io::stderr()))
    }
}

impl Stderr {
    fn to(device: Box<Device>) -> Self {
        let (state, changed, gap) = (Mutex::default(), Condvar::new(), OnceLock::new());
        Self(Arc::new(Shared { device, state, changed, gap }))
    }

    /// Sets the line that stands for a number of dropped lines.
    pub fn set_gap(&self, gap: fn(u64) -> String) {
        // Only the first call has an effect: a process has one log format.
        let _ = self.0.gap.set(gap);
    }

    /// Queues whole lines.
    pub fn say(&self, lines: impl Into<Vec<u8>>) {
        let now = Instant::now();
        let mut state = self.0.lock();
        state.said_at = Some(now);
        let are_taken = !state.is_stuck(now);
        state.queue.push(lines.into(), are_taken);
        if self.has_writer(&mut state) {
            self.0.changed.notify_all();
        } else {
            drop(state);
            self.0.write_here();
        }
    }

    /// When lines were last queued.
    #[must_use]
    pub fn said_at(&self) -> Option<Instant> {
        self.0.lock().said_at
    }

    /// Replaces the rows that are drawn below the lines.
    pub(super) fn show(&self, rows: Vec<String>) {
        let mut state = self.0.lock();
        // Rows are only decoration: without a writer there are none.
        if self.has_writer(&mut state) {
            state.rows = Some(rows);
            self.0.changed.notify_all();
        }
    }

    /// The size of the terminal.
    pub(super) fn size(&self) -> Size {
        device::size(&*self.0.device)
    }

    /// Waits until everything is written, at most for `most`, and only briefly if nobody reads. The
    /// second half of the time is kept for the newest lines.
    pub fn flush_within(&self, most: Duration) {
        let started = Instant::now();
        let mut state = self.0.lock();
        if !state.has_writer {
            drop(state);
            return self.0.write_here();
        }
        let mut is_shortened = false;
        while !state.is_done() {
            let now = Instant::now();
            let most = if state.is_stuck(now) { most.min(LAST_CHANCE) } else { most };
            if !is_shortened && now >= started + most / 2 {
                state.queue.keep_the_newest();
                is_shortened = true;
            }
            let until = started + if is_shortened { most } else { most / 2 };
            let left = until.saturating_duration_since(now);
            if left.is_zero() {
                return;
            }
            let waited = self.0.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Returns whether a thread writes; tries to start one if there is none yet.
    fn has_writer(&self, state: &mut State) -> bool {
        if !state.has_writer {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("stderr".to_owned()).stack_size(STACK);
            state.has_writer = thread.spawn(move || shared.write_for_ever()).is_ok();
            state.is_refused &= !state.has_writer;
        }
        state.has_writer
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gap(&self, dropped: u64) -> Vec<u8> {
        self.gap.get().map_or_else(Vec::new, |gap| gap(dropped).into_bytes())
    }

    /// The loop of the writing thread.
    fn write_for_ever(&self) {
        let mut drawing = None;
        let mut has_failed = false;
        loop {
            let (lines, rows) = self.next();
            if let Some(rows) = rows.filter(|_| !has_failed) {
                drawing.get_or_insert_with(Drawing::begin).rows.set(rows);
            }
            let bytes = match &mut drawing {
                Some(drawing) => drawing.around(lines, &*self.device),
                None => lines,
            };
            if self.write_all(&bytes).is_err() {
                // Lines continue, because a full disk may have room again; rows do not.
                has_failed = true;
                drawing = None;
            }
            self.lock().writing_since = None;
            self.changed.notify_all();
        }
    }

    /// Waits for the next lines and rows to write.
    fn next(&self) -> (Vec<u8>, Option<Vec<String>>) {
        let is_idle = |state: &mut State| state.queue.is_empty() && state.rows.is_none();
        let woken = self.changed.wait_while(self.lock(), is_idle);
        let mut state = woken.unwrap_or_else(PoisonError::into_inner);
        state.writing_since = Some(Instant::now());
        (state.queue.take(|dropped| self.gap(dropped)), state.rows.take())
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match device::write(&*self.device, &bytes[..bytes.len().min(AT_ONCE)]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    bytes = &bytes[taken..];
                    self.lock().writing_since = Some(Instant::now());
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if device::has_room(&*self.device, STUCK_AFTER) {
                        device::pause(PAUSE);
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes on the caller's thread, if no other could be started, for as long as the device has
    /// room or gets some within a second. The rest stays queued.
    fn write_here(&self) {
        loop {
            let mut state = self.lock();
            if state.queue.is_empty() {
                return;
            }
            let patience = if state.is_refused { Duration::ZERO } else { STUCK_AFTER };
            let lines = state.queue.take(|dropped| self.gap(dropped));
            drop(state);
            let mut rest = lines.as_slice();
            while !rest.is_empty() {
                let is_refused = !device::has_room(&*self.device, patience);
                self.lock().is_refused = is_refused;
                if is_refused {
                    return self.lock().queue.put_back(rest.to_vec());
                }
                match device::write(&*self.device, &rest[..rest.len().min(AT_ONCE)]) {
                    Ok(taken) if taken > 0 => rest = &rest[taken..],
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => device::pause(PAUSE),
                    Ok(_) | Err(_) => break,
                }
            }
        }
    }
}

/// The rows, and whether the terminal may show something else by now.
struct Drawing {
    rows: Rows,
    resumed: Resumed,
}

impl Drawing {
    fn begin() -> Self {
        Self { rows: Rows::default(), resumed: Resumed::listen() }
    }

    /// `lines` with the rows below them; without, while the process is in the background.
    fn around(&mut self, lines: Vec<u8>, device: &Device) -> Vec<u8> {
        let is_in_background = self.rows.are_in_use() && device::is_in_background(device);
        if self.resumed.has_happened() || is_in_background {
            self.rows.forget();
        }
        if is_in_background || !self.rows.are_in_use() {
            return lines;
        }
        self.rows.below(&lines, device::size(device).columns)
    }
}

/// Each write is one log event, which is whole lines.
impl Write for Stderr {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.say(lines);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Stderr {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
#[path = "stderr_tests.rs"]
mod tests;
