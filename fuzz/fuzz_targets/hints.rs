//! The two hint headers, one a line.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (after, reset) = text.split_once('\n').unwrap_or((text, ""));
    hold::hints(after, reset);
});
