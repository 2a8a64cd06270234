//! Requests to the API over HTTP, and the meaning of the responses.

use std::{env, error::Error, io, iter, time::Duration};

use reqwest::{
    Response,
    header::{
        AUTHORIZATION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
        RETRY_AFTER, TRANSFER_ENCODING,
    },
};
use tokio::time::{Instant, timeout_at};

use super::{
    connections::Connections,
    credentials::{ApiKey, Redactor},
    evidence,
    list::Listing,
    proxy::{InvalidProxy, ProxyUrl, proxy_for},
    trust::{tls_config, tls_fault},
    url::ApiUrl,
    wire::{self, Page},
};
use crate::{
    answer::{
        hint::Hint,
        instance::{Instance, InstanceId},
        poll_error::{Fault, Phase, PollError, ServerError},
        proxy_fault::ProxyFault,
    },
    system::{
        clock::time_of_day,
        limits::{is_of_limits, out_of_files},
    },
};

/// The longest body that is read.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// How long the body of an error is waited for: its status decides without it.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// A limit for the timeout, so that adding it to an `Instant` cannot overflow.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(366 * 86_400);

const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
/// The headers that may contain a request id, the best first.
const REQUEST_IDS: [&str; 3] = ["x-request-id", "x-fal-request-id", "cf-ray"];

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub struct HttpOptions {
    /// The timeout of one request.
    pub request_timeout: Duration,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
    pub proxies: bool,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self { request_timeout: Duration::from_secs(10), proxies: true }
    }
}

/// Why an [`HttpSource`] cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// The HTTP library refuses its configuration.
    #[error("cannot set up an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The key cannot be sent in a header.
    #[error("cannot send the API key")]
    Key(#[source] reqwest::header::InvalidHeaderValue),
    /// The TLS library refuses its configuration.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(InvalidProxy),
}

/// How the list endpoint is used.
#[derive(Debug)]
pub(super) enum ListUse {
    /// It is used if a listing, which takes at least this many pages, is cheaper than single requests.
    Pages(usize),
    /// Single requests replace it.
    Replaced,
}

/// The API over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    pub(super) connections: Connections,
    pub(super) api: ApiUrl,
    pub(super) key: ApiKey,
    authorization: HeaderValue,
    pub(super) redactor: Redactor,
    request_timeout: Duration,
    pub(super) list: ListUse,
    /// The number of rounds in a row in which the list has failed.
    pub(super) list_faults: u32,
    /// A listing that throttling cut short, and the cursor where it goes on.
    pub(super) cut: Option<(Listing, Option<String>)>,
}

impl HttpSource {
    /// Makes a source that polls `api` with `key`, and keeps connections open between polls.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] if the key cannot be sent, TLS cannot be set up, or the environment names
    /// a proxy that cannot be used.
    pub fn new(api: ApiUrl, key: ApiKey, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let proxy = if options.proxies {
            proxy_for(&api, &|name| env::var_os(name)).map_err(HttpSetupError::Proxy)?
        } else {
            None
        };
        let is_encrypted = api.is_encrypted() || proxy.as_ref().is_some_and(ProxyUrl::is_encrypted);
        let tls = tls_config(is_encrypted).map_err(HttpSetupError::Tls)?;
        Ok(Self {
            authorization: authorization(&key).map_err(HttpSetupError::Key)?,
            connections: Connections::new(tls, proxy, options.request_timeout)
                .map_err(HttpSetupError::Client)?,
            api,
            redactor: Redactor::new(key.clone()),
            key,
            request_timeout: options.request_timeout,
            list: ListUse::Pages(1),
            list_faults: 0,
            cut: None,
        })
    }

    /// Switches to another key if the key's file contains one by now; returns whether it does.
    pub(super) fn take_replaced_key(&mut self) -> bool {
        let Some(key) = self.key.replaced() else { return false };
        let Ok(authorization) = authorization(&key) else { return false };
        self.authorization = authorization;
        self.redactor.add(key.clone());
        self.key = key;
        true
    }

    pub(super) async fn get_instance(&self, id: &InstanceId) -> Result<Instance, PollError> {
        let success = self.get(self.api.instance(id)).await?;
        let read = |body: &[u8]| wire::parse_instance(body, self.api.origin(), &self.redactor);
        self.read(success, read)
    }

    pub(super) async fn get_page(&self, url: url::Url) -> Result<Page, PollError> {
        let success = self.get(url).await?;
        let read = |body: &[u8]| wire::parse_page(body, self.api.origin(), &self.redactor);
        self.read(success, read)
    }

