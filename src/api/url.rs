//! The URLs of the API and its endpoints.

use url::{Host, Url};

use crate::answer::{address::Origin, instance::InstanceId};

/// The base URL of the API, to which a key may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// Which hosts the key may be sent to without encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainHttp {
    /// Only this machine.
    LoopbackOnly,
    /// Any host, because the user allows it.
    Anywhere,
}

/// Why a text is not an [`ApiUrl`]. No message repeats the text: it could contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidApiUrl {
    /// It is not a URL.
    #[error("it is not a URL: {0}")]
    Unreadable(url::ParseError),
    /// Its scheme is neither `http` nor `https`.
    #[error("it must begin with https://, or with http:// for this machine")]
    Scheme,
    /// It contains a user name or a password, which would end up in logs.
    #[error("it contains a user name or a password; the API takes a key instead (FAL_KEY)")]
    Userinfo,
    /// It contains a query or a fragment, which endpoint URLs would lose or misplace.
    #[error("it has a query or a fragment; give only the base, such as https://api.fal.ai/v1")]
    QueryOrFragment,
    /// It is plain http to another machine.
    #[error(
        "plain http would send the API key unencrypted to {0}; use https, or --insecure-http for a \
         mock on a trusted network"
    )]
    Insecure(String),
}

impl ApiUrl {
    /// The production API.
    pub const PRODUCTION: &str = "https://api.fal.ai/v1";

    /// Parses a base URL.
    ///
    /// # Errors
    ///
    /// [`InvalidApiUrl`] if it is not one, or if the key would be sent unencrypted against
    /// `plain_http`.
    pub fn new(text: &str, plain_http: PlainHttp) -> Result<Self, InvalidApiUrl> {
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => InvalidApiUrl::Scheme,
            error => InvalidApiUrl::Unreadable(error),
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidApiUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidApiUrl::Userinfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidApiUrl::QueryOrFragment);
        }
        let api = Self(url);
        if api.is_readable_on_the_way() && plain_http == PlainHttp::LoopbackOnly {
            return Err(InvalidApiUrl::Insecure(api.host().to_owned()));
        }
        Ok(api)
    }

    /// Returns whether the key is sent unencrypted to another machine.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        !self.is_encrypted() && !self.is_loopback()
    }

    /// Returns whether the scheme is `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host name or IP address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host and port, as in the target of CONNECT (RFC 9110 section 9.3.6).
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host(), self.0.port_or_known_default().unwrap_or(443))
    }

    /// Returns whether the path lacks the version with which that of fal's API ends.
    #[must_use]
    pub fn lacks_version(&self) -> bool {
        !self.0.path().trim_end_matches('/').ends_with("/v1")
    }

    /// Where the addresses that the API reports come from.
    pub(super) fn origin(&self) -> Origin {
        if self.is_loopback() { Origin::Loopback } else { Origin::Network }
    }

    fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.to_canonical().is_loopback(),
            None => false,
        }
    }

    /// `GET /compute/instances/{id}`; the id is always one path segment.
    pub(super) fn instance(&self, id: &InstanceId) -> Url {
        self.endpoint(&["compute", "instances", id.as_str()])
    }

    /// `GET /compute/instances?limit=…&cursor=…`.
    pub(super) fn instances(&self, limit: usize, cursor: Option<&str>) -> Url {
        let mut url = self.endpoint(&["compute", "instances"]);
        url.query_pairs_mut().append_pair("limit", &limit.to_string());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        url
    }

    fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        // It cannot fail: an http URL always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ApiUrl, InvalidApiUrl> {
        ApiUrl::new(text, PlainHttp::LoopbackOnly)
    }

    fn instance_url(base: &str, id: &str) -> String {
        parse(base).unwrap().instance(&InstanceId::new(id).unwrap()).to_string()
    }

    #[test]
    fn the_id_is_always_one_path_segment() {
        let base = "https://api.fal.ai/v1/compute/instances/";
        for (id, segment) in [
            ("inst_abc", "inst_abc"),
            ("inst/../x?y", "inst%2F..%2Fx%3Fy"),
            ("a#b", "a%23b"),
            ("%2e%2e", "%252e%252e"),
            ("a\\b", "a%5Cb"),
            ("ä", "%C3%A4"),
        ] {
            assert_eq!(instance_url(ApiUrl::PRODUCTION, id), format!("{base}{segment}"));
        }
    }

    #[test]
    fn a_trailing_slash_of_the_base_does_not_matter() {
        for base in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"] {
            assert_eq!(instance_url(base, "a"), "http://127.0.0.1:8080/compute/instances/a");
        }
        assert_eq!(instance_url("https://h/v1/", "a"), instance_url("https://h/v1", "a"),);
    }

    #[test]
    fn a_cursor_is_percent_encoded() {
        let url = parse("https://h/v1").unwrap().instances(100, Some("a&limit=1#x"));
        assert_eq!(
            url.as_str(),
            "https://h/v1/compute/instances?limit=100&cursor=a%26limit%3D1%23x"
        );
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for local in ["localhost", "api.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(parse(&format!("http://{local}:1/v1")).is_ok(), "{local}");
        }
        for remote in ["api.fal.ai", "10.0.0.1", "localhost.evil.example", "[2001:db8::1]"] {
            let text = format!("http://{remote}/v1");
            assert!(matches!(parse(&text), Err(InvalidApiUrl::Insecure(_))), "{remote}");
            assert!(ApiUrl::new(&text, PlainHttp::Anywhere).unwrap().is_readable_on_the_way());
            assert!(parse(&format!("https://{remote}/v1")).is_ok(), "{remote}");
        }
    }

    #[test]
    fn a_url_with_secrets_or_extra_parts_is_refused_without_repeating_it() {
        for (text, error) in [
            ("https://user:hunter2@h/v1", InvalidApiUrl::Userinfo),
            ("https://h/v1?token=hunter2", InvalidApiUrl::QueryOrFragment),
            ("https://h/v1#hunter2", InvalidApiUrl::QueryOrFragment),
            ("ftp://hunter2.example", InvalidApiUrl::Scheme),
        ] {
            assert_eq!(parse(text), Err(error.clone()), "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert!(matches!(parse("https://"), Err(InvalidApiUrl::Unreadable(_))));
        for text in ["", "api.fal.ai/v1", "/v1"] {
            assert_eq!(parse(text), Err(InvalidApiUrl::Scheme), "{text}");
        }
    }
}
