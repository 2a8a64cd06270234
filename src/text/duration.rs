//! Durations as people write and read them: `500ms`, `90s`, `10m`, `1h30m`, `2d`.

use std::{fmt, time::Duration};

/// The longest accepted duration: anything longer is a typing error.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// Parses a duration.
///
/// Ambiguous units are refused: humantime's `M` is a month, and a bare number has no unit.
///
/// # Errors
///
/// A message that says how to write it.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!(
            "a duration needs a unit: write {text}s for seconds, {text}m for minutes"
        ));
    }
    let unit = |c: char| !c.is_ascii_digit() && !c.is_whitespace();
    for word in text.split(|c| !unit(c)).filter(|word| !word.is_empty()) {
        if !matches!(word, "ms" | "s" | "m" | "h" | "d") {
            return Err(unknown_unit(word));
        }
    }
    let duration = humantime::parse_duration(text)
        .map_err(|_| "write it like 500ms, 90s, 10m or 1h30m".to_owned())?;
    if duration > LONGEST {
        return Err("that is more than a year".to_owned());
    }
    Ok(duration)
}

fn unknown_unit(word: &str) -> String {
    let meant = match word {
        "M" | "min" | "mins" | "minute" | "minutes" => "m",
        "S" | "sec" | "secs" | "second" | "seconds" => "s",
        "H" | "hr" | "hrs" | "hour" | "hours" => "h",
        "D" | "day" | "days" => "d",
        "MS" | "msec" | "millis" => "ms",
        _ if word.starts_with('-') => return "a duration cannot be negative".to_owned(),
        _ if word.starts_with(['.', ',']) => {
            return "decimals are not supported: write 1500ms for 1.5s".to_owned();
        }
        _ => {
            return "the units are ms, s, m, h and d: write it like 500ms, 90s, 10m or 1h30m"
                .into();
        }
    };
    format!("{word:?} is not a unit: write {meant:?}, as in 10{meant}")
}

/// Parses a duration that must not be zero.
///
/// # Errors
///
/// As for [`parse_duration`], and for zero.
pub fn parse_positive_duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("it must be longer than zero".to_owned()),
        duration => Ok(duration),
    }
}

/// A duration that displays rounded: `850ms`, `3.2s`, `42s`, `2m30s`, `1h30m`.
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
    fn documented_forms_are_parsed() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            (" 2d ", 172_800_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn a_bare_number_is_refused_with_the_fix() {
        let refusal = parse_duration("600").unwrap_err();
        assert!(refusal.contains("600s") && refusal.contains("600m"), "{refusal}");
    }

    #[test]
    fn ambiguous_and_malformed_durations_are_refused() {
        let refused = "|1M|1y|1w|10 minutes|1.5h|-5s|5s-|s|m5|5ss|5s5|∞|never|٣s|1e3s\
                       |99999999999999999999s|20000d|NaN|0x10s| ";
        for text in refused.split('|') {
            assert!(parse_duration(text).is_err(), "{text:?}");
        }
        assert!(parse_duration("1M").unwrap_err().contains("10m"));
        assert!(parse_duration("1.5s").unwrap_err().contains("1500ms"));
        assert!(parse_positive_duration("0").is_err());
    }

    #[test]
    fn an_error_says_how_to_write_the_duration() {
        for (text, fix) in [
            ("10min", "as in 10m"),
            ("5sec", "as in 10s"),
            ("2hrs", "as in 10h"),
            ("1day", "as in 10d"),
            ("3msec", "as in 10ms"),
            ("-5s", "negative"),
            ("1,5s", "1500ms"),
            ("10 fortnights", "the units are ms, s, m, h and d"),
            ("m5", "write it like"),
            ("367d", "more than a year"),
        ] {
            let refusal = parse_duration(text).unwrap_err();
            assert!(refusal.contains(fix), "{text}: {refusal}");
        }
        assert_eq!(parse_duration("366d"), Ok(LONGEST));
    }

    #[test]
    fn a_duration_is_displayed_rounded() {
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
