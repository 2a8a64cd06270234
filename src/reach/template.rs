//! A command with places for an instance, and an environment without secrets.

use std::{
    ffi::{OsStr, OsString},
    process::Command,
};

use crate::system::words::with_bytes;

/// A command that is filled in for one instance, or for several.
///
/// Every `{id}` and `{ip}` in an argument is replaced; `FAL_INSTANCE_ID` and `FAL_INSTANCE_IP` are
/// in the environment.
#[derive(Debug, Clone)]
pub struct Template {
    program: OsString,
    arguments: Vec<OsString>,
    hidden: &'static [&'static str],
}

impl Template {
    /// A command of `words`, which does not see the `hidden` variables; none where there is no word.
    #[must_use]
    pub fn new(words: &[OsString], hidden: &'static [&'static str]) -> Option<Self> {
        let (program, arguments) = words.split_first()?;
        Some(Self { program: program.clone(), arguments: arguments.to_vec(), hidden })
    }

    /// The program that is run.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// The command for instances with these ids and addresses.
    #[must_use]
    pub fn fill(&self, ids: &str, addresses: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(|argument| filled_in(argument, ids, addresses)));
        for variable in self.hidden {
            command.env_remove(variable);
        }
        command.env("FAL_INSTANCE_ID", ids).env("FAL_INSTANCE_IP", addresses);
        command
    }
}

/// `argument` with `{id}` and `{ip}` replaced, in one pass: an id may itself look like `{ip}`.
fn filled_in(argument: &OsStr, ids: &str, addresses: &str) -> OsString {
    with_bytes(argument, |argument| filled(argument, ids, addresses))
}

fn filled(argument: &[u8], ids: &str, addresses: &str) -> Vec<u8> {
    let mut rest = argument;
    let mut filled = Vec::with_capacity(argument.len());
    while let Some((&byte, after)) = rest.split_first() {
        let placeholder = [(b"{id}", ids), (b"{ip}", addresses)]
            .into_iter()
            .find_map(|(name, value)| Some((value, rest.strip_prefix(name)?)));
        if let Some((value, after)) = placeholder {
            filled.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            filled.push(byte);
            rest = after;
        }
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
            assert_eq!(filled_in(argument.as_ref(), "{ip}", "1.2.3.4"), filled, "{argument}");
        }
    }
}
