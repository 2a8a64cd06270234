//! The variable of the environment that stands for each option: one rule for all.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command, builder::BoolishValueParser};

/// `command` whose every option can also be set by its variable; an empty one is unset.
pub(super) fn with_variables(
    command: Command,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Command {
    command.mut_args(|argument| match name_of(&argument) {
        Some(name) if variable(&name).is_none_or(|value| !value.is_empty()) => {
            as_switch(argument.env(name).hide_env(true))
        }
        Some(_) | None => argument,
    })
}

/// The variable that stands for `argument`, if that is an option.
fn name_of(argument: &Arg) -> Option<String> {
    let long = argument.get_long()?;
    Some(match long {
        "api-url" => "FAL_API_URL".to_owned(),
        "api-key-file" => "FAL_KEY_FILE".to_owned(),
        _ => format!("WAIT_READY_{}", long.to_uppercase().replace('-', "_")),
    })
}

/// An option without a value takes what people write for yes and no from its variable.
fn as_switch(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
        _ => argument,
    }
}
