//! Checks that a program exists and can be run, before it is.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    system::programs::{check_right_to_run, places},
    text::untrusted::Untrusted,
};

/// Why a program cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CannotRun {
    /// It is in no folder of `PATH`, or not at the given path.
    #[error("there is no such command")]
    NotFound,
    /// Its first line names an interpreter that does not exist.
    #[error("its first line names the interpreter {0:?}, which does not exist{1}")]
    Interpreter(Untrusted, &'static str),
    /// The ids and addresses that it would be given are longer than the system allows.
    #[error(
        "it would be given {0} instances, whose ids and addresses are longer than the system allows \
         in one argument or variable; without a COMMAND they can be read from standard output"
    )]
    TooLong(usize),
    /// Anything else.
    #[error("{0}")]
    System(io::Error),
}

/// The bytes of a script's first line that Linux reads (`BINPRM_BUF_SIZE`).
const FIRST_LINE_BYTES: u64 = 256;

/// Looks for `program` where the system would.
///
/// # Errors
///
/// [`CannotRun`] if it cannot be run.
pub(super) fn find_program(program: &OsStr) -> Result<(), CannotRun> {
    if program.is_empty() {
        return Err(CannotRun::NotFound);
    }
    let mut first_obstacle = CannotRun::NotFound;
    for place in places(program) {
        match check_file(&place) {
            Ok(()) => return Ok(()),
            Err(CannotRun::NotFound) => {}
            Err(obstacle) if matches!(first_obstacle, CannotRun::NotFound) => {
                first_obstacle = obstacle;
            }
            Err(_) => {}
        }
    }
    Err(first_obstacle)
}

fn check_file(file: &Path) -> Result<(), CannotRun> {
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Err(CannotRun::System(io::ErrorKind::PermissionDenied.into())),
        Err(error) if is_missing(&error) => return Err(CannotRun::NotFound),
        Err(error) => return Err(CannotRun::System(error)),
    }
    check_right_to_run(file).map_err(CannotRun::System)?;
    match interpreter(file) {
        Some((name, path)) if path.metadata().is_err_and(|error| is_missing(&error)) => {
            let hint = if name.ends_with('\r') { " (the file has Windows line ends)" } else { "" };
            Err(CannotRun::Interpreter(Untrusted::from(name.as_str()), hint))
        }
        _ => Ok(()),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The interpreter that the first line of a script names.
fn interpreter(file: &Path) -> Option<(String, PathBuf)> {
    let mut begin = Vec::new();
    File::open(file).ok()?.take(FIRST_LINE_BYTES).read_to_end(&mut begin).ok()?;
    let line = begin.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    // To the system, a carriage return is part of the name.
    let name = line.trim_start_matches([' ', '\t']).split([' ', '\t']).next()?;
    (!name.is_empty()).then(|| (name.to_owned(), PathBuf::from(name)))
}
