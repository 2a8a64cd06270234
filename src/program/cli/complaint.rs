//! clap's error for an invalid command line, with the environment variable that a value came from.

use std::{ffi::OsString, io};

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::text::untrusted::Untrusted;

/// What clap returns in place of a command line: an error, or the help or version to print.
#[derive(Debug)]
pub struct Complaint(clap::Error);

impl Complaint {
    /// Adds to `error` the variable of a value that is in no argument, and escapes it.
    pub(super) fn new(
        mut error: clap::Error,
        mut command: Command,
        arguments: &[OsString],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        if error.kind() == ErrorKind::UnknownArgument {
            // clap suggests to put the argument after `--`, where COMMAND begins.
            error.remove(ContextKind::Suggested);
        }
        command.build();
        if let Some(name) = source_variable(&error, &command, arguments, variable) {
            let tip = format!("the value comes from the environment variable {name}");
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        }
        escape(&mut error);
        Self(error)
    }

    /// Returns whether this is output that was asked for, and no error.
    #[must_use]
    pub fn is_help_or_version(&self) -> bool {
        !self.0.use_stderr()
    }

    /// Writes the help or version to standard output.
    ///
    /// # Errors
    ///
    /// An error of standard output.
    pub fn print(&self) -> io::Result<()> {
        self.0.print()
    }

    /// The error as clap shows it.
    #[must_use]
    pub fn shown(&self, color: bool) -> String {
        let text = self.0.render();
        if color { text.ansi().to_string() } else { text.to_string() }
    }

    /// The error on one line, without the usage and the reference to --help.
    #[must_use]
    pub fn on_one_line(mut self) -> String {
        self.0.remove(ContextKind::Usage);
        let text = self.0.to_string();
        // The last paragraph refers to --help.
        let (said, _) = text.rsplit_once("\n\n").unwrap_or((&text, ""));
        let words: Vec<&str> =
            said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let line = words.join(" ");
        line.strip_prefix("error: ").unwrap_or(&line).to_owned()
    }
}

/// Escapes the words of the command line in `error`, which may hold control characters and line ends.
fn escape(error: &mut clap::Error) {
    let shown = |word: &String| Untrusted::from(word.as_str()).to_string();
    let escaped: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(word) => Some((kind, ContextValue::String(shown(word)))),
            ContextValue::Strings(words) => {
                Some((kind, ContextValue::Strings(words.iter().map(shown).collect())))
            }
            _ => None,
        })
        .collect();
    for (kind, value) in escaped {
        error.insert(kind, value);
    }
}

fn source_variable(
    error: &clap::Error,
    command: &Command,
    arguments: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let argument = find(command, shown)?;
    let name = argument.get_env()?.to_str()?;
    (!is_given(argument, arguments) && variable(name).is_some()).then(|| name.to_owned())
}

/// The option that clap shows as `shown`.
fn find<'a>(command: &'a Command, shown: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|argument| argument.to_string() == shown)
}

/// Returns whether `argument` is among those before COMMAND.
fn is_given(argument: &Arg, arguments: &[OsString]) -> bool {
    let Some(flag) = argument.get_long().map(|long| format!("--{long}")) else { return false };
    let with_value = format!("{flag}=");
    let short = argument.get_short().map(|short| format!("-{short}"));
    let own = arguments.iter().take_while(|argument| *argument != "--");
    own.filter_map(|text| text.to_str()).any(|text| {
        text == flag
            || text.starts_with(&with_value)
            || short.as_ref().is_some_and(|short| text.starts_with(short.as_str()))
    })
}
