//! The option `--simulate`.

use crate::simulate::script::{InvalidScript, Script};

/// The option `--simulate`.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "API")]
pub(crate) struct Simulate {
    /// Poll a simulated API inside this process instead; no key is needed
    ///
    /// SCRIPT is a list of steps, such as pending:2s,429:1s,500,provisioning:3s,ready. A step is
    /// a status with a time, an HTTP code (429 and 503 with the wait they ask for), drop, hang:3s,
    /// slow:3s, truncate, html or oversized; 500*3 is answered three times, ready@none has no
    /// address, ?paused is a status that the API does not document.
    #[arg(
        long = "simulate",
        value_name = "SCRIPT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = Script::DEFAULT,
        value_parser = parse_script
    )]
    pub(crate) script: Option<Script>,
}

/// Reads a script; `true` or `1`, for the variable, is the default one.
fn parse_script(text: &str) -> Result<Script, InvalidScript> {
    if matches!(text, "true" | "1") { Script::DEFAULT.parse() } else { text.parse() }
}
