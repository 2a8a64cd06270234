//! What is written to standard output and standard error.

use std::fs;

use tempfile::NamedTempFile;

use crate::fixture::{
    program::Program,
    server::{Server, error, instance, pending, ready},
};

#[test]
fn json_is_one_object_with_every_key() {
    let more = r#","ip":"203.0.113.42","sector":"sector_1","creator_user_nickname":"dev""#;
    let server =
        Server::playing([pending(), error(500, &[]), error(429, &[]), instance("ready", more)]);
    let ended = Program::asking(&server, &["-o", "json"]).run();
    assert_eq!((ended.code(), ended.stdout.lines().count()), (Some(0), 1), "{ended:#?}");
    let mut record: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let started_at = record["started_at"].as_str().unwrap_or_default();
    let is_utc = started_at.starts_with("20") && started_at.ends_with('Z');
    assert!(is_utc && started_at.len() == "2026-01-01T00:00:00.000Z".len(), "{record}");
    record["started_at"] = 0.into();
    for time in ["waited_ms", "throttled_ms"] {
        assert!(record[time].as_u64().unwrap() >= 10, "{record}");
        record[time] = 0.into();
    }
    for transition in record["transitions"].as_array_mut().unwrap() {
        assert!(transition["at_ms"].is_u64());
        transition["at_ms"] = 0.into();
    }
    assert_eq!(
        record,
        serde_json::json!({
            "id": "inst_abc", "status": "ready", "ip": "203.0.113.42",
            "instance_type": "gpu_1x_h100_sxm5", "region": "us-west", "sector": "sector_1",
            "creator_user_nickname": "dev", "outcome": "met", "exit_code": 0, "started_at": 0,
            "waited_ms": 0, "polls": 4, "throttled": 1, "throttled_ms": 0, "transient_errors": 1,
            "transitions": [{"status": "pending", "at_ms": 0}, {"status": "ready", "at_ms": 0}],
            "last_error": "HTTP 429: said 429 (server_error, request_id req_429)",
            "last_unusable_answer": null,
        })
    );
}

#[test]
fn absent_values_are_null() {
    let server = Server::playing([ready()]);
    let ended = Program::asking(&server, &["-o", "json"]).run();
    let record: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    for key in ["sector", "creator_user_nickname", "last_error", "last_unusable_answer"] {
        assert_eq!(record.get(key), Some(&serde_json::Value::Null), "{record}");
    }
}

#[test]
fn env_is_two_lines_that_a_shell_can_source() {
    let server = Server::playing([ready()]);
    let ended = Program::asking(&server, &["-o", "env"]).run();
    ended.assert(0, "FAL_INSTANCE_ID=inst_abc\nFAL_INSTANCE_IP=203.0.113.42\n");
    let script =
        format!("{}printf '%s %s' \"$FAL_INSTANCE_ID\" \"$FAL_INSTANCE_IP\"", ended.stdout);
    let sourced = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(sourced.stdout, b"inst_abc 203.0.113.42");
}

