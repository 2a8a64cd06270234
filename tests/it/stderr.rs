//! Standard error never blocks: if nobody reads it, everything else works as if it were read.

use std::{
    fs::{self, File},
    io::{PipeReader, Read as _, pipe},
    net::IpAddr,
    os::fd::OwnedFd,
    path::Path,
    thread,
    time::Duration,
};

use serde_json::Value;
use tempfile::tempdir;

use crate::fixture::{
    held::{Held, addresses},
    program::{Program, eventually, has, nap},
};

/// Long enough for what is quick, and far from the minute after which a run is killed.
const SOON: Duration = Duration::from_secs(25);

/// A pipe whose reader reads nothing.
fn unread(program: Program) -> (Program, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    (program.stderr_to(File::from(OwnedFd::from(writer))), reader)
}

/// A wait for 5,000 simulated instances, whose log is larger than a pipe.
fn talkative(script: &str, report: &Path, options: &[&str]) -> Program {
    let ids: Vec<String> = (0..5000).map(|number| format!("node-{number}")).collect();
    let report = report.to_str().unwrap();
    let simulate = format!("--simulate={script}");
    let fixed = ["@-", "-vv", "--report", report, &simulate, "--max-delay", "1s"];
    Program::new(fixed.into_iter().chain(options.iter().copied())).stdin(&ids.join("\n"))
}

fn outcome(report: &Path) -> Value {
    let report: Value = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    report["outcome"].clone()
}

#[test]
fn the_deadline_holds_if_nobody_reads_stderr() {
    let folder = tempdir().unwrap();
    let report = folder.path().join("report");
    let (program, _reader) = unread(talkative("pending", &report, &["--timeout", "4s"]));
    let ended = program.run();
    ended.assert(124, "");
    assert!(ended.took < SOON, "{:?}", ended.took);
    assert_eq!(outcome(&report), "timed_out");
}

#[test]
fn signals_are_handled_if_nobody_reads_stderr() {
    for (signal, outcome_word) in [("TERM", "terminated"), ("INT", "interrupted")] {
        let folder = tempdir().unwrap();
        let report = folder.path().join("report");
        let (program, mut reader) = unread(talkative("pending", &report, &[]));
        let running = program.start();
        // The pipe is full soon after its first byte.
        reader.read_exact(&mut [0]).unwrap();
        for _ in 0..400 {
            nap();
        }
        running.signal(signal);
        let ended = running.end();
        assert!(ended.took < SOON, "{:?}", ended.took);
        assert!(!ended.status.success() && ended.stdout.is_empty(), "{ended:#?}");
        assert_eq!(outcome(&report), outcome_word);
    }
}

#[test]
fn the_result_and_the_report_are_written_if_nobody_reads_stderr() {
    let folder = tempdir().unwrap();
    let report = folder.path().join("report");
    let (program, _reader) = unread(talkative("pending,ready", &report, &[]));
    let ended = program.run();
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 5000));
    assert!(ended.took < SOON, "{:?}", ended.took);
    assert_eq!(outcome(&report), "met");
}

#[test]
fn command_runs_if_nobody_reads_stderr() {
    let folder = tempdir().unwrap();
    let report = folder.path().join("report");
    let command = ["--any", "--", "sh", "-c", "echo $FAL_INSTANCE_ID; exit 42"];
    let (program, _reader) = unread(talkative("pending,ready", &report, &command));
    let ended = program.run();
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(42), 1), "{ended:#?}");
}

#[test]
fn a_usage_error_and_a_help_text_end_if_nobody_reads_them() {
    let folder = tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    let fill = File::from(OwnedFd::from(writer.try_clone().unwrap()));
    let filling = thread::spawn(move || {
        // It blocks once the pipe is full, and ends with the reader.
        let _ = std::io::Write::write_all(&mut &fill, &vec![b'x'; 1 << 20]);
    });
    let path = folder.path().join("report");
    let report = path.to_str().unwrap();
    for (arguments, code) in [
        (vec!["a", "--timeout", "10", "--report", report], 2),
        (vec!["a", "--api-url", "http://192.0.2.1", "--report", report], 2),
        (vec!["a", "--report", report], 2),
        (vec!["a", "--simulate=stopped", "--report", report], 3),
    ] {
        let stderr = File::from(OwnedFd::from(writer.try_clone().unwrap()));
        let ended = Program::new(arguments).stderr_to(stderr).run();
        ended.assert(code, "");
        assert!(ended.took < SOON, "{:?}", ended.took);
        assert!(fs::read(&path).is_ok());
        fs::remove_file(&path).unwrap();
    }
    drop(reader);
    filling.join().unwrap();
}

