//! The script of --simulate.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|text: &str| hold::script(text));
