//! COMMAND, which runs once the condition is met.

use std::{fs, os::unix::process::ExitStatusExt as _};

use crate::fixture::{
    program::{KEY, Program, eventually},
    server::{Server, instance, pending, ready},
};

fn then<'a>(options: &[&'a str], command: &[&'a str]) -> Program {
    let options = ["inst_a", "inst_b", "--simulate=ready"].iter().chain(options);
    Program::new(options.chain(&["--"]).chain(command).copied()).env("FAL_KEY", KEY)
}

fn shell(script: &str) -> Program {
    then(&[], &["sh", "-c", script])
}

#[test]
fn the_exit_code_is_the_commands_own() {
    for code in [0, 1, 7, 124, 255] {
        assert_eq!(shell(&format!("exit {code}")).run().code(), Some(code));
    }
}

#[test]
fn a_command_that_dies_of_a_signal_dies_of_it() {
    // The process is replaced: what sees 128+n, such as a shell, sees it of COMMAND itself.
    assert_eq!(shell("kill -s KILL $$").run().status.signal(), Some(9));
    assert_eq!(shell("kill -s TERM $$").run().status.signal(), Some(15));
}

#[test]
fn a_missing_command_is_127_and_one_that_cannot_run_is_126() {
    then(&[], &["no-such-command-anywhere"]).run().assert(127, "").says("no-such-command-anywhere");
    then(&[], &["/etc/passwd"]).run().assert(126, "").says("/etc/passwd");
    then(&[], &["/"]).run().assert(126, "");
}

/// Runs a COMMAND for an instance that is never ready, so that only an error at the start ends it.
fn known_at_the_start(command: &[&str]) -> crate::fixture::program::Ended {
    let words = ["a", "--simulate=pending", "--timeout", "30s", "--"].iter().chain(command);
    let ended = Program::new(words.copied()).run();
    assert!(ended.took < std::time::Duration::from_secs(20), "{ended:#?}");
    ended.never_says("a  pending");
    ended
}

fn script(folder: &tempfile::TempDir, content: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.path().join("script");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_command_that_cannot_run_is_reported_before_the_wait() {
    let folder = tempfile::tempdir().unwrap();
    for missing in ["no-such-command-anywhere", "/no/such/file", "./no-such-file", ""] {
        known_at_the_start(&[missing]).assert(127, "").says("there is no such command");
    }
    for folder in ["/", "/tmp/"] {
        known_at_the_start(&[folder]).assert(126, "");
    }
    let plain = script(&folder, "echo", 0o644);
    known_at_the_start(&[&plain]).assert(126, "").says("ermission denied");
    let beneath = format!("{plain}/x");
    known_at_the_start(&[&beneath]).assert(127, "");
    let windows = script(&folder, "#!/bin/sh\r\necho hello\r\n", 0o755);
    known_at_the_start(&[&windows]).assert(126, "").says("Windows line ends");
    let orphan = script(&folder, "#!/no/such/interpreter -x\n", 0o755);
    known_at_the_start(&[&orphan]).assert(126, "").says("/no/such/interpreter");
    let fine = script(&folder, "#! /bin/sh -e\nexit 7\n", 0o755);
    then(&[], &[&fine]).run().assert(7, "");
}

#[test]
fn too_many_ids_for_a_command_line_are_reported_before_the_wait() {
    let ids: Vec<String> = (0..12_000).map(|n| format!("instance-{n}")).collect();
    let options = ["@-", "--simulate=pending", "--timeout", "30s"];
    let command = ["--", "true"];
    let ended = Program::new(options.into_iter().chain(command)).stdin(&ids.join("\n")).run();
    ended.assert(126, "").says("12000 instances").never_says("pending");
    // One of them is not too many.
    let options = ["@-", "--simulate=ready", "--any", "--timeout", "50s"];
    let ended = Program::new(options.into_iter().chain(command)).stdin(&ids.join("\n")).run();
    ended.assert(0, "");
}

#[test]
fn the_command_of_a_probe_is_looked_for_at_the_start_too() {
    let words = ["a", "--simulate=pending", "-t", "30s", "--for", "exec", "--", "no-such-probe"];
    let ended = Program::new(words).run();
    ended.assert(127, "").says("no-such-probe").never_says("a  pending");
}

#[test]
fn placeholders_and_variables_name_every_instance_in_order() {
    let script = "echo \"$FAL_INSTANCE_ID|$FAL_INSTANCE_IP|$0|$1\"";
    let program = then(&[], &["sh", "-c", script, "{id}", "u@{ip} {x}"]);
    program.run().assert(
        0,
        "inst_a inst_b|203.0.113.42 203.0.113.43|inst_a inst_b|u@203.0.113.42 203.0.113.43 {x}\n",
    );
}

#[test]
fn the_commands_environment_has_no_key() {
    let ended = shell("env")
        .env("FAL_KEY_ID", "id-4711")
        .env("FAL_KEY_SECRET", "c0ffee")
        .env("FAL_KEY_FILE", "/run/secret")
        .env("KEPT", "kept")
        .run();
    assert!(ended.stdout.contains("KEPT=kept"), "{ended:#?}");
    assert!(!ended.stdout.contains("FAL_KEY") && !ended.stdout.contains("4711"), "{ended:#?}");
}

#[test]
fn standard_output_is_the_commands_and_the_result_can_go_to_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("env");
    let path = file.to_str().unwrap();
    then(&["-o", "env", "--output-file", path], &["echo", "hello"]).run().assert(0, "hello\n");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        "FAL_INSTANCE_ID=inst_a,inst_b\nFAL_INSTANCE_IP=203.0.113.42,203.0.113.43\n"
    );
}

#[test]
fn a_command_does_not_run_unless_the_condition_holds() {
    let server = Server::playing([instance("stopped", "")]);
    Program::asking(&server, &["--", "echo", "ran"]).run().assert(3, "");
    let server = Server::playing([pending()]);
    let running = Program::asking(&server, &["--", "echo", "ran"]).start();
    eventually("a first poll", || server.count() > 0);
    running.signal("TERM");
    running.end().assert(143, "");
}

#[test]
fn a_signal_reaches_the_command_once_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let started = folder.path().join("started");
    let script =
        format!("trap 'exit 42' TERM; : > {}; while :; do sleep 0.01; done", started.display());
    let running = shell(&script).start();
    eventually("the command", || started.exists());
    running.signal("TERM");
    assert_eq!(running.end().code(), Some(42));
}

#[test]
fn the_report_is_written_before_the_command_starts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report");
    let path = file.to_str().unwrap();
    let server = Server::playing([ready()]);
    let ended = Program::asking(&server, &["--report", path, "--", "cat", path]).run();
    assert!(ended.stdout.contains(r#""outcome":"met""#), "{ended:#?}");
    let ended = Program::asking(&server, &["--report", path, "--", "no-such-command"]).run();
    ended.assert(127, "");
    assert!(fs::read_to_string(&file).unwrap().contains(r#""exit_code":127"#));
}
