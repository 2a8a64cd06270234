//! Completion, tested in the shells themselves, and the manual page.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::fixture::program::Program;

const CONDITIONS: &str = "ready ssh ssh: tcp: http: exec stopped deleted";
const BUDGETS: &str = "init= pending= provisioning= ready= unknown=";

fn generated(what: &str) -> String {
    let ended = Program::new(["--generate", what]).run();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    ended.stdout
}

/// The output of `program`, given `input`.
fn said(program: &[&str], input: &str) -> String {
    let mut child = Command::new(program[0])
        .args(&program[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok()
}

#[test]
fn bash_offers_conditions_and_statuses_not_files() {
    for (option, words) in [("--for", CONDITIONS), ("--max-in", BUDGETS)] {
        let script = generated("complete-bash")
            + &format!("\nCOMP_WORDS=(wait-ready {option} ''); COMP_CWORD=2\n")
            + &format!("_wait__ready wait-ready '' {option}; echo \"${{COMPREPLY[*]}}\"\n");
        assert_eq!(said(&["bash", "--norc"], &script).trim_end(), words);
    }
}

#[test]
fn fish_offers_conditions_and_statuses_not_files() {
    if !is_installed("fish") {
        return;
    }
    for (option, words) in [("--for", CONDITIONS), ("--max-in", BUDGETS)] {
        let script =
            generated("complete-fish") + &format!("\ncomplete -C 'wait-ready {option} '\n");
        let offered = said(&["fish", "--no-config"], &script);
        let mut offered: Vec<&str> = offered.split_whitespace().collect();
        let mut words: Vec<&str> = words.split(' ').collect();
        offered.sort_unstable();
        words.sort_unstable();
        assert_eq!(offered, words);
    }
}

#[test]
fn the_manual_page_has_the_sections_of_a_manual_page() {
    let page = generated("man");
    for section in ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"] {
        assert!(
            page.contains(&format!(".SH \"{section}\""))
                || page.contains(&format!(".SH {section}\n")),
            "{section}"
        );
    }
    for code in wait_ready::ExitCode::ALL {
        assert!(page.contains(&format!("\\fB{}\\fR", code.number())), "{code:?}");
    }
}
