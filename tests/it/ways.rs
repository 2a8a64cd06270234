//! Connections to the API: proxies and `NO_PROXY`, IPv4 and IPv6, kept and lost connections.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::fixture::{
    port::ClosedPort,
    program::{Ended, KEY, Program, has, with_enough_time},
    server::{Act, Server, answer, described, instance, pending, ready},
    tls::{Authority, Validity},
};

const IP: &str = "203.0.113.42\n";
const PASSWORD: &str = "proxy-passw0rd";
/// Long enough for a wait that succeeds.
const LONG: Duration = Duration::from_secs(50);

/// A proxy that opens tunnels (CONNECT), or answers `refusal`; it records the heads of requests.
struct Tunnels {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    fn open() -> Self {
        Self::start(None)
    }

    fn refusing(refusal: &'static str) -> Self {
        Self::start(Some(refusal))
    }

    fn start(refusal: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://someone:{PASSWORD}@{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let told = Arc::clone(&told);
                thread::spawn(move || serve_tunnel(stream, refusal, &told));
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve_tunnel(mut client: TcpStream, refusal: Option<&str>, told: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    told.lock().unwrap().push(head.clone());
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    if let Some(refusal) = refusal {
        let _ = client.write_all(refusal.as_bytes());
        return;
    }
    let Ok(mut server) = TcpStream::connect(target) else { return };
    let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
    let (mut to, mut from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut server, &mut client);
    let _ = client.shutdown(Shutdown::Write);
}

/// A server over TLS, and a wait for it that goes through `proxy` unless `around` says otherwise.
fn over_tls(proxy: &str, around: &str, timeout: Duration) -> (Ended, Server) {
    let company = Authority::new("Example Company CA");
    let identity = company.certify(&["127.0.0.1"], Validity::Now);
    let server =
        identity.serving("127.0.0.1:0", |number, _| if number == 0 { pending() } else { ready() });
    let ended = Program::asking(&server, &["-vv"])
        .limit("TIMEOUT", timeout)
        .env("FAL_API_URL", format!("https://{}/v1", server.address()))
        .env("SSL_CERT_FILE", company.file())
        .env("HTTPS_PROXY", proxy)
        .env("NO_PROXY", around)
        .env("RUST_LOG", "trace")
        .run();
    ended.never_says(PASSWORD);
    (ended, server)
}

#[test]
fn an_https_proxy_opens_one_tunnel_and_never_sees_the_key() {
    let proxy = Tunnels::open();
    let (ended, server) = over_tls(&proxy.url, "", LONG);
    ended.assert(0, IP);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "one tunnel for both polls: {heads:?}");
    assert!(heads[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", server.address())));
    assert!(heads[0].to_lowercase().contains("proxy-authorization: basic "), "{heads:?}");
    assert!(!heads[0].contains(KEY) && !heads[0].contains("\r\nauthorization:"), "{heads:?}");
    assert!(!server.seen()[0].headers.contains_key("proxy-authorization"));
}

#[test]
fn no_proxy_bypasses_the_proxy() {
    for around in ["127.0.0.1", "127.0.0.0/8", "example.com,127.0.0.1"] {
        let proxy = Tunnels::open();
        over_tls(&proxy.url, around, LONG).0.assert(0, IP);
        assert_eq!(proxy.heads().len(), 0, "{around}");
    }
    let proxy = Tunnels::open();
    over_tls(&proxy.url, "example.com", LONG).0.assert(0, IP);
    assert_eq!(proxy.heads().len(), 1);
    let server = Server::playing([ready()]);
    for around in ["*", "localhost"] {
        let url = format!("http://localhost:{}/v1", server.address().port());
        let ended = Program::asking(&server, &["--api-url", &url])
            .env("HTTP_PROXY", &proxy.url)
            .env("NO_PROXY", around)
            .run();
        ended.assert(0, IP);
        assert_eq!(proxy.heads().len(), 1, "{around}");
    }
}

#[test]
fn a_proxy_that_opens_no_tunnel_is_transient_and_says_why() {
    for (refusal, what, advice) in [
        (
            "HTTP/1.1 403 Forbidden\r\nServer: squid\r\n\r\n<title>Access Denied</title>",
            "it answers HTTP 403: Forbidden, Server: squid \"Access Denied\"",
            "the proxy's own rules forbid it",
        ),
        (
            "HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n",
            "it answers HTTP 503: Service Unavailable, X-Squid-Error: ERR_DNS_FAIL 0",
            "cannot reach the API",
        ),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "it answers HTTP 502: Bad Gateway", "NO_PROXY"),
        ("", "unexpected end of file", "check HTTPS_PROXY"),
    ] {
        let ended = with_enough_time(Duration::from_millis(600), |deadline| {
            let proxy = Tunnels::refusing(refusal);
            let (ended, server) = over_tls(&proxy.url, "", deadline);
            assert_eq!(server.count(), 0);
            ended.provided(proxy.heads().len() > 2)
        });
        let ended = ended.expect("asked again");
        ended.assert(124, "").says(&format!("no way through the proxy: {what}"));
        ended.says(advice).says("NO_PROXY");
    }
}

#[test]
fn a_password_that_a_proxy_refuses_is_sent_once() {
    let proxy = Tunnels::refusing(
        "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
    );
    let (ended, server) = over_tls(&proxy.url, "", LONG);
    ended.assert(6, "").says("a proxy wants credentials").says("HTTPS_PROXY");
    assert_eq!((proxy.heads().len(), server.count()), (1, 0));
}

#[test]
fn a_proxy_variable_that_is_set_and_cannot_be_used_is_exit_2() {
    let server = Server::playing([ready()]);
    let run = |name: &str, value: &str, more: &[(&str, &str)]| {
        let arguments = ["--api-url", "https://api.invalid/v1", "--timeout", "0"];
        let mut program = Program::asking(&server, &arguments).env(name, value);
        for (name, value) in more {
            program = program.env(name, value);
        }
        program.run()
    };
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        for scheme in ["socks5", "socks5h", "socks4", "socks4a", "SOCKS5", "socks"] {
            let ended = run(name, &format!("{scheme}://u:{PASSWORD}@127.0.0.1:1"), &[]);
            ended.assert(2, "").says(name).says("SOCKS").never_says(PASSWORD);
        }
        for value in ["ftp://h", "http://", "http://h:99999", "http://u:x@y@h", "http://u:1#y@h"] {
            run(name, value, &[]).assert(2, "").says(name);
        }
    }
    // A variable that is not used does not matter.
    let socks = "socks5://127.0.0.1:1";
    run("HTTP_PROXY", socks, &[]).assert(124, "");
    run("ALL_PROXY", socks, &[("HTTPS_PROXY", "http://127.0.0.1:1")]).assert(124, "");
    run("ALL_PROXY", socks, &[("NO_PROXY", "api.invalid")]).assert(124, "");
    run("HTTPS_PROXY", "", &[]).assert(124, "").says("api.invalid");
    Program::asking(&server, &[]).env("ALL_PROXY", socks).run().assert(0, IP);
}

#[test]
fn a_host_name_that_cannot_be_looked_up_is_named() {
    let server = Server::playing([ready()]);
    let run = |url: &str, proxy: &str| {
        Program::asking(&server, &["--api-url", url, "--timeout", "0"])
            .env("HTTPS_PROXY", proxy)
            .run()
    };
    let ended = run("https://no-such-host.invalid/v1", "");
    ended
        .assert(124, "")
        .says("cannot connect: the host name no-such-host.invalid cannot be looked up");
    let ended = run("https://api.invalid/v1", "http://no-such-proxy.invalid:3128");
    ended.assert(124, "").says("no way through the proxy: the host name no-such-proxy.invalid");
}

#[test]
fn a_timeout_names_the_phase_and_the_host() {
    // Nobody accepts the connection from the full queue.
    let listener =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let fill: Vec<_> =
        (0..4).map(|_| TcpStream::connect_timeout(&address, Duration::from_millis(100))).collect();
    let server = Server::playing([ready()]);
    let ended = Program::asking(&server, &["--request-timeout", "500ms", "--timeout", "2s"])
        .env("FAL_API_URL", format!("http://{address}/v1"))
        .run();
    ended.assert(124, "").says("no connection to 127.0.0.1 within 500ms");
    drop(fill);
    let silent = Server::playing([Act::Slow(Vec::new(), Duration::from_secs(9), Vec::new())]);
    let ended = Program::asking(&silent, &["--request-timeout", "300ms", "--timeout", "1s"]).run();
    ended.assert(124, "").says("no complete answer within 300ms from 127.0.0.1");
}

#[test]
fn after_two_faults_in_a_row_the_next_poll_uses_a_new_connection() {
    let server =
        Server::responding(
            |_, seen| {
                if seen.connection == 0 { answer(503, &[], "") } else { ready() }
            },
        );
    let ended = Program::asking(&server, &[]).run();
    ended.assert(0, IP);
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[test]
fn a_connection_without_faults_is_kept() {
    let server = Server::playing([pending(), pending(), pending(), pending(), ready()]);
    Program::asking(&server, &[]).run().assert(0, IP);
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0; 5]);
}

