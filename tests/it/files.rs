//! `--output-file`, `--report`, `--summary`, and the error line of a GitHub workflow.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{
    program::{Program, eventually},
    server::{Asked, Server, answer, asked, at, described, error, instance, pending, ready},
};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A named pipe, which nobody has opened.
    fn pipe(&self, name: &str) -> String {
        let path = self.text(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_result_goes_to_the_file_readable_for_all_and_not_to_standard_output() {
    let folder = Folder::new();
    let server = Server::playing([ready()]);
    fs::write(folder.path("ip"), "old, and much longer than the new one").unwrap();
    fs::set_permissions(folder.path("ip"), fs::Permissions::from_mode(0o600)).unwrap();
    Program::asking(&server, &["--output-file", &folder.text("ip")]).run().assert(0, "");
    assert_eq!(fs::read_to_string(folder.path("ip")).unwrap(), "203.0.113.42\n");
    assert_eq!(folder.path("ip").metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(folder.names(), ["ip"]);
}

#[test]
fn a_failure_leaves_the_file_as_it_was_and_nothing_beside_it() {
    let folder = Folder::new();
    let server = Server::playing([instance("stopped", "")]);
    fs::write(folder.path("ip"), "old").unwrap();
    Program::asking(&server, &["--output-file", &folder.text("ip")]).run().assert(3, "");
    assert_eq!(fs::read_to_string(folder.path("ip")).unwrap(), "old");
    assert_eq!(folder.names(), ["ip"]);
}

#[test]
fn a_link_is_replaced_and_its_target_is_kept() {
    let folder = Folder::new();
    let server = Server::playing([ready()]);
    fs::write(folder.path("elsewhere"), "mine").unwrap();
    std::os::unix::fs::symlink(folder.path("elsewhere"), folder.path("ip")).unwrap();
    Program::asking(&server, &["--output-file", &folder.text("ip")]).run().assert(0, "");
    assert_eq!(fs::read_to_string(folder.path("ip")).unwrap(), "203.0.113.42\n");
    assert!(!folder.path("ip").is_symlink());
    assert_eq!(fs::read_to_string(folder.path("elsewhere")).unwrap(), "mine");
}

#[test]
fn a_missing_folder_is_exit_1_before_the_first_poll_and_is_named() {
    let folder = Folder::new();
    let server = Server::playing([ready()]);
    for option in ["--output-file", "--report", "--summary"] {
        let path = folder.text("missing/file");
        let ended = Program::asking(&server, &[option, &path]).run();
        ended.assert(1, "").says(&folder.text("missing"));
        ended.never_says(".wait-ready-");
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn a_pipe_is_written_to_and_stays_a_pipe() {
    let folder = Folder::new();
    let fifo = folder.pipe("fifo");
    let server = Server::playing([ready()]);
    let running = Program::asking(&server, &["--output-file", &fifo]).start();
    assert_eq!(fs::read_to_string(&fifo).unwrap(), "203.0.113.42\n");
    running.end().assert(0, "");
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
}

#[test]
fn a_report_is_written_on_every_ending() {
    let folder = Folder::new();
    let path = folder.text("report");
    for (act, timeout, code, outcome) in [
        (ready(), "50s", 0, "met"),
        (instance("stopped", ""), "50s", 3, "failed"),
        (error(401, &[]), "50s", 4, "unauthorized"),
        (error(400, &[]), "50s", 6, "refused"),
        (error(429, &[("Retry-After", "60")]), "50s", 7, "throttled"),
        (pending(), "300ms", 124, "timed_out"),
    ] {
        let server = Server::playing([act]);
        let ended = Program::asking(&server, &["--report", &path, "--timeout", timeout]).run();
        assert_eq!(ended.code(), Some(code), "{ended:#?}");
        let report = json(&folder.path("report"));
        assert_eq!((&report["exit_code"], &report["outcome"]), (&code.into(), &outcome.into()));
        assert_eq!(report["id"], "inst_abc");
        assert_eq!(report["ip"].is_null(), code != 0, "{report}");
        assert_eq!(report["message"].is_null(), code == 0, "{report}");
    }
    assert_eq!(folder.names(), ["report"]);
}

#[test]
fn a_report_is_written_when_a_signal_ends_the_wait() {
    let folder = Folder::new();
    for (signal, code, outcome) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let server = Server::playing([pending()]);
        let running = Program::asking(&server, &["--report", &folder.text("report")]).start();
        eventually("a first poll", || server.count() > 0);
        running.signal(signal);
        running.end().assert(code, "");
        let report = json(&folder.path("report"));
        assert_eq!((&report["exit_code"], &report["outcome"]), (&code.into(), &outcome.into()));
    }
}

#[test]
fn a_report_is_written_when_the_wait_could_not_begin() {
    let folder = Folder::new();
    let ended = Program::new(["inst_abc", "--report", &folder.text("report")]).run();
    ended.assert(2, "");
    let report = json(&folder.path("report"));
    assert_eq!((&report["exit_code"], &report["outcome"]), (&2.into(), &"usage".into()));
    assert!(
        report["id"] == "inst_abc" && report["message"].as_str().unwrap().contains("no API key")
    );
}

#[test]
fn a_wrong_command_line_is_reported_too_in_the_requested_format() {
    let folder = Folder::new();
    let path = folder.text("report");
    let arguments = ["inst_abc", "--report", &path, "--log-format", "json", "--timeout", "5"];
    let ended = Program::new(arguments).run();
    ended.assert(2, "");
    let line: Value = serde_json::from_str(ended.stderr.trim()).unwrap();
    assert_eq!(line["exit_code"], 2, "{ended:#?}");
    let report = json(&folder.path("report"));
    assert_eq!((&report["exit_code"], &report["outcome"]), (&2.into(), &"usage".into()));
    assert!(report["message"].as_str().unwrap().contains("5s for seconds"), "{report}");
}

#[test]
fn server_text_is_escaped_in_json_too() {
    let server = Server::playing([instance(
        "ready",
        r#","ip":"203.0.113.42","sector":"\u009b1m\u2028##[x]""#,
    )]);
    let ended = Program::asking(&server, &["-o", "json"]).run();
    let harmful = ['\u{9b}', '\u{2028}'];
    assert!(!ended.stdout.contains(harmful) && !ended.stdout.contains("##"), "{ended:#?}");
    let record: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(record["sector"], "\u{9b}1m\u{2028}##[x]");
}

#[test]
fn a_signal_ends_a_run_that_is_blocked_on_a_pipe() {
    let folder = Folder::new();
    let fifo = folder.pipe("fifo");
    let server = Server::playing([ready()]);
    for option in ["--api-key-file", "--output-file", "--report", "--summary"] {
        let running = Program::asking(&server, &[option, &fifo]).start();
        eventually("it opens the pipe", || is_blocked_in_open(running.id()));
        running.signal("TERM");
        assert_eq!(running.end().code(), Some(143), "{option}");
    }
}

/// The system call of each thread, and where in the kernel it sleeps.
fn what_blocks(process: u32) -> Vec<(String, String)> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let read = |thread: &Path, name| fs::read_to_string(thread.join(name)).unwrap_or_default();
    let threads = threads.flatten().map(|entry| entry.path());
    threads.map(|thread| (read(&thread, "syscall"), read(&thread, "wchan"))).collect()
}

/// Returns whether the process sleeps in the kernel, opening a pipe without another end.
fn is_blocked_in_open(process: u32) -> bool {
    // On x86-64, 257 is openat, and 2 is open, which musl prefers; on aarch64, 56 is openat.
    what_blocks(process).iter().any(|(call, wait)| {
        wait.contains("fifo") || ["257 ", "2 ", "56 "].iter().any(|number| call.starts_with(number))
    })
}

#[test]
fn a_report_that_cannot_be_written_turns_a_success_into_exit_1() {
    let server = Server::playing([ready()]);
    Program::asking(&server, &["--report", "/dev/full"]).run().assert(1, "");
    let server = Server::playing([instance("stopped", "")]);
    Program::asking(&server, &["--report", "/dev/full"]).run().assert(3, "").says("/dev/full");
}

#[test]
fn a_report_on_several_has_the_one_that_decided_and_all_of_them() {
    let folder = Folder::new();
    let server = Server::responding(|_, seen| {
        let Asked::One(id) = asked(seen) else { return error(404, &[]) };
        let status = if id == "inst_b" { "stopped" } else { "ready" };
        answer(200, &[], &described(id, status, &at("203.0.113.9")))
    });
    let ended =
        Program::asking_for("inst_a", &server, &["inst_b", "--report", &folder.text("r")]).run();
    ended.assert(3, "");
    let report = json(&folder.path("r"));
    assert_eq!((&report["id"], &report["exit_code"]), (&"inst_b".into(), &3.into()));
    let each: Vec<_> =
        report["instances"].as_array().unwrap().iter().map(|i| &i["outcome"]).collect();
    assert_eq!(each, ["met", "failed"]);
}

#[test]
fn a_summary_is_appended_as_a_table_and_a_timeline() {
    let folder = Folder::new();
    fs::write(folder.path("summary"), "before\n").unwrap();
    let server = Server::playing([pending(), instance("a|b<script>`", ""), ready()]);
    Program::asking(&server, &["--summary", &folder.text("summary")]).run();
    let text = fs::read_to_string(folder.path("summary")).unwrap();
    assert!(text.starts_with("before\n### wait-ready: met after "), "{text}");
    assert!(text.contains("| inst&#95;abc | ready | 203.0.113.42 | met | "), "{text}");
    assert!(text.contains("```mermaid\ngantt\n"), "{text}");
    assert!(text.contains("    a_b_script__ :") && text.contains("    ready :"), "{text}");
    assert!(!text.contains("<script>"), "{text}");
}

#[test]
fn in_a_github_workflow_the_last_error_is_one_annotation() {
    let hostile = r#"{"error":{"type":"x","message":"a\n::add-mask::b %0A::error::c"}}"#;
    let server = Server::playing([answer(403, &[], hostile)]);
    let ended = Program::asking(&server, &[]).env("GITHUB_ACTIONS", "true").run();
    ended.assert(4, "");
    let commands: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(commands.len(), 1, "{ended:#?}");
    assert!(commands[0].starts_with("::error title=wait-ready::the API denies"), "{ended:#?}");
    assert!(commands[0].contains("%250A::error::c"), "{ended:#?}");
    let server = Server::playing([ready()]);
    Program::asking(&server, &[]).env("GITHUB_ACTIONS", "true").run().never_says("::");
    for (variable, format) in [("false", "text"), ("true", "json")] {
        let server = Server::playing([error(403, &[])]);
        let ended = Program::asking(&server, &["--log-format", format])
            .env("GITHUB_ACTIONS", variable)
            .run();
        ended.assert(4, "").never_says("::error");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_exit_1_in_the_report_too() {
    let folder = Folder::new();
    let report = folder.text("report");
    let server = Server::playing([ready()]);
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for program in [
        Program::asking(&server, &["--report", &report, "--summary", "/dev/full"]),
        Program::asking(&server, &["--report", &report, "--output-file", "/dev/full"]),
        Program::asking(&server, &["--report", &report]).stdout_to(full()),
        // Open, but not for writing.
        Program::asking(&server, &["--report", &report])
            .stdout_to(fs::File::open("/dev/null").unwrap()),
        Program::asking(&server, &["--report", &report, "--output-file", "/dev/fd/1"])
            .stdout_to(fs::File::open("/dev/null").unwrap()),
    ] {
        program.run().assert(1, "");
        assert_eq!(json(&folder.path("report"))["exit_code"], 1);
    }
    let missing = ["--report", &report, "--", "/no/such/command"];
    Program::asking(&server, &missing).run().assert(127, "");
    assert_eq!(json(&folder.path("report"))["exit_code"], 127);
}

#[test]
fn a_path_of_an_open_stream_is_appended_to_and_stays_a_link() {
    let folder = Folder::new();
    let server = Server::playing([ready()]);
    // Not /dev/stdout itself: a program that replaced it would damage this machine.
    for (option, descriptor) in [
        ("--report", "/proc/self/fd/1"),
        ("--output-file", "/dev/fd/1"),
        ("--summary", "/dev/fd/1"),
    ] {
        let link = folder.path("stream");
        std::os::unix::fs::symlink(descriptor, &link).unwrap();
        let mut out = fs::File::create(folder.path("out")).unwrap();
        out.write_all(b"before\n").unwrap();
        let ended = Program::asking(&server, &[option, link.to_str().unwrap()]).stdout_to(out);
        assert_eq!(ended.run().code(), Some(0));
        let text = fs::read_to_string(folder.path("out")).unwrap();
        assert!(text.starts_with("before\n") && text.contains("203.0.113.42"), "{option}: {text}");
        let addresses = text.lines().filter(|line| *line == "203.0.113.42").count();
        assert_eq!(addresses, 1, "{option}: {text}");
        assert!(link.is_symlink(), "{option}");
        fs::remove_file(link).unwrap();
    }
}

#[test]
fn a_signal_ends_a_run_whose_result_nobody_reads() {
    let ids: Vec<String> = (0..3_000).map(|n| format!("inst_{n}")).collect();
    let words = ids.iter().map(String::as_str).chain(["--simulate=ready", "--output", "json"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let folder = Folder::new();
    let running = Program::new(words.chain(["--report", &folder.text("report")]))
        .stdout_to(std::os::fd::OwnedFd::from(writer).into())
        .start();
    eventually("it writes to the pipe", || {
        what_blocks(running.id()).iter().any(|(call, wait)| {
            // write is 1 on x86-64 and 64 on aarch64; writes to descriptor 2 are the log.
            let mut words = call.split(' ');
            let is_writing =
                matches!(words.next(), Some("1" | "64")) && words.next() != Some("0x2");
            is_writing || wait.contains("pipe_write")
        })
    });
    running.signal("TERM");
    assert_eq!(running.end().code(), Some(143));
    let report = json(&folder.path("report"));
    assert_eq!((&report["exit_code"], &report["outcome"]), (&143.into(), &"terminated".into()));
    assert!(report["ip"].is_null(), "{}", report["ip"]);
    drop(reader);
}

#[test]
fn an_unwritable_place_is_described_before_the_first_poll() {
    let folder = Folder::new();
    let server = Server::playing([ready()]);
    for (option, what) in
        [("--output-file", "result"), ("--report", "report"), ("--summary", "summary")]
    {
        let ended = Program::asking(&server, &[option, &folder.text("")]).run();
        ended.assert(1, "").says(&format!("cannot write the {what}"));
    }
    let (one, same) = (folder.text("one"), folder.text("./one"));
    let ended = Program::asking(&server, &["--output-file", &one, "--report", &same]).run();
    ended.assert(2, "").says("the result and the report are the same file");
    Program::asking(&server, &["--report", "/dev/null", "--summary", "/dev/null"]).run();
    assert_eq!(server.count(), 1);
}

#[test]
fn a_report_of_a_wrong_command_line_has_the_whole_error() {
    let folder = Folder::new();
    let report = folder.text("report");
    let message = |program: Program| {
        assert_eq!(program.run().code(), Some(2));
        json(&folder.path("report"))["message"].as_str().unwrap().to_owned()
    };
    let missing = message(Program::new(["--report", &report]));
    assert!(missing.contains("<ID>") || missing.contains("INSTANCE"), "{missing}");
    let variable = Program::new(["inst_a", "--report", &report, "--", "x", "--timeout"])
        .env("WAIT_READY_TIMEOUT", "ten");
    let variable = message(variable);
    assert!(variable.contains("WAIT_READY_TIMEOUT") && !variable.contains("Usage"), "{variable}");
    let twice = ["inst_a", "--report", &report, "--max-in", "init=1s", "--max-in", "init=2s"];
    let twice = message(Program::new(twice));
    assert!(twice.contains("--max-in init=… is given twice"), "{twice}");
}
