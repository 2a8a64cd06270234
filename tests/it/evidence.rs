//! Responses that cannot be used: who sent them, what they say, and what does not decide.

use std::{fs, net::TcpListener, time::Duration};

use crate::fixture::{
    program::{KEY, Program},
    server::{Act, Asked, Server, answer, asked, described, error, page, pending, ready},
    tls::{Authority, Validity},
};

const IP: &str = "203.0.113.42\n";
const PAGE: &str = "<html><head><title>Just a moment...</title></head></html>";

fn challenge() -> Act {
    let headers = [
        ("Content-Type", "text/html; charset=UTF-8"),
        ("Server", "cloudflare"),
        ("cf-ray", "8a1b2c-FRA"),
        ("cf-mitigated", "challenge"),
        ("Set-Cookie", "session=not-told"),
    ];
    answer(403, &headers, PAGE)
}

/// Foreign refusals, and their messages.
fn foreign() -> Vec<(Act, &'static str)> {
    let json = ("Content-Type", "application/json");
    vec![
        (
            challenge(),
            "text/html; charset=UTF-8, server cloudflare, cf-mitigated challenge, cf-ray 8a1b2c-FRA, \"Just a moment...\"",
        ),
        (
            answer(403, &[json], r#"{"detail":"User is locked. Reason: x"}"#),
            "HTTP 403: User is locked. Reason: x (not the API's own answer: application/json)",
        ),
        (answer(403, &[], "error code: 1010"), "\"error code: 1010\""),
        (
            answer(404, &[("Server", "nginx")], "<h1>404 Not Found</h1>"),
            "server nginx, \"404 Not Found\"",
        ),
        (answer(404, &[], "default backend - 404"), "\"default backend - 404\""),
        (
            answer(404, &[json], r#"{"message":"no Route matched with those values"}"#),
            "HTTP 404: no Route matched",
        ),
        (answer(401, &[], ""), "HTTP 401 (not the API's own answer)"),
        (
            answer(400, &[json], r#"{"error":"bad request"}"#),
            "HTTP 400: bad request (not the API's own",
        ),
        (answer(422, &[json], r#"[{"error":{}}]"#), "HTTP 422 (not the API's own answer"),
    ]
}

#[test]
fn a_foreign_refusal_is_retried_and_names_its_sender() {
    for (act, says) in foreign() {
        let server = Server::playing([act.clone(), act, ready()]);
        let ended = Program::asking(&server, &[]).run();
        ended.assert(0, IP).says(says).never_says("not-told");
        assert_eq!(server.count(), 3);
    }
}

#[test]
fn a_404_of_a_gateway_is_not_a_deletion() {
    let gone = || answer(404, &[("Server", "nginx")], "<h1>404 Not Found</h1>");
    let server = Server::playing([ready(), gone()]);
    let ended = Program::asking(&server, &["--for", "deleted", "--timeout", "5s"]).run();
    ended.assert(124, "").says("server nginx");
    let server = Server::playing([pending(), gone(), gone(), gone(), ready()]);
    Program::asking(&server, &["--not-found-grace", "0"]).run().assert(0, IP);
}

#[test]
fn a_detail_is_shown_as_text_or_as_a_list() {
    for (body, says) in [
        (r#"{"detail":"Nope"}"#, "HTTP 400: Nope"),
        (
            r#"{"detail":[{"loc":["query","limit"],"msg":"too large"},{"loc":["path",2],"msg":"odd"}]}"#,
            "HTTP 400: query.limit: too large; path.2: odd",
        ),
        (r#"{"message":["one","two"]}"#, "HTTP 400: one; two"),
        (r#"{"error":{"message":"own","docs_url":"https://d.example"}}"#, "HTTP 400: own"),
        (r#"{"title":"Bad Request","status":400}"#, "HTTP 400: Bad Request"),
    ] {
        let server = Server::playing([answer(400, &[], body), ready()]);
        Program::asking(&server, &["-v"]).run().says(says);
    }
}

#[test]
fn the_documentation_is_named_whatever_the_code() {
    let body = r#"{"error":{"type":"x","message":"m","docs_url":"https://docs.example/e"}}"#;
    for status in [400, 401, 403, 404, 422, 429, 500, 503] {
        let server = Server::playing([answer(status, &[], body)]);
        let ended = Program::asking(&server, &["--timeout", "300ms"]).run();
        ended.says("https://docs.example/e");
    }
}

#[test]
fn the_request_id_is_found_in_each_header() {
    let ids = [("x-request-id", "id-1"), ("x-fal-request-id", "id-2"), ("cf-ray", "id-3")];
    for first in 0..ids.len() {
        let body = r#"{"error":{"message":"m"}}"#;
        let server = Server::playing([answer(400, &ids[first..], body)]);
        let ended = Program::asking(&server, &[]).run();
        ended.assert(6, "").says(&format!("(request_id {})", ids[first].1));
    }
}

#[test]
fn json_is_requested() {
    let server = Server::playing([ready()]);
    Program::asking(&server, &[]).run().assert(0, IP);
    assert_eq!(server.seen()[0].headers["accept"], "application/json");
}

#[test]
fn an_html_page_with_status_200_is_named_by_type_and_title() {
    let html = ("Content-Type", "text/html");
    for (act, says) in [
        (
            answer(200, &[html], PAGE),
            "malformed answer: not JSON but text/html, \"Just a moment...\"",
        ),
        (answer(200, &[], "<p>Please log in"), "not JSON but a page, \"Please log in\""),
        (answer(200, &[("Content-Type", "text/plain")], "OK"), "not JSON but text/plain, \"OK\""),
        (
            answer(200, &[("Content-Encoding", "br")], "x"),
            "compressed (br), which was not requested",
        ),
    ] {
        let server = Server::playing([act, ready()]);
        Program::asking(&server, &[]).run().assert(0, IP).says(says);
    }
}

#[test]
fn an_answer_that_cannot_be_used_leaves_one_trace_without_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let long = format!("{KEY} {}", "x".repeat(500));
    for (status, body) in [(403, long.as_str()), (200, long.as_str()), (500, "down")] {
        let act = answer(status, &[("Server", "proxy"), ("Set-Cookie", "not-told")], body);
        let server = Server::playing([act]);
        let arguments = ["-vv", "--timeout", "300ms", "--report", report.to_str().unwrap()];
        let ended = Program::asking(&server, &arguments).run();
        ended.never_says("c0ffee").never_says("not-told");
        let answer = format!("unusable answer: HTTP {status}; content-length: ");
        ended.says(&answer).says("server: proxy");
        let record = fs::read_to_string(&report).unwrap();
        assert!(!record.contains("c0ffee") && !record.contains("not-told"), "{record}");
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        let trace = &record["last_unusable_answer"];
        assert_eq!(trace["http_status"], status);
        assert_eq!(trace["headers"]["server"], "proxy");
        let length = trace["body"].as_str().unwrap().len();
        assert_eq!(length, if status == 500 { 4 } else { 200 });
    }
    let server = Server::playing([ready()]);
    Program::asking(&server, &["--report", report.to_str().unwrap()]).run().assert(0, IP);
    let record: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    assert!(record["last_unusable_answer"].is_null());
}

#[test]
fn unused_headers_do_not_decide() {
    let body = described("inst_abc", "ready", r#","ip":"203.0.113.42""#);
    let many = "X-More: and more\r\n".repeat(1_000);
    for odd in [many.as_str(), "Bad Name: x\r\n", "no colon\r\n", "X: \u{1}\r\n", "Date: never\r\n"]
    {
        let length = body.len();
        let bytes = format!("HTTP/1.1 200 OK\r\n{odd}Content-Length: {length}\r\n\r\n{body}");
        let server = Server::playing([Act::Bytes(bytes.into_bytes())]);
        Program::asking(&server, &["--timeout", "5s"]).run().assert(0, IP);
        assert_eq!(server.count(), 1, "{odd:.20}");
    }
}

#[test]
fn a_body_that_ends_with_the_connection_is_complete_if_it_can_be_parsed() {
    let company = Authority::new("Example Company CA");
    let identity = company.certify(&["127.0.0.1"], Validity::Now);
    let body = described("inst_abc", "ready", r#","ip":"203.0.113.42""#);
    let whole = format!("HTTP/1.1 200 OK\r\n\r\n{body}");
    let cut = &whole[..whole.len() - 5];
    for (bytes, code, stdout) in [(whole.as_str(), 0, IP), (cut, 124, "")] {
        let act = Act::BytesThenClose(bytes.as_bytes().to_vec());
        let receiving = identity.clone();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::on(
            listener,
            move |_, stream| receiving.secure(stream),
            move |_, _| act.clone(),
        );
        let ended = Program::asking(&server, &["--timeout", "3s"])
            .env("FAL_API_URL", format!("https://{}/v1", server.address()))
            .env("SSL_CERT_FILE", company.file())
            .run();
        // The server closes without close_notify.
        ended.assert(code, stdout);
    }
}

#[test]
fn a_new_key_in_the_key_file_is_used_within_the_same_poll() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    for ids in [&["inst_abc"][..], &["inst_abc", "inst_b", "inst_c"]] {
        fs::write(&file, "old-id:old-secret-value\n").unwrap();
        let replaced = file.clone();
        let server = Server::responding(move |_, seen| {
            if seen.headers["authorization"] == "Key new-id:new-secret-value" {
                let more = r#","ip":"203.0.113.42","creator_user_nickname":"new-secret-value old-secret-value""#;
                let one = |id: &str| described(id, "ready", more);
                return match asked(seen) {
                    Asked::One(id) => answer(200, &[], &one(id)),
                    Asked::Page(_) => page(&["inst_abc", "inst_b", "inst_c"].map(one), None),
                };
            }
            fs::write(&replaced, "new-id:new-secret-value\n").unwrap();
            let said = "no: old-secret-value new-secret-value";
            answer(401, &[], &format!(r#"{{"error":{{"message":"{said}"}}}}"#))
        });
        let ended = Program::asking_for(ids[0], &server, &ids[1..])
            .env("WAIT_READY_VERBOSE", "2")
            .without_env("FAL_KEY")
            .env("FAL_KEY_FILE", &file)
            .run();
        ended.assert(0, &IP.repeat(ids.len())).never_says("secret-value");
        assert_eq!(server.count(), 2);
    }
    fs::write(&file, "old-id:old-secret-value\n").unwrap();
    let server = Server::playing([error(401, &[]), ready()]);
    let ended = Program::asking(&server, &[]).env("FAL_KEY_FILE", &file).run();
    ended.assert(4, "");
    assert_eq!(server.count(), 1, "the same key is not sent twice");
}

#[test]
fn a_key_file_is_not_read_again_while_its_key_is_accepted() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "old-id:old-secret-value\n").unwrap();
    let replaced = file.path().to_owned();
    let server = Server::responding(move |number, _| {
        fs::write(&replaced, "new-id:new-secret-value\n").unwrap();
        if number == 0 { pending() } else { ready() }
    });
    Program::asking(&server, &[])
        .without_env("FAL_KEY")
        .env("FAL_KEY_FILE", file.path())
        .run()
        .assert(0, IP);
    let seen = server.seen();
    let keys: Vec<&str> = seen.iter().map(|seen| seen.headers["authorization"].as_str()).collect();
    assert_eq!(keys, ["Key old-id:old-secret-value"; 2]);
}

#[test]
fn advice_fits_the_cause() {
    let outage = Server::playing([error(503, &[("Retry-After", "3600")])]);
    let ended = Program::asking(&outage, &[]).run();
    ended.assert(7, "").says("outage").never_says("reduce polling");
    let throttled = Server::playing([error(429, &[("Retry-After", "3600")])]);
    Program::asking(&throttled, &[]).run().assert(7, "").says("reduce polling");
    let slow = Server::playing([pending()]);
    let ended = Program::asking(&slow, &["--max-in", "pending=100ms"]).run();
    ended.assert(9, "").says("--max-in").never_says("--timeout");
    let once = Server::playing([error(500, &[])]);
    Program::asking(&once, &["--timeout", "0"]).run().assert(124, "").never_says("polling again");
    assert!(once.count() == 1);
}

#[test]
fn a_url_without_version_is_suspected_and_the_right_one_is_not() {
    for (act, code) in [(error(404, &[]), 5), (error(400, &[]), 6), (answer(200, &[], PAGE), 124)] {
        let server = Server::playing([act]);
        let arguments = ["--not-found-grace", "0", "--timeout", "300ms"];
        let ended = Program::asking(&server, &arguments).run();
        ended.assert(code, "").never_says("does not end in /v1");
        let bare = format!("http://{}", server.address());
        let ended = Program::asking(&server, &arguments).env("FAL_API_URL", bare).run();
        ended.assert(code, "").says("does not end in /v1");
    }
}

#[test]
fn a_reset_that_is_a_unix_time_is_waited_for() {
    let now = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_061_234);
    let date = httpdate::fmt_http_date(now);
    for reset in ["1764061235", "1764061235000"] {
        let headers = [("Date", date.as_str()), ("x-ratelimit-reset", reset)];
        let server = Server::playing([error(429, &headers), ready()]);
        let ended = Program::asking(&server, &[]).run();
        ended.assert(0, IP).says("asked to wait 1s (x-ratelimit-reset)");
        assert!(ended.took >= Duration::from_secs(1), "{ended:#?}");
    }
}
