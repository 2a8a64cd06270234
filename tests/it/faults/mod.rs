//! Faults over real sockets: each fault, in each phase of a poll, for each kind of wait.
//!
//! A cell of the matrix is run twice. Once the fault strikes twice and then the API is well: the
//! wait ends with exit 0 and exactly the addresses. Once it never ends: the wait ends at its
//! deadline with nothing on standard output, and says what the fault was.

mod strikes;
mod table;

use std::{
    fs,
    sync::{Mutex, atomic::Ordering},
    thread,
    time::Duration,
};

use tempfile::NamedTempFile;

use crate::fixture::{
    port::ClosedPort,
    program::{Ended, Program, eventually, with_enough_time},
    server::{Server, instance, pause_for, ready},
};
use strikes::Api;
use table::{BODY, CONNECT, HEADER, REUSE, Row, SECOND_PAGE, TLS};

/// What is waited for during the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// One instance, by its own request.
    Single,
    /// Three instances, by a list of two pages.
    Several,
    /// One instance that was ready before the fault began, and is being probed.
    Probing,
    /// Three of these.
    ProbingSeveral,
}

impl Wait {
    fn ids(self) -> &'static [&'static str] {
        match self {
            Self::Single | Self::Probing => &["i1"],
            Self::Several | Self::ProbingSeveral => &["i1", "i2", "i3"],
        }
    }

    fn probes(self) -> bool {
        matches!(self, Self::Probing | Self::ProbingSeveral)
    }
}

/// The phase of a poll in which a fault occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connect,
    Tls,
    Header,
    Body,
    /// On the second request of a connection whose first was answered well.
    Reuse,
    /// On the second page of a list.
    SecondPage,
}

/// More than the slowest machine needs for a temporary fault; the program's limit is 60 s.
const BOUND: Duration = Duration::from_secs(25);

struct Cell {
    phase: Phase,
    row: &'static Row,
    wait: Wait,
}

impl Cell {
    fn run(&self, api: &Api, port: &ClosedPort, timeout: Duration, more: &[&str]) -> Program {
        let ids = self.wait.ids();
        let mut arguments: Vec<&str> = ids[1..].to_vec();
        arguments.extend(["--request-timeout", "300ms"]);
        arguments.extend(more);
        let condition = format!("tcp:{}", port.number());
        if self.wait.probes() {
            arguments.extend(["--for", &condition]);
        }
        let program = Program::asking_for(ids[0], &api.server, &arguments);
        program
            .limit("TIMEOUT", timeout)
            .env("FAL_API_URL", api.url())
            .env("SSL_CERT_FILE", api.authority.file())
            .env("SSL_CERT_DIR", "/")
    }

    /// The fault occurs twice.
    fn passes(&self) -> Result<(), String> {
        let api = Api::start(self.phase, self.row, self.wait, 2);
        let port = ClosedPort::new();
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.json");
        let more = ["--report", report.to_str().unwrap()];
        let running = self.run(&api, &port, 2 * BOUND, &more).start();
        if self.wait.probes() {
            eventually("two strikes", || api.strikes.load(Ordering::SeqCst) >= 2);
            port.open();
        }
        let ended = running.end();
        let ip =
            |number| if self.wait.probes() { "127.0.0.1\n".into() } else { strikes::ip(number) };
        let addresses: String = (0..self.wait.ids().len()).map(ip).collect();
        expect(&ended, 0, &addresses)?;
        let record: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap();
        let all = record["instances"].as_array().cloned().unwrap_or_else(|| vec![record]);
        let met = all.iter().any(|one| one["transient_errors"].as_u64() > Some(0));
        met.then_some(()).ok_or_else(|| format!("no transient error was counted: {ended:#?}"))
    }

    /// The fault never ends.
    fn lasts(&self) -> Result<(), String> {
        let ended = with_enough_time(Duration::from_secs(1), |deadline| {
            let api = Api::start(self.phase, self.row, self.wait, usize::MAX);
            let ended = self.run(&api, &ClosedPort::new(), deadline, &[]).run();
            if ended.took < deadline {
                return Ok(Err(format!("gave up early: {ended:#?}")));
            }
            // The first fault has been logged before the second.
            let provided = ended.provided(api.strikes.load(Ordering::SeqCst) > 1);
            provided.map(Ok).map_err(|ended| format!("never struck again: {ended:#?}"))
        })??;
        expect(&ended, if self.wait.probes() { 8 } else { 124 }, "")?;
        let told = self.row.says.iter().any(|text| ended.stderr.contains(text));
        told.then_some(()).ok_or_else(|| format!("none of {:?}: {ended:#?}", self.row.says))
    }
}

