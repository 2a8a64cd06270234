//! Command-line arguments, which are bytes on Unix.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

/// Applies `change` to the bytes of `word`.
pub(crate) fn with_bytes(word: &OsStr, change: impl FnOnce(&[u8]) -> Vec<u8>) -> OsString {
    OsString::from_vec(change(word.as_bytes()))
}
