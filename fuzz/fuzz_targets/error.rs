//! The body of an answer with an error status; its first two bytes choose the status.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [high, low, body @ ..] = data {
        hold::error(300 + u16::from_be_bytes([*high, *low]) % 700, body);
    }
});
