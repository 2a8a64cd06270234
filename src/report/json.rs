//! JSON on one line, safe to print in a log and on a terminal.

use serde::Serialize;

use crate::text::untrusted::escape_json;

/// `value` as one line of JSON.
///
/// Whatever a terminal or a CI system could interpret (control characters, bidirectional overrides,
/// the `##` of a CI command) is written as a JSON escape, so a parser reads the same text.
///
/// # Panics
///
/// If `value` cannot be serialized, such as a map with keys that are not strings.
#[must_use]
pub fn line(value: &impl Serialize) -> String {
    escape_json(&serde_json::to_string(value).expect("a value with a form in JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::untrusted::is_harmless;

    #[test]
    fn what_a_terminal_or_a_ci_system_could_interpret_is_escaped_and_nothing_is_lost() {
        let text = "a\u{7f}\u{85}\u{9b}31m\u{2028}\u{202e}\u{e0001}##[error]x\n\"é";
        let line = line(&[text]);
        assert!(line.chars().all(is_harmless) && !line.contains("##"), "{line}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
    }
}
