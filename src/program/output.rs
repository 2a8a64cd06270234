//! The result, for the next step of a script.

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

/// The format of the result.
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

/// The result of a wait that began at `started_at`, for the instances in `met`.
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

/// The ids and the addresses of `met`, each joined by `separator`.
pub(crate) fn joined(met: &[&Watch], separator: &str) -> (String, String) {
    let ids: Vec<&str> = met.iter().map(|watch| watch.id().as_str()).collect();
    let addresses = met.iter().filter_map(|watch| watch.address());
    let addresses: Vec<String> = addresses.map(|ip| ip.to_string()).collect();
    (ids.join(separator), addresses.join(separator))
}

/// Checks that standard output can take the result; warns if the result will be lost.
///
/// # Errors
///
/// If standard output is not open for writing.
pub(crate) fn check_standard_output() -> io::Result<()> {
    check_stream(&io::stdout())?;
    if may_have_been_closed(&io::stdout()) {
        warn!("the result will be lost: standard output is closed, or is /dev/null");
    }
    Ok(())
}

/// Writes all of `bytes` to standard output.
///
/// # Errors
///
/// An error of the system, such as a full disk or a closed pipe.
pub fn print(bytes: &[u8]) -> io::Result<()> {
    write_to_stream(&io::stdout(), bytes)
}

/// Returns whether shells, CI systems and docker all read `id` alike in an `-o env` line: they
/// disagree on every way to quote.
#[must_use]
pub fn is_fit_for_env(id: &InstanceId) -> bool {
    id.as_str().bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@+%".contains(&b))
}
