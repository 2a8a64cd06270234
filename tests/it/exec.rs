//! `--for exec`: the user's command decides when a machine is usable.
#![cfg(unix)]

use std::{fs, path::Path, time::Duration};

use crate::fixture::{
    program::{Ended, KEY, Program, eventually},
    server::{Server, instance, pending},
};

fn ready_here() -> Server {
    Server::playing([pending(), instance("ready", r#","ip":"127.0.0.1""#)])
}

/// Waits until the shell script succeeds.
fn probed_by(script: &str, arguments: &[&str]) -> Ended {
    probe(&ready_here(), script, arguments).run()
}

fn probe(server: &Server, script: &str, arguments: &[&str]) -> Program {
    let words = [&["--for", "exec"], arguments, &["--", "sh", "-c", script]].concat();
    Program::asking(server, &words)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Returns whether the process whose id a script wrote to the file is still running.
fn is_running(pid_file: &Path) -> bool {
    let pid = fs::read_to_string(pid_file).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[test]
fn a_command_that_succeeds_is_met_and_the_result_is_printed_as_usual() {
    let ended = probed_by("echo to stdout; echo to stderr >&2", &[]);
    ended.assert(0, "127.0.0.1\n").says("to stdout").says("to stderr");
    probed_by("true", &["-o", "env"])
        .assert(0, "FAL_INSTANCE_ID=inst_abc\nFAL_INSTANCE_IP=127.0.0.1\n");
}

#[test]
fn the_command_knows_the_instance_and_not_the_key() {
    let server = ready_here();
    let script = "test \"$FAL_INSTANCE_ID $FAL_INSTANCE_IP\" = 'inst_abc 127.0.0.1' && \
                  test '{id} {ip}' = 'inst_abc 127.0.0.1' && test -z \"$(env | grep -a KEY)\" && \
                  ! env | grep -q FAL_KEY";
    let ended = probe(&server, script, &["--timeout", "20s"]).run();
    ended.assert(0, "127.0.0.1\n").never_says(KEY);
}

#[test]
fn a_failed_command_is_run_again_whatever_its_exit_code() {
    for code in [1, 126, 127, 255] {
        let folder = folder();
        let runs = folder.path().join("runs");
        let shown = runs.display();
        let script = format!("echo run >> {shown}; test $(wc -l < {shown}) -ge 3 || exit {code}");
        probed_by(&script, &["--timeout", "50s"]).assert(0, "127.0.0.1\n");
        assert_eq!(lines(&runs), 3, "{code}");
    }
}

#[test]
fn a_command_that_never_succeeds_is_reported_with_its_exit_code_and_last_line() {
    let ended = probed_by("echo fine; echo 'Connection refused' >&2; exit 255", &["-t", "2s"]);
    ended.assert(8, "").says("exit status: 255").says("Connection refused");
    let ended = probed_by("printf 'no newline' >&2; kill -9 $$", &["-t", "2s"]);
    ended.assert(8, "").says("signal: 9").says("no newline");
}

#[test]
fn the_output_of_the_command_is_escaped() {
    let ended =
        probed_by(r"printf '\033[2J::error::x\r\n::warning::y\n' >&2; exit 1", &["-t", "2s"]);
    ended.assert(8, "").never_says("\x1b");
    assert!(!ended.stderr.lines().any(|line| line.starts_with("::")), "{ended:#?}");
}

#[test]
fn a_command_that_hangs_is_killed_at_the_deadline_with_its_process_group() {
    let folder = folder();
    let [leader, child] = ["leader", "child"].map(|name| folder.path().join(name));
    let script = format!(
        "trap '' TERM INT HUP; echo $$ > {}; sh -c 'trap \"\" TERM; echo $$ > {}; sleep 600' & \
         sleep 600",
        leader.display(),
        child.display()
    );
    let ended = probed_by(&script, &["--timeout", "2s"]);
    ended.assert(8, "");
    assert!(ended.took < Duration::from_secs(30), "{ended:#?}");
    for pid in [leader, child] {
        eventually("the run ends", || !is_running(&pid));
    }
}

#[test]
fn with_timeout_0_a_run_is_cut_to_the_request_timeout() {
    let server = Server::playing([instance("ready", r#","ip":"127.0.0.1""#)]);
    let arguments = ["--timeout", "0", "--request-timeout", "1s"];
    let ended = probe(&server, "sleep 600", &arguments).run();
    ended.assert(8, "");
    assert!(ended.took < Duration::from_secs(30), "{ended:#?}");
    probe(&server, "true", &arguments).run().assert(0, "127.0.0.1\n");
}

#[test]
fn a_flood_of_output_neither_blocks_the_command_nor_is_shown_in_full() {
    let ended = probed_by("yes x | head -n 200000; yes y | head -n 200000 >&2", &["-t", "50s"]);
    ended.assert(0, "127.0.0.1\n");
    assert!(ended.stderr.lines().count() < 300, "{}", ended.stderr.lines().count());
}

#[test]
fn a_background_process_of_the_command_neither_delays_the_result_nor_survives() {
    let folder = folder();
    let pid = folder.path().join("pid");
    let script = format!("sleep 600 & echo $! > {}; exit 0", pid.display());
    let ended = probed_by(&script, &["--timeout", "50s"]);
    ended.assert(0, "127.0.0.1\n");
    assert!(ended.took < Duration::from_secs(30), "{ended:#?}");
    eventually("the run ends", || !is_running(&pid));
}

#[test]
fn a_stopped_instance_ends_the_run() {
    let folder = folder();
    let pid = folder.path().join("pid");
    let ready = instance("ready", r#","ip":"127.0.0.1""#);
    let server = Server::playing([ready.clone(), ready.clone(), ready, instance("stopped", "")]);
    let script = format!("echo $$ > {}; exec sleep 600", pid.display());
    let ended = probe(&server, &script, &["--min-delay", "300ms", "--max-delay", "1s"]).run();
    ended.assert(3, "");
    eventually("the run ends", || !is_running(&pid));
}

#[test]
fn a_signal_ends_the_run() {
    let folder = folder();
    let pid = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 600", pid.display());
    let server = ready_here();
    let running = probe(&server, &script, &[]).start();
    eventually("it runs", || lines(&pid) == 1);
    running.signal("TERM");
    let ended = running.end();
    assert!(ended.stdout.is_empty(), "{ended:#?}");
    eventually("the run ends", || !is_running(&pid));
}

#[test]
fn at_most_eight_commands_run_at_once() {
    let folder = folder();
    let [now, most] = ["now", "most"].map(|name| folder.path().join(name));
    fs::create_dir(&now).unwrap();
    let script = format!(
        "mkdir {now}/$$; ls {now} | wc -l >> {most}; sleep 0.3; rmdir {now}/$$",
        now = now.display(),
        most = most.display()
    );
    let ids: Vec<String> = (0..20).map(|n| format!("node-{n}")).collect();
    let arguments = ids.iter().map(String::as_str).chain([
        "--simulate=ready",
        "--for",
        "exec",
        "-t",
        "50s",
        "--",
        "sh",
        "-c",
        &script,
    ]);
    let ended = Program::new(arguments).run();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    let most = fs::read_to_string(most).unwrap();
    let most = most.lines().map(|line| line.trim().parse::<u32>().unwrap()).max().unwrap();
    assert!((2..=8).contains(&most), "{most}");
}

#[test]
fn without_a_command_there_is_nothing_to_run() {
    Program::new(["a", "--for", "exec", "--simulate=ready"]).run().assert(2, "").says("COMMAND");
}
