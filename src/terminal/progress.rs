//! The rows of a wait, drawn on a terminal.

use std::time::Duration;

use super::{board::Board, stderr::Stderr};
use crate::wait::event::{Observer, WaitEvent};

/// The most rows that are drawn.
const MOST_ROWS: usize = 12;
/// How often the rows are drawn again, because they show times.
pub const REDRAW_EVERY: Duration = Duration::from_millis(100);

/// Rows on a terminal that show the progress of a wait.
pub struct Progress {
    board: Board,
    stderr: Stderr,
    ticks: std::iter::Cycle<std::str::Chars<'static>>,
}

impl Progress {
    /// Rows on `stderr`, even where that is no terminal.
    #[must_use]
    pub fn on(stderr: Stderr, board: Board, unicode: bool) -> Self {
        let ticks = if unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" } else { "|/-\\" };
        Self { board, stderr, ticks: ticks.chars().cycle() }
    }

    /// Draws the rows as they are at `now`.
    pub fn draw(&mut self, now: Duration) {
        let height = self.stderr.size().rows.saturating_sub(2).clamp(1, MOST_ROWS);
        let lines = self.board.lines(now, height);
        let tick = self.ticks.next().unwrap_or(' ');
        self.stderr.show(lines.iter().map(|line| format!("{tick} {line}")).collect());
    }

    /// Removes the rows; only the log lines stay.
    pub fn clear(&mut self) {
        self.stderr.show(Vec::new());
    }
}

impl Observer for Progress {
    fn observe(&mut self, at: Duration, event: &WaitEvent<'_>) {
        self.board.observe(at, event);
    }
}
