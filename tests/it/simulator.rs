//! `--simulate` as a new user runs it, and the simulated API as a server.

use std::time::Duration;

use crate::fixture::program::Program;

#[test]
fn the_first_command_of_the_readme_logs_every_event() {
    let ended = Program::new(["inst_demo", "--simulate"]).run();
    ended.assert(0, "203.0.113.42\n");
    for part in [
        "this is a simulation",
        "inst_demo  pending",
        "HTTP 429",
        "asked to wait 2s (Retry-After)",
        "pending -> provisioning",
        "HTTP 503",
        "provisioning -> ready",
        "ready at 203.0.113.42",
    ] {
        ended.says(part);
    }
    assert!((Duration::from_secs(5)..Duration::from_secs(30)).contains(&ended.took));
}

#[test]
fn every_kind_of_step_can_be_played() {
    let script = "init,?paused,404,408,500*2,drop,truncate,html,oversized,204,429,429:reset=1s,\
                  ready@none,ready@[x y],slow:50ms,pending,hang:100ms,ready@2001:db8::7";
    let script = script.replace("ready@2001:db8::7", "ready@[2001:db8::7]");
    let simulate = format!("--simulate={script}");
    let ended = Program::new(["a", &simulate, "--min-delay", "5ms", "--max-delay", "10ms"]).run();
    ended.assert(0, "2001:db8::7\n");
}

#[test]
fn a_simulated_ending_has_its_exit_code() {
    for (script, code) in [
        ("stopped", 3),
        ("401", 4),
        ("403", 4),
        ("pending,404", 5),
        ("400", 6),
        ("403:html*2", 2),
        ("list:ready,ready", 2),
        ("list:400", 2),
        ("302", 6),
        ("429:1h", 7),
        ("503:1h", 7),
        ("pending", 124),
    ] {
        let simulate = format!("--simulate={script}");
        let timeout = if code == 124 { "1s" } else { "50s" };
        let rest = ["--timeout", timeout, "--min-delay", "10ms", "--not-found-grace", "0"];
        let arguments = ["a", simulate.as_str()].into_iter().chain(rest);
        Program::new(arguments).run().assert(code, "");
    }
}

#[test]
fn a_simulated_foreign_answer_is_retried() {
    let simulate = "--simulate=403*2:html,404:html,ready";
    let ended = Program::new(["a", simulate, "--min-delay", "5ms", "--max-delay", "5ms"]).run();
    ended.assert(0, "203.0.113.42\n").says("server simulated-gateway");
}

#[test]
fn a_truncated_answer_ends_within_its_body() {
    let ended = Program::new(["a", "--simulate=truncate,ready", "--min-delay", "5ms"]).run();
    ended.assert(0, "203.0.113.42\n").says("EOF during chunk size line");
    let ended = Program::new(["a", "--simulate=drop,ready", "--min-delay", "5ms"]).run();
    ended.assert(0, "203.0.113.42\n").never_says("EOF during chunk size line");
}

#[test]
fn a_simulated_fault_can_apply_to_the_list_only() {
    for (fault, notices) in [("list:400", 1), ("list:html", 1), ("list:500", 1), ("list:500*2", 0)]
    {
        let simulate = format!("--simulate={fault},pending*4,ready");
        let pace = ["--min-delay", "5ms", "--max-delay", "5ms", "--timeout", "30s"];
        let ended = Program::new(["a", "b", &simulate].into_iter().chain(pace)).run();
        ended.assert(0, "203.0.113.42\n203.0.113.43\n");
        let said = ended.stderr.matches("requesting each instance separately").count();
        assert_eq!(said, notices, "{fault}: {ended:#?}");
    }
}
