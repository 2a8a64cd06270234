//! Standard error, for which nothing ever waits: a thread of its own writes what is queued.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use tokio::time::Instant;
use tracing_subscriber::fmt::writer::MakeWriter;

use super::{queue::Queue, rows::Rows};
use crate::system::device::{self, Device, Resumed, Size};

/// A standard error that has taken nothing for so long takes nothing.
const STUCK_AFTER: Duration = Duration::from_secs(1);
/// What a reader that has not read until now still gets.
const LAST_CHANCE: Duration = Duration::from_millis(100);
/// As much as is written at once, so that one can see whether something is taken.
const AT_ONCE: usize = 4096;
/// How long to wait for a device that says it has room and takes nothing.
const PAUSE: Duration = Duration::from_millis(5);
/// The thread only copies bytes.
const STACK: usize = 128 << 10;

/// Standard error: lines that are read for ever, and rows that change in place.
///
/// Nobody may read it, and its terminal may be gone. Whoever says something here goes on at once;
/// lines are dropped, and counted, where it takes none for a second.
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
    /// Since when the present write has taken nothing.
    writing_since: Option<Instant>,
    /// Whether lines are not taken, as far as is known without a writer.
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

    /// How it is told that so many lines were dropped.
    pub fn tell_gaps_as(&self, gap: fn(u64) -> String) {
        // The first one counts: a process has one way of writing.
        let _ = self.0.gap.set(gap);
    }

    /// Writes whole lines, after all that was said before.
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

    /// When something was said the last time.
    #[must_use]
    pub fn said_at(&self) -> Option<Instant> {
        self.0.lock().said_at
    }

    /// Draws these rows below the lines from now on, in place of the former ones.
    pub(super) fn show(&self, rows: Vec<String>) {
        let mut state = self.0.lock();
        // Rows are decoration, which is not worth a wait.
        if self.has_writer(&mut state) {
            state.rows = Some(rows);
            self.0.changed.notify_all();
        }
    }

    /// How much its terminal shows.
    pub(super) fn size(&self) -> Size {
        device::size(&*self.0.device)
    }

    /// Waits until all is written, though no longer than `most`, and where nobody reads only for a
    /// moment. The newest lines come last, and are what the second half of the time is for.
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

    /// Returns whether a thread writes; begins one where there is none yet and one is to be had.
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

    /// The work of the thread.
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
                // Lines go on, for a full disk may have room again; rows are only decoration.
                has_failed = true;
                drawing = None;
            }
            self.lock().writing_since = None;
            self.changed.notify_all();
        }
    }

    /// What is to be written next; waits for it.
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

    /// Writes on the thread of the caller, for want of another one, and only where that does not
    /// block. What a second does not suffice for stays queued.
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

/// The rows, and what may have become of them on the terminal.
struct Drawing {
    rows: Rows,
    resumed: Resumed,
}

impl Drawing {
    fn begin() -> Self {
        Self { rows: Rows::default(), resumed: Resumed::listen() }
    }

    /// `lines` with the rows below them, which are not drawn in the background of a terminal.
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

/// One event of a log is one write.
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
