//! The simulated API over HTTP on loopback.

use std::{
    convert::Infallible,
    future::{pending, ready},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Frame, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, SERVER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpListener,
    task::JoinHandle,
    time::{Instant, sleep},
};

use super::{
    script::{Reply, ScriptedHint},
    simulation::{Served, SimulatedInstance, Simulation},
};
use crate::{
    answer::{hint::HintHeader, poll_error::ErrorType},
    system::clock::time_of_day,
};

/// Twice the size limit of the client.
const OVERSIZED_BYTES: usize = 2 << 20;
/// How long after its beginning a truncated body ends.
const TRUNCATION_DELAY: Duration = Duration::from_millis(50);
/// The pause after a failure to accept a connection, as when there are no file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server for a [`Simulation`] on a port of 127.0.0.1, until it is dropped.
///
/// It checks the `Authorization` header as the real API does.
#[derive(Debug)]
pub struct SimulatedApi {
    address: SocketAddr,
    ssh_address: SocketAddr,
    http_address: SocketAddr,
    key: String,
    shared: Arc<Shared>,
    accepting: [JoinHandle<()>; 3],
}

#[derive(Debug)]
struct Shared {
    simulation: Mutex<Simulation>,
    started: Instant,
    authorization: HeaderValue,
}

/// The identification string of an SSH server.
const SSH: &[u8] = b"SSH-2.0-simulated\r\n";
/// The response of an HTTP server, sent without reading the request.
const HTTP: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

type Body = UnsyncBoxBody<Bytes, io::Error>;

impl SimulatedApi {
    /// Starts a server for `simulation`, with a random key.
    ///
    /// # Errors
    ///
    /// The system's error if it cannot listen on a port of 127.0.0.1.
    pub async fn start(simulation: Simulation) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let key = format!("simulated-{:016x}", fastrand::u64(..));
        let authorization =
            HeaderValue::try_from(format!("Key {key}")).map_err(io::Error::other)?;
        let simulation = Mutex::new(simulation);
        let shared = Arc::new(Shared { simulation, started: Instant::now(), authorization });
        let ssh = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let ssh_address = ssh.local_addr()?;
        let http = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let http_address = http.local_addr()?;
        let accepting = [
            tokio::spawn(accept(listener, Arc::clone(&shared))),
            tokio::spawn(greet(ssh, SSH)),
            tokio::spawn(greet(http, HTTP)),
        ];
        Ok(Self { address, ssh_address, http_address, key, shared, accepting })
    }

    /// The base URL, for `--api-url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address of the API.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of an SSH server that stands in for those of the simulated instances.
    #[must_use]
    pub fn ssh_address(&self) -> SocketAddr {
        self.ssh_address
    }

    /// The address of an HTTP server that stands in for those of the simulated instances.
    #[must_use]
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// The key that it accepts.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// A copy of the simulation's state, with the requests so far.
    #[must_use]
    pub fn snapshot(&self) -> Simulation {
        self.shared.simulation().clone()
    }
}

impl Drop for SimulatedApi {
    fn drop(&mut self) {
        for task in &self.accepting {
            task.abort();
        }
    }
}

impl Shared {
    fn simulation(&self) -> MutexGuard<'_, Simulation> {
        self.simulation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| respond(&shared, request));
            // It fails if the client closes the connection, or the script does.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// Sends `greeting` to each client and closes the connection.
