//! The signals that end a run.
//!
//! A handler can do little, so it only notes the signal, and whoever works looks whether one was
//! heard: before each step that cannot be taken back, and beside every wait. Where nobody can look,
//! as in the moment before another program takes over, the handler ends the process itself.

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
use super::this_system::signals as theirs;

/// How soon a signal is heard beside work that may be stuck.
const LOOKS_EVERY: Duration = Duration::from_millis(5);
/// What the work is given after that, so that it leaves nothing half done if it is not stuck.
const GRACE: Duration = Duration::from_millis(30);

impl Signal {
    /// Ends the process as this does, so that a shell's loop or script around it ends too. Comes
    /// back where that is impossible: the exit code is then all that can be told.
    pub(crate) fn die_of(self) {
        theirs::die_of(self);
    }
}

/// The signals that end this run: what was heard, and what is done about it.
#[derive(Debug)]
pub(crate) struct Signals {
    /// The number of the last one; zero for none.
    heard: Arc<AtomicUsize>,
    /// Whether a signal ends the process at once.
    at_once: Arc<AtomicBool>,
    /// Those that are not ignored.
    listened: Vec<Signal>,
}

impl Signals {
    /// Hears them from now on, except those that whoever started this process has ignored; one
    /// ends the process at once until [`listen`](Self::listen).
    pub(crate) fn install() -> Self {
        let mut signals = Self {
            heard: Arc::default(),
            at_once: Arc::new(true.into()),
            listened: theirs::not_ignored(),
        };
        let (heard, at_once) = (&signals.heard, &signals.at_once);
        // One that cannot be handled keeps its default, which ends the process too.
        signals.listened.retain(|signal| theirs::handle(*signal, heard, at_once).is_ok());
        theirs::unblock(&signals.listened);
        signals
    }

    /// From now on somebody looks.
    pub(crate) fn listen(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// The one that was heard.
    pub(crate) fn heard(&self) -> Option<Signal> {
        let number = self.heard.load(Ordering::SeqCst);
        Signal::ALL.into_iter().find(|signal| usize::from(signal.number()) == number)
    }

    /// Waits for one, in a runtime.
    pub(crate) async fn next(&self) -> Signal {
        theirs::any_of(&self.listened, || self.heard()).await
    }

    /// Does `work`, during which a signal ends the process at once.
    ///
    /// # Errors
    ///
    /// The signal that came before.
    pub(crate) fn at_once<T>(&self, work: impl FnOnce() -> T) -> Result<T, Signal> {
        let before = self.at_once.swap(true, Ordering::SeqCst);
        // One that comes before this line was noted, and one that comes after it is the end.
        let done = self.heard().map_or_else(|| Ok(work()), Err);
        self.at_once.store(before, Ordering::SeqCst);
        done
    }

    /// Does `work`, which may be stuck, such as writing to a pipe that nobody reads. Where a signal
    /// was heard or comes meanwhile, it is given up after a moment.
    ///
    /// # Errors
    ///
    /// The signal that it was given up for.
    pub(crate) fn unless_stuck<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Signal> {
        let (sender, receiver) = sync_channel(1);
        let work = Arc::new(Mutex::new(Some(work)));
        let theirs = Arc::clone(&work);
        let thread = thread::Builder::new().spawn(move || {
            let done = take(&theirs).map(|work| work());
            // Nobody waits any more for what was given up.
            let _ = done.map(|done| sender.send(done));
        });
        if thread.is_err()
            && let Some(work) = take(&work)
        {
            return self.at_once(work);
        }
        loop {
            if let Ok(done) = receiver.recv_timeout(LOOKS_EVERY) {
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
