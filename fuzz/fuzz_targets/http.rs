//! What a peer answers to a probe by HTTP; the first two bytes choose where it is cut in two.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let [high, low, said @ ..] = data {
        hold::http(said, u16::from_be_bytes([*high, *low]).into());
    }
});
