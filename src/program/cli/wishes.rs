//! What a command line that cannot be used still asks for: a report on every ending, and JSON.

use std::{ffi::OsString, path::PathBuf};

use crate::terminal::appearance::When;

/// How a usage error is to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// `--report`.
    pub report: Option<PathBuf>,
    /// `--log-format json`.
    pub json_log: bool,
    /// `--color`.
    pub color: When,
}

impl Wishes {
    /// Reads them from the arguments before `--`, else from the variables.
    pub fn read(arguments: &[OsString], variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let given = |option: &str| {
            let options = arguments.iter().take_while(|argument| *argument != "--");
            let mut options = options.skip_while(|argument| {
                argument
                    .to_str()
                    .is_none_or(|text| text != option && !text.starts_with(&format!("{option}=")))
            });
            let first = options.next()?.to_str()?;
            match first.split_once('=') {
                Some((_, value)) => Some(value.into()),
                None => options.next().cloned(),
            }
        };
        let wish =
            |option, name| given(option).or_else(|| variable(name)).filter(|v| !v.is_empty());
        let color = wish("--color", "WAIT_READY_COLOR");
        Self {
            color: match color.as_ref().and_then(|word| word.to_str()) {
                Some("always") => When::Always,
                Some("never") => When::Never,
                _ => When::Auto,
            },
            report: wish("--report", "WAIT_READY_REPORT").map(PathBuf::from),
            json_log: wish("--log-format", "WAIT_READY_LOG_FORMAT").is_some_and(|v| v == "json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_from_what_stands_before_the_command() {
        let read = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            Wishes::read(&words, |name| (name == "WAIT_READY_REPORT").then(|| "env".into()))
        };
        let wishes = |report: &str, json_log| {
            let report = Some(report.into());
            Wishes { report, json_log, color: When::Auto }
        };
        assert_eq!(read(&["--report", "r", "--log-format=json"]), wishes("r", true));
        assert_eq!(read(&["--report=r", "--log-format", "text"]), wishes("r", false));
        assert_eq!(read(&["--", "--report", "r"]), wishes("env", false));
        assert_eq!(read(&["--report"]), wishes("env", false));
        assert_eq!(read(&["--color", "never"]).color, When::Never);
    }
}
