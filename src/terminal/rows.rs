//! Rows that stay below the log lines of a terminal and are redrawn in place. Pure: returns the bytes
//! to write.

use unicode_width::UnicodeWidthChar as _;

use crate::text::untrusted::is_harmless;

/// The columns that every row leaves free for the `^C` that a terminal echoes, and the cursor: an echo
/// that wraps to another line could not be removed.
const ECHO: usize = 3;

/// Clears from the cursor to the end of the line, and to the end of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The rows that a terminal shows.
///
/// The cursor stays at the end of the last row. A row never reaches the last columns, so that each is
/// one line of the terminal. A terminal that was made narrower wraps or cuts them, and cannot be asked
/// which: at most as many lines are removed as there were rows, so that nothing above is ever lost.
#[derive(Debug, Default)]
pub(super) struct Rows {
    wanted: Vec<String>,
    drawn: usize,
}

impl Rows {
    /// Sets the rows to draw from now on.
    pub(super) fn set(&mut self, rows: Vec<String>) {
        self.wanted = rows;
    }

    /// Returns whether there is anything to draw or to remove.
    pub(super) fn are_in_use(&self) -> bool {
        self.drawn > 0 || !self.wanted.is_empty()
    }

    /// Forgets the drawn rows, because the terminal shows something else by now.
    pub(super) fn forget(&mut self) {
        self.drawn = 0;
    }

    /// The bytes that write `lines` above the rows, and redraw these below.
    pub(super) fn below(&mut self, lines: &[u8], columns: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.drawn > 0 {
            bytes.push(b'\r');
        }
        if self.drawn > 1 {
            bytes.extend(format!("\x1b[{}A", self.drawn - 1).bytes());
        }
        if self.drawn > 0 && !lines.is_empty() {
            bytes.extend(CLEAR_BELOW.bytes());
        }
        bytes.extend_from_slice(lines);
        let width = columns.saturating_sub(ECHO).max(1);
        let rows = self.wanted.iter().map(|row| cut(row, width) + CLEAR_LINE);
        bytes.extend(rows.collect::<Vec<_>>().join("\r\n").bytes());
        // With no rows left, this clears the line of the cursor too.
        bytes.extend(CLEAR_BELOW.bytes());
        self.drawn = self.wanted.len();
        bytes
    }
}

/// The beginning of `row`, no wider than `columns` on any terminal, with `?` for whatever a terminal
/// could interpret.
fn cut(row: &str, columns: usize) -> String {
    let mut left = columns;
    row.chars()
        .map(|c| if is_harmless(c) { c } else { '?' })
        .take_while(|c| {
            // A character that any terminal shows wide counts as wide.
            let width = c.width_cjk().unwrap_or(2);
            let fits = width <= left;
            left = left.saturating_sub(width);
            fits
        })
        .collect()
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