    async fn get(&self, url: url::Url) -> Result<Success, PollError> {
        let deadline = Instant::now() + self.request_timeout.min(MAX_REQUEST_TIMEOUT);
        let request = self.connections.client().get(url);
        let sent = request.header(AUTHORIZATION, self.authorization.clone()).send();
        let response = match timeout_at(deadline, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.no_answer(&error, deadline).await),
            Err(_) => return Err(self.timed_out(Phase::Answer)),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body_deadline = if status.is_success() {
            deadline
        } else {
            deadline.min(Instant::now() + ERROR_BODY_TIMEOUT)
        };
        let mut body = Vec::new();
        let whole = timeout_at(body_deadline, self.read_body(response, &mut body))
            .await
            .unwrap_or_else(|_| Err(self.timed_out(Phase::Answer)));
        let status = status.as_u16();
        if !(200..300).contains(&status) {
            return Err(self.judge_error(status, &headers, &body));
        }
        let ends_itself =
            headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        match whole {
            Err(error) if ends_itself || is_oversized(&error) => Err(error),
            whole => Ok(Success { status, headers, body, broken: whole.err() }),
        }
    }

    fn read<T>(
        &self,
        success: Success,
        read: impl FnOnce(&[u8]) -> Result<T, PollError>,
    ) -> Result<T, PollError> {
        let Success { status, headers, body, broken } = success;
        read(&body)
            .map_err(|e| broken.unwrap_or_else(|| self.with_evidence(e, status, &headers, &body)))
    }

