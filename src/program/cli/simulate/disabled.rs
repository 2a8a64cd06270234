//! No `--simulate`: the program is built without a simulated API.

use crate::simulate::script::Script;

/// Whether a simulated API is polled: never.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// None.
    #[arg(skip)]
    pub script: Option<Script>,
}