async fn greet(listener: TcpListener, greeting: &[u8]) {
    loop {
        match listener.accept().await {
            Ok((mut stream, _)) => {
                // The client may have closed the connection.
                let _ = stream.write_all(greeting).await;
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers one request; an error closes the connection without a response.
async fn respond(shared: &Shared, request: Request<Incoming>) -> io::Result<Response<Body>> {
    if request.headers().get(AUTHORIZATION) != Some(&shared.authorization) {
        return Ok(error_response(401, None));
    }
    if request.method() != Method::GET {
        return Ok(error_response(405, None));
    }
    let now = shared.started.elapsed();
    let path = request.uri().path();
    let (delay, served) = if path == "/v1/compute/instances" {
        let query = request.uri().query().unwrap_or_default();
        let parameter = |name: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        // Anything but a number is refused, as zero is.
        let limit = parameter("limit").map(|limit| limit.parse().unwrap_or(0));
        let (delay, served) = shared.simulation().list(limit, parameter("cursor").as_deref(), now);
        (
            delay,
            served.map(|page| {
                let instances: Vec<Value> = page.instances.iter().map(wire_instance).collect();
                json!({
                    "instances": instances,
                    "has_more": page.next_cursor.is_some(),
                    "next_cursor": page.next_cursor,
                })
            }),
        )
    } else if let Some(id) = path.strip_prefix("/v1/compute/instances/") {
        let id = percent_decode_str(id).decode_utf8_lossy();
        let (delay, served) = shared.simulation().get(&id, now);
        (delay, served.map(|instance| wire_instance(&instance)))
    } else {
        return Ok(error_response(404, None));
    };
    sleep(delay).await;
    match served {
        Served::Found(value) => Ok(json_response(200, &value)),
        Served::Other(reply) => other_response(&reply).await,
    }
}

fn wire_instance(instance: &SimulatedInstance) -> Value {
    let mut value = json!({
        "id": instance.id.as_str(),
        "instance_type": "gpu_8x_h100_sxm5",
        "region": "us-west",
        "sector": "sector_1",
        "status": instance.status.as_received(),
        "creator_user_nickname": "simulation",
    });
    if let Some(ip) = &instance.ip {
        value["ip"] = json!(ip);
    }
    value
}

async fn other_response(reply: &Reply) -> io::Result<Response<Body>> {
    let closed = || io::Error::other("closed, as the script says");
    match reply {
        Reply::Error { status, hint } => Ok(error_response(*status, *hint)),
        Reply::Drop => Err(closed()),
        Reply::Truncate => {
            let begin = Bytes::from_static(b"{\"id\":\"inst_");
            // Without the delay, the error would prevent that the beginning is sent.
            let end = async move {
                sleep(TRUNCATION_DELAY).await;
                Err(closed())
            };
            let frames = stream::once(ready(Ok(Frame::data(begin)))).chain(stream::once(end));
            let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, json);
            Ok(response)
        }
        Reply::Html => {
            let page = "<html><body>Please log in to the network</body></html>";
            Ok(response(200, "text/html", page.into()))
        }
        Reply::Foreign(status) => {
            let page = format!("<html><title>{status} from a simulated gateway</title></html>");
            let mut answer = response(*status, "text/html", page.into());
            let server = HeaderValue::from_static("simulated-gateway");
            answer.headers_mut().insert(SERVER, server);
            Ok(answer)
        }
        Reply::Oversized => {
            Ok(response(200, "application/json", vec![b' '; OVERSIZED_BYTES].into()))
        }
        Reply::Hang(time) | Reply::Slow(time) => {
            sleep(*time).await;
            Err(closed())
        }
        Reply::Instance { .. } => pending().await,
    }
}

fn error_response(status: u16, hint: Option<ScriptedHint>) -> Response<Body> {
    if status == 204 {
        return response(204, "application/json", Bytes::new());
    }
    let (kind, message) = match status {
        401 => (ErrorType::AuthorizationError, "Authentication required"),
        403 => (ErrorType::AuthorizationError, "Access denied"),
        404 => (ErrorType::NotFound, "Resource not found"),
        429 => (ErrorType::RateLimited, "Rate limit exceeded"),
        501 => (ErrorType::NotImplemented, "Not implemented"),
        500.. => (ErrorType::ServerError, "Simulated outage"),
        _ => (ErrorType::ValidationError, "Simulated refusal"),
    };
    let error = json!({ "error": {
        "type": kind.as_received(),
        "message": message,
        "request_id": format!("req_sim_{:08x}", fastrand::u32(..)),
    }});
    let mut answer = json_response(status, &error);
    if let Some(hint) = hint {
        let secs = hint.wait.as_secs() + u64::from(hint.wait.subsec_nanos() > 0);
        let text = if hint.as_date {
            httpdate::fmt_http_date(time_of_day() + Duration::from_secs(secs))
        } else {
            secs.to_string()
        };
        if let Ok(value) = HeaderValue::try_from(text) {
            match hint.header {
                HintHeader::RetryAfter => answer.headers_mut().insert(RETRY_AFTER, value),
                HintHeader::RateLimitReset => {
                    answer.headers_mut().insert(hint.header.name(), value)
                }
            };
        }
    }
    answer
}

fn json_response(status: u16, value: &Value) -> Response<Body> {
    response(status, "application/json", value.to_string().into())
}

fn response(status: u16, content_type: &'static str, body: Bytes) -> Response<Body> {
    let body = Full::new(body).map_err(|never: Infallible| match never {});
    let mut response = Response::new(body.boxed_unsync());
    if let Ok(status) = hyper::StatusCode::from_u16(status) {
        *response.status_mut() = status;
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
