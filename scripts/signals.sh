#!/usr/bin/env bash
# Hits RUNS (default 1,000) processes with a signal at a random moment between their start and the
# COMMAND that takes their place: every one must die of it, and none may leave half a result. Then
# hits some thousands more, one at each system call with each signal (with strace).
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-1000}
case $runs in
'' | *[!0-9]*)
    echo "usage: scripts/signals.sh [RUNS]" >&2
    exit 2
    ;;
esac

cargo build --locked --release
WAIT_READY_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/release/wait-ready" SIGNALS_RUNS=$runs \
    cargo test --locked --test it -- --ignored --nocapture --exact \
    signals::none_of_many_signals_at_random_moments_is_swallowed \
    moments::a_signal_at_any_moment_of_a_run_ends_it_and_command_is_not_started
