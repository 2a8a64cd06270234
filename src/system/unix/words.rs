//! Words of a command line, which are bytes on Unix.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

/// `word` with its bytes changed.
pub(crate) fn with_bytes(word: &OsStr, change: impl FnOnce(&[u8]) -> Vec<u8>) -> OsString {
    OsString::from_vec(change(word.as_bytes()))
}
