use super::*;

fn script(text: &str) -> Script {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn mistake(text: &str) -> (usize, usize, String) {
    let InvalidScript { step, at, reason } = text.parse::<Script>().unwrap_err();
    (step, at, reason)
}

/// The replies to requests at these times, in milliseconds.
fn replies<const N: usize>(text: &str, moments: [u64; N]) -> [Reply; N] {
    let script = script(text);
    let mut playback = script.play();
    moments.map(|moment| playback.reply(Duration::from_millis(moment)))
}

fn status(status: &str) -> Reply {
    Reply::Instance { status: status.into(), address: Address::Own }
}

fn error(status: u16) -> Reply {
    Reply::Error { status, hint: None }
}

#[test]
fn a_status_lasts_its_time_from_the_request_that_first_sees_it() {
    assert_eq!(
        replies("pending:2s,provisioning:3s,ready", [500, 2_499, 2_500, 5_499, 5_500, 99_000]),
        ["pending", "pending", "provisioning", "provisioning", "ready", "ready"].map(status)
    );
}

#[test]
fn a_code_is_replied_once_or_as_often_as_it_says() {
    assert_eq!(
        replies("500,502*2,ready", [0, 0, 0, 0, 0]),
        [error(500), error(502), error(502), status("ready"), status("ready")]
    );
}

#[test]
fn no_step_is_skipped_and_the_last_one_lasts_forever() {
    assert_eq!(
        replies("pending:1s,429,provisioning:1s,404", [0, 60_000, 120_000, 180_000, 240_000]),
        [status("pending"), error(429), status("provisioning"), error(404), error(404)]
    );
}

#[test]
fn a_hint_is_seconds_or_a_date_or_the_reset_header() {
    let hint = |header, as_date| Reply::Error {
        status: 429,
        hint: Some(ScriptedHint { wait: Duration::from_secs(2), header, as_date }),
    };
    assert_eq!(replies("429:2s", [0]), [hint(HintHeader::RetryAfter, false)]);
    assert_eq!(replies("429:date=2s", [0]), [hint(HintHeader::RetryAfter, true)]);
    assert_eq!(replies("429:reset=2s", [0]), [hint(HintHeader::RateLimitReset, false)]);
}

#[test]
fn an_address_is_none_or_any_text() {
    let ready = |address| Reply::Instance { status: Status::Ready, address };
    let text = |text: &str| Address::Text(text.into());
    assert_eq!(
        replies(
            "ready@none,ready@[2001:db8::7],ready@203.0.113.9:2s,ready@[1, 2; rm]",
            [0, 0, 0, 9_000]
        ),
        [Address::None, text("2001:db8::7"), text("203.0.113.9"), text("1, 2; rm")].map(ready)
    );
}

#[test]
fn an_undocumented_status_needs_a_question_mark() {
    assert_eq!(replies("?paused,ready", [0, 0]), [status("paused"), status("ready")]);
    let (step, at, reason) = mistake("pending:2s, pendign,ready");
    assert_eq!((step, at), (2, 13));
    assert!(reason.contains("?pendign"), "{reason}");
}

#[test]
fn an_error_has_the_position_where_it_begins() {
    for (text, step, at) in [
        ("", 1, 1),
        ("pending:2s,,ready", 2, 12),
        ("pending:2", 1, 9),
        ("pending:0", 1, 9),
        ("ready,pending:2s:3s", 2, 18),
        ("ready,600", 2, 7),
        ("ready,200", 2, 7),
        ("500:2s", 1, 5),
        ("429:when=2s", 1, 5),
        ("429:date=2", 1, 10),
        ("pending*0", 1, 9),
        ("pending*2:3s", 1, 11),
        ("drop:3s", 1, 6),
        ("hang", 1, 5),
        ("ready@", 1, 7),
        ("?", 1, 2),
        ("ready,slow:1s", 2, 13),
        ("ä", 1, 1),
        ("?ä:2", 1, 4),
    ] {
        let (found_step, found_at, reason) = mistake(text);
        assert_eq!((found_step, found_at), (step, at), "{text}: {reason}");
    }
}

#[test]
fn the_default_script_shows_a_hint_on_429_and_on_503() {
    let moments = std::array::from_fn::<u64, 6, _>(|second| second as u64 * 1_000);
    let codes: Vec<u16> = replies(Script::DEFAULT, moments)
        .iter()
        .filter_map(|reply| match reply {
            Reply::Error { status, hint: Some(_) } => Some(*status),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [429, 503]);
}
