//! SIGINT and SIGTERM, which end a wait; as PID 1 nobody else would handle them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag::register_conditional_shutdown,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::exit_code::ExitCode;

/// Whether a signal ends the process at once: where nobody listens for one, and where the process
/// may be stuck in a file that never ends, such as a pipe without a peer.
#[derive(Debug, Clone, Default)]
pub(crate) struct AtOnce(Arc<AtomicBool>);

impl AtOnce {
    /// A signal ends the process from now on, until [`Signals`] listen.
    pub(crate) fn prepare() -> io::Result<Self> {
        let switch = Self(Arc::new(true.into()));
        for (signal, code) in [(SIGINT, ExitCode::Interrupted), (SIGTERM, ExitCode::Terminated)] {
            let condition = Arc::clone(&switch.0);
            register_conditional_shutdown(signal, code.number().into(), condition)?;
        }
        Ok(switch)
    }

    /// Does `work`, during which a signal ends the process.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = self.0.swap(true, Ordering::SeqCst);
        let done = work();
        self.0.store(before, Ordering::SeqCst);
        done
    }
}

/// The signals that end a wait.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on, in place of `at_once`.
    pub(crate) fn install(at_once: &AtOnce) -> io::Result<Self> {
        let signals = Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        };
        at_once.0.store(false, Ordering::SeqCst);
        Ok(signals)
    }

    /// The exit code of the next one.
    pub(crate) async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
        }
    }
}
