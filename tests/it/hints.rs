//! 429, 503 and the hints that come with them, over a real socket.

use std::time::{Duration, SystemTime};

use crate::fixture::{
    program::{Ended, Program, with_enough_time},
    server::{Act, Server, error, pending, ready},
};

const IP: &str = "203.0.113.42\n";

/// Plays a hint once, then ready; returns how the wait ended and the pause between the requests.
fn pause_after(act: Act) -> (Ended, Duration) {
    let server = Server::playing([act, ready()]);
    let ended = Program::asking(&server, &["--timeout", "30s"]).run();
    ended.assert(0, IP);
    (ended, server.gaps()[0])
}

fn date_in(seconds: u64, header_date: Option<u64>) -> Act {
    let at = |offset: u64| httpdate::fmt_http_date(time_of_day() + Duration::from_secs(offset));
    let retry_after = at(seconds);
    match header_date {
        None => error(429, &[("Retry-After", &retry_after)]),
        Some(offset) => error(429, &[("Date", &at(offset)), ("Retry-After", &retry_after)]),
    }
}

#[expect(clippy::disallowed_methods, reason = "an HTTP date is wall time")]
fn time_of_day() -> SystemTime {
    SystemTime::now()
}

#[test]
fn seconds_are_waited_at_least() {
    for status in [429, 503] {
        let (ended, pause) = pause_after(error(status, &[("Retry-After", "1")]));
        assert!(pause >= Duration::from_secs(1), "{pause:?}");
        ended.says("asked to wait 1s (Retry-After)");
    }
}

#[test]
fn an_http_date_is_waited_for() {
    // A date has whole seconds: one three seconds from now is more than two seconds away.
    let (_, pause) = pause_after(date_in(3, None));
    assert!(pause >= Duration::from_secs(2), "{pause:?}");
}

#[test]
fn an_http_date_is_counted_from_the_servers_own_clock() {
    let (_, pause) = pause_after(date_in(86_401, Some(86_400)));
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[test]
fn the_reset_header_is_used_without_retry_after() {
    let (ended, pause) = pause_after(error(429, &[("x-ratelimit-reset", "1")]));
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
    ended.says("asked to wait 1s (x-ratelimit-reset)");
}

#[test]
fn a_malformed_hint_is_ignored() {
    for nonsense in ["soon", "-5", "", "1.5", "9e9", "Tue, 99 Foo 2026 00:00:00 GMT"] {
        let server = Server::playing([error(429, &[("Retry-After", nonsense)]), ready()]);
        Program::asking(&server, &[]).run().assert(0, IP).says("polling again");
    }
    let server = Server::playing([error(429, &[]), ready()]);
    Program::asking(&server, &[]).run().assert(0, IP);
}

#[test]
fn a_hint_past_the_deadline_ends_the_wait_now() {
    let far = httpdate::fmt_http_date(time_of_day() + Duration::from_secs(86_400));
    for hint in ["60", "18446744073709551615", "99999999999999999999999999", far.as_str()] {
        for (status, header) in [(429, "Retry-After"), (503, "Retry-After")] {
            let server = Server::playing([error(status, &[(header, hint)]), ready()]);
            let ended = Program::asking(&server, &["--timeout", "50s"]).run();
            ended.assert(7, "").says("past the deadline of 50s");
            assert_eq!(server.count(), 1);
            assert!(ended.took < Duration::from_secs(25), "{ended:#?}");
        }
    }
}

#[test]
fn of_two_hints_the_longer_one_counts() {
    let (_, pause) = pause_after(error(
        429,
        &[("Retry-After", "x"), ("Retry-After", "1"), ("Retry-After", "0")],
    ));
    assert!(pause >= Duration::from_secs(1), "{pause:?}");
}

#[test]
fn a_hint_on_any_other_status_is_ignored() {
    for status in [500, 502, 408] {
        let server = Server::playing([error(status, &[("Retry-After", "60")]), ready()]);
        Program::asking(&server, &["--timeout", "20s"]).run().assert(0, IP);
    }
}

#[test]
fn throttled_until_the_deadline_is_exit_7() {
    let ended = with_enough_time(Duration::from_millis(300), |deadline| {
        let server = Server::playing([pending(), error(429, &[])]);
        let ended = Program::asking(&server, &[]).limit("TIMEOUT", deadline).run();
        ended.provided(server.count() > 2)
    });
    ended.expect("polled more than twice").assert(7, "").says("still throttling");
}

#[test]
fn a_hint_of_zero_does_not_advance_the_next_poll() {
    let server = Server::playing([error(429, &[("Retry-After", "0")]), error(429, &[]), ready()]);
    Program::asking(&server, &["--min-delay", "50ms", "--max-delay", "60ms"]).run().assert(0, IP);
    assert!(
        server.gaps().iter().all(|gap| *gap >= Duration::from_millis(45)),
        "{:?}",
        server.gaps()
    );
}
