//! Server hints: how long a client is asked to wait before its next request.

use std::time::{Duration, SystemTime};

/// A readable hint of a 429 or 503 answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// How long to wait, from the arrival of the answer.
    pub wait: Duration,
    /// The header it was read from.
    pub header: HintHeader,
}

/// Where a [`Hint`] was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HintHeader {
    /// `Retry-After` (RFC 9110 section 10.2.3).
    RetryAfter,
    /// `x-ratelimit-reset`: seconds, or a moment in seconds or milliseconds since 1970.
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
    /// Reads the headers of an answer: `Retry-After`, else `x-ratelimit-reset`.
    ///
    /// `now` is what a point in time is compared with: the answer's own `Date`, or the local clock
    /// where it has none. A point in the past asks for no wait. A number that can only be a point in
    /// time, in seconds or milliseconds since 1970, is one. A value that cannot be read counts as
    /// none; a number too large for 64 bits as the largest.
    #[must_use]
    pub fn read(
        retry_after: Option<&str>,
        rate_limit_reset: Option<&str>,
        now: SystemTime,
    ) -> Option<Self> {
        let number = |text: &str| delay_seconds(text).map(|delay| unless_a_moment(delay, now));
        let wait = |text: &str| number(text).or_else(|| until_http_date(text, now));
        retry_after
            .and_then(wait)
            .map(|wait| Self { wait, header: HintHeader::RetryAfter })
            .or_else(|| {
                rate_limit_reset
                    .and_then(number)
                    .map(|wait| Self { wait, header: HintHeader::RateLimitReset })
            })
    }
}

/// From here on a number of seconds is no delay, which would be one of decades, but a moment: this
/// one in September 2001.
const FIRST_MOMENT: u64 = 1_000_000_000;
/// From here on it would be a moment in the year 5138, so that it counts milliseconds.
const FIRST_IN_MILLIS: u64 = 100_000_000_000;
/// From here on even milliseconds name no moment that anyone means.
const END_OF_MOMENTS: u64 = 100_000_000_000_000;

/// `delay`, or the time until the moment that it can only be meant as.
fn unless_a_moment(delay: Duration, now: SystemTime) -> Duration {
    let moment = match delay.as_secs() {
        seconds @ FIRST_MOMENT..FIRST_IN_MILLIS => Duration::from_secs(seconds),
        millis @ FIRST_IN_MILLIS..END_OF_MOMENTS => Duration::from_millis(millis),
        _ => return delay,
    };
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    moment.saturating_sub(now)
}

/// `delay-seconds = 1*DIGIT` (RFC 9110 section 10.2.3).
fn delay_seconds(text: &str) -> Option<Duration> {
    let digits = text.trim_matches([' ', '\t']);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// The time until an HTTP date (RFC 9110 section 5.6.7), in any of its three forms.
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
    fn a_hint_names_the_header_that_it_came_from() {
        let name = |retry_after, reset| {
            Hint::read(retry_after, reset, rfc_example()).map(|hint| hint.header.name())
        };
        assert_eq!(name(Some("1"), Some("2")), Some("Retry-After"));
        assert_eq!(name(None, Some("2")), Some("x-ratelimit-reset"));
    }

    #[test]
    fn seconds_are_read_up_to_the_largest_number() {
        assert_eq!(retry_after("0"), Some(Duration::ZERO));
        assert_eq!(retry_after("120"), Some(Duration::from_secs(120)));
        assert_eq!(retry_after(" 7\t"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("18446744073709551615"), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(retry_after(&"9".repeat(500)), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn a_number_that_can_only_be_a_moment_is_one() {
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
        for number in [FIRST_MOMENT, FIRST_IN_MILLIS, END_OF_MOMENTS, u64::MAX] {
            for number in [number - 1, number] {
                read(&number.to_string());
            }
        }
        assert_eq!(read(&u64::MAX.to_string()), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn a_clock_before_1970_reads_a_moment_too() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        let hint = Hint::read(None, Some("1764061239"), before).unwrap();
        assert_eq!(hint.wait, Duration::from_secs(1_764_061_239));
    }

    #[test]
    fn an_http_date_is_read_in_its_three_forms() {
        for date in [
            "Sun, 06 Nov 1994 08:50:07 GMT",
            "Sunday, 06-Nov-94 08:50:07 GMT",
            "Sun Nov  6 08:50:07 1994",
        ] {
            assert_eq!(retry_after(date), Some(Duration::from_secs(30)), "{date}");
        }
    }

    #[test]
    fn a_date_in_the_past_asks_for_no_wait() {
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:36 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_cannot_be_read_counts_as_none() {
        for nonsense in
            ["", " ", "soon", "-5", "+5", "1.5", "1e3", "5s", "0x10", "Sun, 06 Nov", "٣"]
        {
            assert_eq!(retry_after(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn the_reset_header_serves_where_retry_after_does_not() {
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
