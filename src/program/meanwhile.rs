//! What is told and drawn while the wait goes on.

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

/// What is told and drawn while the wait goes on: lines, rows where they are drawn, and elsewhere
/// a sign of life where nothing else was said for long.
pub(crate) struct Meanwhile {
    started: Instant,
    log: Log,
    stderr: Stderr,
    progress: Option<Progress>,
    heartbeat: Option<(Heartbeat, Duration)>,
}

impl Meanwhile {
    /// For a wait for `ids`.
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

    /// When there is something to do again, if nothing happens.
    fn next(&self) -> Option<Instant> {
        match &self.heartbeat {
            Some((_, every)) => self.last_said().checked_add(*every),
            None => self.progress.as_ref().map(|_| Instant::now() + REDRAW_EVERY),
        }
    }

    /// When something was said the last time.
    fn last_said(&self) -> Instant {
        self.stderr.said_at().map_or(self.started, |said_at| said_at.max(self.started))
    }

    /// Does it.
    fn go_on(&mut self) {
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

    /// Takes the rows away, and tells what is left to tell.
    fn end(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
        self.log.flush();
    }
}

impl Observer for Meanwhile {
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

/// Waits until the end or a signal, and tells how it goes.
pub(crate) async fn watched<S: InstanceSource, P: Probe + Sync>(
    waiter: &mut Waiter<S, P>,
    meanwhile: Meanwhile,
    signals: &Signals,
) -> Option<Signal> {
    let meanwhile = RefCell::new(meanwhile);
    let mut observer =
        |at: Duration, event: &WaitEvent<'_>| meanwhile.borrow_mut().observe(at, event);
    let signal = {
        let mut waiting = pin!(waiter.wait(&mut observer));
        let mut signal = pin!(signals.next());
        loop {
            let next = meanwhile.borrow().next();
            tokio::select! {
                biased;
                signal = &mut signal => break Some(signal),
                _ = &mut waiting => break None,
                () = moment(next) => meanwhile.borrow_mut().go_on(),
            }
        }
    };
    meanwhile.borrow_mut().end();
    signal
}

/// Waits for a moment that may never come.
async fn moment(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
