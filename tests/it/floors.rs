//! The architecture: a room uses the rooms below it, islands do not use each other, and
//! no modules use each other in a circle.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms of `src`, floor by floor: a room uses those of the floors below its own.
const FLOORS: &[&[&str]] = &[
    &["text", "system"],
    &["answer"],
    &["wait"],
    &["api", "reach", "simulate", "report", "terminal"],
    &["program"],
];

/// What an island may use of another one.
const BRIDGES: &[(&str, &str)] = &[];

/// Crates that only one room, or one file, may use.
const KEPT: &[(&str, &str)] = &[
    ("backoff", "wait/backoff"),
    ("reqwest", "api"),
    ("unicode_width", "terminal/rows"),
    ("clap", "program/cli"),
    ("clap_complete", "program/cli"),
    ("clap_mangen", "program/cli"),
    ("nix", "system/unix/signals"),
    ("tracing_subscriber", "terminal"),
    ("hyper", "simulate"),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
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

/// A module path from the root: `["api", "http"]`.
type Module = Vec<String>;

/// Every module outside of tests, with its code without tests and comments.
fn modules() -> BTreeMap<Module, String> {
    let mut files = Vec::new();
    sources(&src(), &mut files);
    let is_tests = |file: &PathBuf| file.file_stem().unwrap().to_str().unwrap().ends_with("tests");
    let code = |file: &PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.split("#[cfg(test)]").next().unwrap().lines();
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    };
    files.iter().filter(|file| !is_tests(file)).map(|file| (module_of(file), code(file))).collect()
}

fn module_of(file: &Path) -> Module {
    let inside = file.strip_prefix(src()).unwrap().with_extension("");
    let names = inside.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod").collect()
}

/// The paths that `code` of `module` names, from the root of the crate.
fn paths(module: &Module, is_folder: bool, code: &str) -> Vec<Module> {
    let own: &[String] = module;
    let parent = &own[..own.len() - 1];
    let mut found = Vec::new();
    for (prefix, base) in [("crate::", &[][..]), ("super::", parent), ("self::", own)] {
        for (at, _) in code.match_indices(prefix) {
            let is_path = code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c));
            if !is_path {
                tree(base, &code[at + prefix.len()..], &mut found);
            }
        }
    }
    if is_folder {
        for (at, _) in code.match_indices("\nuse ") {
            tree(own, &code[at + "\nuse ".len()..], &mut found);
        }
    }
    found
}

/// Collects each path of `a::{b::C, d::{E, F}}`, after `base`; returns the length that was read.
fn tree(base: &[String], text: &str, found: &mut Vec<Module>) -> usize {
    if text.starts_with('{') {
        let mut at = 1;
        while !text[at..].starts_with('}') {
            let is_between = text[at..].starts_with(|c: char| c.is_whitespace() || c == ',');
            at += if is_between { 1 } else { tree(base, &text[at..], found).max(1) };
        }
        return at + 1;
    }
    let is_name = |c: &char| c.is_alphanumeric() || *c == '_';
    let name: String = text.chars().take_while(is_name).collect();
    let mut path = base.to_vec();
    match name.as_str() {
        "super" => drop(path.pop()),
        "self" => {}
        name => path.push(name.to_owned()),
    }
    let Some(rest) = text[name.len()..].strip_prefix("::") else {
        found.push(path);
        return name.len();
    };
    name.len() + "::".len() + tree(&path, rest, found)
}

/// Which modules use which others. Naming a module's child through `pub use` is naming the child.
fn arrows() -> BTreeMap<Module, BTreeSet<Module>> {
    let modules = modules();
    let folders: BTreeSet<&Module> =
        modules.keys().filter(|m| src().join(m.join("/")).is_dir()).collect();
    let target = |path: &Module| -> Option<Module> {
        (1..=path.len()).rev().map(|n| path[..n].to_vec()).find(|m| modules.contains_key(m))
    };
    let is_room = |module: &Module| !matches!(module[0].as_str(), "lib" | "main");
    modules
        .iter()
        .filter(|(module, _)| is_room(module))
        .map(|(module, code)| {
            let named = paths(module, folders.contains(module), code);
            let used = named.iter().filter_map(target).filter(|used| used != module);
            (module.clone(), used.collect())
        })
        .collect()
}

fn floor_of(room: &str) -> usize {
    let floor = FLOORS.iter().position(|rooms| rooms.contains(&room));
    floor.unwrap_or_else(|| panic!("src/{room} has no floor"))
}

