//! `wait-ready`: waits until a GPU instance of fal's Compute API is usable.

fn main() -> std::process::ExitCode {
    wait_ready::program::run()
}