    /// Reads into `body`, which keeps what has come if this fails or is cancelled.
    async fn read_body(&self, mut response: Response, body: &mut Vec<u8>) -> Result<(), PollError> {
        if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
            return Err(OVERSIZED);
        }
        while let Some(chunk) =
            response.chunk().await.map_err(|error| self.transport_fault(&error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(OVERSIZED);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(())
    }

    fn judge_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> PollError {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let mut answer = wire::parse_error(status, body, &self.redactor);
        self.add_evidence(&mut answer, headers, body);
        let now = text(&DATE)
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or_else(time_of_day);
        // If the header is sent twice, the longer pause is the safe one.
        let retry_after = headers.get_all(RETRY_AFTER).iter().filter_map(|v| v.to_str().ok());
        let hint = retry_after
            .filter_map(|value| Hint::read(Some(value), None, now))
            .max_by_key(|hint| hint.wait)
            .or_else(|| Hint::read(None, text(&RATE_LIMIT_RESET), now));
        let location = evidence::header(headers, LOCATION.as_str(), &self.redactor);
        PollError::from_answer(answer, hint, location)
    }

    fn add_evidence(&self, answer: &mut ServerError, headers: &HeaderMap, body: &[u8]) {
        if answer.request_id.is_none() {
            let mut ids = REQUEST_IDS.into_iter();
            answer.request_id = ids.find_map(|id| evidence::header(headers, id, &self.redactor));
        }
        if let Some(foreign) = &mut answer.foreign {
            **foreign = evidence::foreign(headers, body, &self.redactor);
            foreign.trace = Some(evidence::trace(answer.status, headers, body, &self.redactor));
            if answer.message.is_some() {
                foreign.title = None;
            }
        }
    }

    /// Adds to a malformed answer what it is instead.
    fn with_evidence(
        &self,
        mut error: PollError,
        status: u16,
        headers: &HeaderMap,
        body: &[u8],
    ) -> PollError {
        if let PollError::Transient { fault: Fault::Malformed { reason, trace }, .. } = &mut error {
            if let Some(page) = evidence::page(headers, body, &self.redactor) {
                *reason = self.redactor.text(&page);
            }
            *trace = Some(Box::new(evidence::trace(status, headers, body, &self.redactor)));
        }
        error
    }

    fn timed_out(&self, phase: Phase) -> PollError {
        let host = match self.connections.proxy().filter(|_| phase != Phase::Answer) {
            Some(proxy) => format!("the proxy {}", proxy.host()),
            None => self.api.host().to_owned(),
        };
        PollError::transient(Fault::TimedOut {
            after: self.request_timeout,
            phase,
            host: self.redactor.text(&host),
        })
    }

    /// Returns the error of a request without a response; if a proxy refused it, asks the proxy why.
    async fn no_answer(&self, error: &reqwest::Error, deadline: Instant) -> PollError {
        let fault = self.transport_fault(error);
        let is_refusal = matches!(
            &fault,
            PollError::Transient { fault: Fault::Proxy(ProxyFault::Other(text)), .. }
                if text.as_received() == REFUSES
        );
        let Some(proxy) = self.connections.proxy().filter(|_| is_refusal) else { return fault };
        let left = deadline.saturating_duration_since(Instant::now());
        let Some(refusal) = proxy.refusal(&self.api, left.min(ERROR_BODY_TIMEOUT)).await else {
            return fault;
        };
        // Some proxies ask for the password by 401, not 407 (RFC 9110 section 15.5.8).
        if refusal.status == 401 {
            return PollError::from_answer(proxy_wants_a_password(), None, None);
        }
        let title = evidence::title(&refusal.body).map(|title| format!(" {title:?}"));
        let said = format!("{}{}", refusal.head, title.unwrap_or_default());
        PollError::transient(Fault::Proxy(ProxyFault::Refused {
            status: refusal.status,
            said: (!said.is_empty()).then(|| self.redactor.text(&said)),
        }))
    }

    /// Classifies an error of the HTTP library; the innermost cause describes it best.
    fn transport_fault(&self, error: &reqwest::Error) -> PollError {
        let chain = || iter::successors(Some(error as &dyn Error), |&error| error.source());
        let text = chain().last().map(ToString::to_string).unwrap_or_default();
        let limit = || {
            let of_limits = |error: &&io::Error| is_of_limits(error);
            let cause = chain().filter_map(<dyn Error>::downcast_ref).find(of_limits);
            let hidden = || out_of_files().filter(|_| error.is_connect());
            cause.map(ToString::to_string).or_else(|| hidden().map(|error| error.to_string()))
        };
        if let Some(limit) = limit() {
            return PollError::transient(Fault::Exhausted(self.redactor.text(&limit)));
        }
        if error.is_connect() && error.is_timeout() {
            let phase =
                if self.connections.is_looking_up() { Phase::LookUp } else { Phase::Connect };
            return self.timed_out(phase);
        }
        let has_proxy = self.connections.proxy().is_some();
        PollError::transient(if let Some(error) = chain().find_map(tls_error) {
            Fault::Tls(tls_fault(error, &self.redactor))
        } else if let Some(tunnel) =
            chain().find_map(|e| Some(e.to_string().strip_prefix(TUNNEL)?.to_owned()))
        {
            match tunnel.as_str() {
                "proxy authorization required" => {
                    // A wrong password is not sent again, which could lock the account.
                    return PollError::from_answer(proxy_wants_a_password(), None, None);
                }
                UNSUCCESSFUL => Fault::Proxy(ProxyFault::Other(REFUSES.into())),
                "failed to create underlying connection" => {
                    Fault::Proxy(ProxyFault::Unreachable(self.redactor.text(&text)))
                }
                _ => {
                    let text = text.strip_prefix(TUNNEL).unwrap_or(&text);
                    Fault::Proxy(ProxyFault::Other(self.redactor.text(text)))
                }
            }
        } else if error.is_connect() && has_proxy {
            Fault::Proxy(ProxyFault::Unreachable(self.redactor.text(&text)))
        } else if error.is_connect() {
            Fault::Connect(self.redactor.text(&text))
        } else {
            Fault::Broken(self.redactor.text(&text))
        })
    }
}

/// A response with a success status.
struct Success {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
    /// How the connection broke, if its end marks the end of the body: the body may be complete.
    broken: Option<PollError>,
}

const OVERSIZED: PollError =
    PollError::Transient { fault: Fault::Oversized(MAX_BODY_BYTES), hint: None };

fn is_oversized(error: &PollError) -> bool {
    matches!(error, PollError::Transient { fault: Fault::Oversized(_), .. })
}

fn authorization(key: &ApiKey) -> Result<HeaderValue, reqwest::header::InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(format!("Key {}", key.expose()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn proxy_wants_a_password() -> ServerError {
    let mut answer = ServerError::bare(407);
    answer.message = Some("Proxy Authentication Required".into());
    answer
}

/// The beginning of the HTTP library's errors about a proxy, whose type is not public.
const TUNNEL: &str = "tunnel error: ";
/// Its text for a CONNECT that was refused.
const UNSUCCESSFUL: &str = "unsuccessful";
/// Our text for that, if the proxy does not say why.
const REFUSES: &str = "it refuses to connect to the API";

/// The TLS error within `error`. It is wrapped in I/O errors, which `source` skips.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = || error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    error.downcast_ref().or_else(|| tls_error(inner()?))
}