#[test]
fn an_unreachable_proxy_is_transient_and_named() {
    let port = ClosedPort::new();
    let url = format!("http://someone:{PASSWORD}@127.0.0.1:{}", port.number());
    let ended = with_enough_time(Duration::from_millis(600), |deadline| {
        let (ended, _) = over_tls(&url, "", deadline);
        let was_refused = ended.stderr.contains("no way through the proxy: ");
        ended.provided(was_refused)
    });
    ended.expect("a refused poll").assert(124, "").says("check HTTPS_PROXY");
}

#[test]
fn a_plain_http_proxy_is_asked_for_the_whole_url() {
    let proxy = Server::playing([pending(), ready()]);
    let api = "http://mock.example/v1";
    let ended = Program::asking(&proxy, &["--insecure-http", "--api-url", api])
        .env("HTTP_PROXY", format!("http://{}", proxy.address()))
        .run();
    ended.assert(0, IP).says("sent unencrypted to mock.example");
    assert_eq!(proxy.seen()[0].target, format!("{api}/compute/instances/inst_abc"));
}

#[test]
fn a_plain_http_proxy_that_requires_a_password_is_named() {
    let proxy = Server::playing([answer(407, &[], "")]);
    let ended = Program::asking(&proxy, &["--insecure-http", "--api-url", "http://mock.example"])
        .env("HTTP_PROXY", format!("http://{}", proxy.address()))
        .run();
    ended.assert(6, "").says("a proxy wants credentials").says("HTTP_PROXY");
}

