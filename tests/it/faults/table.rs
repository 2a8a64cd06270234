//! The faults, by the phase in which they occur.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use crate::fixture::{
    server::{Act, answer, described, reset_at_close},
    tls::Identity,
};

/// One fault, and the messages of which the program shows one, depending on when it notices it.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) strike: Strike,
    pub(super) says: &'static [&'static str],
}

/// What a fault does.
pub(super) enum Strike {
    /// It handles the connection.
    Connection(fn(TcpStream)),
    /// It handles one request.
    Answer(fn() -> Act),
}

const fn connection(
    name: &'static str,
    strike: fn(TcpStream),
    says: &'static [&'static str],
) -> Row {
    Row { name, strike: Strike::Connection(strike), says }
}

const fn request(name: &'static str, act: fn() -> Act, says: &'static [&'static str]) -> Row {
    Row { name, strike: Strike::Answer(act), says }
}

const LOST: &[&str] = &["the connection broke: ", "cannot connect: "];
const NO_TLS: &[&str] = &["no trusted TLS connection: ", "cannot connect: "];
const SILENT: &[&str] = &["no complete answer within 300ms"];
const MALFORMED: &[&str] = &["malformed answer: "];
const LARGE: &[&str] = &["the answer is larger than 1048576 bytes"];

pub(super) const CONNECT: &[Row] = &[
    connection("closed at once", drop, LOST),
    connection("reset at once", reset, LOST),
    connection("silent, and deaf", hold, SILENT),
    connection("greets as another service", |s| says(s, b"220 mail.example ESMTP\r\n"), LOST),
];

pub(super) const TLS: &[Row] = &[
    connection("closed before the hello", drop, NO_TLS),
    connection("closed after the hello", |s| after_hello(s, b""), NO_TLS),
    connection("reset after the hello", reset_after_hello, NO_TLS),
    connection("silent after the hello", hold, &["no connection to 127.0.0.1 within 300ms"]),
    connection(
        "plain http",
        |s| after_hello(s, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        &["the server does not speak TLS at this port"],
    ),
    connection(
        "an alert instead of a hello",
        |s| after_hello(s, &[21, 3, 3, 0, 2, 2, 40]),
        &["no trusted TLS connection: "],
    ),
    connection("half a record", |s| after_hello(s, &[22, 3, 3, 1, 0, 2]), NO_TLS),
    connection(
        "a certificate of nobody's",
        |stream| {
            let mut own = Identity::self_signed("a stranger", &["127.0.0.1"], false).secure(stream);
            let _ = own.as_mut().map(|own| own.read(&mut [0; 64]));
        },
        &["the certificate is self-signed (a stranger) and not trusted here"],
    ),
];

pub(super) const HEADER: &[Row] = &[
    request("closed before any byte", || close(""), LOST),
    request("closed within the status line", || close("HTTP/1.1 20"), LOST),
    request("closed within the headers", || close("HTTP/1.1 200 OK\r\nContent-Le"), LOST),
    request("reset", || Act::Reset, LOST),
    request("silent", silence, SILENT),
    request("silent within the headers", || stall("HTTP/1.1 200 OK\r\nContent-"), SILENT),
    request("not HTTP", || close("SSH-2.0-OpenSSH_9.2\r\n\r\n"), LOST),
    request("HTTP/2 without being asked", || close("\0\0\u{6}\u{4}\0\0\0\0\0\0\0"), LOST),
    request(
        "a length that is none",
        || close("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        LOST,
    ),
    request(
        "two lengths that differ",
        || close("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"),
        LOST,
    ),
    request(
        "headers without an end",
        || close(&format!("HTTP/1.1 200 OK\r\n{}", "X-More: and more\r\n".repeat(60_000))),
        LOST,
    ),
];

pub(super) const BODY: &[Row] = &[
    request("shorter than said", || close("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), LOST),
    request(
        "silent within",
        || stall("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\""),
        SILENT,
    ),
    request(
        "a chunk size that is none",
        || close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
        LOST,
    ),
    request(
        "closed between chunks",
        || close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"),
        LOST,
    ),
    request("empty", || answer(200, &[], ""), MALFORMED),
    request("no content", || close("HTTP/1.1 204 No Content\r\n\r\n"), MALFORMED),
    request("a page of HTML", || answer(200, &[], "<html>please log in</html>"), MALFORMED),
    request("half a JSON text", || answer(200, &[], r#"{"id":"i1","status":"#), MALFORMED),
    request(
        "another shape",
        || answer(200, &[], r#"{"status":"ready","ip":"192.0.2.66"}"#),
        MALFORMED,
    ),
    request(
        "another instance",
        || answer(200, &[], &described("inst_abc", "ready", "")),
        MALFORMED,
    ),
    request("compressed without being asked", compressed, MALFORMED),
    request("larger than any answer", || answer(200, &[], &" ".repeat((1 << 20) + 1)), LARGE),
    request("as large, in chunks", large_in_chunks, LARGE),
    request(
        "said to be larger, and silent",
        || stall("HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"),
        LARGE,
    ),
    request("a bad gateway", || answer(502, &[], "<html>502</html>"), &["HTTP 502"]),
    request("an outage", || answer(503, &[], ""), &["HTTP 503"]),
];

pub(super) const REUSE: &[Row] = &[
    request("closed instead of an answer", || close(""), LOST),
    request("reset", || Act::Reset, LOST),
    request("silent", silence, SILENT),
    request("the rest of another answer", || close("}\r\n{\"id\":\"i1\"}\r\n"), LOST),
    request(
        "closed within the body",
        || close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        LOST,
    ),
    request("an outage", || answer(500, &[], ""), &["HTTP 500"]),
];

pub(super) const SECOND_PAGE: &[Row] = &[
    request("closed before any byte", || close(""), LOST),
    request("reset", || Act::Reset, LOST),
    request("silent", silence, SILENT),
    request(
        "closed within the body",
        || close("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        LOST,
    ),
    request("a page of HTML", || answer(200, &[], "<html></html>"), MALFORMED),
    request(
        "a single instance",
        || answer(200, &[], &described("inst_abc", "ready", "")),
        MALFORMED,
    ),
    request(
        "the same cursor again",
        || answer(200, &[], r#"{"instances":[],"next_cursor":"2","has_more":true}"#),
        MALFORMED,
    ),
    request("a cursor without an end", endless_cursor, &["its cursor is longer than 4096 bytes"]),
    request(
        "more, but not where",
        || answer(200, &[], r#"{"instances":[],"has_more":true}"#),
        MALFORMED,
    ),
    request("an outage", || answer(503, &[], ""), &["HTTP 503"]),
];

/// Longer than any wait of these tests.
const FOR_EVER: Duration = Duration::from_secs(3);

fn close(text: &str) -> Act {
    Act::BytesThenClose(text.as_bytes().to_vec())
}

fn silence() -> Act {
    stall("")
}

fn stall(text: &str) -> Act {
    Act::Slow(text.as_bytes().to_vec(), FOR_EVER, Vec::new())
}

fn large_in_chunks() -> Act {
    let chunk = format!("80000\r\n{}\r\n", " ".repeat(0x80000));
    close(&format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(3)
    ))
}

fn endless_cursor() -> Act {
    let cursor = "c".repeat(100_000);
    answer(200, &[], &format!(r#"{{"instances":[],"next_cursor":"{cursor}","has_more":true}}"#))
}

fn compressed() -> Act {
    let body = b"\x1f\x8b\x08\x00\x00\x00\x00\x00";
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\n";
    Act::Bytes([head.as_bytes(), body].concat())
}

fn reset(stream: TcpStream) {
    reset_at_close(&stream);
    drop(stream);
}

/// Listens, and says nothing until the client goes.
fn hold(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

fn says(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
    let _ = stream.read(&mut [0; 1024]);
}

fn after_hello(mut stream: TcpStream, bytes: &[u8]) {
    let _ = stream.read(&mut [0; 4096]);
    let _ = stream.write_all(bytes);
}

fn reset_after_hello(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    reset(stream);
}
