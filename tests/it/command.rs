//! COMMAND: what runs once the condition holds.

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
fn a_command_that_is_not_there_is_127_and_one_that_cannot_run_is_126() {
    then(&[], &["no-such-command-anywhere"]).run().assert(127, "").says("no-such-command-anywhere");
    then(&[], &["/etc/passwd"]).run().assert(126, "").says("/etc/passwd");
    then(&[], &["/"]).run().assert(126, "");
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
fn a_report_is_there_before_the_command_starts() {
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
