//! SIGINT and SIGTERM, which end a wait; as PID 1 nobody else would handle them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::exit_code::ExitCode;

/// Whether a signal ends the process at once: while it may be stuck in a file that never ends,
/// such as a pipe without a peer, nobody could hear it.
#[derive(Debug, Clone, Default)]
pub(crate) struct AtOnce(Arc<AtomicBool>);

impl AtOnce {
    /// Prepares the process for it; signals are heard by [`Signals`] until it is switched on.
    pub(crate) fn prepare() -> io::Result<Self> {
        let switch = Self::default();
        #[cfg(unix)]
        for (signal, code) in [
            (signal_hook::consts::SIGINT, ExitCode::Interrupted),
            (signal_hook::consts::SIGTERM, ExitCode::Terminated),
        ] {
            let condition = Arc::clone(&switch.0);
            let code = i32::from(code.number());
            signal_hook::flag::register_conditional_shutdown(signal, code, condition)?;
        }
        Ok(switch)
    }

    /// Does `work`, during which a signal ends the process.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        self.0.store(true, Ordering::SeqCst);
        let done = work();
        self.0.store(false, Ordering::SeqCst);
        done
    }
}

/// The signals that end a wait.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Handles them from now on.
    pub(crate) fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The exit code of the next one.
    pub(crate) async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
        }
    }
}

/// Ctrl-C, which ends a wait.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Handles it from now on.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self)
    }

    /// The exit code of the next one.
    pub(crate) async fn next(&mut self) -> ExitCode {
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
