//! The log: heartbeats, few lines for a fleet, and every event as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    os::fd::OwnedFd,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::Value;
use wait_ready::ExitCode;

use crate::fixture::{
    held::{Held, addresses},
    port::ClosedPort,
    program::{Program, eventually, with_enough_time},
    server::{Asked, Server, answer, asked, at, described, error, instance, pending, ready},
};

#[test]
fn a_silent_wait_logs_heartbeats() {
    let ended = with_enough_time(Duration::from_secs(4), |timeout| {
        let server = Server::playing([pending()]);
        let ended =
            Program::asking(&server, &["--heartbeat", "1s"]).limit("TIMEOUT", timeout).run();
        let is_told = ended.stderr.matches("inst_abc  still pending after ").count() >= 2;
        ended.provided(is_told)
    });
    let ended = ended.unwrap();
    ended.assert(124, "");
    let line = ended.stderr.lines().find(|line| line.contains("still pending after 1s")).unwrap();
    assert!(line.ends_with(" polls)") && line.contains("s left, "), "{line}");
    // Nothing else, and at most once per interval.
    assert!(ended.stderr.matches("still pending").count() <= 40, "{ended:#?}");
}

#[test]
fn a_fleet_has_one_heartbeat() {
    let fleet = Held::pending();
    let running = fleet.wait(90, &["--heartbeat", "500ms", "--timeout", "5s"]).start();
    let ended = running.end();
    let beats: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|line| line.starts_with("still waiting for 90 of 90 "))
        .collect();
    assert!((1..=10).contains(&beats.len()), "{ended:#?}");
    assert!(beats[0].ends_with(": 90 pending"), "{beats:?}");
}

#[test]
fn a_heartbeat_is_an_event_and_is_set_by_a_variable_or_disabled() {
    let run = |options: &[&str], variable: &str| {
        let server = Server::playing([pending()]);
        let program = Program::asking(&server, &[options, &["--timeout", "3s"]].concat());
        program.env("WAIT_READY_HEARTBEAT", variable).run()
    };
    let ended = run(&["--log-format", "json"], "300ms");
    let lines = ended.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let beat = lines.into_iter().find(|line| line["event"] == "heartbeat").expect("a heartbeat");
    assert_eq!((&beat["instance"], &beat["waiting"]), (&"inst_abc".into(), &1.into()), "{beat}");
    assert!(beat["left_ms"].as_u64().unwrap() <= 3000 && beat["polls"].is_u64(), "{beat}");
    for (options, variable) in [
        (&["--heartbeat", "0"][..], "300ms"),
        (&[], "0"),
        (&[], ""),
        (&["-q"], "300ms"),
        // Rows show it all the time.
        (&["--progress", "always"], "300ms"),
    ] {
        run(options, variable).assert(124, "").never_says("still pending");
    }
    run(&["--heartbeat", "30"], "").assert(2, "").says("--heartbeat");
}

#[test]
fn an_instance_never_seen_counts_as_deleted_with_a_warning_that_quiet_keeps() {
    let deleted = |script: &str| {
        let ended = Program::new(["x", "--for", "deleted", "--quiet", script]).run();
        ended.assert(0, "");
        ended
    };
    deleted("--simulate=404").says("warning: x  it was never seen: deleted before, or the id");
    deleted("--simulate=ready,404").never_says("never seen");
}

#[test]
fn a_heartbeat_comes_only_after_a_silence() {
    const SILENCE: Duration = Duration::from_millis(300);
    let server = Server::playing([pending()]);
    let pace = ["--min-delay", "800ms", "--max-delay", "800ms", "--timeout", "6s", "-v"];
    let options = [&pace[..], &["--heartbeat", "300ms", "--log-format", "json"]].concat();
    let ended = Program::asking(&server, &options).run();
    let lines: Vec<Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let at = |line: &Value| humantime::parse_rfc3339(line["timestamp"].as_str().unwrap()).unwrap();
    let silences: Vec<Duration> = lines
        .windows(2)
        .filter(|pair| pair[1]["event"] == "heartbeat")
        .map(|pair| at(&pair[1]).duration_since(at(&pair[0])).unwrap())
        .collect();
    assert!(!silences.is_empty(), "{ended:#?}");
    // A line is written shortly after its time is taken.
    let least = SILENCE.checked_sub(Duration::from_millis(50)).unwrap();
    assert!(silences.iter().all(|silence| *silence >= least), "{silences:?}: {ended:#?}");
}

#[test]
fn a_hundred_instances_are_logged_in_a_few_lines() {
    let fleet = Held::pending();
    let running = fleet.wait(100, &[]).start();
    eventually("polls", || fleet.server.count() > 3);
    fleet.release();
    let ended = running.end();
    ended.assert(0, &addresses(100));
    let named = "(inst_0, inst_1, inst_2 and 97 more)";
    ended.says(&format!("100 pending {named}; 100 waiting\n"));
    ended.says(&format!("100 pending -> ready {named}; 0 waiting\n"));
    assert!(ended.stderr.lines().count() <= 5, "{ended:#?}");
}

