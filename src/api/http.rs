//! Questions to the API over HTTP, and what their answers mean.

use std::{error::Error, io, iter, sync::Arc, time::Duration};

use reqwest::{
    Client, Response,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect,
};
use tokio::time::{Instant, timeout_at};

use super::{
    credentials::{ApiKey, Redactor},
    look_up::LookUp,
    trust::{tls_config, tls_fault},
    url::ApiUrl,
    wire,
};
use crate::{
    answer::{
        hint::Hint,
        instance::{Instance, InstanceId},
        poll_error::{Fault, PollError},
    },
    system::{
        clock::time_of_day,
        limits::{is_of_limits, no_file_to_be_had},
    },
};

/// The longest body that is read.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The status decides; what an error's body adds is worth this long a wait.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(2);
/// What an `Instant` can surely be moved by.
const LONGEST_REQUEST: Duration = Duration::from_secs(366 * 86_400);
/// The most requests of one round that are under way at once.
pub(super) const MAX_IN_FLIGHT: usize = 8;

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// The longest that one request may take.
    pub request_timeout: Duration,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` are honoured.
    pub proxies: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { request_timeout: Duration::from_secs(10), proxies: true }
    }
}

/// Why no client could be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The HTTP library refuses its configuration.
    #[error("cannot set up an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The key cannot stand in a header.
    #[error("cannot send the API key")]
    Key(#[source] reqwest::header::InvalidHeaderValue),
    /// The TLS library refuses its configuration.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// What is known about asking for many instances at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListUse {
    /// A listing costs at least this many pages.
    Pages(usize),
    /// The API does not list instances for this key.
    Refused,
}

/// The API, asked over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    pub(super) api: ApiUrl,
    pub(super) redactor: Redactor,
    request_timeout: Duration,
    pub(super) list: ListUse,
}

impl HttpSource {
    /// A source that asks `api` with `key`, over connections that are kept open between polls.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] when the key cannot be sent or TLS cannot be set up.
    pub fn new(api: ApiUrl, key: ApiKey, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let mut headers = HeaderMap::new();
        let mut authorization =
            HeaderValue::try_from(format!("Key {}", key.expose())).map_err(HttpSetupError::Key)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let mut builder = Client::builder()
            .user_agent(concat!("wait-ready/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .dns_resolver(Arc::new(LookUp))
            .pool_max_idle_per_host(MAX_IN_FLIGHT);
        if !options.proxies {
            builder = builder.no_proxy();
        }
        let tls = tls_config(api.is_encrypted()).map_err(HttpSetupError::Tls)?;
        builder = builder.tls_backend_preconfigured(tls);
        Ok(Self {
            client: builder.build().map_err(HttpSetupError::Client)?,
            api,
            redactor: Redactor::new(key),
            request_timeout: options.request_timeout,
            list: ListUse::Pages(1),
        })
    }

    pub(super) async fn get_instance(&self, id: &InstanceId) -> Result<Instance, PollError> {
        let body = self.get(self.api.instance(id)).await?;
        wire::parse_instance(&body, self.api.origin(), &self.redactor)
    }

    /// Sends one request; the body of a success.
    pub(super) async fn get(&self, url: url::Url) -> Result<Vec<u8>, PollError> {
        let deadline = Instant::now() + self.request_timeout.min(LONGEST_REQUEST);
        let timed_out = |_| PollError::transient(Fault::TimedOut(self.request_timeout));
        let response = timeout_at(deadline, self.client.get(url).send())
            .await
            .map_err(timed_out)?
            .map_err(|error| self.transport_fault(&error))?;
        if response.status().is_success() {
            return timeout_at(deadline, self.read_body(response)).await.map_err(timed_out)?;
        }
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let patience = deadline.min(Instant::now() + ERROR_BODY_PATIENCE);
        let body = match timeout_at(patience, self.read_body(response)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        Err(self.judge_error(status, &headers, &body))
    }

    async fn read_body(&self, mut response: Response) -> Result<Vec<u8>, PollError> {
        let oversized = || PollError::transient(Fault::Oversized(MAX_BODY_BYTES));
        let mut body = Vec::new();
        if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
            return Err(oversized());
        }
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.transport_fault(&error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(oversized());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn judge_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> PollError {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let mut answer = wire::parse_error(status, body, &self.redactor);
        if answer.request_id.is_none() {
            answer.request_id = text(&REQUEST_ID).map(|id| self.redactor.text(id));
        }
        let now = text(&DATE)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or_else(time_of_day);
        // Sent twice, the longer one is the safe one.
        let retry_after = headers.get_all(RETRY_AFTER).iter().filter_map(|v| v.to_str().ok());
        let hint = retry_after
            .filter_map(|value| Hint::read(Some(value), None, now))
            .max_by_key(|hint| hint.wait)
            .or_else(|| Hint::read(None, text(&RATE_LIMIT_RESET), now));
        let location = headers
            .get(LOCATION)
            .map(|location| self.redactor.text(&String::from_utf8_lossy(location.as_bytes())));
        PollError::from_answer(answer, hint, location)
    }

    /// What a failed exchange was: the innermost cause says it best.
    fn transport_fault(&self, error: &reqwest::Error) -> PollError {
        let chain = || iter::successors(Some(error as &dyn Error), |&error| error.source());
        let text = chain().last().map(ToString::to_string).unwrap_or_default();
        let limit = || {
            let of_limits = |error: &&io::Error| is_of_limits(error);
            let told = chain().filter_map(<dyn Error>::downcast_ref).find(of_limits);
            let found = || no_file_to_be_had().filter(|_| error.is_connect());
            told.map(ToString::to_string).or_else(|| found().map(|error| error.to_string()))
        };
        PollError::transient(if let Some(limit) = limit() {
            Fault::Exhausted(self.redactor.text(&limit))
        } else if let Some(error) = chain().find_map(tls_error) {
            Fault::Tls(tls_fault(error, &self.redactor))
        } else if chain().any(|error| error.to_string().starts_with(TUNNEL)) {
            let text = match text.strip_prefix(TUNNEL).unwrap_or(&text) {
                "unsuccessful" => "it refuses to connect to the API",
                text => text,
            };
            Fault::Proxy(self.redactor.text(text))
        } else if error.is_connect() {
            Fault::Connect(self.redactor.text(&text))
        } else {
            Fault::Broken(self.redactor.text(&text))
        })
    }
}

/// How the HTTP library begins what it says of a proxy; the type of that error is not public.
const TUNNEL: &str = "tunnel error: ";

/// The error of TLS itself, where that is what failed: it is within an I/O error, or within one
/// in another, which their `source` passes over.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.downcast_ref().or_else(|| tls_error(inner()?))
}