#[test]
fn src_is_the_ten_rooms_and_two_files() {
    let names = fs::read_dir(src()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let rooms = FLOORS.iter().copied().flatten().map(ToString::to_string);
    let expected: BTreeSet<String> = rooms.chain(["lib.rs".into(), "main.rs".into()]).collect();
    assert_eq!(names.collect::<BTreeSet<String>>(), expected);
}

#[test]
fn a_room_uses_the_floors_below_it_and_no_island_knows_another() {
    let arrows = arrows();
    let between: BTreeSet<(&str, &str)> = arrows
        .iter()
        .flat_map(|(from, to)| to.iter().map(move |to| (from[0].as_str(), to[0].as_str())))
        .filter(|(from, to)| from != to)
        .collect();
    assert!(between.len() > 15, "the reader sees too little: {between:?}");
    for (from, to) in between {
        let allowed = floor_of(to) < floor_of(from) || BRIDGES.contains(&(from, to));
        assert!(allowed, "{from} (floor {}) uses {to} (floor {})", floor_of(from), floor_of(to));
    }
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let arrows = arrows();
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(count > 150, "the reader sees too little: {count} arrows");
    // A child that a folder's mod.rs names is declared there, not used.
    let mut left: BTreeMap<&Module, BTreeSet<&Module>> =
        arrows.iter().map(|(module, used)| (module, used.iter().collect())).collect();
    loop {
        let done: Vec<&Module> = left
            .iter()
            .filter(|(_, used)| used.iter().all(|used| !left.contains_key(used)))
            .map(|(module, _)| *module)
            .collect();
        if done.is_empty() {
            break;
        }
        left.retain(|module, _| !done.contains(module));
    }
    assert!(left.is_empty(), "in circles, or above one: {left:#?}");
}

#[test]
fn a_library_that_is_to_be_replaceable_is_named_in_one_place() {
    let modules = modules();
    for (library, home) in KEPT {
        let is_own = |statement: &&str| {
            let own = ["use crate", "use super", "pub use"];
            !own.iter().any(|own| statement.trim_start().starts_with(own))
        };
        let begins_path = |(at, _): (usize, &str), code: &str| {
            !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
        };
        let is_at_home = |module: &str| {
            module.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let path = format!("{library}::");
        let names_it = |code: &str| {
            code.split_inclusive(';').filter(is_own).any(|statement| {
                let mut places = statement.match_indices(&path);
                places.any(|place| begins_path(place, statement))
            })
        };
        let naming: Vec<String> = modules
            .iter()
            .filter(|(_, code)| names_it(code))
            .map(|(module, _)| module.join("/"))
            .collect();
        let strangers: Vec<_> = naming.iter().filter(|module| !is_at_home(module)).collect();
        assert!(strangers.is_empty(), "{library} is named in {strangers:?}");
        assert!(!naming.is_empty(), "{library} is named nowhere");
    }
}

#[test]
fn the_command_line_is_asked_once() {
    let asking: Vec<String> = modules()
        .iter()
        .filter(|(_, code)| code.contains("&Cli") || code.contains("&cli::Cli"))
        .map(|(module, _)| module.join("/"))
        .filter(|module| !module.starts_with("program/cli") && module != "program/plan")
        .collect();
    assert!(asking.is_empty(), "{asking:?}");
}

#[test]
fn a_feature_that_is_off_is_a_file_and_no_condition_in_the_flow() {
    let with_conditions: Vec<String> = modules()
        .iter()
        .filter(|(module, code)| module[0] == "program" && code.contains("feature = "))
        .map(|(module, _)| module.join("/"))
        .collect();
    assert_eq!(with_conditions, ["program/cli/simulate", "program/simulated"]);
}

#[test]
fn the_judgement_knows_no_clock_outside_its_loop() {
    let naming: Vec<String> = modules()
        .iter()
        .filter(|(module, code)| module[0] == "wait" && code.contains("tokio::"))
        .map(|(module, _)| module.join("/"))
        .collect();
    assert_eq!(naming, ["wait/probing", "wait/waiter"]);
}

#[test]
fn contributing_lists_the_floors_as_they_are() {
    let text = include_str!("../../CONTRIBUTING.md");
    let listed: Vec<Vec<&str>> = text
        .split("\n| floor |")
        .nth(1)
        .expect("a table of floors")
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with("| "))
        .map(|row| {
            let rooms = row.split('|').nth(2).expect("a cell of rooms");
            rooms.split(',').map(|room| room.trim().trim_matches(['`', '/'])).collect()
        })
        .collect();
    assert_eq!(listed, FLOORS);
}
