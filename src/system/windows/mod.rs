//! Windows, with the same faces as Unix.

pub(crate) mod group;
pub(crate) mod words;
