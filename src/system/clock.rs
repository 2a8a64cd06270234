//! The time of day, for HTTP dates; every duration is measured on tokio's clock instead.

use std::time::SystemTime;

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "an HTTP date is wall time")]
pub(crate) fn time_of_day() -> SystemTime {
    SystemTime::now()
}
