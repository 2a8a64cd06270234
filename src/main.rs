//! The program `wait-ready`.

fn main() -> std::process::ExitCode {
    wait_ready::program::run()
}