#[test]
fn no_output_format_writes_anything_on_a_failure() {
    for format in ["ip", "json", "env"] {
        let server = Server::playing([instance("stopped", r#","ip":"203.0.113.42""#)]);
        Program::asking(&server, &["-o", format]).run().assert(3, "");
    }
}

#[test]
fn each_transition_is_one_line_with_the_time_spent() {
    let server = Server::playing([pending(), pending(), instance("provisioning", ""), ready()]);
    let ended = Program::asking(&server, &[]).run();
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 5, "{ended:#?}");
    assert_eq!(lines[0], "inst_abc  pending");
    assert!(lines[1].starts_with("inst_abc  pending -> provisioning after "), "{ended:#?}");
    assert!(lines[2].starts_with("inst_abc  provisioning -> ready after "), "{ended:#?}");
    assert!(lines[3].starts_with("inst_abc  ready at 203.0.113.42 after "), "{ended:#?}");
    assert!(lines[3].ends_with("(4 polls)"), "{ended:#?}");
    assert!(lines[4].starts_with("inst_abc  pending #"), "{ended:#?}");
}

#[test]
fn a_fault_is_logged_when_it_begins_and_when_its_kind_changes() {
    let server = Server::playing([
        error(500, &[]),
        error(500, &[]),
        error(502, &[]),
        error(502, &[]),
        ready(),
    ]);
    let ended = Program::asking(&server, &[]).run();
    let warnings: Vec<&str> = ended.stderr.lines().filter(|l| l.starts_with("warning:")).collect();
    assert_eq!(warnings.len(), 2, "{ended:#?}");
    assert!(warnings[0].contains("HTTP 500") && warnings[1].contains("HTTP 502"));
}

#[test]
fn quiet_leaves_only_errors_and_verbose_adds_each_poll() {
    let acts = || Server::playing([pending(), pending(), ready()]);
    let quiet = Program::asking(&acts(), &["-q"]).run();
    assert_eq!((quiet.code(), quiet.stderr.as_str()), (Some(0), ""));
    let server = Server::playing([instance("stopped", "")]);
    Program::asking(&server, &["-q"]).run().assert(3, "").says("error: inst_abc is stopped");
    let verbose = Program::asking(&acts(), &["-v"]).run();
    assert_eq!(verbose.stderr.matches("  poll: ").count(), 3, "{verbose:#?}");
    assert_eq!(verbose.stderr.matches("next poll in ").count(), 2, "{verbose:#?}");
    let wins = Program::asking(&acts(), &["-v"]).env("RUST_LOG", "error").run();
    assert_eq!(wins.stderr, "");
    let wins = Program::asking(&acts(), &["-q"]).env("RUST_LOG", "wait_ready=debug").run();
    wins.says("  poll: ");
    for of_another_program in ["hyper=debug", "my_app=off,other=info"] {
        let ended = Program::asking(&acts(), &[]).env("RUST_LOG", of_another_program).run();
        ended.says("pending -> ready");
    }
    for silence in ["off", "wait_ready=off", "other=debug,wait_ready=off", "error"] {
        let server = Server::playing([instance("stopped", "")]);
        let ended = Program::asking(&server, &[]).env("RUST_LOG", silence).run();
        assert_eq!(
            ended.stderr.lines().next(),
            Some("error: inst_abc is stopped: it cannot become ready")
        );
    }
}

#[test]
fn a_json_log_is_one_object_a_line_to_the_last_error() {
    let server = Server::playing([pending(), error(500, &[]), instance("stopped", "")]);
    let ended = Program::asking(&server, &["--log-format", "json", "-v"]).run();
    let lines: Vec<serde_json::Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["level"], &last["exit_code"]), (&"ERROR".into(), &3.into()), "{ended:#?}");
    assert_eq!(last["event"], "failed");
    assert!(last["advice"].as_str().unwrap().contains("create another"));
    let transition = lines.iter().find(|line| line["from"] == "pending").unwrap();
    assert_eq!(
        (&transition["instance"], &transition["status"]),
        (&"inst_abc".into(), &"stopped".into())
    );
}

#[test]
fn a_simulation_says_so_even_when_quiet() {
    let ended = Program::new(["a", "--simulate=ready", "-q"]).run();
    ended.assert(0, "203.0.113.42\n").says("this is a simulation");
}

#[test]
fn the_picture_of_the_times_is_ascii_unless_the_locale_is_utf_8() {
    let run = |locale| {
        let server = Server::playing([pending(), instance("provisioning", ""), ready()]);
        Program::asking(&server, &[]).env("LC_ALL", locale).run()
    };
    run("C").says(" | provisioning #").never_says("\u{2587}");
    run("C.UTF-8").says(" \u{2502} provisioning \u{2587}");
}

#[test]
fn rows_are_drawn_only_on_request_and_leave_only_the_log() {
    let pause = ["--min-delay", "300ms", "--max-delay", "300ms"];
    let stderr = NamedTempFile::new().unwrap();
    let shown = stderr.path().to_owned();
    // Ready only once the row has been seen.
    let server = Server::responding(move |_, _| {
        let is_drawn = fs::read_to_string(&shown).unwrap().contains("left, next poll in 1s");
        if is_drawn { ready() } else { pending() }
    });
    let program = Program::asking(&server, &[&["--progress", "always"], &pause[..]].concat());
    program.stderr_to(stderr.reopen().unwrap()).run().assert(0, "203.0.113.42\n");
    let drawn = fs::read_to_string(stderr.path()).unwrap();
    assert!(drawn.contains('\x1b'), "{drawn:?}");
    let last = drawn.trim_end_matches("\x1b[J").rsplit("\x1b[J").next().unwrap();
    assert!(last.contains("ready at 203.0.113.42") && !last.contains(" left"), "{drawn:?}");
    let run = |options: &[&str]| {
        let server = Server::playing([pending(), ready()]);
        Program::asking(&server, &[options, &pause[..]].concat()).run()
    };
    for options in [&["--progress", "auto"][..], &["--progress", "always", "-q"], &[]] {
        run(options).assert(0, "203.0.113.42\n").never_says("\x1b");
    }
    run(&["--color", "always", "--timeout", "0"]).says("\x1b[1;31merror:\x1b[0m ");
}

#[test]
fn a_manual_page_and_completions_can_be_generated() {
    for (what, part) in [
        ("man", ".TH wait-ready 1"),
        ("complete-bash", "complete -F"),
        ("complete-zsh", "#compdef wait-ready"),
        ("complete-fish", "complete -c wait-ready"),
        ("complete-powershell", "Register-ArgumentCompleter -Native -CommandName 'wait-ready'"),
    ] {
        let ended = Program::new(["--generate", what]).run();
        assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
        assert!(ended.stdout.contains(part), "{what}");
    }
}
