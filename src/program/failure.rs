//! Failures of the program itself and of its configuration.

use std::error::Error;

use crate::{
    api::credentials::CredentialsError,
    report::{exit_code::ExitCode, explain::Explanation},
};

/// Why the program could not do its work, with the exit code.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) explanation: Explanation,
}

const PLACES: &str = "looked for, in this order: --api-key-file or FAL_KEY_FILE; FAL_KEY; FAL_KEY_ID \
     with FAL_KEY_SECRET; the profile in fal's config file (FAL_CONFIG_PATH, else \
     ~/.fal/config.toml)";
const MISSING: &str = "export FAL_KEY, or try it without a key: wait-ready inst_demo --simulate";

impl Failure {
    fn new(code: ExitCode, what: String, seen: Option<String>, advice: Option<&str>) -> Self {
        let advice = advice.map(str::to_owned);
        Self { code, explanation: Explanation { what, seen, advice } }
    }

    /// The configuration cannot be used.
    pub(crate) fn usage(what: String) -> Self {
        Self::new(ExitCode::Usage, what, None, Some("see wait-ready --help"))
    }

    /// There is no usable API key.
    pub(crate) fn credentials(error: &CredentialsError) -> Self {
        let (seen, advice) = match error {
            CredentialsError::Missing(_) => (Some(PLACES.to_owned()), MISSING),
            CredentialsError::Unreadable { source, .. } => {
                (Some(source.to_string()), "check the path and its permissions")
            }
            CredentialsError::Invalid { .. } => (
                None,
                "the key is the text that fal showed once, on one line, with nothing around it",
            ),
            CredentialsError::Config { .. } => (None, "repair the file, or set FAL_KEY"),
            CredentialsError::NoSuchProfile { .. } => {
                (None, "add the profile to the file, unset FAL_PROFILE, or set FAL_KEY")
            }
        };
        Self::new(ExitCode::Usage, error.to_string(), seen, Some(advice))
    }

    /// An unexpected failure, with the chain of its causes.
    pub(crate) fn unexpected(what: &str, error: &dyn Error) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            chain += &format!(": {inner}");
            cause = inner.source();
        }
        Self::new(ExitCode::Unexpected, format!("{what}: {chain}"), None, None)
    }

    /// COMMAND could not be run.
    pub(crate) fn command(code: ExitCode, error: &dyn Error) -> Self {
        Self::new(code, error.to_string(), None, None)
    }
}
