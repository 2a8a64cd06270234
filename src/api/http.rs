//! Questions to the API over HTTP, and what their answers mean.

use std::{error::Error as _, io, time::Duration};

use futures_util::{StreamExt as _, stream};
use reqwest::{
    Certificate, Client, Response,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER},
    redirect,
};
use tokio::time::{Instant, timeout_at};

use super::{
    credentials::{ApiKey, Redactor},
    list::{Listing, Step},
    url::ApiUrl,
    wire,
};
use crate::{
    clock::time_of_day,
    instance::{Instance, InstanceId},
    policy::Answer,
    poll_error::{Fault, PollError, Refusal, ServerError},
    retry_after::Hint,
    source::{InstanceSource, Round},
};

/// The longest body that is read.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The status decides; what an error's body adds is worth this long a wait.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(2);
/// What an `Instant` can surely be moved by.
const LONGEST_REQUEST: Duration = Duration::from_secs(366 * 86_400);
/// The most requests of one round that are under way at once.
const MAX_IN_FLIGHT: usize = 8;
/// The most instances asked for in one page.
const PAGE_LIMIT: usize = 100;

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
pub enum HttpSetupError {
    /// The HTTP library refuses its configuration.
    #[error("cannot set up an HTTP client")]
    Client(#[source] reqwest::Error),
}

/// The API, asked over HTTP.
#[derive(Debug)]
pub struct HttpSource {
    client: Client,
    api: ApiUrl,
    redactor: Redactor,
    request_timeout: Duration,
    list: ListUse,
}

/// What is known about asking for many instances at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListUse {
    /// A listing costs at least this many pages.
    Pages(usize),
    /// The API does not list instances for this key.
    Refused,
}

impl HttpSource {
    /// A source that asks `api` with `key`, over connections that are kept open between polls.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(api: ApiUrl, key: ApiKey, options: HttpOptions) -> Result<Self, HttpSetupError> {
        // Fails only if a provider is installed already, and then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Ok(mut authorization) = HeaderValue::try_from(format!("Key {}", key.expose())) {
            authorization.set_sensitive(true);
            headers.insert(AUTHORIZATION, authorization);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("wait-ready/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .http1_only()
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(MAX_IN_FLIGHT);
        if !options.proxies {
            builder = builder.no_proxy();
        }
        builder = if api.is_encrypted() {
            // Beside the machine's own store, so that an image without one still works.
            let bundled = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
            builder.tls_certs_merge(bundled.filter_map(|der| Certificate::from_der(der).ok()))
        } else {
            builder.tls_certs_only([])
        };
        Ok(Self {
            client: builder.build().map_err(HttpSetupError::Client)?,
            api,
            redactor: Redactor::new(key),
            request_timeout: options.request_timeout,
            list: ListUse::Pages(1),
        })
    }

    async fn get_instance(&self, id: &InstanceId) -> Result<Instance, PollError> {
        let body = self.get(self.api.instance(id)).await?;
        wire::parse_instance(&body, id, &self.redactor)
    }

    /// Sends one request; the body of a success.
    async fn get(&self, url: url::Url) -> Result<Vec<u8>, PollError> {
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
        let hint = Hint::read(text(&RETRY_AFTER), text(&RATE_LIMIT_RESET), now);
        let location = headers
            .get(LOCATION)
            .map(|location| self.redactor.text(&String::from_utf8_lossy(location.as_bytes())));
        PollError::from_answer(answer, hint, location)
    }

    /// What a failed exchange was: the innermost cause says it best.
    fn transport_fault(&self, error: &reqwest::Error) -> PollError {
        let mut text = error.to_string();
        let mut tls = false;
        let mut cause = error.source();
        while let Some(inner) = cause {
            text = inner.to_string();
            tls |= is_tls(inner);
            cause = inner.source();
        }
        let text = self.redactor.text(&text);
        PollError::transient(if tls {
            Fault::Tls(text)
        } else if error.is_connect() {
            Fault::Connect(text)
        } else {
            Fault::Broken(text)
        })
    }

