//! A command with placeholders for an instance, and an environment without secrets.

use std::{
    ffi::{OsStr, OsString},
    process::Command,
};

use crate::system::words::with_bytes;

/// A command with placeholders for one instance or several.
///
/// `{id}` and `{ip}` in its arguments are replaced, and `FAL_INSTANCE_ID` and `FAL_INSTANCE_IP` are
/// set in its environment.
#[derive(Debug, Clone)]
pub struct Template {
    program: OsString,
    arguments: Vec<OsString>,
    hidden: &'static [&'static str],
}

impl Template {
    /// Makes a template of a program and its arguments, without the `hidden` environment variables.
    /// Returns `None` if `words` is empty.
    #[must_use]
    pub fn new(words: &[OsString], hidden: &'static [&'static str]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        Some(Self { program: program.clone(), arguments: arguments.to_vec(), hidden })
    }

    /// The program, without its arguments.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Makes the command for instances with these ids and addresses.
    #[must_use]
    pub fn fill(&self, ids: &str, addresses: &str) -> Command {
        let mut command = Command::new(&self.program);
        let fill = |argument: &OsString| with_bytes(argument, |it| filled_in(it, ids, addresses));
        command.args(self.arguments.iter().map(fill));
        for variable in self.hidden {
            command.env_remove(variable);
        }
        command.env("FAL_INSTANCE_ID", ids).env("FAL_INSTANCE_IP", addresses);
        command
    }
}

/// Replaces `{id}` and `{ip}` in one pass, because an id may itself contain `{ip}`.
fn filled_in(argument: &[u8], ids: &str, addresses: &str) -> Vec<u8> {
    let mut rest = argument;
    let mut filled = Vec::with_capacity(argument.len());
    while let Some((first, after)) = rest.split_first() {
        let (value, after) = if let Some(after) = rest.strip_prefix(b"{id}") {
            (ids.as_bytes(), after)
        } else if let Some(after) = rest.strip_prefix(b"{ip}") {
            (addresses.as_bytes(), after)
        } else {
            (std::slice::from_ref(first), after)
        };
        filled.extend_from_slice(value);
        rest = after;
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_replaced_and_nothing_else() {
        for (argument, filled) in [
            ("ubuntu@{ip}", "ubuntu@1.2.3.4"),
            ("{id}={ip},{ip}", "{ip}=1.2.3.4,1.2.3.4"),
            ("{IP} {} {ip {{ip}}", "{IP} {} {ip {1.2.3.4}"),
            ("", ""),
        ] {
            let result = filled_in(argument.as_bytes(), "{ip}", "1.2.3.4");
            assert_eq!(String::from_utf8(result).unwrap(), filled, "{argument}");
        }
    }
}
