//! A file uses lower floors, and siblings of its own floor where that is said here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The floor of each module below `src`. On floor 2 each adaptor is an island.
const FLOORS: &[(u8, &[&str])] = &[
    (
        0,
        &[
            "backoff",
            "condition",
            "duration",
            "ending",
            "event",
            "instance",
            "open_enum",
            "policy",
            "poll_error",
            "probe_error",
            "retry_after",
            "rules",
            "server_text",
            "stage",
            "tls_fault",
            "transition",
            "watch",
        ],
    ),
    (1, &["clock", "file", "probe", "source"]),
    (2, &["api", "net_probe", "simulate", "waiter"]),
    (3, &["appearance", "exit_code", "instance_list", "output", "report", "signals"]),
    (4, &["cli", "command", "conclude", "failure", "finished", "plan", "run", "simulated"]),
];

fn floor_of(module: &str) -> u8 {
    FLOORS
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .unwrap_or_else(|| panic!("src/{module} has no floor"))
        .0
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The modules that each module uses, outside its tests.
fn arrows() -> BTreeMap<String, Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut arrows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        let module = file.strip_prefix(&root).unwrap().iter().next().unwrap();
        let module = module.to_str().unwrap().trim_end_matches(".rs").to_owned();
        let is_tests = file.file_stem().unwrap().to_str().unwrap().ends_with("tests");
        if matches!(module.as_str(), "lib" | "main") || is_tests {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let uses = arrows.entry(module.clone()).or_default();
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let names = if let Some(list) = rest.strip_prefix('{') {
                top_level_names(list)
            } else {
                vec![name_at(rest)]
            };
            uses.extend(names.into_iter().filter(|name| *name != module && !name.is_empty()));
        }
    }
    arrows
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The first name of each element of `{a::B, c::{D, E}}`, after its opening brace.
fn top_level_names(list: &str) -> Vec<String> {
    let mut names = vec![name_at(list.trim_start())];
    let mut depth = 0;
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(name_at(list[at + 1..].trim_start())),
            _ => {}
        }
    }
    names
}

#[test]
fn no_arrow_runs_up_and_no_adaptor_knows_another() {
    let arrows = arrows();
    assert!(arrows.values().map(Vec::len).sum::<usize>() > 60, "the reader sees too little");
    for (module, uses) in &arrows {
        for used in uses {
            let (from, to) = (floor_of(module), floor_of(used));
            assert!(to <= from, "{module} (floor {from}) uses {used} (floor {to})");
            assert!(from != 2 || to != 2, "the adaptor {module} uses the adaptor {used}");
        }
    }
}

#[test]
fn a_library_that_is_to_be_replaceable_is_named_in_one_file() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for (library, home) in [
        ("backoff::{Expo", "backoff.rs"),
        ("reqwest::", "api/http.rs"),
        ("TcpStream", "net_probe.rs"),
    ] {
        let naming: Vec<_> = files
            .iter()
            .filter(|file| fs::read_to_string(file).unwrap().contains(library))
            .map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(naming, [home], "{library}");
    }
}
