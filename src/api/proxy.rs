//! The proxy that the environment names for the API, and why it refuses a connection.

use std::{ffi::OsString, fmt, io, time::Duration};

use hyper_util::client::proxy::matcher::Matcher;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::url::ApiUrl;

/// The URL of an HTTP proxy. `Debug` shows only its host: it may contain a password.
#[derive(Clone)]
pub(super) struct ProxyUrl(Url);

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProxyUrl").field(&self.host()).finish()
    }
}

/// Why a variable does not name a usable proxy. No message repeats its value: it could contain a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} {defect}")]
pub struct InvalidProxy {
    variable: &'static str,
    defect: ProxyDefect,
}

/// What is wrong with the URL of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyDefect {
    /// It is a SOCKS proxy.
    #[error("names a SOCKS proxy, which is not supported; use an HTTP proxy, or NO_PROXY")]
    Socks,
    /// Its scheme is neither `http` nor `https`.
    #[error("must begin with http:// or https://")]
    Scheme,
    /// It is not a URL.
    #[error("is not the URL of a proxy, such as http://user:password@host:3128")]
    Unreadable,
    /// Its user or password contains a delimiter of URLs (RFC 3986 section 2.2).
    #[error(
        "has an `@`, `#`, `/`, `?` or `\\` within its user or password: write %40, %23, %2F, %3F or \
         %5C instead, so that no part of the password is taken for a host"
    )]
    Unescaped,
}

