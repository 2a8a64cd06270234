//! What is logged and drawn during the wait.

use std::{cell::RefCell, future::pending, pin::pin, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::plan::Look;
use crate::{
    answer::instance::InstanceId,
    report::{fleet::FLEET_SIZE, heartbeat::Heartbeat, log::Log},
    system::signals::{Signal, Signals},
    terminal::{
        board::Board,
        progress::{Progress, REDRAW_EVERY},
        stderr::Stderr,
        subscriber::LogFormat,
    },
    wait::{
        event::{Observer, WaitEvent},
        probe::Probe,
        rules::Rules,
        source::InstanceSource,
        waiter::Waiter,
    },
};

/// What is logged and drawn during the wait: log lines, and either progress rows or heartbeats.
pub(crate) struct LiveOutput {
    started: Instant,
    log: Log,
    stderr: Stderr,
    progress: Option<Progress>,
    heartbeat: Option<(Heartbeat, Duration)>,
}

impl LiveOutput {
    /// The output of a wait for `ids`.
    pub(crate) fn new(ids: &[InstanceId], rules: &Rules, look: &Look, stderr: &Stderr) -> Self {
        // A program that reads JSON gets every event of every instance.
        let by_round = ids.len() >= FLEET_SIZE && look.log_format == LogFormat::Text;
        let progress = look.draws().then(|| {
            let unicode = look.appearance.unicode;
            let board = Board::new(ids.iter().cloned(), rules, unicode);
            Progress::on(stderr.clone(), board, unicode)
        });
        let every = look.heartbeat.filter(|_| progress.is_none());
        Self {
            started: Instant::now(),
            log: if by_round { Log::by_round() } else { Log::default() },
            stderr: stderr.clone(),
            progress,
            heartbeat: every.map(|every| (Heartbeat::new(ids.iter().cloned(), rules), every)),
        }
    }

    /// When to [update](Self::update) next, if nothing happens.
    fn next_update(&self) -> Option<Instant> {
        match &self.heartbeat {
            Some((_, every)) => self.last_said().checked_add(*every),
            None => self.progress.as_ref().map(|_| Instant::now() + REDRAW_EVERY),
        }
    }

    /// When a line was last logged.
    fn last_said(&self) -> Instant {
        self.stderr.said_at().map_or(self.started, |said_at| said_at.max(self.started))
    }

    /// Redraws the rows, or logs a heartbeat if one is due.
    fn update(&mut self) {
        let now = self.started.elapsed();
        if let Some(progress) = &mut self.progress {
            progress.draw(now);
        }
        if let Some((heartbeat, every)) = &self.heartbeat
            && self.last_said().elapsed() >= *every
        {
            heartbeat.beat(now);
        }
    }

    /// Removes the rows, and logs what is left of the last round.
    fn finish(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        self.log.flush();
    }
}

impl Observer for LiveOutput {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        self.log.observe(at, event);
        if let Some(progress) = &mut self.progress {
            progress.observe(at, event);
        }
        if let Some((heartbeat, _)) = &mut self.heartbeat {
            heartbeat.observe(at, event);
        }
    }
}

/// Waits until the end or a signal, which is returned.
pub(crate) async fn wait_for_end<S: InstanceSource, P: Probe + Sync>(
    waiter: &mut Waiter<S, P>,
    output: LiveOutput,
    signals: &Signals,
) -> Option<Signal> {
    let output = RefCell::new(output);
    let mut observer = |at: Duration, event: &WaitEvent<'_>| output.borrow_mut().observe(at, event);
    let signal = {
        let mut waiting = pin!(waiter.wait(&mut observer));
        let mut signal = pin!(signals.next());
        loop {
            let next = output.borrow().next_update();
            tokio::select! {
                biased;
                signal = &mut signal => break Some(signal),
                _ = &mut waiting => break None,
                () = sleep_until_some(next) => output.borrow_mut().update(),
            }
        }
    };
    output.borrow_mut().finish();
    signal
}

/// Sleeps until `at`, or for ever.
async fn sleep_until_some(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
