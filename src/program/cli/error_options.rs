//! The options that say how a usage error is reported, read from a command line that clap rejects.

use std::{ffi::OsString, path::PathBuf};

use crate::terminal::appearance::When;

/// How a usage error is reported.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ErrorOptions {
    /// `--report`.
    pub report: Option<PathBuf>,
    /// `--log-format json`.
    pub json_log: bool,
    /// `--color`.
    pub color: When,
}

impl ErrorOptions {
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
        let value =
            |option, name| given(option).or_else(|| variable(name)).filter(|v| !v.is_empty());
        let color = value("--color", "WAIT_READY_COLOR");
        Self {
            color: match color.as_ref().and_then(|word| word.to_str()) {
                Some("always") => When::Always,
                Some("never") => When::Never,
                _ => When::Auto,
            },
            report: value("--report", "WAIT_READY_REPORT").map(PathBuf::from),
            json_log: value("--log-format", "WAIT_READY_LOG_FORMAT").is_some_and(|v| v == "json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_options_before_the_command_count() {
        let read = |words: &[&str]| {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            ErrorOptions::read(&words, |name| (name == "WAIT_READY_REPORT").then(|| "env".into()))
        };
        let options = |report: &str, json_log| {
            let report = Some(report.into());
            ErrorOptions { report, json_log, color: When::Auto }
        };
        assert_eq!(read(&["--report", "r", "--log-format=json"]), options("r", true));
        assert_eq!(read(&["--report=r", "--log-format", "text"]), options("r", false));
        assert_eq!(read(&["--", "--report", "r"]), options("env", false));
        assert_eq!(read(&["--report"]), options("env", false));
        assert_eq!(read(&["--color", "never"]).color, When::Never);
    }
}
