//! What a person sees on a terminal, and waits whose terminal is gone.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use crate::fixture::{
    held::{Held, addresses, names},
    program::{Program, Running, eventually},
    terminal::Terminal,
};

/// The beginnings of the rows expected at the end of the screen.
fn expected_rows(count: usize) -> Vec<String> {
    let row = |name: String| format!(" {name}  pending");
    let mut rows: Vec<String> = match count {
        1 => return vec![row(names(1)[0].clone())],
        2..=11 => names(count).into_iter().map(row).collect(),
        _ => {
            let shown = names(10).into_iter().map(row);
            shown.chain([format!(" and {} more: ", count - 10)]).collect()
        }
    };
    rows.push(format!(" 0 of {count} done"));
    rows
}

/// Returns whether the last lines of the screen are these rows, each after a spinner.
fn ends_with_rows(lines: &[String], rows: &[String]) -> bool {
    let last = lines.len().checked_sub(rows.len()).map(|start| &lines[start..]);
    last.is_some_and(|last| {
        last.iter().zip(rows).all(|(line, row)| {
            let turning: String = line.chars().skip(1).collect();
            turning.starts_with(row.as_str())
        })
    })
}

fn has_rows(terminal: &Terminal) -> bool {
    let text = terminal.text();
    ["next poll in", "polling", " done", " left"].iter().any(|part| text.contains(part))
}

#[test]
fn every_row_is_a_line_at_every_width_and_only_the_log_is_left() {
    for columns in [34, 80, 200] {
        for count in [1, 2, 11, 60] {
            let terminal = Terminal::new(columns);
            let fleet = Held::pending();
            let running = fleet.wait(count, &[]).on(&terminal).start();
            let rows = expected_rows(count);
            for width in [columns, columns + 4, columns] {
                terminal.resize(width);
                eventually(&format!("{count} rows at {width}: {rows:?}"), || {
                    ends_with_rows(&terminal.lines(), &rows)
                });
            }
            fleet.release();
            running.end().assert(0, &addresses(count));
            assert_tells_the_story_once(count, &terminal);
        }
    }
}

/// Asserts that no row is left, and that no line of the log is repeated or missing.
#[track_caller]
fn assert_tells_the_story_once(count: usize, terminal: &Terminal) {
    let lines = || terminal.lines().concat();
    let parts: Vec<String> = if count < 8 {
        let each = ["  pending -> ready after ", "  ready at 203.0.113."];
        let told = names(count).into_iter();
        told.flat_map(|name| each.map(|part| format!("{name}{part}"))).collect()
    } else {
        let named = format!("(inst_0, inst_1, inst_2 and {} more)", count - 3);
        let waiting = format!("{count} pending {named}; {count} waiting");
        vec![waiting, format!("{count} pending -> ready {named}; 0 waiting")]
    };
    for part in parts {
        eventually(&part, || lines().contains(&part));
        assert_eq!(lines().matches(&part).count(), 1, "{part:?}: {:#?}", terminal.lines());
    }
    assert!(!has_rows(terminal), "{:#?}", terminal.lines());
}

#[test]
fn ctrl_c_leaves_no_row_behind() {
    for columns in [34, 80, 200] {
        for count in [1, 2, 11] {
            let terminal = Terminal::new(columns);
            let fleet = Held::pending();
            let running = fleet.wait(count, &[]).on(&terminal).start();
            let rows = expected_rows(count);
            eventually("rows", || ends_with_rows(&terminal.lines(), &rows));
            terminal.types("\x03");
            let ended = running.end();
            assert_eq!(ended.stdout, "", "{ended:#?}");
            eventually("an explanation", || terminal.text().contains("ended by SIGINT"));
            assert!(!has_rows(&terminal), "{columns}, {count}: {}", terminal.text());
        }
    }
}

/// A shell with job control on a terminal, in which `$W` is the program.
fn shell(terminal: &Terminal, program: Program) -> Running {
    let script = "W=\"$0 $*\" exec bash --norc --noprofile -i";
    let shell = program.through(&["sh", "-c", script]).on(terminal).env("PS1", "$ ");
    shell.stdout_to(terminal.side()).start()
}

#[test]
fn a_job_in_the_background_does_not_draw_until_it_is_in_the_foreground() {
    let terminal = Terminal::new(80);
    let fleet = Held::pending();
    let running = shell(&terminal, fleet.wait(1, &[]));
    terminal.types("$W &\n");
    eventually("polls", || fleet.server.count() > 3);
    assert!(terminal.text().contains("inst_0  pending"), "{}", terminal.text());
    assert!(!has_rows(&terminal), "{}", terminal.text());
    terminal.types("fg\n");
    eventually("rows", || has_rows(&terminal));
    fleet.release();
    eventually("the end", || terminal.text().contains("ready at"));
    assert!(!has_rows(&terminal), "{}", terminal.text());
    terminal.types("exit\n");
    running.end();
}

