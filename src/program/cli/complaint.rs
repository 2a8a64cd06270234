//! What clap says of a wrong command line, with the variable that a wrong value came from.

use std::ffi::OsString;

use clap::{
    CommandFactory as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;

/// `error` as it is shown: a value that stands in no argument came from the environment.
#[must_use]
pub fn complaint(
    error: clap::Error,
    arguments: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> clap::Error {
    let mut error = error;
    if error.kind() == ErrorKind::UnknownArgument {
        // It advises to put the argument behind `--`, where COMMAND begins.
        error.remove(ContextKind::Suggested);
    }
    let Some(name) = source_variable(&error, arguments, variable) else { return error };
    let tip = format!("the value comes from the environment variable {name}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

fn source_variable(
    error: &clap::Error,
    arguments: &[OsString],
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<String> {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation) {
        return None;
    }
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let long = shown.trim_start_matches('-').split(['=', ' ', '[', '.']).next()?;
    let flag = format!("--{long}");
    let is_flag = |text: &str| text == flag || text.starts_with(&format!("{flag}="));
    let command = Cli::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(long))?;
    let short = argument.get_short().map(|short| format!("-{short}"));
    let own = arguments.iter().take_while(|argument| *argument != "--");
    let given = own.filter_map(|text| text.to_str()).any(|text| {
        is_flag(text) || short.as_ref().is_some_and(|short| text.starts_with(short.as_str()))
    });
    let name = argument.get_env()?.to_str()?;
    (!given && variable(name).is_some()).then(|| name.to_owned())
}
