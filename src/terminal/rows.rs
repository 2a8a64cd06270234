//! Rows that stay below the lines of a terminal and are drawn again in place. Pure: what has to be
//! written comes back as bytes.

use unicode_width::UnicodeWidthChar as _;

use crate::text::untrusted::is_harmless;

/// What a terminal echoes for Ctrl-C, `^C`, and the cursor behind it. A full row would have it on
/// another line, and could not be taken away any more.
const ECHO: usize = 3;

/// Clears from the cursor to the end of the line, and to the end of the screen.
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// The rows that a terminal shows.
///
/// The cursor stays at the end of the last one. A row never reaches the last columns, so that each
/// is one line of the terminal. A terminal that was made narrower may have broken them, or may have
/// cut them, which no terminal tells: no more lines are taken away than there were rows, so that
/// nothing of what stands above them is ever lost.
#[derive(Debug, Default)]
pub(super) struct Rows {
    wanted: Vec<String>,
    drawn: usize,
}

impl Rows {
    /// From the next drawing on, these.
    pub(super) fn set(&mut self, rows: Vec<String>) {
        self.wanted = rows;
    }

    /// Whether there is something to draw or to take away.
    pub(super) fn are_in_use(&self) -> bool {
        self.drawn > 0 || !self.wanted.is_empty()
    }

    /// The terminal shows something else by now.
    pub(super) fn forget(&mut self) {
        self.drawn = 0;
    }

    /// What writes `lines` above the rows, and these anew.
    pub(super) fn below(&mut self, lines: &[u8], columns: usize) -> Vec<u8> {
        let mut text = String::new();
        if self.drawn > 0 {
            text.push('\r');
        }
        if self.drawn > 1 {
            text += &format!("\x1b[{}A", self.drawn - 1);
        }
        if self.drawn > 0 && !lines.is_empty() {
            text += CLEAR_BELOW;
        }
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(lines);
        let mut text = String::new();
        for (number, row) in self.wanted.iter().enumerate() {
            if number > 0 {
                text += "\r\n";
            }
            text += &cut(row, columns.saturating_sub(ECHO).max(1));
            text += CLEAR_LINE;
        }
        // Where no row comes any more, the line of the cursor is to be cleared too.
        text += CLEAR_BELOW;
        bytes.extend_from_slice(text.as_bytes());
        self.drawn = self.wanted.len();
        bytes
    }
}

/// As much of `row` as is surely no wider than this, with nothing in it that a terminal obeys.
fn cut(row: &str, columns: usize) -> String {
    let mut left = columns;
    row.chars()
        .map(|c| if is_harmless(c) { c } else { '?' })
        .take_while(|c| {
            // What some terminals show wide is wide.
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
