//! Linux and macOS.

pub(crate) mod group;
pub(crate) mod words;