fn expect(ended: &Ended, code: i32, stdout: &str) -> Result<(), String> {
    let right = ended.code() == Some(code) && ended.stdout == stdout && ended.took < BOUND;
    right.then_some(()).ok_or_else(|| format!("not exit {code} with {stdout:?}: {ended:#?}"))
}

/// Runs each row for each wait, some concurrently, and reports every cell that fails.
#[track_caller]
fn check(phase: Phase, rows: &'static [Row], waits: &[Wait]) {
    const AT_ONCE: usize = 10;
    let cells =
        waits.iter().flat_map(|&wait| rows.iter().map(move |row| Cell { phase, row, wait }));
    let cells = Mutex::new(cells.collect::<Vec<_>>().into_iter());
    let wrong = Mutex::new(Vec::new());
    let next = || cells.lock().unwrap().next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(cell) = next() {
                    for (how, result) in [("passing", cell.passes()), ("lasting", cell.lasts())] {
                        let name = format!("{phase:?}, {:?}, {how}: {}", cell.wait, cell.row.name);
                        wrong
                            .lock()
                            .unwrap()
                            .extend(result.err().map(|why| format!("{name}: {why}")));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
}

const ALL: &[Wait] = &[Wait::Single, Wait::Several, Wait::Probing];

#[test]
fn faults_while_connecting_are_retried_until_the_deadline() {
    check(Phase::Connect, CONNECT, ALL);
}

#[test]
fn faults_within_the_tls_handshake_are_retried_until_the_deadline() {
    check(Phase::Tls, TLS, ALL);
}

#[test]
fn faults_instead_of_a_header_are_retried_until_the_deadline() {
    check(Phase::Header, HEADER, ALL);
}

#[test]
fn faults_within_the_body_are_retried_until_the_deadline() {
    check(Phase::Body, BODY, ALL);
}

#[test]
fn faults_on_a_reused_connection_are_retried_until_the_deadline() {
    check(Phase::Reuse, REUSE, ALL);
}

#[test]
fn faults_on_the_second_page_of_a_list_are_retried_until_the_deadline() {
    check(Phase::SecondPage, SECOND_PAGE, &[Wait::Several, Wait::ProbingSeveral]);
}

#[test]
fn an_api_that_is_not_listening_yet_is_waited_for() {
    for ids in [&["i1"][..], &["i1", "i2"]] {
        let port = ClosedPort::new();
        let url = format!("http://127.0.0.1:{}/v1", port.number());
        let elsewhere = Server::playing([ready()]);
        let stderr = NamedTempFile::new().unwrap();
        let told = || fs::read_to_string(stderr.path()).unwrap();
        let running = Program::asking_for(ids[0], &elsewhere, &ids[1..])
            .env("FAL_API_URL", url)
            .stderr_to(stderr.reopen().unwrap())
            .start();
        eventually("a refused poll", || told().contains("cannot connect: "));
        let api = Api::on(port.open());
        let addresses: String = (0..ids.len()).map(strikes::ip).collect();
        running.end().assert(0, &addresses);
        assert!(told().contains("transient error"), "{}", told());
        drop(api);
    }
}

#[test]
fn an_api_that_goes_away_during_the_probe_does_not_end_it() {
    let here = || Server::playing([instance("ready", r#","ip":"127.0.0.1""#)]);
    for (opens, code, stdout) in [(true, 0, "127.0.0.1\n"), (false, 8, "")] {
        let (server, port) = (here(), ClosedPort::new());
        let condition = format!("tcp:{}", port.number());
        // The API would be polled once more to confirm the address, at the deadline at the latest.
        let running = Program::asking(&server, &["--for", &condition, "--timeout", "3s"]).start();
        eventually("a poll", || server.count() > 0);
        drop(server);
        pause_for(Duration::from_millis(300));
        let _listening = opens.then(|| port.open());
        running.end().assert(code, stdout).says("cannot connect: ");
    }
}
