//! Signals on Windows: console events.

use std::{
    future::poll_fn,
    io, process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use tokio::{runtime, signal::windows, sync::Notify};

use crate::system::signal::Signal;

/// Notified of each event.
static EVENT: Notify = Notify::const_new();

/// All signals that Windows has: there is no console event for SIGQUIT, and Windows itself withholds
/// from a process what its parent ignored.
pub(crate) fn not_ignored() -> Vec<Signal> {
    vec![Signal::Hangup, Signal::Interrupt, Signal::Terminate]
}

/// Makes `signal` set `heard`, and end the process while `at_once` is set.
pub(crate) fn handle(
    signal: Signal,
    heard: &Arc<AtomicUsize>,
    at_once: &Arc<AtomicBool>,
) -> io::Result<()> {
    let mut events = events_of(signal)?;
    let (heard, at_once) = (Arc::clone(heard), Arc::clone(at_once));
    let runtime = runtime::Builder::new_current_thread().build()?;
    let note = move || loop {
        runtime.block_on(poll_fn(|context| any(&mut events, context)));
        heard.store(signal.number().into(), Ordering::SeqCst);
        if at_once.load(Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the main thread may be blocked")]
            process::exit(signal.exit_code().into());
        }
        EVENT.notify_one();
    };
    thread::Builder::new().spawn(note)?;
    Ok(())
}

type Event = Box<dyn FnMut(&mut Context<'_>) -> Poll<Option<()>> + Send>;

/// The events that stand for `signal`. After closing, logoff and shutdown, Windows itself ends the
/// process some seconds later.
fn events_of(signal: Signal) -> io::Result<Vec<Event>> {
    Ok(match signal {
        Signal::Interrupt => {
            let (mut c, mut pause) = (windows::ctrl_c()?, windows::ctrl_break()?);
            vec![Box::new(move |cx| c.poll_recv(cx)), Box::new(move |cx| pause.poll_recv(cx))]
        }
        Signal::Hangup => {
            let mut close = windows::ctrl_close()?;
            vec![Box::new(move |cx| close.poll_recv(cx))]
        }
        Signal::Terminate => {
            let (mut off, mut down) = (windows::ctrl_logoff()?, windows::ctrl_shutdown()?);
            vec![Box::new(move |cx| off.poll_recv(cx)), Box::new(move |cx| down.poll_recv(cx))]
        }
        Signal::Quit => return Err(io::ErrorKind::Unsupported.into()),
    })
}

/// Returns ready once one of `events` is.
fn any(events: &mut [Event], context: &mut Context<'_>) -> Poll<()> {
    // Each is polled, so that each registers the waker.
    let came = events.iter_mut().filter_map(|event| event(context).is_ready().then_some(()));
    if came.count() == 0 { Poll::Pending } else { Poll::Ready(()) }
}

/// Nothing can be blocked on Windows.
pub(crate) fn block(_signals: &[Signal]) {}

/// Nothing is blocked on Windows.
pub(crate) fn unblock(_signals: &[Signal]) {}

/// Waits for one of `signals`; `heard` knows which.
pub(crate) async fn any_of(_signals: &[Signal], heard: impl Fn() -> Option<Signal>) -> Signal {
    loop {
        if let Some(signal) = heard() {
            return signal;
        }
        EVENT.notified().await;
    }
}

impl Signal {
    /// Does nothing: no process dies of a signal on Windows.
    #[expect(clippy::unused_self, reason = "on Unix it is used")]
    pub(crate) fn die_of(self) {}
}
