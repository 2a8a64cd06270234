//! Every row of the contract's table «What decides», over a real socket.

use std::time::Duration;

use crate::fixture::{
    port::ClosedPort,
    program::{Program, with_enough_time},
    server::{Act, Server, answer, at, described, error, instance, pending, ready},
};

const IP: &str = "203.0.113.42\n";

/// Plays `acts` and waits for `inst_abc`; checks the exit code, standard output and number of requests.
#[track_caller]
fn ends(acts: impl IntoIterator<Item = Act>, code: i32, stdout: &str, requests: usize) {
    let server = Server::playing(acts);
    Program::asking(&server, &[]).run().assert(code, stdout);
    assert_eq!(server.count(), requests);
}

/// Plays `act` forever; the wait must end at its deadline after more than one poll.
#[track_caller]
fn is_retried_until_the_deadline(act: &Act, reason: &str) {
    let ended = with_enough_time(Duration::from_millis(400), |deadline| {
        let server = Server::playing([act.clone()]);
        let ended = Program::asking(&server, &[]).limit("TIMEOUT", deadline).run();
        assert!(ended.took >= deadline, "{ended:#?}");
        ended.provided(server.count() > 1)
    });
    ended.expect("polled again").assert(124, "").says(reason);
}

/// Plays `act` once, then ready; the fault must be retried.
#[track_caller]
fn passes(act: Act) {
    ends([act, ready()], 0, IP, 2);
}

#[test]
fn ready_with_an_ip_prints_it_and_nothing_else() {
    ends([ready()], 0, IP, 1);
}

#[test]
fn init_pending_and_provisioning_are_polled_again() {
    let acts = ["init", "pending", "provisioning"].map(|status| instance(status, ""));
    ends(acts.into_iter().chain([ready()]), 0, IP, 4);
}

