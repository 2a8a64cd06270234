//! Handling of the signals that end a run.
//!
//! A handler can do little, so it only records the signal; the program checks for one before each
//! step that cannot be undone and during every wait. Where it cannot check, as just before another
//! program takes over, the handler ends the process itself.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::sync_channel,
    },
    thread,
    time::Duration,
};

pub(crate) use super::signal::Signal;
use super::this_system::signals as system;

/// How often a signal is checked for during work that may block.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);
/// How long that work may go on after a signal, so that it is not cut short unless it blocks.
const GRACE: Duration = Duration::from_millis(30);

/// The handlers of the signals that end this run.
#[derive(Debug)]
pub(crate) struct Signals {
    /// The number of the last signal; zero for none.
    heard: Arc<AtomicUsize>,
    /// Whether a signal ends the process immediately.
    at_once: Arc<AtomicBool>,
    handled: Vec<Signal>,
}

impl Signals {
    /// Installs the handlers, except for signals that the parent process ignored. Until
    /// [`listen`](Self::listen), a signal ends the process immediately.
    pub(crate) fn install() -> Self {
        let (heard, at_once) = (Arc::default(), Arc::new(true.into()));
        let wanted = system::not_ignored();
        // A signal would be lost between the installation of its two handlers.
        system::block(&wanted);
        // One that cannot be handled keeps its default, which ends the process too.
        let is_handled = |signal: &Signal| system::handle(*signal, &heard, &at_once).is_ok();
        let handled = wanted.iter().copied().filter(is_handled).collect();
        system::unblock(&wanted);
        Self { heard, at_once, handled }
    }

    /// Only records signals from now on: the caller checks for them.
    pub(crate) fn listen(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// The last signal that was received.
    pub(crate) fn heard(&self) -> Option<Signal> {
        let number = self.heard.load(Ordering::SeqCst);
        Signal::ALL.into_iter().find(|signal| usize::from(signal.number()) == number)
    }

    /// Waits for a signal, in a runtime.
    pub(crate) async fn next(&self) -> Signal {
        system::any_of(&self.handled, || self.heard()).await
    }

    /// Does `work`, during which a signal ends the process immediately.
    ///
    /// # Errors
    ///
    /// The signal that was received before.
    pub(crate) fn at_once<T>(&self, work: impl FnOnce() -> T) -> Result<T, Signal> {
        let before = self.at_once.swap(true, Ordering::SeqCst);
        // A signal before this line was recorded; one after it ends the process.
        let done = self.heard().map_or_else(|| Ok(work()), Err);
        self.at_once.store(before, Ordering::SeqCst);
        done
    }

    /// Does `work`, which may block, such as writing to a pipe that nobody reads, and abandons it
    /// soon after a signal.
    ///
    /// # Errors
    ///
    /// The signal that it was abandoned for.
    pub(crate) fn unless_stuck<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Signal> {
        let (sender, receiver) = sync_channel(1);
        let work = Arc::new(Mutex::new(Some(work)));
        let shared = Arc::clone(&work);
        let thread = thread::Builder::new().spawn(move || {
            let done = take(&shared).map(|work| work());
            // Nobody receives the result of abandoned work.
            let _ = done.map(|done| sender.send(done));
        });
        if thread.is_err()
            && let Some(work) = take(&work)
        {
            return self.at_once(work);
        }
        loop {
            if let Ok(done) = receiver.recv_timeout(CHECK_INTERVAL) {
                return Ok(done);
            }
            if let Some(signal) = self.heard() {
                return receiver.recv_timeout(GRACE).map_err(|_| signal);
            }
        }
    }
}

fn take<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().ok().and_then(|mut place| place.take())
}
