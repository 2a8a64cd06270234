//! The HTTP probe: a 2xx status line succeeds (RFC 9112 section 4); the body is not read.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout_at},
};

use crate::{
    text::untrusted::Untrusted,
    wait::{condition::HttpPath, probe::ProbeError},
};

/// The most bytes read until the final status line is complete.
const MAX_BYTES: usize = 64 * 1024;
/// The most bytes of a status line that are kept.
const MAX_STATUS_LINE_BYTES: usize = 1024;
/// The port that a `Host` header may leave out (RFC 9110 section 7.2).
const DEFAULT_PORT: u16 = 80;

/// Requests `path` from `peer` over `stream`. Follows no redirect and sends no credentials.
///
/// The response must come by `deadline`; `timeout` is what the error reports then.
///
/// # Errors
///
/// [`ProbeError`] if the response is not 2xx, not HTTP, incomplete or too late.
pub async fn get(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    path: &HttpPath,
    deadline: Instant,
    timeout: Duration,
) -> Result<(), ProbeError> {
    let exchange = async {
        stream.write_all(request(peer, path).as_bytes()).await?;
        final_response(stream).await
    };
    timeout_at(deadline, exchange).await.unwrap_or(Err(ProbeError::Silent(timeout)))
}

fn request(peer: SocketAddr, path: &HttpPath) -> String {
    let host = match (peer, peer.port()) {
        (SocketAddr::V4(v4), DEFAULT_PORT) => v4.ip().to_string(),
        (SocketAddr::V6(v6), DEFAULT_PORT) => format!("[{}]", v6.ip()),
        (peer, _) => peer.to_string(),
    };
    format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: wait-ready/{}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n",
        path.as_str(),
        env!("CARGO_PKG_VERSION"),
    )
}

/// Reads up to the first status line that is not interim (1xx, RFC 9110 section 15.2).
async fn final_response(mut stream: impl AsyncRead + Unpin) -> Result<(), ProbeError> {
    let mut heard = Heard::default();
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        if count == 0 {
            return Err(heard.at_end());
        }
        for &byte in &chunk[..count] {
            if let Some(status) = heard.take(byte)? {
                return match status {
                    200..=299 => Ok(()),
                    status => Err(ProbeError::HttpStatus { status, line: heard.shown() }),
                };
            }
        }
    }
}

/// What a peer has sent so far.
#[derive(Debug, Default)]
struct Heard {
    line: Vec<u8>,
    bytes: usize,
    /// Whether the line is a header of an interim response.
    is_interim: bool,
}

impl Heard {
    /// Takes one byte; returns the status code of a final response once its status line is complete.
    fn take(&mut self, byte: u8) -> Result<Option<u16>, ProbeError> {
        self.bytes += 1;
        if byte != b'\n' {
            if self.line.len() < MAX_STATUS_LINE_BYTES {
                self.line.push(byte);
            }
            let is_http = self.is_interim || begins_status_line(&self.line);
            return if is_http && self.bytes < MAX_BYTES { Ok(None) } else { Err(self.not_http()) };
        }
        if self.is_interim {
            self.is_interim = !matches!(self.line.as_slice(), b"" | b"\r");
            self.line.clear();
            return Ok(None);
        }
        match status_of(self.line.trim_ascii_end()) {
            Some(100..=199) => {
                self.is_interim = true;
                self.line.clear();
                Ok(None)
            }
            Some(status) => Ok(Some(status)),
            None => Err(self.not_http()),
        }
    }

    fn shown(&self) -> Untrusted {
        Untrusted::from(String::from_utf8_lossy(self.line.trim_ascii_end()).as_ref())
    }

    fn not_http(&self) -> ProbeError {
        ProbeError::NotHttp(self.shown())
    }

    fn at_end(&self) -> ProbeError {
        if self.line.is_empty() || self.is_interim { ProbeError::NoAnswer } else { self.not_http() }
    }
}

/// Returns whether `line` is the beginning of a status line.
fn begins_status_line(line: &[u8]) -> bool {
    const BEGIN: &[u8] = b"HTTP/1.";
    let known = line.len().min(BEGIN.len());
    line[..known] == BEGIN[..known]
}

