//! The README says what the program does: its tables are compared, its blocks are run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use wait_ready::{ExitCode, program::cli::command};

const README: &str = include_str!("../../README.md");

/// The rows of the table under this heading, without its header row.
fn table(heading: &str) -> Vec<Vec<String>> {
    let section = README.split(&format!("\n## {heading}\n")).nth(1).expect(heading);
    section
        .lines()
        .skip_while(|line| !line.starts_with("|---"))
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let listed: BTreeSet<u8> =
        table("Exit codes").iter().filter_map(|row| row[0].parse().ok()).collect();
    let known: BTreeSet<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(listed, known);
}

#[test]
fn the_options_their_variables_and_defaults_are_those_of_the_program() {
    let listed: BTreeMap<String, (String, String)> = table("Options")
        .into_iter()
        .map(|row| {
            let bare = |cell: &str| cell.trim_matches('`').to_owned();
            let long = row[0].split("--").nth(1).unwrap();
            let long = long.split(['`', ' ', '[', '<']).next().unwrap().to_owned();
            (long, (bare(&row[1]), bare(&row[2])))
        })
        .collect();
    let command = command(|_| None);
    let known: BTreeMap<String, (String, String)> = command
        .get_arguments()
        .filter_map(|argument| {
            let long = argument.get_long()?.to_owned();
            let variable = argument.get_env()?.to_str()?.to_owned();
            let default = argument.get_default_values().first().and_then(|value| value.to_str());
            Some((long, (variable, default.unwrap_or_default().to_owned())))
        })
        .collect();
    assert_eq!(listed.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
    for (option, (variable, default)) in known {
        let (listed_variable, listed_default) = &listed[&option];
        assert_eq!(listed_variable, &variable, "--{option}");
        let is_plain = matches!(listed_default.as_str(), "none" | "off" | "stdout");
        assert!(is_plain || *listed_default == default, "--{option}: {listed_default}");
        assert!(
            !is_plain || matches!(default.as_str(), "" | "false" | "0"),
            "--{option}: {default}"
        );
    }
}

#[test]
fn every_option_has_the_variable_that_its_name_promises() {
    for argument in command(|_| None).get_arguments() {
        let Some(long) = argument.get_long() else { continue };
        let promised = match long {
            "api-url" => "FAL_API_URL".to_owned(),
            "api-key-file" => "FAL_KEY_FILE".to_owned(),
            _ => format!("WAIT_READY_{}", long.to_uppercase().replace('-', "_")),
        };
        assert_eq!(argument.get_env(), Some(promised.as_ref()), "--{long}");
    }
}

#[test]
fn the_blocks_of_the_readme_do_what_they_show() {
    trycmd::TestCases::new().case("README.md");
}

#[test]
fn every_test_that_the_security_promises_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let promises = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let named: Vec<&str> = promises
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.matches('_').count() > 4)
        .collect();
    assert!(named.len() > 5, "{named:?}");
    let mut files = Vec::new();
    files_below(&root.join("src"), &mut files);
    files_below(&root.join("tests/it"), &mut files);
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    for name in named {
        assert!(code.contains(&format!("fn {name}(")), "{name}");
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        files_below(&root.join(folder), &mut files);
    }
    let has_name = |name: &str| files.iter().any(|file| file.file_name() == Some(name.as_ref()));
    let mut named = 0;
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "tests/accepted-mutants.md",
        "benches/README.md",
        "examples/README.md",
    ] {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            let target = root.join(document).parent().unwrap().join(link);
            assert!(target.exists(), "{document} links to {link}");
        }
        let is_part = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
        for word in text.split(|c| !is_part(c)).map(|word| word.trim_end_matches('.')) {
            let exists = match word.split_once('/') {
                Some((first, _)) => {
                    let places = [root.to_owned(), root.join("src")];
                    let mut known = places.iter().filter(|place| place.join(first).is_dir());
                    let is_ours = !matches!(first, "" | "." | ".." | "target");
                    let Some(place) = known.next().filter(|_| is_ours) else { continue };
                    place.join(word).exists() || known.any(|place| place.join(word).exists())
                }
                None if Path::new(word).extension() == Some("rs".as_ref()) => has_name(word),
                None => continue,
            };
            assert!(exists, "{document} names {word}");
            named += 1;
        }
    }
    assert!(named > 80, "the reader sees too little: {named} paths");
}