#[test]
fn output_of_the_shell_while_the_job_was_stopped_is_kept() {
    let terminal = Terminal::new(80);
    let fleet = Held::pending();
    let running = shell(&terminal, fleet.wait(7, &[]));
    terminal.types("$W\n");
    eventually("rows", || has_rows(&terminal));
    terminal.types("\x1a");
    eventually("a stopped job", || terminal.text().contains("Stopped"));
    terminal.types("echo one; echo two; echo three\n");
    eventually("what the shell wrote", || terminal.text().contains("\nthree"));
    terminal.types("fg\n");
    eventually("rows", || ends_with_rows(&terminal.lines(), &expected_rows(7)));
    fleet.release();
    eventually("the end", || terminal.text().contains("inst_6  ready at"));
    assert!(terminal.text().contains("\none\ntwo\nthree\n"), "{}", terminal.text());
    terminal.types("exit\n");
    running.end();
}

#[test]
fn a_terminal_without_a_name_is_dumb_and_ci_keeps_every_line() {
    let terminal = Terminal::new(80);
    for (name, value) in [("TERM", ""), ("TERM", "dumb"), ("CI", "true"), ("GONE", "TERM")] {
        let fleet = Held::pending();
        let program = fleet.wait(2, &[]).on(&terminal);
        let program =
            if name == "GONE" { program.without_env(value) } else { program.env(name, value) };
        let running = program.start();
        eventually("polls", || fleet.server.count() > 3);
        fleet.release();
        assert_eq!(running.end().code(), Some(0));
    }
    eventually("the story", || terminal.text().matches("inst_1  ready at").count() == 4);
    assert!(!terminal.written().contains("\x1b["), "{:?}", terminal.written());
}

/// How a wait may have a terminal.
fn with_terminal(way: &str, program: Program, terminal: &Terminal) -> Program {
    let ignoring_hangup = ["sh", "-c", "trap '' HUP; exec \"$0\" \"$@\""];
    match way {
        "disowned" => program.through(&ignoring_hangup).on(terminal),
        "of another session" => program.stderr_to(terminal.side()).env("TERM", "xterm"),
        _ => program.stderr_to(terminal.non_blocking_side()).env("TERM", "xterm"),
    }
}

#[test]
fn a_wait_goes_on_without_its_terminal() {
    for way in ["disowned", "of another session", "non-blocking"] {
        let folder = tempdir().unwrap();
        let report = folder.path().join("report.json");
        let terminal = Terminal::new(80);
        let fleet = Held::pending();
        let program = fleet.wait(2, &["--report", report.to_str().unwrap(), "-vv"]);
        let running = with_terminal(way, program, &terminal).start();
        eventually("rows", || has_rows(&terminal));
        terminal.goes_away();
        let before = fleet.server.count();
        eventually("polls without a terminal", || fleet.server.count() > before + 4);
        fleet.release();
        let ended = running.end();
        ended.assert(0, &addresses(2));
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        assert_eq!(report["outcome"], "met", "{way}");
    }
}

#[test]
fn a_stopped_terminal_blocks_nothing_else() {
    for way in ["disowned", "of another session", "non-blocking"] {
        let terminal = Terminal::new(80);
        let fleet = Held::pending();
        let program = fleet.wait(1, &["--timeout", "4s", "-vv"]);
        let running = with_terminal(way, program, &terminal).start();
        eventually("rows", || has_rows(&terminal));
        terminal.types("\x13");
        let ended = running.end();
        ended.assert(124, "");
        assert!(ended.took.as_secs() < 20, "{way}: {ended:#?}");
    }
    for (signal, way) in [("TERM", "disowned"), ("INT", "non-blocking")] {
        let terminal = Terminal::new(80);
        let fleet = Held::pending();
        let running = with_terminal(way, fleet.wait(1, &["-vv"]), &terminal).start();
        eventually("rows", || has_rows(&terminal));
        terminal.types("\x13");
        let before = fleet.server.count();
        eventually("polls while it is held back", || fleet.server.count() > before + 10);
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.stdout, "", "{ended:#?}");
    }
}

#[test]
fn held_output_is_shown_when_the_terminal_resumes() {
    let terminal = Terminal::new(80);
    let fleet = Held::pending();
    let running = fleet.wait(2, &[]).on(&terminal).start();
    eventually("rows", || has_rows(&terminal));
    terminal.types("\x13");
    let before = fleet.server.count();
    eventually("polls while it is held back", || fleet.server.count() > before + 10);
    terminal.types("\x11");
    eventually("rows", || ends_with_rows(&terminal.lines(), &expected_rows(2)));
    fleet.release();
    running.end().assert(0, &addresses(2));
    eventually("the end", || terminal.text().contains("inst_1  ready at"));
    assert!(!has_rows(&terminal), "{}", terminal.text());
}

#[test]
fn rows_that_cannot_be_drawn_end_nothing() {
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    let (closed, writer) = std::io::pipe().unwrap();
    drop(closed);
    for stderr in [full(), fs::File::from(std::os::fd::OwnedFd::from(writer))] {
        let fleet = Held::pending();
        let program = fleet.wait(2, &["--progress", "always", "-v"]).stderr_to(stderr);
        let running = program.start();
        eventually("polls", || fleet.server.count() > 3);
        fleet.release();
        running.end().assert(0, &addresses(2));
    }
}
