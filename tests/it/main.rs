//! What the contract promises, tested from outside.
#![expect(clippy::needless_raw_string_hashes, reason = "JSON reads better with them")]

mod fixture;

mod answers;
mod configuration;
mod ending;
mod floors;
mod hints;
mod leaks;
mod output;
mod pacing;
mod probing;
mod simulator;
mod worlds;
