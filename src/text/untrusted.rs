//! Text from outside this program: kept as received, escaped when displayed.

use std::fmt::{self, Write as _};

/// The most characters displayed. A longer text ends in `…`.
const SHOWN: usize = 300;

/// The most characters kept: a wait keeps many texts, and a server must not decide how much memory
/// they take.
const KEPT: usize = 1000;

/// Text from outside this program, whose `Display` and `Debug` are safe to print in a log.
///
/// Control characters, line separators and bidirectional overrides are escaped, and so is the
/// `##` of the commands that CI systems look for in the middle of a line (`##[`, `##vso[`): the
/// text can neither begin a line of its own nor hide or reorder what a terminal shows.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Untrusted(Box<str>);

impl Untrusted {
    /// Keeps the first thousand characters of `text`.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        match text.char_indices().nth(KEPT) {
            Some((end, _)) => Self(text[..end].into()),
            None => Self(text),
        }
    }

    /// The text without escaping: only for machine formats that do their own, such as JSON.
    #[must_use]
    pub fn as_received(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut previous = '\0';
        for (shown, c) in self.0.chars().enumerate() {
            if shown == SHOWN {
                return f.write_char('…');
            }
            let starts_ci_command = c == '#' && previous == '#';
            if starts_ci_command || !is_harmless(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
            previous = c;
        }
        Ok(())
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Returns whether a terminal and a log show `c` as itself, in place, on the same line.
pub(crate) fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `json` with JSON escapes for whatever a terminal or a CI system could interpret, none of which JSON
/// has outside its strings.
pub(crate) fn escape_json(json: &str) -> String {
    let mut line = String::with_capacity(json.len());
    let mut previous = '\0';
    for c in json.chars() {
        if is_harmless(c) && !(c == '#' && previous == '#') {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                line += &format!("\\u{unit:04x}");
            }
        }
        previous = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn untrusted_text_cannot_begin_a_line() {
        for hostile in ["a\n::error::b", "a\r::error::b", "a\u{2028}b", "a\u{85}b", "a\x0bb"] {
            let shown = Untrusted::new(hostile).to_string();
            assert_eq!(shown.lines().count(), 1, "{shown:?}");
            assert!(shown.chars().all(is_harmless), "{shown:?}");
        }
        assert_eq!(Untrusted::new("a\nb").to_string(), "a\\u{a}b");
    }

    #[test]
    fn a_terminal_escape_sequence_is_escaped() {
        assert_eq!(Untrusted::new("\x1b[2Jx").to_string(), "\\u{1b}[2Jx");
        assert_eq!(format!("{:?}", Untrusted::new("\x1b")), "\"\\u{1b}\"");
    }

    #[test]
    fn a_ci_command_in_the_middle_of_a_line_is_escaped() {
        let shown = Untrusted::new("x ##vso[task.setvariable] ##[group]").to_string();
        assert!(!shown.contains("##"), "{shown}");
    }

    #[test]
    fn plain_text_of_any_language_is_not_escaped() {
        let text = "Zugriff verweigert – 拒否 #1";
        assert_eq!(Untrusted::new(text).to_string(), text);
    }

    #[test]
    fn a_long_text_is_cut_when_displayed_and_when_kept() {
        let long = "ä".repeat(KEPT);
        let text = Untrusted::new(long.as_str());
        assert_eq!(text.to_string().chars().count(), SHOWN + 1);
        assert_eq!(text.as_received(), long);
        let endless = Untrusted::new(long.repeat(10));
        assert_eq!(endless, text);
    }
}
