//! Completion, by the shells themselves, and the manual page.

use std::{
    fs,
    process::{Command, Stdio},
};

use crate::fixture::program::Program;
use tempfile::TempDir;

fn generated(what: &str) -> String {
    let ended = Program::new(["--generate", what]).run();
    assert_eq!(ended.code(), Some(0), "{ended:#?}");
    ended.stdout
}
