//! The body of an answer about one instance.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|body: &[u8]| hold::instance(body));
