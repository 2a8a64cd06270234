//! How Unix tells a process of a signal, and how a process dies of one.

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

/// The kernel drops a signal for the first process of a container that has no handler for it.
const FIRST_PROCESS: u32 = 1;

/// Those that whoever started this process has not ignored: `nohup`, or a shell without job control
/// for what it puts in the background.
pub(crate) fn not_ignored() -> Vec<Signal> {
    let status = fs::read_to_string("/proc/self/status").ok();
    let ignored = status.as_deref().and_then(ignored);
    let is_wanted = |signal: &Signal| match ignored {
        Some(mask) => mask & (1 << (signal.number() - 1)) == 0,
        // Only Linux tells it without unsafe code. These two are ignored by nohup and by shells, and
        // their default ends the process as well, though without a report.
        None => !matches!(signal, Signal::Hangup | Signal::Quit),
    };
    Signal::ALL.into_iter().filter(is_wanted).collect()
}

/// The signals that are ignored, one bit each, as Linux tells them of a process.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

/// Notes `signal` in `heard` from now on; while `at_once`, it ends the process instead.
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

/// Lets in those that whoever started this process has blocked.
pub(crate) fn unblock(signals: &[Signal]) {
    let numbers = signals.iter().map(|signal| i32::from(signal.number()));
    let set: SigSet = numbers.filter_map(|number| number.try_into().ok()).collect();
    // It fails only for what is no signal.
    let _ = set.thread_unblock();
}

/// Waits for one of `signals`; `heard` knows which.
pub(crate) async fn any_of(signals: &[Signal], heard: impl Fn() -> Option<Signal>) -> Signal {
    let listen = |signal: &Signal| {
        tokio::signal::unix::signal(SignalKind::from_raw(signal.number().into())).ok()
    };
    let mut streams: Vec<_> = signals.iter().filter_map(listen).collect();
    poll_fn(|context| {
        for stream in &mut streams {
            // Only that it wakes this task counts.
            while stream.poll_recv(context).is_ready() {}
        }
        heard().map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

/// Dies of `signal`, where a process can.
pub(crate) fn die_of(signal: Signal) {
    if dies_of(signal) {
        // It comes back only with an error: no such signal.
        let _ = emulate_default_handler(signal.number().into());
    }
}

/// Whether the default for `signal` is to die of it, and nothing more.
fn dies_of(signal: Signal) -> bool {
    // SIGQUIT leaves a core file behind.
    process::id() != FIRST_PROCESS && signal != Signal::Quit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_what_linux_tells() {
        let status = "Name:\twait-ready\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert_eq!(ignored(status), Some(0x1001));
        assert_eq!(ignored("Name:\tx\n"), None);
    }
}