/// Finds the proxy for `api`; `variable` reads an environment variable.
pub(super) fn proxy_for(
    api: &ApiUrl,
    variable: &impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ProxyUrl>, InvalidProxy> {
    let set = |name: &&'static str| variable(name).is_some_and(|value| !value.is_empty());
    // Under CGI, HTTP_PROXY is the client's `Proxy` header (CVE-2016-5385, "httpoxy").
    let is_cgi = variable("REQUEST_METHOD").is_some();
    let names: &[&'static str] = match (api.is_encrypted(), is_cgi) {
        (true, _) => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        (false, false) => &["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
        (false, true) => &["http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let Some(name) = names.iter().copied().find(|name| set(name)) else { return Ok(None) };
    let text = |name: &str| {
        let value = variable(name).unwrap_or_default();
        value.into_string().unwrap_or_else(|_| "\u{fffd}".to_owned())
    };
    let no_proxy = ["NO_PROXY", "no_proxy"].into_iter().find(|name| set(name)).map(text);
    if no_proxy.is_some_and(|no_proxy| bypasses(api, no_proxy)) {
        return Ok(None);
    }
    ProxyUrl::new(&text(name)).map(Some).map_err(|defect| InvalidProxy { variable: name, defect })
}

/// Returns whether `NO_PROXY` exempts `api`, by the rules of the HTTP library.
fn bypasses(api: &ApiUrl, no_proxy: String) -> bool {
    let matcher = Matcher::builder().all("http://proxy.invalid").no(no_proxy).build();
    api.as_str().parse().is_ok_and(|uri| matcher.intercept(&uri).is_none())
}

impl ProxyUrl {
    fn new(text: &str) -> Result<Self, ProxyDefect> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        if scheme.to_ascii_lowercase().starts_with("socks") {
            return Err(ProxyDefect::Socks);
        }
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(ProxyDefect::Scheme);
        }
        // With one of these before the last `@`, the host would begin elsewhere than it seems to.
        if let Some((before, _)) = rest.rsplit_once('@')
            && before.contains(['@', '#', '/', '?', '\\'])
        {
            return Err(ProxyDefect::Unescaped);
        }
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| ProxyDefect::Unreadable)?;
        let is_bare = url.query().is_none() && url.fragment().is_none() && url.path() == "/";
        let has_host = url.host_str().is_some_and(|host| !host.is_empty());
        if !is_bare || !has_host || url.port() == Some(0) || rest.contains(char::is_whitespace) {
            return Err(ProxyDefect::Unreadable);
        }
        Ok(Self(url))
    }

    pub(super) fn url(&self) -> Url {
        self.0.clone()
    }

    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Sends CONNECT once more to find out why the proxy refuses it, which the HTTP library does not
    /// report. Returns `None` if there is no such response within `patience`.
    pub(super) async fn refusal(&self, api: &ApiUrl, patience: Duration) -> Option<Refusal> {
        if self.is_encrypted() {
            return None;
        }
        timeout(patience, self.ask(api)).await.ok()?.ok().flatten()
    }

    async fn ask(&self, api: &ApiUrl) -> io::Result<Option<Refusal>> {
        /// The most bytes of the response that are read.
        const MAX_BYTES: u64 = 16 << 10;
        let port = self.0.port_or_known_default().unwrap_or(80);
        let host = self.host().trim_matches(['[', ']']).to_owned();
        let mut stream = TcpStream::connect((host, port)).await?;
        let target = api.authority();
        let mut head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        let matcher = Matcher::builder().all(self.0.as_str()).build();
        let authorization =
            api.as_str().parse().ok().and_then(|uri| {
                Some(matcher.intercept(&uri)?.basic_auth()?.to_str().ok()?.to_owned())
            });
        if let Some(authorization) = authorization {
            head += &format!("Proxy-Authorization: {authorization}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).await?;
        let mut bytes = Vec::new();
        // What has come counts, however the connection ends.
        let _ = timeout(READ_TIMEOUT, stream.take(MAX_BYTES).read_to_end(&mut bytes)).await;
        Ok(Refusal::parse(&bytes))
    }
}

/// How long the response of a proxy is read.
const READ_TIMEOUT: Duration = Duration::from_secs(1);

/// The response of a proxy that refuses CONNECT.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// Its reason phrase and the headers that explain it, in one line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Refusal {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
        let mut lines = head.split("\r\n");
        let first = lines.next()?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let reason = first.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
        let headers = lines.filter(|line| {
            let line = line.to_ascii_lowercase();
            ["server:", "x-squid-error:", "proxy-status:"].iter().any(|name| line.starts_with(name))
        });
        let head = [reason.as_str()].into_iter().chain(headers).filter(|text| !text.is_empty());
        Some(Self { status, head: head.collect::<Vec<_>>().join(", "), body: body.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_repeating_it() {
        for (text, defect) in [
            ("socks5://hunter2@h:1", ProxyDefect::Socks),
            ("SOCKS5h://h:1", ProxyDefect::Socks),
            ("socks4a://h", ProxyDefect::Socks),
            ("socks://h", ProxyDefect::Socks),
            ("ftp://h", ProxyDefect::Scheme),
            ("http://u:hunter2@x@h:1", ProxyDefect::Unescaped),
            ("http://u:hunter2#x@h:1", ProxyDefect::Unescaped),
            ("http://u:12#hunter2@h:1", ProxyDefect::Unescaped),
            ("u:hunter2/x@h:1", ProxyDefect::Unescaped),
            ("http://u:hunter2?x@h", ProxyDefect::Unescaped),
            ("http://u:hunter2\\x@h", ProxyDefect::Unescaped),
            ("http://", ProxyDefect::Unreadable),
            ("http://h:hunter2", ProxyDefect::Unreadable),
            ("http://h:99999", ProxyDefect::Unreadable),
            ("http://h:0", ProxyDefect::Unreadable),
            ("http://h#hunter2", ProxyDefect::Unreadable),
            ("http://h/path", ProxyDefect::Unreadable),
            ("http://a b", ProxyDefect::Unreadable),
            ("http://[::1", ProxyDefect::Unreadable),
            ("\u{fffd}", ProxyDefect::Unreadable),
        ] {
            let read = ProxyUrl::new(text).map(|proxy| proxy.url());
            assert_eq!(read, Err(defect), "{text}");
            assert!(!defect.to_string().contains("hunter2"));
        }
        for text in
            ["h:3128", "http://h", "HTTPS://u:p%40ss@h:1/", "u:p@10.0.0.1:80", "http://[::1]:1"]
        {
            assert!(ProxyUrl::new(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_refusal_is_parsed_from_any_bytes() {
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nServer: squid\r\nDate: x\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n<html>";
        let refusal = Refusal::parse(answer).unwrap();
        assert_eq!(refusal.status, 503);
        assert_eq!(
            refusal.head,
            "Service Unavailable, Server: squid, X-Squid-Error: ERR_DNS_FAIL 0"
        );
        assert_eq!(refusal.body, b"<html>");
        for cut in 0..answer.len() - 6 {
            assert_eq!(Refusal::parse(&answer[..cut]), None);
        }
        assert_eq!(Refusal::parse(b"\r\n\r\n"), None);
    }
}
