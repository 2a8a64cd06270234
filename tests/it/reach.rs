//! `--for ssh`, `--for tcp` and `--for http`: real servers, and other peers.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::fixture::{
    port::ClosedPort,
    program::{Ended, Program, eventually, has, nap, with_enough_time},
    server::{Server, instance, pending},
};

/// An API whose instance is ready on this machine.
fn ready_here() -> Server {
    Server::playing([pending(), instance("ready", r#","ip":"127.0.0.1""#)])
}

fn wait_for(condition: &str, timeout: Duration) -> Ended {
    let server = ready_here();
    Program::asking(&server, &["--for", condition]).limit("TIMEOUT", timeout).run()
}

/// Asserts exit 8 at the deadline, and the reason.
#[track_caller]
fn is_not_reached(condition: &str, reason: &str) {
    let ended = with_enough_time(Duration::from_millis(700), |deadline| {
        let ended = wait_for(condition, deadline);
        let was_late = ended.code() == Some(124) || ended.stderr.contains("no attempt ended");
        ended.provided(!was_late)
    });
    let ended = ended.expect("an attempt");
    ended.assert(8, "").says("the API reports inst_abc ready").says(reason);
}

/// A peer that does this with every connection; its port.
fn peer(behave: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let behave = std::sync::Arc::new(behave);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let behave = std::sync::Arc::clone(&behave);
            thread::spawn(move || behave(stream));
        }
    });
    port
}

fn says(bytes: &'static [u8]) -> u16 {
    peer(move |mut stream| {
        let _ = stream.write_all(bytes);
        let _ = stream.read(&mut [0; 64]);
    })
}

#[test]
fn an_http_server_that_answers_2xx_succeeds_and_is_sent_no_secret() {
    for (answer, path) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""),
        ("HTTP/1.0 204 No Content\r\n\r\n", "/health"),
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "/v1/models?ready=1"),
    ] {
        let (heard, requests) = std::sync::mpsc::channel();
        let heard = std::sync::Mutex::new(heard);
        let port = peer(move |mut stream| {
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            let _ = heard.lock().unwrap().send(request);
            let _ = stream.write_all(answer.as_bytes());
        });
        let condition = format!("http:{port}{path}");
        let server = ready_here();
        let ended = Program::asking(&server, &["--for", &condition])
            // A proxy that would break every connection through it.
            .env("http_proxy", "http://127.0.0.1:9")
            .env("ALL_PROXY", "http://127.0.0.1:9")
            .env("NO_PROXY", "")
            .run();
        ended.assert(0, "127.0.0.1\n").says("answers HTTP");
        let request = requests.recv().unwrap();
        let target = if path.is_empty() { "/" } else { path };
        assert!(request.starts_with(&format!("GET {target} HTTP/1.1\r\n")), "{request}");
        assert!(request.contains(&format!("Host: 127.0.0.1:{port}\r\n")), "{request}");
        assert!(!request.contains("key-id") && !request.contains("secret"), "{request}");
    }
}

#[test]
fn an_http_server_that_does_not_answer_2xx_fails_with_its_status_line() {
    let elsewhere = Server::playing([pending()]);
    let redirect: &'static str = Box::leak(
        format!("HTTP/1.1 302 Found\r\nLocation: {}\r\n\r\n", elsewhere.url()).into_boxed_str(),
    );
    for (answer, reason) in [
        ("HTTP/1.1 503 Loading the model\r\n\r\n", "HTTP/1.1 503 Loading the model"),
        (redirect, "HTTP/1.1 302 Found"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
        ("", "closed without an HTTP answer"),
    ] {
        let port = peer(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        });
        is_not_reached(&format!("http:{port}"), reason);
    }
    let silent = peer(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    let ended = wait_for(&format!("http:{silent}"), Duration::from_secs(2));
    ended.assert(8, "");
    assert_eq!(elsewhere.count(), 0, "the redirect was followed");
}

#[test]
fn http_waits_until_the_service_is_up() {
    let refused = std::sync::atomic::AtomicUsize::new(0);
    let port = peer(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let is_up = refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3;
        let answer = if is_up { "HTTP/1.1 200 OK\r\n\r\n" } else { "HTTP/1.1 500 x\r\n\r\n" };
        let _ = stream.write_all(answer.as_bytes());
    });
    wait_for(&format!("http:{port}"), Duration::from_secs(50)).assert(0, "127.0.0.1\n");
}

#[track_caller]
fn is_ssh(port: u16) {
    let ended = wait_for(&format!("ssh:{port}"), Duration::from_secs(50));
    ended.assert(0, "127.0.0.1\n").says("answers SSH");
}

#[track_caller]
fn is_not_ssh(port: u16, reason: &str) {
    is_not_reached(&format!("ssh:{port}"), reason);
}

/// Debian's sshd with new keys; `None` if it is not installed.
struct Sshd {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Sshd {
    const PROGRAM: &str = "/usr/sbin/sshd";