/// Returns whether this machine has an IPv6 loopback address.
fn has_ipv6() -> bool {
    has("an IPv6 loopback address", TcpListener::bind("[::1]:0").is_ok())
}

#[test]
fn an_api_that_is_ipv6_only_is_reached() {
    if !has_ipv6() {
        return;
    }
    let server = Server::at("[::1]:0", |_, _| ready());
    Program::asking(&server, &[]).run().assert(0, IP);
    let company = Authority::new("Example Company CA");
    let server = company.certify(&["::1"], Validity::Now).serving("[::1]:0", |_, _| ready());
    let ended = Program::asking(&server, &[])
        .env("FAL_API_URL", format!("https://{}/v1", server.address()))
        .env("SSL_CERT_FILE", company.file())
        .run();
    ended.assert(0, IP);
}

#[test]
fn a_dual_stack_api_is_reached_over_both() {
    if !has_ipv6() {
        return;
    }
    let server = Server::at("[::]:0", |_, _| ready());
    let port = server.address().port();
    for host in ["127.0.0.1", "[::1]", "localhost"] {
        let url = format!("http://{host}:{port}/v1");
        Program::asking(&server, &["--api-url", &url]).run().assert(0, IP);
    }
}

#[test]
fn a_name_reaches_a_server_that_listens_on_one_of_its_addresses() {
    let only_ipv4 = Server::playing([ready()]);
    let url = format!("http://localhost:{}/v1", only_ipv4.address().port());
    Program::asking(&only_ipv4, &["--api-url", &url]).run().assert(0, IP);
}

