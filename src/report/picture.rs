//! The time spent in each status, on one line: `pending ▇▇ 42s │ provisioning ▇▇▇▇▇▇ 2m30s │ ready`.

use std::time::Duration;

use crate::{text::duration::Brief, wait::watch::Watch};

/// The combined width of all bars, in columns.
const WIDTH: u32 = 20;
/// The most statuses shown on one line.
const SHOWN: usize = 8;

/// The statuses until `now` as a bar chart; `None` if there was only one.
#[must_use]
pub fn picture(watch: &Watch, now: Duration, unicode: bool) -> Option<String> {
    let until = watch.over_at().unwrap_or(now);
    let stays: Vec<(String, Duration)> = watch
        .timeline()
        .stays(until)
        .map(|(status, lasted)| (status.to_string(), lasted))
        .collect();
    if stays.len() < 2 {
        return None;
    }
    let total: Duration = stays.iter().map(|(_, lasted)| *lasted).sum();
    let left_out = stays.len().saturating_sub(SHOWN);
    let mut parts = Vec::new();
    if left_out > 0 {
        parts.push(if unicode { "…".to_owned() } else { "...".to_owned() });
    }
    for (status, lasted) in &stays[left_out..] {
        parts.push(if lasted.is_zero() {
            status.clone()
        } else {
            format!("{status} {} {}", bar(*lasted, total, unicode), Brief(*lasted))
        });
    }
    Some(parts.join(if unicode { " │ " } else { " | " }))
}

fn bar(lasted: Duration, total: Duration, unicode: bool) -> String {
    let share = lasted.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
    let share = share.min(1.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to WIDTH")]
    let cells = (share * f64::from(WIDTH)).round() as usize;
    (if unicode { "▇" } else { "#" }).repeat(cells.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share_and_never_empty() {
        let secs = Duration::from_secs;
        assert_eq!(bar(secs(1), secs(2), false), "#".repeat(10));
        assert_eq!(bar(secs(1), secs(1_000), true), "▇");
        assert_eq!(bar(Duration::from_nanos(1), Duration::ZERO, false).len(), 20);
    }
}
