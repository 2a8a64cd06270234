//! A program built without a simulated API, which has no `--simulate`.

use crate::simulate::script::Script;

/// No option.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// Always `None`.
    #[arg(skip)]
    pub(crate) script: Option<Script>,
}
