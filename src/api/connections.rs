//! Connections to the API, through the environment's proxy, and renewed from time to time.

use std::{
    io,
    net::ToSocketAddrs as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use reqwest::{
    Client, Proxy,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, HeaderMap, HeaderValue},
    redirect,
};
use rustls::ClientConfig as TlsConfig;
use tokio::{sync::oneshot, time::Instant};

use super::proxy::ProxyUrl;

/// The most concurrent requests.
pub(super) const MAX_IN_FLIGHT: usize = 8;

/// The age at which connections are replaced, because the host's address may have changed.
const MAX_AGE: Duration = Duration::from_secs(60);
/// The number of faulty rounds in a row after which connections are replaced, because the server
/// behind them may be the cause.
const MAX_FAULTS: u32 = 2;
/// The most headers of a response. Few are used, so more than the default of 100 do not matter.
const MAX_HEADERS: usize = 2_000;

/// The connections to one API.
#[derive(Debug)]
pub(super) struct Connections {
    client: Client,
    made: Instant,
    faults: u32,
    tls: TlsConfig,
    proxy: Option<ProxyUrl>,
    look_up: Arc<LookUp>,
    request_timeout: Duration,
}

impl Connections {
    pub(super) fn new(
        tls: TlsConfig,
        proxy: Option<ProxyUrl>,
        request_timeout: Duration,
    ) -> reqwest::Result<Self> {
        let look_up = Arc::default();
        let client = client(&tls, proxy.as_ref(), &look_up, request_timeout)?;
        let made = Instant::now();
        Ok(Self { client, made, faults: 0, tls, proxy, look_up, request_timeout })
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub(super) fn proxy(&self) -> Option<&ProxyUrl> {
        self.proxy.as_ref()
    }

    /// Returns whether a lookup of the host name is pending.
    pub(super) fn is_looking_up(&self) -> bool {
        self.look_up.is_pending.load(Ordering::Relaxed)
    }

    /// Records whether a round was faulty.
    pub(super) fn note(&mut self, was_faulty: bool) {
        self.faults = if was_faulty { self.faults + 1 } else { 0 };
    }

    /// Drops connections that are too old or faulty, so that the next request makes new ones. TLS
    /// sessions are kept.
    pub(super) fn renew_if_due(&mut self) {
        let is_faulty = self.faults >= MAX_FAULTS;
        if !is_faulty && self.made.elapsed() < MAX_AGE {
            return;
        }
        if is_faulty {
            self.look_up.turn.fetch_add(1, Ordering::Relaxed);
        }
        // This worked at the start; should it fail now, the old connections stay.
        if let Ok(client) =
            client(&self.tls, self.proxy.as_ref(), &self.look_up, self.request_timeout)
        {
            self.client = client;
        }
        (self.made, self.faults) = (Instant::now(), 0);
    }
}

fn client(
    tls: &TlsConfig,
    proxy: Option<&ProxyUrl>,
    look_up: &Arc<LookUp>,
    request_timeout: Duration,
) -> reqwest::Result<Client> {
    let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
    let mut builder = Client::builder()
        .user_agent(concat!("wait-ready/", env!("CARGO_PKG_VERSION")))
        .default_headers(accept)
        .http1_only()
        .http1_max_headers(MAX_HEADERS)
        .http1_ignore_invalid_headers_in_responses(true)
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .pool_max_idle_per_host(MAX_IN_FLIGHT)
        // It is divided among the addresses of a host, so that a dead one leaves time for the next.
        // It is shorter than the timeout of the request, so that the error names the phase.
        .connect_timeout(request_timeout / 10 * 9)
        .dns_resolver(Arc::clone(look_up))
        .tls_backend_preconfigured(tls.clone())
        .no_proxy();
    if let Some(proxy) = proxy {
        builder = builder.proxy(Proxy::all(proxy.url())?);
    }
    builder.build()
}

/// A resolver with a thread for each lookup: a failure to start one is an error of one poll, and one
/// that hangs does not keep the process from ending.
#[derive(Debug, Default)]
struct LookUp {
    is_pending: Arc<AtomicBool>,
    /// The index of the address to try first, which changes after faults.
    turn: AtomicUsize,
}

impl Resolve for LookUp {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let turn = self.turn.load(Ordering::Relaxed);
        self.is_pending.store(true, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        let look_up = {
            let host = host.clone();
            move || {
                let addresses = (host.as_str(), 0).to_socket_addrs();
                // The request may have been cancelled.
                let _ = sender.send(addresses.map(Iterator::collect::<Vec<_>>));
            }
        };
        let thread = thread::Builder::new().name("look-up".into()).spawn(look_up);
        let is_pending = Arc::clone(&self.is_pending);
        Box::pin(async move {
            let failed = |reason: String| NotLookedUp { host: host.clone(), reason };
            let addresses = receiver.await;
            is_pending.store(false, Ordering::Relaxed);
            // Not wrapped, so that it is recognised as a limit of this machine.
            thread?;
            let addresses = addresses.map_err(|_| failed("the thread is gone".into()))?;
            let mut addresses = addresses.map_err(|error| failed(plain(&error)))?;
            let count = addresses.len();
            if count == 0 {
                return Err(failed("it has no address".into()).into());
            }
            addresses.rotate_left(turn % count);
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The system's reason, without the standard library's prefix.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

/// A host name cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the host name {host} cannot be looked up: {reason}")]
struct NotLookedUp {
    host: String,
    reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::trust::tls_config;

    #[tokio::test(start_paused = true)]
    async fn connections_are_replaced_after_a_minute_or_two_faults_in_a_row() {
        let tls = tls_config(false).unwrap();
        let mut connections = Connections::new(tls, None, Duration::from_secs(10)).unwrap();
        let mut time = Duration::ZERO;
        for (after, was_faulty, is_new) in [
            (1, true, false),
            (1, false, false),
            (1, true, false),
            (1, true, true),
            (1, true, false),
            (1, false, false),
            (57, false, false),
            (1, false, true),
        ] {
            tokio::time::advance(Duration::from_secs(after)).await;
            time += Duration::from_secs(after);
            let made = connections.made;
            connections.note(was_faulty);
            connections.renew_if_due();
            assert_eq!(connections.made != made, is_new, "after {time:?}");
        }
        assert_eq!(connections.look_up.turn.load(Ordering::Relaxed), 1, "for faults alone");
    }

    #[tokio::test]
    async fn after_faults_another_address_comes_first() {
        let look_up = LookUp::default();
        let addresses = async |look_up: &LookUp| {
            let name = "localhost".parse().unwrap();
            look_up.resolve(name).await.unwrap().collect::<Vec<_>>()
        };
        let before = addresses(&look_up).await;
        look_up.turn.fetch_add(1, Ordering::Relaxed);
        let mut after = addresses(&look_up).await;
        after.rotate_right(1 % before.len());
        assert_eq!(after, before);
        assert!(!look_up.is_pending.load(Ordering::Relaxed));
    }
}