    fn start() -> Option<Self> {
        if !has(Self::PROGRAM, Path::new(Self::PROGRAM).exists()) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("host_key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&key)
            .status();
        assert!(made.unwrap().success());
        // It needs a folder for privilege separation, which only its service file makes.
        let _ = fs::create_dir_all("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("config");
        fs::write(
            &config,
            format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nUsePAM no\n",
                key.display()
            ),
        )
        .unwrap();
        let child = Command::new(Self::PROGRAM)
            .arg("-D")
            .arg("-f")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port, _folder: folder })
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_ssh_server_is_reached() {
    let Some(sshd) = Sshd::start() else { return };
    is_ssh(sshd.port);
}

#[test]
fn lines_before_the_identification_are_allowed() {
    is_ssh(says(b"Welcome\r\nto the\r\nmachine\nSSH-2.0-OpenSSH_9.2p1 Debian\r\n"));
    is_ssh(says(b"SSH-1.99-Cisco\n"));
}

#[test]
fn an_identification_may_arrive_byte_by_byte() {
    is_ssh(peer(|mut stream| {
        for byte in b"hello\r\nSSH-2.0-slow\r\n" {
            let _ = stream.write_all(&[*byte]);
            nap();
        }
        let _ = stream.read(&mut [0; 64]);
    }));
}

#[test]
fn an_identification_of_255_bytes_is_read_and_a_longer_one_is_not() {
    static LONGEST: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| {
        let mut line = b"SSH-2.0-".to_vec();
        line.resize(253, b'x');
        [line, b"\r\n".to_vec()].concat()
    });
    static TOO_LONG: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| [&LONGEST[..253], b"x\r\n"].concat());
    is_ssh(says(&LONGEST));
    is_not_ssh(says(&TOO_LONG), "not SSH");
}

#[test]
fn a_peer_that_is_not_ssh_is_not_reached() {
    is_not_ssh(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not SSH: HTTP/1.1 400");
    is_not_ssh(says(b"SSH-1.5-old\r\n"), "not SSH: SSH-1.5-old");
    is_not_ssh(says(b"220 smtp\r\nSSH-3.0-x\r\n"), "not SSH: SSH-3.0");
    is_not_ssh(peer(drop), "closed without an SSH identification");
}

#[test]
fn endless_lines_without_an_identification_are_bounded() {
    is_not_ssh(
        peer(|mut stream| while stream.write_all(b"a banner without an end\r\n").is_ok() {}),
        "not SSH: a banner without an end",
    );
    is_not_ssh(peer(|mut stream| while stream.write_all(&[b'x'; 512]).is_ok() {}), "not SSH");
}

#[test]
fn a_silent_peer_is_not_reached_and_the_attempt_is_cut() {
    let port = peer(|mut stream| drop(stream.read(&mut [0; 64])));
    let ended = wait_for(&format!("ssh:{port}"), Duration::from_secs(7));
    ended.assert(8, "").says("connected, but silent for 5s");
}

#[test]
fn a_peer_that_resets_after_the_accept_is_not_reached() {
    let port = peer(|stream| {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    });
    is_not_reached(&format!("ssh:{port}"), "the last attempt: ");
}

#[test]
fn a_closed_port_is_refused_until_the_deadline() {
    let port = ClosedPort::new();
    for kind in ["ssh", "tcp"] {
        let condition = format!("{kind}:{}", port.number());
        is_not_reached(&condition, "the last attempt: connection refused");
    }
}

#[test]
fn a_port_that_opens_later_is_reached() {
    let port = ClosedPort::new();
    let server = ready_here();
    let condition = format!("tcp:{}", port.number());
    let running = Program::asking(&server, &["--for", &condition]).start();
    eventually("a second poll", || server.count() > 1);
    let closed_since = tokio::time::Instant::now();
    eventually("three seconds", || closed_since.elapsed() >= Duration::from_secs(3));
    let _listener = port.open();
    running.end().assert(0, "127.0.0.1\n").says("accepts connections at 127.0.0.1 port");
}

#[test]
fn looking_once_makes_one_attempt() {
    let here = Server::playing([instance("ready", r#","ip":"127.0.0.1""#)]);
    let look = |port: u16| {
        Program::asking(&here, &["--for", &format!("ssh:{port}"), "--timeout", "0"]).run()
    };
    look(says(b"SSH-2.0-x\r\n")).assert(0, "127.0.0.1\n");
    look(says(b"HTTP/1.1 400 No\r\n")).assert(8, "").says("not SSH: HTTP/1.1 400");
}

#[test]
fn a_simulated_instance_is_reached_without_leaving_this_machine() {
    for condition in ["ssh", "tcp:8000"] {
        let ended = Program::new(["a", "--simulate=pending,ready", "--for", condition]).run();
        ended.assert(0, "203.0.113.42\n");
    }
}

#[test]
fn an_instance_that_stops_during_the_probe_is_exit_3() {
    let here = instance("ready", r#","ip":"127.0.0.1""#);
    let server = Server::playing([here.clone(), here, instance("stopped", "")]);
    let port = ClosedPort::new();
    let ended = Program::asking(&server, &["--for", &format!("ssh:{}", port.number())]).run();
    ended.assert(3, "").says("inst_abc is stopped");
}

#[test]
fn an_address_that_changes_during_the_probe_is_followed() {
    let port = says(b"SSH-2.0-x\r\n");
    let elsewhere = instance("ready", r#","ip":"127.0.0.2""#);
    let server =
        Server::playing([elsewhere.clone(), elsewhere, instance("ready", r#","ip":"127.0.0.1""#)]);
    let ended = Program::asking(&server, &["--for", &format!("ssh:{port}")]).run();
    ended.assert(0, "127.0.0.1\n");
}

#[test]
fn nothing_is_connected_to_before_the_api_says_ready() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let sender = std::sync::Mutex::new(sender);
    let port = peer(move |_| sender.lock().unwrap().send(()).unwrap());
    let early = instance("provisioning", r#","ip":"127.0.0.1""#);
    let server = Server::playing([early]);
    let condition = format!("tcp:{port}");
    Program::asking(&server, &["--for", &condition, "--timeout", "300ms"]).run().assert(124, "");
    assert!(receiver.try_recv().is_err());
}
