//! Durations as a person says them.

use std::{fmt, time::Duration};

/// A duration, rounded to what matters to a person: `850ms`, `3.2s`, `42s`, `2m30s`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brief(pub Duration);

impl fmt::Display for Brief {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MINUTE: u64 = 60;
        const HOUR: u64 = 60 * MINUTE;
        let millis = self.0.as_millis();
        let tenths = (millis + 50) / 100;
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        if millis < 1_000 {
            return write!(f, "{}ms", millis.max(1));
        }
        if tenths < 100 {
            return match tenths % 10 {
                0 => write!(f, "{}s", tenths / 10),
                tenth => write!(f, "{}.{tenth}s", tenths / 10),
            };
        }
        let secs = self.0.as_secs().saturating_add(u64::from(self.0.subsec_millis() >= 500));
        let (hours, minutes, secs) = (secs / HOUR, secs % HOUR / MINUTE, secs % MINUTE);
        match (hours, minutes, secs) {
            (0, 0, s) => write!(f, "{s}s"),
            (0, m, 0) => write!(f, "{m}m"),
            (0, m, s) => write!(f, "{m}m{s:02}s"),
            (h, 0, _) => write!(f, "{h}h"),
            (h, m, _) => write!(f, "{h}h{m:02}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_reads_as_a_person_says_it() {
        for (millis, text) in [
            (0, "0s"),
            (850, "850ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (3_240, "3.2s"),
            (9_949, "9.9s"),
            (9_960, "10s"),
            (42_000, "42s"),
            (59_600, "1m"),
            (61_000, "1m01s"),
            (150_000, "2m30s"),
            (600_000, "10m"),
            (3_600_000, "1h"),
            (5_400_000, "1h30m"),
            (360_000_000, "100h"),
        ] {
            assert_eq!(Brief(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(Brief(Duration::from_nanos(1)).to_string(), "1ms");
        assert!(!Brief(Duration::MAX).to_string().is_empty());
    }
}
