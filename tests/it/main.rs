//! What the contract promises, tested from outside.

mod fixture;

mod answers;
mod command;
mod completion;
mod configuration;
mod ending;
mod evidence;
mod exec;
mod exhaustive;
mod faults;
mod files;
mod fleet;
mod floors;
mod hints;
mod leaks;
mod library;
mod limits;
mod output;
mod pacing;
mod places;
mod probing;
mod properties;
mod reach;
mod readme;
mod refusals;
mod signals;
mod simulator;
mod soak;
mod stderr;
mod streams;
mod telling;
mod terminal;
mod tls;
mod ways;
mod worlds;
