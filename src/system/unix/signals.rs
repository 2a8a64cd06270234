//! Signals on Unix.

use std::{
    fs,
    future::poll_fn,
    io, process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
    task::Poll,
};

use nix::sys::signal::SigSet;
use signal_hook::{flag, low_level::emulate_default_handler};
use tokio::signal::unix::SignalKind;

use crate::system::signal::Signal;

/// PID 1 of a container, which a signal without a handler does not end.
const FIRST_PROCESS: u32 = 1;

/// The signals that the parent process has not ignored: `nohup` ignores some, and so does a shell
/// without job control for a background process.
pub(crate) fn not_ignored() -> Vec<Signal> {
    let status = fs::read_to_string("/proc/self/status").ok();
    let ignored = status.as_deref().and_then(ignored);
    let is_wanted = |signal: &Signal| match ignored {
        Some(mask) => mask & (1 << (signal.number() - 1)) == 0,
        // Elsewhere than on Linux asking takes unsafe code. nohup and shells ignore these two, and
        // their default ends the process as well, though without a report.
        None => !matches!(signal, Signal::Hangup | Signal::Quit),
    };
    Signal::ALL.into_iter().filter(is_wanted).collect()
}

/// Parses the ignored signals, one bit each, from `/proc/self/status`.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Makes `signal` set `heard`, and end the process while `at_once` is set.
pub(crate) fn handle(
    signal: Signal,
    heard: &Arc<AtomicUsize>,
    at_once: &Arc<AtomicBool>,
) -> io::Result<()> {
    let number = signal.number().into();
    flag::register_usize(number, Arc::clone(heard), signal.number().into())?;
    let at_once = Arc::clone(at_once);
    if dies_of(signal) {
        flag::register_conditional_default(number, at_once)?;
    } else {
        flag::register_conditional_shutdown(number, signal.exit_code().into(), at_once)?;
    }
    Ok(())
}

/// Blocks `signals` on this thread.
pub(crate) fn block(signals: &[Signal]) {
    // It fails only for an invalid signal number.
    let _ = set_of(signals).thread_block();
}

/// Unblocks `signals` on this thread, even if the parent process blocked them.
pub(crate) fn unblock(signals: &[Signal]) {
    let _ = set_of(signals).thread_unblock();
}

fn set_of(signals: &[Signal]) -> SigSet {
    let numbers = signals.iter().map(|signal| i32::from(signal.number()));
    numbers.filter_map(|number| number.try_into().ok()).collect()
}

/// Waits for one of `signals`; `heard` knows which.
pub(crate) async fn any_of(signals: &[Signal], heard: impl Fn() -> Option<Signal>) -> Signal {
    let listen = |signal: &Signal| {
        tokio::signal::unix::signal(SignalKind::from_raw(signal.number().into())).ok()
    };
    let mut streams: Vec<_> = signals.iter().filter_map(listen).collect();
    poll_fn(|context| {
        for stream in &mut streams {
            // This registers the waker; `heard` knows what came.
            while stream.poll_recv(context).is_ready() {}
        }
        heard().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

impl Signal {
    /// Dies of this signal, so that a shell's loop or script around the process ends too. Returns if
    /// that is not possible: the caller then exits with the signal's code.
    pub(crate) fn die_of(self) {
        if dies_of(self) {
            // It returns only for an invalid signal number.
            let _ = emulate_default_handler(self.number().into());
        }
    }
}

/// Returns whether the default action for `signal` ends this process, and does nothing else.
fn dies_of(signal: Signal) -> bool {
    // SIGQUIT leaves a core file behind.
    process::id() != FIRST_PROCESS && signal != Signal::Quit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_parsed_from_proc_status() {
        let status = "Name:\twait-ready\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\tx\n"), None);
    }
}
