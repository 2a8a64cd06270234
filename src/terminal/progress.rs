//! Rows that change in place on a terminal: each instance, and what comes next.

use std::time::Duration;

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{board::Board, room_for_ctrl_c::RoomForCtrlC};
use crate::wait::event::{Observer, WaitEvent};

/// The most rows that are drawn.
const MOST_ROWS: usize = 12;
/// How often the rows are drawn again: their times move.
pub const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Rows of a terminal that show how the wait goes.
pub struct Progress {
    board: Board,
    rows: MultiProgress,
    bars: Vec<ProgressBar>,
    style: ProgressStyle,
}

impl Progress {
    /// Rows on standard error, even where that is no terminal.
    #[must_use]
    pub fn on_stderr(board: Board, unicode: bool) -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(RoomForCtrlC(Term::buffered_stderr())));
        let style = ProgressStyle::with_template("{spinner} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let ticks = if unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " } else { "|/-\\ " };
        Self {
            board,
            rows: MultiProgress::with_draw_target(target),
            bars: Vec::new(),
            style: style.tick_chars(ticks),
        }
    }

    /// What log lines are written around.
    #[must_use]
    pub fn rows(&self) -> MultiProgress {
        self.rows.clone()
    }

    /// Draws the rows as they are at `now`.
    pub fn draw(&mut self, now: Duration) {
        let height = usize::from(Term::stderr().size().0).saturating_sub(2).clamp(1, MOST_ROWS);
        let lines = self.board.lines(now, height);
        while self.bars.len() < lines.len() {
            let bar = ProgressBar::no_length().with_style(self.style.clone());
            self.bars.push(self.rows.add(bar));
        }
        for bar in self.bars.drain(lines.len()..) {
            bar.finish_and_clear();
            self.rows.remove(&bar);
        }
        for (bar, line) in self.bars.iter().zip(lines) {
            bar.set_message(line);
            bar.tick();
        }
    }

    /// Takes the rows away; only the log lines stay.
    pub fn clear(&mut self) {
        for bar in self.bars.drain(..) {
            bar.finish_and_clear();
        }
        let _ = self.rows.clear();
    }
}

impl Observer for Progress {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        self.board.observe(at, event);
    }
}