#[test]
fn an_ip_is_not_believed_before_the_status_is_ready() {
    let early = instance("provisioning", r#","ip":"203.0.113.1""#);
    ends([early, ready()], 0, IP, 2);
}

#[test]
fn ready_without_an_ip_is_polled_until_there_is_one() {
    for nothing in ["", r#","ip":"""#, r#","ip":null"#] {
        ends([instance("ready", nothing), ready()], 0, IP, 2);
    }
}

#[test]
fn an_ip_that_cannot_be_connected_to_is_never_printed() {
    for hostile in [
        "203.0.113.42; rm -rf /",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "evil.example",
        "203.0.113.42\\n::set-output name=x::y",
        " 203.0.113.42",
    ] {
        passes(instance("ready", &format!(r#","ip":"{hostile}""#)));
    }
}

#[test]
fn an_ip_of_another_json_type_is_malformed() {
    for strange in ["42", "[]", "{}", "true", r#"["203.0.113.1"]"#] {
        passes(instance("ready", &format!(r#","ip":{strange}"#)));
    }
}

#[test]
fn an_ipv6_address_is_printed_as_it_is() {
    ends([instance("ready", r#","ip":"2001:db8::7""#)], 0, "2001:db8::7\n", 1);
}

#[test]
fn all_the_optional_fields_may_come_and_unknown_ones_too() {
    let more =
        r#","ip":"203.0.113.42","sector":"sector_2","creator_user_nickname":"dev","new":{"a":[1]}"#;
    ends([instance("ready", more)], 0, IP, 1);
}

#[test]
fn undeclared_values_of_the_enums_are_not_fatal() {
    let body = r#"{"id":"inst_abc","instance_type":"gpu_72x_b300","region":"moon","sector":"sector_9","status":"ready","ip":"203.0.113.42"}"#;
    ends([answer(200, &[], body)], 0, IP, 1);
}

#[test]
fn an_unclear_status_is_polled_again_and_warned_of_once() {
    for status in ["unknown", "paused"] {
        let server = Server::playing([
            instance(status, ""),
            instance(status, ""),
            pending(),
            instance(status, ""),
            ready(),
        ]);
        let ended = Program::asking(&server, &[]).run();
        ended.assert(0, IP);
        let warnings = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("warning:") && line.contains(&format!("{status:?}")));
        assert_eq!(warnings.count(), 1, "{ended:#?}");
    }
}

#[test]
fn stopped_ends_the_wait_immediately() {
    ends([instance("stopped", ""), ready()], 3, "", 1);
    ends([pending(), instance("stopped", ""), ready()], 3, "", 2);
}

#[test]
fn refused_credentials_end_the_wait_immediately() {
    for status in [401, 403] {
        ends([error(status, &[]), ready()], 4, "", 1);
    }
}

#[test]
fn a_key_that_was_accepted_is_refused_at_the_second_refusal_in_a_row() {
    for status in [401, 403] {
        ends([pending(), error(status, &[]), ready()], 0, IP, 3);
        ends([pending(), error(status, &[]), error(status, &[]), ready()], 4, "", 3);
        let refused = || error(status, &[]);
        ends([pending(), refused(), pending(), refused(), ready()], 0, IP, 5);
        ends([error(404, &[]), refused(), ready()], 0, IP, 3);
    }
}

#[test]
fn a_refused_request_ends_the_wait_immediately() {
    for status in [400, 402, 405, 409, 410, 418, 422, 451, 499] {
        ends([error(status, &[]), ready()], 6, "", 1);
    }
}

#[test]
fn a_redirect_ends_the_wait_and_the_other_host_sees_no_request() {
    let elsewhere = Server::playing([ready()]);
    let location = format!("{}/compute/instances/inst_abc", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let server = Server::playing([answer(status, &[("Location", &location)], "")]);
        Program::asking(&server, &[]).run().assert(6, "").says(&location);
        assert_eq!(server.count(), 1);
    }
    assert_eq!(elsewhere.count(), 0);
}

#[test]
fn an_instance_that_is_never_found_is_given_its_grace() {
    let ended = with_enough_time(Duration::from_millis(300), |grace| {
        let server = Server::playing([error(404, &[])]);
        let ended = Program::asking(&server, &[]).limit("NOT_FOUND_GRACE", grace).run();
        assert!(ended.took >= grace, "{ended:#?}");
        ended.provided(server.count() > 2)
    });
    let ended = ended.expect("polled more than twice");
    ended.assert(5, "").says("there is no instance inst_abc").says("req_404");
}

#[test]
fn an_instance_that_appears_within_the_grace_is_waited_for() {
    ends([error(404, &[]), error(404, &[]), error(404, &[]), pending(), ready()], 0, IP, 5);
}

#[test]
fn without_a_grace_the_first_404_is_final() {
    let server = Server::playing([error(404, &[]), ready()]);
    Program::asking(&server, &["--not-found-grace", "0"]).run().assert(5, "");
    assert_eq!(server.count(), 1);
}

#[test]
fn once_seen_two_404s_in_a_row_mean_deleted() {
    let server = Server::playing([pending(), error(404, &[]), error(404, &[]), ready()]);
    let ended = Program::asking(&server, &["--not-found-grace", "0"]).run();
    ended.assert(5, "").says("was deleted");
    assert_eq!(server.count(), 3);
    assert!(ended.took >= Duration::from_secs(3), "{ended:#?}");
    ends([pending(), error(404, &[]), error(404, &[]), ready()], 0, IP, 4);
    ends([pending(), error(404, &[]), pending(), error(404, &[]), ready()], 0, IP, 5);
    ends([pending(), error(404, &[]), error(500, &[]), error(404, &[]), ready()], 0, IP, 5);
}

#[test]
fn five_500s_are_five_retries() {
    ends(vec![error(500, &[]); 5].into_iter().chain([ready()]), 0, IP, 6);
}

#[test]
fn every_transient_status_is_retried() {
    for status in [408, 425, 500, 501, 502, 503, 504, 520, 599] {
        passes(error(status, &[]));
    }
    is_retried_until_the_deadline(&error(502, &[]), "HTTP 502: said 502");
}

#[test]
fn a_body_that_ends_too_early_is_transient() {
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}",
        described("inst_abc", "ready", "")
    );
    passes(Act::BytesThenClose(whole.clone().into_bytes()));
    is_retried_until_the_deadline(&Act::BytesThenClose(whole.into()), "the connection broke");
}

#[test]
fn a_body_of_ten_megabytes_is_transient_and_not_read_completely() {
    let padding = " ".repeat(10 << 20);
    passes(answer(200, &[], &padding));
    let chunk = format!("100000\r\n{}\r\n", &padding[..1 << 20]);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    passes(Act::BytesThenClose(format!("{head}{}0\r\n\r\n", chunk.repeat(10)).into_bytes()));
}

#[test]
fn a_body_of_exactly_one_mebibyte_is_read() {
    let body = described("inst_abc", "ready", r#","ip":"203.0.113.42""#);
    let padding = " ".repeat((1 << 20) - body.len());
    ends([answer(200, &[], &format!("{body}{padding}"))], 0, IP, 1);
    let one_more = answer(200, &[], &format!("{body}{padding} "));
    ends([one_more, ready()], 0, IP, 2);
    let chunk = format!("{:x}\r\n{body}{padding} \r\n0\r\n\r\n", (1 << 20) + 1);
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    ends([Act::Bytes(format!("{head}{chunk}").into_bytes()), ready()], 0, IP, 2);
}

#[test]
fn an_answer_that_is_not_an_instance_is_transient() {
    for (status, body) in [
        (204, ""),
        (200, ""),
        (200, "<html><title>Sign in</title></html>"),
        (200, "null"),
        (200, "[]"),
        (200, "{}"),
        (200, r#"{"status":"ready","ip":"203.0.113.9"}"#),
        (200, r#"{"id":"inst_abc","ip":"203.0.113.9"}"#),
        (200, r#"{"id":"inst_abc","status":2,"ip":"203.0.113.9"}"#),
        (200, "{\"id\":\"inst_abc"),
        (206, r#"{"id":"#),
    ] {
        passes(answer(status, &[], body));
    }
    is_retried_until_the_deadline(&answer(200, &[], "<html>"), "malformed answer: not JSON");
}

#[test]
fn deeply_nested_json_is_malformed_and_not_a_crash() {
    passes(answer(200, &[], &"[".repeat(200_000)));
}

#[test]
fn the_answer_for_another_id_is_malformed() {
    let other = answer(200, &[], &described("inst_other", "ready", &at("203.0.113.9")));
    passes(other.clone());
    is_retried_until_the_deadline(&other, "it describes another instance");
}

#[test]
fn a_reset_connection_is_transient() {
    passes(Act::Reset);
    is_retried_until_the_deadline(&Act::Reset, "the connection broke");
}

#[test]
fn a_response_that_is_not_http_is_transient() {
    passes(Act::BytesThenClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()));
    passes(Act::BytesThenClose(Vec::new()));
}

#[test]
fn a_server_that_refuses_connections_is_polled_until_the_deadline() {
    let (elsewhere, port) = (Server::playing([ready()]), ClosedPort::new());
    let url = format!("http://127.0.0.1:{}/v1", port.number());
    let ended = with_enough_time(Duration::from_millis(300), |deadline| {
        let program = Program::asking(&elsewhere, &["--api-url", &url]);
        let ended = program.limit("TIMEOUT", deadline).run();
        assert!(ended.took >= deadline, "{ended:#?}");
        let was_refused = ended.stderr.contains("cannot connect");
        ended.provided(was_refused)
    });
    ended.expect("a refused poll").assert(124, "").says("no usable answer about inst_abc");
}

#[test]
fn a_slow_header_is_cut_by_the_request_timeout() {
    let slow = Act::Slow(b"HTTP/1.1 200".to_vec(), Duration::from_secs(30), b" OK\r\n".to_vec());
    let server = Server::playing([slow, ready()]);
    let ended = Program::asking(&server, &["--request-timeout", "200ms"]).run();
    ended.assert(0, IP).says("no complete answer within 200ms");
    assert_eq!(server.count(), 2);
}

#[test]
fn a_slow_body_is_cut_by_the_request_timeout() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":".to_vec();
    let server = Server::playing([Act::Slow(head, Duration::from_secs(30), Vec::new()), ready()]);
    let ended = Program::asking(&server, &["--request-timeout", "200ms"]).run();
    ended.assert(0, IP).says("no complete answer within 200ms");
}

#[test]
fn a_slow_answer_within_the_request_timeout_counts() {
    let body = described("inst_abc", "ready", r#","ip":"203.0.113.42""#);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let slow = Act::Slow(head.into_bytes(), Duration::from_millis(300), body.into_bytes());
    ends([slow], 0, IP, 1);
}

#[test]
fn a_request_is_cut_at_the_deadline() {
    let silent = Act::Slow(Vec::new(), Duration::from_secs(30), Vec::new());
    let server = Server::playing([silent]);
    let ended = Program::asking(&server, &["--timeout", "300ms"]).run();
    ended.assert(124, "");
    assert!(ended.took < Duration::from_secs(8), "{ended:#?}");
}

#[test]
fn a_refusal_counts_as_the_apis_own_as_soon_as_its_body_says_so() {
    let hanging = |body: &str| {
        let head = format!("HTTP/1.1 401 No\r\nContent-Length: 500\r\n\r\n{body}");
        Act::Slow(head.into_bytes(), Duration::from_secs(30), Vec::new())
    };
    let server = Server::playing([hanging(r#"{"error":{"message":"no"}}"#), ready()]);
    let ended = Program::asking(&server, &["--request-timeout", "50s"]).run();
    ended.assert(4, "").says("HTTP 401: no");
    assert!(ended.took < Duration::from_secs(30), "{ended:#?}");
    // An incomplete body does not show whose it is.
    passes(hanging(r#"{"error":{"mess"#));
}

#[test]
fn a_timeout_of_zero_looks_once() {
    for (act, code, stdout) in [
        (ready(), 0, IP),
        (pending(), 124, ""),
        (error(500, &[]), 124, ""),
        (error(404, &[]), 124, ""),
        (error(401, &[]), 4, ""),
        (instance("stopped", ""), 3, ""),
    ] {
        let server = Server::playing([act]);
        Program::asking(&server, &["--timeout", "0"]).run().assert(code, stdout);
        assert_eq!(server.count(), 1);
    }
}

#[test]
fn a_connection_is_kept_between_polls() {
    let server = Server::playing([pending(), pending(), error(500, &[]), pending(), ready()]);
    Program::asking(&server, &[]).run().assert(0, IP);
    assert!(server.seen().iter().all(|seen| seen.connection == 0), "{:?}", server.seen());
}

#[test]
fn a_request_names_the_program_the_key_and_one_path_segment() {
    let id = "inst/../x?y#z";
    let server = Server::playing([answer(200, &[], &described(id, "ready", &at("203.0.113.42")))]);
    Program::asking_for(id, &server, &[]).run().assert(0, IP);
    let seen = &server.seen()[0];
    assert_eq!(seen.target, "/v1/compute/instances/inst%2F..%2Fx%3Fy%23z");
    assert_eq!(seen.headers["authorization"], format!("Key {}", crate::fixture::program::KEY));
    assert_eq!(seen.headers["user-agent"], concat!("wait-ready/", env!("CARGO_PKG_VERSION")));
}
