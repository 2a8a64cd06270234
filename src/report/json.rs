//! JSON on one line, safe to print in a log and on a terminal.

use serde::Serialize;

use crate::text::untrusted::is_harmless;

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
    let plain = serde_json::to_string(value).expect("a value with a form in JSON");
    let mut line = String::with_capacity(plain.len());
    let mut previous = '\0';
    for c in plain.chars() {
        if !is_harmless(c) || (c == '#' && previous == '#') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                line += &format!("\\u{unit:04x}");
            }
        } else {
            line.push(c);
        }
        previous = c;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_or_a_ci_system_could_interpret_is_escaped_and_nothing_is_lost() {
        let text = "a\u{7f}\u{85}\u{9b}31m\u{2028}\u{202e}\u{e0001}##[error]x\n\"é";
        let line = line(&[text]);
        assert!(line.chars().all(is_harmless) && !line.contains("##"), "{line}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&line).unwrap(), [text]);
    }
}