#[test]
fn a_hundred_equal_failures_are_logged_in_a_few_lines() {
    let server = Server::responding(|_, seen| match asked(seen) {
        Asked::One(id) => answer(200, &[], &described(id, "odd", &at("0.0.0.0"))),
        Asked::Page(_) => error(403, &[]),
    });
    let more: Vec<String> = (1..40).map(|number| format!("n-{number}")).collect();
    let more: Vec<&str> = more.iter().map(String::as_str).chain(["--timeout", "4s"]).collect();
    let ended = Program::asking_for("n-0", &server, &more).run();
    ended.assert(124, "").says("n-0, n-1, n-2 and 37 more  status \"odd\" has no known meaning");
    assert!(ended.stderr.lines().count() < 40, "{ended:#?}");
}

#[test]
fn a_json_log_has_every_instance_of_a_fleet() {
    let fleet = Held::pending();
    let running = fleet.wait(20, &["--log-format", "json"]).start();
    eventually("polls", || fleet.server.count() > 3);
    fleet.release();
    let ended = running.end();
    let lines: Vec<Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    assert_eq!((of("transition").len(), of("met").len()), (40, 20), "{ended:#?}");
    assert_eq!(of("met")[7]["ip"], "203.0.113.8");
    assert!(of("met")[7]["waited_ms"].as_u64().unwrap() > 0);
}

type Events = BTreeMap<(String, String), BTreeSet<String>>;

/// Adds the log of a run, and returns it.
fn add(events: &mut Events, program: Program) -> Vec<Value> {
    let program = program.env("WAIT_READY_LOG_FORMAT", "json").env("WAIT_READY_VERBOSE", "2");
    let ended = program.run();
    let lines = ended.stderr.lines().map(|line| serde_json::from_str(line).expect(line));
    let lines: Vec<Value> = lines.collect();
    for line in &lines {
        let mut keys: BTreeSet<String> = line.as_object().unwrap().keys().cloned().collect();
        for common in ["timestamp", "level", "message", "event"] {
            assert!(keys.remove(common), "{common} in {line}");
        }
        let level = line["level"].as_str().unwrap().to_owned();
        let event = match (level.as_str(), line["event"].as_str().unwrap()) {
            ("ERROR", outcome) => {
                assert!(ExitCode::ALL.iter().any(|code| code.outcome() == outcome), "{line}");
                "outcome"
            }
            (_, event) => event,
        };
        events.entry((event.to_owned(), level)).or_default().extend(keys);
    }
    lines
}

/// The README's table of events: the code spans of each cell.
fn documented() -> Events {
    let section = include_str!("../../README.md").split("\n## The log\n").nth(1).unwrap();
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<Vec<String>> = row
            .split('|')
            .map(|cell| cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect())
            .collect();
        ((cells[1][0].clone(), cells[2][0].clone()), cells[3].iter().cloned().collect())
    })
    .collect()
}