    /// Asks for each instance by a request of its own, until the server asks for a pause.
    async fn get_each(&self, ids: &[InstanceId]) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::with_capacity(ids.len());
        answers.resize_with(ids.len(), || None);
        let mut unasked = ids.iter().enumerate();
        let ask = |(position, id)| async move { (position, self.get_instance(id).await) };
        let mut in_flight: stream::FuturesUnordered<_> =
            unasked.by_ref().take(MAX_IN_FLIGHT).map(ask).collect();
        let mut verdict_for_all = None;
        let mut paused = false;
        while let Some((position, answer)) = in_flight.next().await {
            match &answer {
                Err(PollError::Unauthorized(answer)) if answer.status == 401 => {
                    verdict_for_all = Some(PollError::Unauthorized(answer.clone()));
                }
                Err(error) => {
                    paused |=
                        matches!(error, PollError::Throttled { .. }) || error.hint().is_some();
                }
                Ok(_) => {}
            }
            answers[position] = Some(answer);
            if !paused && verdict_for_all.is_none() {
                in_flight.extend(unasked.next().map(ask));
            }
        }
        if let Some(verdict) = verdict_for_all {
            for answer in answers.iter_mut().filter(|answer| answer.is_none()) {
                *answer = Some(Err(verdict.clone()));
            }
        }
        answers
    }

    /// Asks for all instances by the pages of a list, as long as that is fewer requests than one
    /// for each; none when the API does not list.
    async fn list(&mut self, ids: &[InstanceId]) -> Result<Vec<Answer>, ListRefused> {
        let mut listing = Listing::new(ids);
        let mut cursor: Option<String> = None;
        let outcome = loop {
            let url = self.api.instances(PAGE_LIMIT, cursor.as_deref());
            let page = match self.get(url).await {
                Ok(body) => wire::parse_page(&body, &self.redactor),
                Err(error) if refuses_listing(&error) => return Err(ListRefused),
                Err(error) => Err(error),
            };
            match page.map(|page| listing.take(page)) {
                Ok(Step::Done) => break Ok(()),
                Ok(Step::Next(_)) if listing.pages() >= ids.len() => break Ok(()),
                Ok(Step::Next(next)) => cursor = Some(next),
                Ok(Step::Broken(reason)) => break Err(PollError::malformed(reason)),
                Err(error) => break Err(error),
            }
        };
        if listing.pages() >= ids.len() {
            self.list = ListUse::Pages(listing.pages());
        }
        let mut answers: Vec<Answer> = ids.iter().map(|id| listing.remove(id).map(Ok)).collect();
        let missing: Vec<usize> =
            (0..ids.len()).filter(|&position| answers[position].is_none()).collect();
        match outcome {
            // Not on the list is not yet 404: each is asked for by name.
            Ok(()) => {
                let names: Vec<InstanceId> =
                    missing.iter().map(|&position| ids[position].clone()).collect();
                for (position, answer) in missing.into_iter().zip(self.get_each(&names).await) {
                    answers[position] = answer;
                }
            }
            Err(error) => {
                for position in missing {
                    answers[position] = Some(Err(error.clone()));
                }
            }
        }
        Ok(answers)
    }
}

/// The API does not list instances for this key.
struct ListRefused;

/// Whether an answer to a list request says that there is no such list for us, rather than
/// something about the instances.
fn refuses_listing(error: &PollError) -> bool {
    match error {
        PollError::NotFound(_) | PollError::Refused(Refusal::Status(_)) => true,
        PollError::Unauthorized(ServerError { status, .. }) => *status == 403,
        PollError::Transient { fault: Fault::Server(answer), .. } => answer.status == 501,
        _ => false,
    }
}

impl InstanceSource for HttpSource {
    async fn poll(&mut self, ids: &[InstanceId]) -> Round {
        let list_is_cheaper = match self.list {
            ListUse::Pages(pages) => pages < ids.len(),
            ListUse::Refused => false,
        };
        if list_is_cheaper {
            match self.list(ids).await {
                Ok(answers) => return Round { answers, notice: None },
                Err(ListRefused) => {
                    self.list = ListUse::Refused;
                    let notice = Some(
                        "the API does not list instances for this key: asking for each by its own \
                         request",
                    );
                    return Round { answers: self.get_each(ids).await, notice };
                }
            }
        }
        Round { answers: self.get_each(ids).await, notice: None }
    }
}

/// Whether TLS itself is what failed.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    error.is::<rustls::Error>()
        || error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
            .is_some_and(|inner| inner.is::<rustls::Error>())
}
