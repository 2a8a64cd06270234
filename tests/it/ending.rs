//! How a run ends: signals, failing streams, explanations.

use std::{fs::File, time::Duration};

use crate::fixture::{
    program::{Program, Running, eventually},
    server::{Act, Server, error, instance, pending, ready},
};

/// A run that has polled at least once and waits.
fn waiting(server: &Server, arguments: &[&str]) -> Running {
    let running = Program::asking(server, arguments).start();
    eventually("a first poll", || server.count() > 0);
    running
}

#[test]
fn sigint_and_sigterm_end_the_wait_with_their_own_codes() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let server = Server::playing([pending()]);
        let running = Program::asking(&server, &[]).start();
        // The second poll comes after the answer to the first.
        eventually("a second poll", || server.count() > 1);
        running.signal(signal);
        running.end().assert(code, "").says(&format!("ended by SIG{signal}")).says("pending");
    }
}

#[test]
fn a_signal_is_handled_while_a_request_hangs() {
    let silent = Act::Slow(Vec::new(), Duration::from_secs(40), Vec::new());
    let server = Server::playing([silent]);
    let running = waiting(&server, &["--request-timeout", "40s"]);
    running.signal("TERM");
    let ended = running.end();
    ended.assert(143, "");
    assert!(ended.took < Duration::from_secs(20), "{ended:#?}");
}

#[test]
fn a_signal_is_handled_while_standard_input_is_read() {
    let running = Program::new(["@-", "--simulate"]).with_open_stdin().start();
    eventually("a handler", || handles_signals(running.id()));
    running.signal("INT");
    running.end().assert(130, "").says("before the wait began");
}

/// Returns whether the process has a handler for SIGINT.
fn handles_signals(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t")).unwrap();
    u64::from_str_radix(caught, 16).unwrap() & 0b10 != 0
}

#[test]
fn a_full_disk_is_exit_1_without_a_panic() {
    let server = Server::playing([ready()]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = Program::asking(&server, &[]).stdout_to(full).run();
    ended.assert(1, "").says("cannot write the result to standard output").never_says("panic");
}

#[test]
fn a_closed_pipe_is_exit_1_without_a_panic() {
    let server = Server::playing([ready()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = Program::asking(&server, &[])
        .stdout_to(File::from(std::os::fd::OwnedFd::from(writer)))
        .run();
    ended.assert(1, "").says("cannot write the result to standard output").never_says("panic");
}

#[test]
fn a_help_text_that_nobody_reads_is_exit_1() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    Program::new(["--help"]).stdout_to(full()).run().assert(1, "");
    Program::new(["--version"]).stdout_to(full()).run().assert(1, "");
}

#[test]
fn a_timeout_says_the_last_status_its_time_the_polls_and_the_last_error() {
    let server = Server::playing([pending(), error(502, &[]), instance("provisioning", "")]);
    let ended = Program::asking(&server, &["--timeout", "500ms"]).run();
    ended.assert(124, "").says("error: inst_abc was not ready within 500ms");
    let seen = ended.stderr.lines().find(|line| line.contains("it was pending")).unwrap();
    for part in ["provisioning ", " polls", "1 transient error", "last error: HTTP 502: said 502"] {
        assert!(seen.contains(part), "{part:?} in {seen:?}");
    }
}

#[test]
fn server_text_cannot_begin_a_line_or_move_the_cursor() {
    let hostile =
        r#"{"error":{"type":"x","message":"a\n::error::b\r\u001b[2Jc","request_id":"r\nq"}}"#;
    let server = Server::playing([crate::fixture::server::answer(403, &[], hostile)]);
    let ended = Program::asking(&server, &["-vv"]).run();
    ended.assert(4, "").says("a\\u{a}::error::b");
    assert!(!ended.stderr.contains('\x1b') && !ended.stderr.contains('\r'), "{ended:#?}");
    assert!(!ended.stderr.lines().any(|line| line.starts_with("::")), "{ended:#?}");
}

#[test]
fn every_error_has_the_servers_message_and_request_id() {
    for (status, advice) in [(401, "FAL_KEY"), (403, "permission"), (400, "--api-url")] {
        let server = Server::playing([error(status, &[])]);
        Program::asking(&server, &[])
            .run()
            .says(&format!("the server said HTTP {status}: said {status}"))
            .says(&format!("req_{status}"))
            .says(advice);
    }
}