/// Parses the code of `HTTP/1.x SP 3DIGIT [SP reason]` (RFC 9112 section 4).
fn status_of(line: &[u8]) -> Option<u16> {
    let rest = line.strip_prefix(b"HTTP/1.0 ").or_else(|| line.strip_prefix(b"HTTP/1.1 "))?;
    let (code, rest) = rest.split_at_checked(3)?;
    let is_code = code.iter().all(u8::is_ascii_digit) && matches!(rest.first(), None | Some(b' '));
    let code: u16 = std::str::from_utf8(code).ok().filter(|_| is_code)?.parse().ok()?;
    (code >= 100).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(parts: &[&[u8]]) -> Result<(), ProbeError> {
        let (client, mut server) = tokio::io::duplex(256 * 1024);
        for part in parts {
            server.write_all(part).await.unwrap();
        }
        server.shutdown().await.unwrap();
        let sink = tokio::spawn(async move { server.read_to_end(&mut Vec::new()).await });
        let peer = "203.0.113.1:8000".parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(1);
        let path = HttpPath::new("/health").unwrap();
        let result = get(client, peer, &path, deadline, Duration::from_secs(1)).await;
        sink.abort();
        result
    }

    #[tokio::test(start_paused = true)]
    async fn a_2xx_succeeds_whatever_follows_its_status_line() {
        for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 204 \n", "HTTP/1.1 299\r\n"] {
            assert_eq!(answered(&[head.as_bytes()]).await, Ok(()), "{head}");
        }
        let endless = vec![b'x'; 100_000];
        assert_eq!(answered(&[b"HTTP/1.1 200 OK\r\n", &endless]).await, Ok(()));
        let interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n";
        assert_eq!(answered(&[interim]).await, Ok(()));
        let split: Vec<&[u8]> = interim.chunks(1).collect();
        assert_eq!(answered(&split).await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn any_other_response_is_named() {
        for (said, due) in [
            ("HTTP/1.1 503 Loading model\r\n\r\n", "HTTP/1.1 503 Loading model"),
            ("HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "HTTP/1.1 302 Found"),
            ("SSH-2.0-OpenSSH_9.2\r\n", "connected, but not HTTP: S"),
            ("HTTP/2 200\r\n", "not HTTP: HTTP/2"),
            ("HTTP/1.1 2000 OK\r\n", "not HTTP: HTTP/1.1 2000 OK"),
            ("HTTP/1.1 20\r\n", "not HTTP: HTTP/1.1 20"),
            ("HTTP/1.1 099 x\r\n", "not HTTP"),
            ("HTTP/1.1 200", "not HTTP: HTTP/1.1 200"),
            ("HTTP/1.1 100 Continue\r\n\r\n", "closed without an HTTP answer"),
            ("HTTP/1.1 100 x\r\n \r\nHTTP/1.1 200 OK\r\n", "closed without an HTTP answer"),
            ("", "closed without an HTTP answer"),
            ("HTTP/1.1 500 \x1b[2J\r\n", "HTTP/1.1 500 \\u{1b}[2J"),
        ] {
            let error = answered(&[said.as_bytes()]).await.unwrap_err().to_string();
            assert!(error.contains(due), "{said:?}: {error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_response_is_abandoned_after_64_kib() {
        let endless = [b"HTTP/1.1 100 x\r\n".as_slice(), &vec![b'a'; 80_000]].concat();
        assert!(matches!(answered(&[&endless]).await, Err(ProbeError::NotHttp(_))));
        let line = [b"HTTP/1.1 200 ".as_slice(), &vec![b'a'; 80_000]].concat();
        assert!(matches!(answered(&[&line]).await, Err(ProbeError::NotHttp(_))));
    }

    #[test]
    fn the_host_header_omits_the_default_port_and_brackets_ipv6() {
        let path = HttpPath::new("/v1/models?x=1").unwrap();
        for (peer, host) in [
            ("203.0.113.1:80", "203.0.113.1"),
            ("203.0.113.1:8000", "203.0.113.1:8000"),
            ("[2001:db8::7]:80", "[2001:db8::7]"),
            ("[2001:db8::7]:8000", "[2001:db8::7]:8000"),
        ] {
            let request = request(peer.parse().unwrap(), &path);
            assert!(request.starts_with("GET /v1/models?x=1 HTTP/1.1\r\n"), "{request}");
            assert!(request.contains(&format!("\r\nHost: {host}\r\n")), "{request}");
            assert!(!request.to_lowercase().contains("authorization"), "{request}");
        }
    }
}
