//! The environment variable of each option, by one rule.

use std::ffi::OsString;

use clap::{Arg, ArgAction, builder::BoolishValueParser};

/// `argument`, which its variable sets too if it is an option; an empty variable is unset.
pub(super) fn with_variable(argument: Arg, variable: impl Fn(&str) -> Option<OsString>) -> Arg {
    match name_of(&argument) {
        Some(name) if variable(&name).is_none_or(|value| !value.is_empty()) => {
            as_switch(argument.env(name).hide_env(true))
        }
        Some(_) | None => argument,
    }
}

/// The variable of `argument`, if that is an option.
fn name_of(argument: &Arg) -> Option<String> {
    let long = argument.get_long()?;
    Some(match long {
        "api-url" => "FAL_API_URL".to_owned(),
        "api-key-file" => "FAL_KEY_FILE".to_owned(),
        _ => format!("WAIT_READY_{}", long.to_uppercase().replace('-', "_")),
    })
}

/// Lets the variable of a switch be any customary word for yes or no.
fn as_switch(argument: Arg) -> Arg {
    match argument.get_action() {
        ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
        _ => argument,
    }
}
