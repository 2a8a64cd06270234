//! The config file of the fal tools.
#![no_main]

#[allow(dead_code, reason = "each target checks one of the properties")]
#[path = "../../tests/properties/mod.rs"]
mod hold;

std::thread_local! {
    static FILE: tempfile::NamedTempFile = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    FILE.with(|file| hold::config(text, file.path()));
});
