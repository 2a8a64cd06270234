//! How long a server asks a client to wait before its next request.

use std::time::{Duration, SystemTime};

/// How long a 429 or 503 response asks to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// How long to wait, from the arrival of the response.
    pub wait: Duration,
    /// The header it was read from.
    pub header: HintHeader,
}

/// The header that a [`Hint`] was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HintHeader {
    /// `Retry-After` (RFC 9110 section 10.2.3).
    RetryAfter,
    /// `x-ratelimit-reset`: a delay in seconds, or a Unix time in seconds or milliseconds.
    RateLimitReset,
}

impl HintHeader {
    /// The header's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RetryAfter => "Retry-After",
            Self::RateLimitReset => "x-ratelimit-reset",
        }
    }
}

impl Hint {
    /// Parses `Retry-After`, else `x-ratelimit-reset`; returns `None` if neither can be parsed.
    ///
    /// A date is compared with `now`: the response's own `Date`, or the local clock if it has none.
    /// One in the past means no wait. A number too large to be a delay is a Unix time, in seconds
    /// or milliseconds; one too large for 64 bits counts as `u64::MAX` seconds.
    #[must_use]
    pub fn read(
        retry_after: Option<&str>,
        rate_limit_reset: Option<&str>,
        now: SystemTime,
    ) -> Option<Self> {
        let number = |text: &str| delay_seconds(text).map(|delay| unless_unix_time(delay, now));
        let number_or_date = |text: &str| number(text).or_else(|| until_http_date(text, now));
        if let Some(wait) = retry_after.and_then(number_or_date) {
            return Some(Self { wait, header: HintHeader::RetryAfter });
        }
        let wait = rate_limit_reset.and_then(number)?;
        Some(Self { wait, header: HintHeader::RateLimitReset })
    }
}

/// The first number of seconds that is a Unix time (September 2001): as a delay it is 31 years.
const FIRST_SECONDS: u64 = 1_000_000_000;
/// The first number that is a Unix time in milliseconds (1973): in seconds it is the year 5138.
const FIRST_MILLIS: u64 = 100_000_000_000;
/// The end of plausible Unix times in milliseconds, also in the year 5138.
const END_MILLIS: u64 = 100_000_000_000_000;

/// Returns `delay`, or the time until `delay` if it is so long that it must be a Unix time.
fn unless_unix_time(delay: Duration, now: SystemTime) -> Duration {
    let unix_time = match delay.as_secs() {
        seconds @ FIRST_SECONDS..FIRST_MILLIS => Duration::from_secs(seconds),
        millis @ FIRST_MILLIS..END_MILLIS => Duration::from_millis(millis),
        _ => return delay,
    };
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    unix_time.saturating_sub(now)
}

/// Parses `delay-seconds = 1*DIGIT` (RFC 9110 section 10.2.3).
fn delay_seconds(text: &str) -> Option<Duration> {
    let digits = text.trim_matches([' ', '\t']);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// Returns the time until an HTTP date in any of its three forms (RFC 9110 section 5.6.7).
fn until_http_date(text: &str, now: SystemTime) -> Option<Duration> {
    let date = httpdate::parse_http_date(text.trim_matches([' ', '\t'])).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1994-11-06 08:49:37 UTC, the example of RFC 9110 section 5.6.7.
    fn rfc_example() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn retry_after(value: &str) -> Option<Duration> {
        Hint::read(Some(value), None, rfc_example()).map(|hint| hint.wait)
    }

    #[test]
    fn a_hint_names_its_header() {
        let name = |retry_after, reset| {
            Hint::read(retry_after, reset, rfc_example()).map(|hint| hint.header.name())
        };
        assert_eq!(name(Some("1"), Some("2")), Some("Retry-After"));
        assert_eq!(name(None, Some("2")), Some("x-ratelimit-reset"));
    }

    #[test]
    fn seconds_are_parsed_up_to_the_largest_number() {
        assert_eq!(retry_after("0"), Some(Duration::ZERO));
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 7\t"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("18446744073709551615"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(retry_after(&"9".repeat(500)), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_number_too_large_for_a_delay_is_a_unix_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(1_764_061_234_250);
        let read = |text: &str| {
            let [after, reset] = [(Some(text), None), (None, Some(text))]
                .map(|(after, reset)| Hint::read(after, reset, now).unwrap().wait);
            assert_eq!(after, reset, "{text}");
            after
        };
        assert_eq!(read("1764061239"), Duration::from_millis(4750), "seconds");
        assert_eq!(read("1764061239250"), Duration::from_secs(5), "milliseconds");
        assert_eq!(read("1764061000"), Duration::ZERO, "past");
        assert_eq!(read("1764061000000"), Duration::ZERO, "past, in milliseconds");
        assert_eq!(read("999999999"), Duration::from_secs(999_999_999), "a delay, however long");
        for number in [FIRST_SECONDS, FIRST_MILLIS, END_MILLIS, u64::MAX] {
            for number in [number - 1, number] {
                read(&number.to_string());
            }
        }
        assert_eq!(read(&u64::MAX.to_string()), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn a_unix_time_is_parsed_with_a_clock_before_1970() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let hint = Hint::read(None, Some("1764061239"), before).unwrap();
        assert_eq!(hint.wait, Duration::from_secs(1_764_061_239));
    }

    #[test]
    fn an_http_date_is_parsed_in_its_three_forms() {
        for date in [
            "Sun, 06 Nov 1994 08:50:07 GMT",
            "Sunday, 06-Nov-94 08:50:07 GMT",
            "Sun Nov  6 08:50:07 1994",
        ] {
            assert_eq!(retry_after(date), Some(Duration::from_secs(30)), "{date}");
        }
    }

    #[test]
    fn a_date_in_the_past_means_no_wait() {
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:36 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn a_malformed_hint_is_ignored() {
        for nonsense in
            ["", " ", "soon", "-5", "+5", "1.5", "1e3", "5s", "0x10", "Sun, 06 Nov", "٣"]
        {
            assert_eq!(retry_after(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn the_reset_header_is_used_if_retry_after_cannot_be_parsed() {
        let read = |after, reset| {
            Hint::read(after, reset, rfc_example()).map(|hint| (hint.wait.as_secs(), hint.header))
        };
        assert_eq!(read(Some("3"), Some("9")), Some((3, HintHeader::RetryAfter)));
        assert_eq!(read(None, Some("9")), Some((9, HintHeader::RateLimitReset)));
        assert_eq!(read(Some("soon"), Some("9")), Some((9, HintHeader::RateLimitReset)));
        assert_eq!(read(None, Some("Sun, 06 Nov 1994 08:50:07 GMT")), None);
        assert_eq!(read(None, None), None);
    }
}
