//! The time of day, for HTTP dates; durations are measured on tokio's clock.

use std::time::SystemTime;

#[expect(clippy::disallowed_methods, reason = "an HTTP date is wall time")]
pub(crate) fn time_of_day() -> SystemTime {
    SystemTime::now()
}
