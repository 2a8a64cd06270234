//! Command-line arguments, which are UTF-16 on Windows, though not always well formed.

use std::ffi::{OsStr, OsString};

/// Applies `change` to the UTF-8 bytes of `word`; one that is not Unicode stays as it is.
pub(crate) fn with_bytes(word: &OsStr, change: impl FnOnce(&[u8]) -> Vec<u8>) -> OsString {
    let Some(text) = word.to_str() else { return word.to_owned() };
    String::from_utf8_lossy(&change(text.as_bytes())).into_owned().into()
}
