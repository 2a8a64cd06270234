#!/usr/bin/env bash
# Fifty processes against a server that misbehaves at random, for SECONDS (default 60):
# every one must end right, and none may grow in memory or open files.
# SOAK_SEED repeats the weather of another run.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
case $seconds in
'' | *[!0-9]*)
    echo "usage: scripts/soak.sh [SECONDS]" >&2
    exit 2
    ;;
esac

cargo build --locked --release
WAIT_READY_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/release/wait-ready" SOAK_SECONDS=$seconds \
    cargo test --locked --test it -- --ignored --nocapture --exact \
    soak::fifty_processes_in_bad_weather_end_right_and_do_not_grow