#[test]
fn an_instance_with_an_ipv6_address_is_probed_there() {
    if !has_ipv6() {
        return;
    }
    let peer = TcpListener::bind("[::1]:0").unwrap();
    let condition = format!("tcp:{}", peer.local_addr().unwrap().port());
    let server = Server::playing([instance("ready", r#","ip":"::1""#)]);
    Program::asking(&server, &["--for", &condition]).run().assert(0, "::1\n");
}

/// The counts of the report: polls, transient errors, and the exit code.
fn counts(acts: Vec<Act>) -> ([u64; 2], usize, Ended) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let server = Server::playing(acts);
    let ended = Program::asking(&server, &["--report", report.to_str().unwrap()]).run();
    let record: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    let number = |key: &str| record[key].as_u64().unwrap();
    let connections = server.seen().iter().map(|seen| seen.connection).max().unwrap() + 1;
    ([number("polls"), number("transient_errors")], connections, ended)
}

#[test]
fn a_connection_that_the_server_closed_between_polls_is_no_fault() {
    let body = described("inst_abc", "pending", "");
    let head = |more: &str| {
        format!("HTTP/1.1 200 OK\r\n{more}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    for more in ["", "Connection: close\r\n", "Keep-Alive: timeout=0\r\n"] {
        let closing = Act::BytesThenClose(head(more).into_bytes());
        let (counts, connections, ended) = counts(vec![closing.clone(), closing, ready()]);
        ended.assert(0, IP);
        assert_eq!((counts, connections), ([3, 0], 3), "{more:?}: {ended:#?}");
    }
}

#[test]
fn a_kept_connection_that_dies_under_a_request_costs_one_poll() {
    for act in [Act::BytesThenClose(Vec::new()), Act::Reset] {
        let (counts, connections, ended) = counts(vec![pending(), act, ready()]);
        ended.assert(0, IP);
        assert_eq!((counts, connections), ([3, 1], 2), "{ended:#?}");
    }
}

#[test]
fn unsolicited_bytes_do_not_answer_the_next_poll() {
    let Act::Bytes(mut bytes) = pending() else { unreachable!() };
    let Act::Bytes(forged) = instance("ready", r#","ip":"192.0.2.66""#) else { unreachable!() };
    bytes.extend(forged);
    let (_, _, ended) = counts(vec![Act::Bytes(bytes), ready()]);
    ended.assert(0, IP).never_says("192.0.2.66");
}

#[test]
fn a_silent_tls_handshake_is_cut_by_the_request_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::on(
        listener,
        |_, mut stream| {
            let _ = stream.read_to_end(&mut Vec::new());
            None
        },
        |_, _| ready(),
    );
    let url = format!("https://{}/v1", server.address());
    let ended = with_enough_time(Duration::from_millis(900), |deadline| {
        let arguments = ["--api-url", &url, "--request-timeout", "200ms"];
        let ended = Program::asking(&server, &arguments).limit("TIMEOUT", deadline).run();
        let was_cut = ended.stderr.contains("no connection to 127.0.0.1 within 200ms");
        ended.provided(was_cut)
    });
    ended.expect("a request that was cut").assert(124, "");
}