#[test]
fn the_events_and_their_keys_are_those_of_the_readme() {
    let mut events = Events::new();
    let faults = Server::playing([
        error(404, &[]),
        pending(),
        error(500, &[]),
        error(503, &[("Retry-After", "1")]),
        error(429, &[("Retry-After", "1")]),
        answer(200, &[], "<html>"),
        instance("odd", ""),
        instance("ready", r#","ip":"0.0.0.0""#),
        ready(),
    ]);
    let lines = add(&mut events, Program::asking(&faults, &["--max-in", "strange=5m"]));
    let throttled = lines.iter().find(|line| line["event"] == "throttled").unwrap();
    assert_eq!(throttled["http_status"], 429, "{throttled}");
    assert!(throttled["retry_after_ms"].as_u64().unwrap() >= 1000, "{throttled}");
    let refused = add(&mut events, Program::asking(&Server::playing([error(401, &[])]), &[]));
    assert_eq!(refused.last().unwrap()["http_status"], 401);
    let paused = Server::playing([error(429, &[("Retry-After", "500")])]);
    let paused = add(&mut events, Program::asking(&paused, &["--timeout", "5s"]));
    assert!(paused.last().unwrap()["retry_after_ms"].as_u64().unwrap() >= 500_000, "{paused:?}");
    let loopback = Server::playing([instance("ready", r#","ip":"127.0.0.1""#)]);
    let closed = ClosedPort::new();
    let goal = format!("tcp:{}", closed.number());
    let options = ["--for", goal.as_str(), "--timeout", "2s"];
    add(&mut events, Program::asking(&loopback, &options));
    let mixed = ["a", "b", "--simulate=pending:20s", "--timeout", "1s", "--heartbeat", "200ms"];
    add(&mut events, Program::new(mixed).env("WAIT_READY_VERBOSE", "0"));
    let beats = ["a", "--simulate=pending:20s", "--timeout", "2s", "--heartbeat", "200ms"];
    add(&mut events, Program::new(beats).env("RUST_LOG", "wait_ready=info"));
    let probe = ["a", "--simulate=ready", "--for", "exec", "--", "echo", "checked"];
    add(&mut events, Program::new(probe));
    add(&mut events, reopened(&Server::responding(flapping())));
    // It needs a reader that does not read, which is the subject of another test.
    events.insert(("lines_dropped".into(), "WARN".into()), ["dropped".to_owned()].into());
    assert_eq!(events, documented());
}

/// `b` is ready late; `a`, ready before, is polled once more then, and is no longer ready.
fn flapping() -> impl Fn(usize, &crate::fixture::server::Seen) -> crate::fixture::server::Act {
    let asked_for_a = AtomicUsize::new(0);
    let asked_for_b = AtomicUsize::new(0);
    move |_, seen| {
        let (id, last_ready, first_ready, ip) = match asked(seen) {
            Asked::One("a") => ("a", true, asked_for_a.fetch_add(1, Ordering::SeqCst) != 1, 1),
            Asked::One("b") => ("b", asked_for_b.fetch_add(1, Ordering::SeqCst) > 20, true, 2),
            // No list, so single requests.
            _ => return error(403, &[]),
        };
        let status = if last_ready && first_ready { "ready" } else { "pending" };
        answer(200, &[], &described(id, status, &at(&format!("203.0.113.{ip}"))))
    }
}

fn reopened(server: &Server) -> Program {
    Program::asking_for("a", server, &["b", "--min-delay", "100ms", "--max-delay", "100ms"])
}

#[test]
fn a_help_text_whose_reader_closes_the_pipe_is_no_error() {
    for arguments in [
        &["--help"][..],
        &["-h"],
        &["--version"],
        &["--generate", "man"],
        &["--generate", "complete-bash"],
        &["--generate", "complete-zsh"],
        &["--generate", "complete-fish"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let closed = File::from(OwnedFd::from(writer));
        let ended = Program::new(arguments.iter().copied()).stdout_to(closed).run();
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

/// A value with an escape sequence, a line break and a workflow command.
const HOSTILE: &str = "x\r\n::error::y\x1b[2J\u{9b}31m\u{202e}\u{2028}z\t";

#[test]
fn a_refused_value_is_escaped_in_the_error() {
    let options = [
        "timeout",
        "min-delay",
        "max-delay",
        "not-found-grace",
        "request-timeout",
        "heartbeat",
        "for",
        "stable",
        "max-in",
        "api-url",
        "output",
        "progress",
        "color",
        "log-format",
        "generate",
        "simulate",
        "verbose",
        "nothing-known",
    ];
    let mut runs: Vec<Vec<String>> = options
        .iter()
        .flat_map(|option| {
            let joined = vec!["a".into(), format!("--{option}={HOSTILE}")];
            [joined, vec!["a".into(), format!("--{option}"), HOSTILE.into()]]
        })
        .collect();
    for words in [
        &["HOSTILE", "--simulate=ready"][..],
        &["--HOSTILE"],
        &["@HOSTILE", "--simulate=ready"],
        &["a", "--simulate=ready", "--report", "/nonexistent/HOSTILE"],
        &["a", "--simulate=ready", "--output-file", "/nonexistent/HOSTILE/x"],
        &["a", "--api-key-file", "/nonexistent/HOSTILE"],
        &["a", "--simulate=ready", "--quiet", "--", "/nonexistent/HOSTILE"],
    ] {
        runs.push(words.iter().map(|word| word.replace("HOSTILE", HOSTILE)).collect());
    }
    for arguments in runs {
        for format in ["text", "json"] {
            let program = Program::new(arguments.iter().map(String::as_str));
            let ended = program.env("WAIT_READY_LOG_FORMAT", format).run();
            let is_clean =
                |c: char| c == '\n' || !c.is_control() && c != '\u{202e}' && c != '\u{2028}';
            assert!(ended.stderr.chars().all(is_clean), "{arguments:?}: {ended:#?}");
            assert!(!ended.stderr.lines().any(|line| line.starts_with("::")), "{ended:#?}");
            assert!(
                ended.code() != Some(0) && !ended.stderr.is_empty(),
                "{arguments:?}: {ended:#?}"
            );
        }
    }
    // From the environment as well.
    let ended = Program::new(["a"]).env("WAIT_READY_TIMEOUT", HOSTILE).run();
    ended.assert(2, "").says("WAIT_READY_TIMEOUT");
    assert!(!ended.stderr.contains(['\r', '\x1b']), "{ended:#?}");
}
