//! Signals: one ends the run at any time before COMMAND has taken over.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::tempdir;

use crate::fixture::{
    held::{Held, addresses},
    program::{Program, eventually, has, nap, send},
    server::{Asked, Server, answer, asked, at, described, page, pending},
    terminal::Terminal,
};

/// The signals that end a run, with their numbers and outcomes.
const SIGNALS: [(&str, i32, &str); 4] = [
    ("HUP", 1, "hung_up"),
    ("INT", 2, "interrupted"),
    ("QUIT", 3, "quit"),
    ("TERM", 15, "terminated"),
];

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn each_signal_ends_the_wait_with_a_report_and_the_process_dies_of_it() {
    for (signal, number, outcome) in SIGNALS {
        let folder = tempdir().unwrap();
        let report = folder.path().join("report");
        let server = Server::playing([pending()]);
        let arguments = ["--report", report.to_str().unwrap()];
        let running = Program::asking(&server, &arguments).start();
        eventually("a first poll", || server.count() > 0);
        running.signal(signal);
        let ended = running.end();
        ended.assert(128 + number, "").says(&format!("ended by SIG{signal} after"));
        // SIGQUIT would leave a core file behind.
        let died_of = (signal != "QUIT").then_some(number);
        assert_eq!(ended.status.signal(), died_of, "{ended:#?}");
        let report = json(&report);
        assert_eq!(
            (&report["exit_code"], &report["outcome"], &report["ip"]),
            (&(128 + number).into(), &outcome.into(), &Value::Null)
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn ctrl_c_ends_the_loop_or_the_script_around_the_wait_too() {
    for script in [
        r#"for turn in 1 2 3; do "$0" "$@"; done; echo went on >&2"#,
        r#"until "$0" "$@"; do sleep 0.1; done; echo went on >&2"#,
        "\"$0\" \"$@\"\necho went on >&2",
        r#""$0" "$@" || echo went on >&2"#,
        r#"IP=$("$0" "$@"); echo went on >&2"#,
    ] {
        let terminal = Terminal::new(80);
        let fleet = Held::pending();
        let running = fleet.wait(1, &[]).through(&["bash", "-c", script]).on(&terminal).start();
        eventually("a first poll", || fleet.server.count() > 0);
        terminal.types("\u{3}");
        let ended = running.end();
        assert_eq!(ended.status.signal(), Some(2), "{script}: {ended:#?}");
        assert!(!terminal.written().contains("went on"), "{script}: {}", terminal.text());
    }
}

#[test]
fn a_signal_that_the_parent_has_ignored_stays_ignored_for_command_too() {
    for (signal, number, _) in SIGNALS {
        let fleet = Held::pending();
        let command = ["--", "grep", "SigIgn", "/proc/self/status"];
        let ignore = format!("--ignore-signal={signal}");
        let running = fleet.wait(1, &command).through(&["env", &ignore]).start();
        eventually("a first poll", || fleet.server.count() > 0);
        running.signal(signal);
        let before = fleet.server.count();
        eventually("another poll", || fleet.server.count() > before + 1);
        fleet.release();
        let ended = running.end();
        assert_eq!(ended.code(), Some(0), "{signal}: {ended:#?}");
        let mask = ended.stdout.trim().rsplit('\t').next().unwrap();
        let mask = u64::from_str_radix(mask, 16).unwrap();
        assert_ne!(mask & (1 << (number - 1)), 0, "{signal}: {ended:#?}");
    }
}

#[test]
fn a_signal_that_the_parent_has_blocked_is_heard() {
    for (signal, number, _) in SIGNALS {
        let server = Server::playing([pending()]);
        let block = format!("--block-signal={signal}");
        let running = Program::asking(&server, &[]).through(&["env", &block]).start();
        eventually("a first poll", || server.count() > 0);
        running.signal(signal);
        running.end().assert(128 + number, "").says(&format!("ended by SIG{signal}"));
    }
}

/// PID 1 of a namespace ignores a signal that it does not handle.
#[test]
fn as_pid_1_each_signal_ends_the_wait_with_its_code() {
    for (signal, number, outcome) in SIGNALS {
        let folder = tempdir().unwrap();
        let report = folder.path().join("report");
        let server = Server::playing([pending()]);
        let arguments = ["--report", report.to_str().unwrap()];
        let mut started = Program::asking(&server, &arguments).running_as_pid_1().start();
        eventually("a first poll, or no namespace", || server.count() > 0 || started.has_ended());
        let Some(child) = started.only_child() else {
            let ended = started.end();
            assert!(ended.stderr.contains("unshare"), "{ended:#?}");
            has(&format!("a PID namespace: {}", ended.stderr), false);
            return;
        };
        send(signal, child);
        started.end().assert(128 + number, "").says(&format!("ended by SIG{signal}"));
        assert_eq!(json(&report)["outcome"], outcome);
    }
}

#[test]
fn the_report_of_an_interrupted_fleet_begins_with_an_instance_that_is_still_waited_for() {
    let folder = tempdir().unwrap();
    let report = folder.path().join("report");
    let server = Server::responding(|_, seen| {
        let ready = described("done", "ready", &at("203.0.113.1"));
        let pending = described("held", "pending", "");
        match asked(seen) {
            Asked::One(id) => answer(200, &[], if id == "done" { &ready } else { &pending }),
            Asked::Page(_) => page(&[ready, pending], None),
        }
    });
    let arguments = ["held", "--report", report.to_str().unwrap()];
    let running = Program::asking_for("done", &server, &arguments).start();
    eventually("some polls", || server.count() > 4);
    running.signal("TERM");
    running.end().assert(143, "");
    let report = json(&report);
    assert_eq!((&report["id"], &report["ip"]), (&"held".into(), &Value::Null), "{report}");
    assert_eq!((&report["exit_code"], &report["outcome"]), (&143.into(), &"terminated".into()));
    let instances = report["instances"].as_array().unwrap();
    assert_eq!(
        (&instances[0]["outcome"], &instances[0]["ip"]),
        (&"met".into(), &"203.0.113.1".into())
    );
    assert_eq!(instances[1]["outcome"], "terminated");
}

#[test]
fn a_signal_while_the_result_is_written_prevents_command() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (fifo, report, ran) = (path("fifo"), path("report"), path("ran"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for option in ["--output-file", "--summary"] {
        let fleet = Held::pending();
        fleet.release();
        let arguments = [option, &fifo, "--report", &report, "--", "touch", &ran];
        let running = fleet.wait(1, &arguments).start();
        // The other end is never opened.
        eventually("the last poll", || fleet.server.count() > 0);
        for _ in 0..40 {
            nap();
        }
        running.signal("TERM");
        running.end().assert(143, "").says("ended by SIGTERM");
        assert!(!Path::new(&ran).exists(), "{option}");
        let told = json(Path::new(&report));
        assert_eq!((&told["exit_code"], &told["outcome"]), (&143.into(), &"terminated".into()));
        assert_eq!(told["ip"], Value::Null, "{told}");
        fs::remove_file(&report).unwrap();
    }
}

#[test]
fn a_signal_while_the_key_is_read_leaves_a_report() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (fifo, report) = (path("fifo"), path("report"));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let fleet = Held::pending();
    let running = fleet.wait(1, &["--api-key-file", &fifo, "--report", &report]).start();
    for _ in 0..60 {
        nap();
    }
    running.signal("INT");
    running.end().assert(130, "").says("ended by SIGINT before the wait began");
    let report = json(Path::new(&report));
    assert_eq!((&report["id"], &report["outcome"]), (&"inst_0".into(), &"interrupted".into()));
    assert_eq!(fleet.server.count(), 0);
}

#[test]
fn a_result_is_passed_on_where_no_signal_comes() {
    let fleet = Held::pending();
    fleet.release();
    fleet.wait(2, &[]).run().assert(0, &addresses(2));
}

/// Signals one run after a time. Whatever it was doing, the run or the COMMAND that has taken
/// its place dies of the signal; returns whether COMMAND had.
fn hit_after(delay: Duration, signal: Signal, number: i32) -> bool {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let program = std::env::var_os("WAIT_READY_PROGRAM");
    let mut child =
        Command::new(program.unwrap_or_else(|| env!("CARGO_BIN_EXE_wait-ready").into()))
            .args(["inst_a", "--simulate=ready", "--quiet", "--report"])
            .arg(path("report"))
            .arg("--output-file")
            .arg(path("result"))
            .args(["--", "sleep", "30"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    pause(delay);
    kill_process(Pid::from_child(&child), signal).unwrap();
    let mut naps = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        naps += 1;
        if naps > 3_000 {
            child.kill().unwrap();
            panic!("swallowed: {signal:?} after {delay:?}");
        }
        nap();
    };
    assert_eq!(status.signal(), Some(number), "{signal:?} after {delay:?}: {status:?}");
    // A signal before the handlers listen leaves no output at all.
    let report = fs::read_to_string(path("report")).unwrap_or_default();
    let report: Value = serde_json::from_str(&report).unwrap_or_default();
    let result = fs::read_to_string(path("result")).unwrap_or_default();
    let is_met = report["outcome"] == "met";
    assert!(is_met || report.is_null() || report["exit_code"] == 128 + number, "{report}");
    // Whoever reads that the condition is met finds the result.
    assert!(!is_met || result == "203.0.113.42\n", "{delay:?}: {report} {result:?}");
    assert!(result.is_empty() || result == "203.0.113.42\n", "{result:?}");
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name != "report" && name != "result").collect();
    assert!(left.is_empty(), "{delay:?}: {left:?}");
    is_met
}

#[expect(clippy::disallowed_methods, reason = "another process runs in real time")]
fn pause(delay: Duration) {
    thread::sleep(delay);
}

/// Signals runs at random times in their first 30 ms, mostly early; returns how many had become COMMAND.
fn hit(runs: u32) -> usize {
    let signals = [(Signal::HUP, 1), (Signal::INT, 2), (Signal::TERM, 15)];
    let is_met = |_| {
        let (signal, number) = signals[fastrand::usize(..signals.len())];
        hit_after(Duration::from_micros(fastrand::u64(..fastrand::u64(1..30_000))), signal, number)
    };
    (0..runs).map(is_met).filter(|is_met| *is_met).count()
}

#[test]
fn no_signal_at_a_random_time_is_lost() {
    hit(30);
}

#[test]
#[ignore = "takes a minute: scripts/signals.sh"]
#[expect(clippy::print_stdout, reason = "what the script is run for")]
fn none_of_many_signals_at_random_times_is_lost() {
    let runs = std::env::var("SIGNALS_RUNS").ok().and_then(|runs| runs.parse().ok());
    let runs = runs.unwrap_or(1_000);
    let became = hit(runs);
    println!(
        "{runs} runs: {} ended by the signal, {became} had become COMMAND, 0 swallowed",
        runs as usize - became
    );
}
