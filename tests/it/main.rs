//! What the contract promises, tested from outside.

mod fixture;

mod answers;
mod command;
mod configuration;
mod ending;
mod files;
mod fleet;
mod floors;
mod hints;
mod leaks;
mod output;
mod pacing;
mod probing;
mod reach;
mod readme;
mod simulator;
mod worlds;