#[test]
fn dropped_lines_are_counted_once_stderr_is_read_again_and_the_end_is_kept() {
    for (format, count, end) in [
        ("text", " missing here: ", "90 of 90"),
        ("json", r#""event":"lines_dropped""#, "inst_89  ready at 203.0.113.90"),
    ] {
        let fleet = Held::pending();
        let options = ["-vvv", "--log-format", format, "--min-delay", "5ms", "--max-delay", "5ms"];
        let program = fleet.wait(90, &options).env("WAIT_READY_MIN_DELAY", "5ms");
        let (program, mut reader) = unread(program);
        let running = program.start();
        // More than a pipe and the queue hold, for seconds.
        eventually("many polls", || fleet.server.count() > 100);
        for _ in 0..400 {
            nap();
        }
        let before = fleet.server.count();
        eventually("more polls", || fleet.server.count() > before + 100);
        let reading = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        fleet.release();
        running.end().assert(0, &addresses(90));
        let text = reading.join().unwrap();
        assert_eq!(text.matches(count).count(), 1, "{format}");
        let last = text.lines().last().unwrap();
        assert!(last.contains(end), "{last}");
        if format == "json" {
            let lines: Vec<Value> =
                text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
            let gap = lines.iter().find(|line| line["event"] == "lines_dropped").unwrap();
            assert!(gap["dropped"].as_u64().unwrap() > 0, "{gap}");
            assert!(lines.iter().all(|line| line["timestamp"].is_string()));
        }
    }
}

#[test]
fn the_log_comes_before_the_result_if_both_go_to_one_place() {
    for command in [&[][..], &["--any", "--", "echo", "the end"]] {
        let folder = tempdir().unwrap();
        let (mut reader, writer) = pipe().unwrap();
        let both = || File::from(OwnedFd::from(writer.try_clone().unwrap()));
        let program = talkative("ready", &folder.path().join("report"), command);
        let running = program.stdout_to(both()).stderr_to(both()).start();
        drop(writer);
        // A slow reader, so that much is still to be written when the wait is over.
        let reading = thread::spawn(move || {
            let (mut text, mut part) = (Vec::new(), vec![0; 1 << 14]);
            while let Ok(read @ 1..) = reader.read(&mut part) {
                text.extend_from_slice(&part[..read]);
                nap();
            }
            String::from_utf8(text).unwrap()
        });
        assert_eq!(running.end().code(), Some(0));
        let text = reading.join().unwrap();
        let is_result = |line: &&str| line.parse::<IpAddr>().is_ok() || *line == "the end";
        let results = text.lines().filter(is_result).count();
        let at_the_end = text.lines().rev().take_while(is_result).count();
        assert_eq!(at_the_end, results, "of {} lines", text.lines().count());
        assert_eq!(results, if command.is_empty() { 5000 } else { 1 });
        assert!(text.lines().count() > 5000, "{}", text.lines().count());
    }
}

#[test]
fn everything_is_written_if_no_thread_can_be_started() {
    // As another user, whose only process this is: root may have any number.
    let limited = ["prlimit", "--nproc=1", "setpriv", "--reuid=54321", "--clear-groups"];
    let script = ["a", "--simulate=pending:1s,ready", "--progress", "always"];
    let ended = Program::new(script).through(&limited).run();
    let has_run = ended.code() == Some(0) || ended.stderr.contains("simulation");
    if !has(&format!("a user without threads: {}", ended.stderr), has_run) {
        return;
    }
    ended.assert(0, "203.0.113.42\n").says("pending -> ready after").says("ready at 203.0.113.42");
    let (program, _reader) = unread(
        Program::new([
            "a",
            "--simulate=pending",
            "-vv",
            "--timeout",
            "4s",
            "--min-delay",
            "1ms",
            "--max-delay",
            "1ms",
        ])
        .through(&limited),
    );
    let ended = program.run();
    ended.assert(124, "");
    assert!(ended.took < SOON, "{:?}", ended.took);
}
