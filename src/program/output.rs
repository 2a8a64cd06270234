//! The result on standard output, for the next step of a script.

use std::{
    fmt::Write as _,
    io,
    time::{Duration, SystemTime},
};

use tracing::warn;

use crate::{
    answer::instance::InstanceId,
    report::{exit_code::ExitCode, json, record::Record},
    system::stream::{check_stream, may_have_been_closed, write_to_stream},
    wait::watch::Watch,
};

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One address a line
    #[default]
    Ip,
    /// One JSON object a line
    Json,
    /// `FAL_INSTANCE_ID=` and `FAL_INSTANCE_IP=` lines
    Env,
}

/// The result in `format`: of each of `met`, in a wait from `started_at` on.
#[must_use]
pub fn render(format: Format, met: &[&Watch], started_at: SystemTime, elapsed: Duration) -> String {
    let mut text = String::new();
    match format {
        Format::Ip => {
            for address in met.iter().copied().filter_map(Watch::address) {
                let _ = writeln!(text, "{address}");
            }
        }
        Format::Json => {
            for watch in met.iter().copied() {
                let record = Record::new(watch, started_at, elapsed, ExitCode::Success);
                let _ = writeln!(text, "{}", json::line(&record));
            }
        }
        Format::Env => {
            let (ids, addresses) = joined(met, ",");
            let _ = writeln!(text, "FAL_INSTANCE_ID={ids}\nFAL_INSTANCE_IP={addresses}");
        }
    }
    text
}

/// The ids and the addresses of `met`.
pub(crate) fn joined(met: &[&Watch], separator: &str) -> (String, String) {
    let ids: Vec<&str> = met.iter().map(|watch| watch.id().as_str()).collect();
    let addresses = met.iter().filter_map(|watch| watch.address());
    let addresses: Vec<String> = addresses.map(|ip| ip.to_string()).collect();
    (ids.join(separator), addresses.join(separator))
}

/// Checks that standard output can take the result; warns where it will be lost on purpose, or not.
///
/// # Errors
///
/// That standard output was not opened for writing.
pub(crate) fn check_standard_output() -> io::Result<()> {
    check_stream(&io::stdout())?;
    if may_have_been_closed(&io::stdout()) {
        warn!("the result goes nowhere: standard output is closed, or is /dev/null");
    }
    Ok(())
}

/// Writes to standard output, to the last byte.
///
/// # Errors
///
/// What the system says, such as that the disk is full or that nobody reads.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    write_to_stream(&io::stdout(), bytes)
}

/// Whether `id` can stand in a line that a shell, a CI system and docker read alike: they
/// disagree on every way to quote.
#[must_use]
pub fn is_fit_for_env(id: &InstanceId) -> bool {
    id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@+%".contains(&b))
}
