//! The key is in no stream, at any verbosity, whatever happens.

use std::fs;

use crate::fixture::{
    program::{Ended, KEY, Program, eventually},
    server::{Act, Server, answer, described, error, instance, pending, ready},
};

/// The whole key and both halves, which are secret too.
fn secrets() -> [&'static str; 2] {
    let (id, secret) = KEY.split_once(':').unwrap();
    [id, secret]
}

#[track_caller]
fn assert_hidden(ended: &Ended) {
    for secret in secrets() {
        ended.never_says(secret);
    }
}

/// Responses that echo the key.
fn echoes() -> Vec<Act> {
    let message = format!(
        r#"{{"error":{{"type":"{KEY}","message":"bad key {KEY}","request_id":"{KEY}","docs_url":"https://{KEY}"}}}}"#
    );
    vec![
        answer(401, &[("x-request-id", KEY)], &message),
        answer(403, &[], &message),
        answer(400, &[], &message),
        answer(404, &[], &message),
        answer(429, &[("Retry-After", "3600")], &message),
        answer(500, &[], &message),
        answer(307, &[("Location", &format!("https://x/{KEY}"))], ""),
        answer(200, &[], KEY),
        answer(200, &[], &format!("\"{KEY}\"")),
        instance(KEY, ""),
        instance("ready", &format!(r#","ip":"{KEY}""#)),
        instance("pending", &format!(r#","sector":"{KEY}","creator_user_nickname":"{KEY}""#)),
        answer(200, &[], &described(KEY, "ready", "")),
        Act::BytesThenClose(format!("HTTP/1.1 200 {KEY}\r\n{KEY}").into_bytes()),
        Act::Reset,
        error(502, &[]),
        pending(),
        ready(),
    ]
}

#[test]
fn the_key_is_in_no_stream_whatever_the_server_echoes() {
    for act in echoes() {
        for format in ["text", "json"] {
            let server = Server::playing([act.clone()]);
            let arguments = ["--timeout", "200ms", "-vvv", "--log-format", format, "-o", "json"];
            let ended = Program::asking(&server, &arguments)
                .env("RUST_LOG", "trace")
                .env("RUST_BACKTRACE", "full")
                .run();
            assert_hidden(&ended);
        }
    }
}

#[test]
fn a_key_that_looks_like_a_status_does_not_change_what_the_status_means() {
    for key in ["ready", "1", "203.0.113.42"] {
        let server = Server::playing([ready()]);
        let ended = Program::asking(&server, &["-o", "env"]).env("FAL_KEY", key).run();
        ended.assert(0, "FAL_INSTANCE_ID=inst_abc\nFAL_INSTANCE_IP=203.0.113.42\n");
    }
}

#[test]
fn the_key_is_not_among_the_arguments_of_the_process() {
    let server = Server::playing([pending()]);
    let running = Program::asking(&server, &["-v"]).start();
    eventually("a first poll", || server.count() > 0);
    let arguments = fs::read(format!("/proc/{}/cmdline", running.id())).unwrap();
    let arguments = String::from_utf8_lossy(&arguments);
    assert!(arguments.contains("inst_abc"));
    assert!(!secrets().iter().any(|secret| arguments.contains(secret)));
    running.signal("TERM");
    assert_hidden(&running.end());
}

#[test]
fn the_key_is_sent_to_the_api_and_nowhere_else() {
    let elsewhere = Server::playing([ready()]);
    let location = elsewhere.url();
    let server = Server::playing([answer(302, &[("Location", &location)], "")]);
    Program::asking(&server, &[]).run().assert(6, "");
    assert_eq!(elsewhere.count(), 0);
    assert!(server.seen()[0].headers["authorization"].contains(KEY));
    assert!(!server.seen()[0].target.contains("4711"));
}
