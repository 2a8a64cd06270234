#!/usr/bin/env bash
# Guards what is deterministic, never a wall time:
#   - requests spent and lag on seeded traces, exactly (benches/guard.txt)
#   - the size of the release binary
#   - the instructions of one wait, within 3 %, where valgrind and the toolchain are those of the record
#
#   benches/guard.sh            compares; the first difference is an error
#   benches/guard.sh --update   writes down what is now, after a change that is meant
set -euo pipefail
cd "$(dirname "$0")/.."

MOST_BYTES=3500000
MOST_DRIFT_PERCENT=3
expected=benches/guard.txt
instructions=benches/guard-instructions.txt
work=target/guard
mkdir -p "$work"

say() { printf 'guard: %s\n' "$*"; }
fail() {
    say "$*" >&2
    exit 1
}

# --- pace

# The numbers are whole, so they are the same with and without optimization.
cargo bench --locked --quiet --profile dev --bench schedule -- --guard >"$work/guard.txt"
if [ "${1:-}" = --update ]; then
    cp "$work/guard.txt" "$expected"
elif ! diff -u "$expected" "$work/guard.txt"; then
    fail "the pace has changed; if that is meant: benches/guard.sh --update"
fi
say "pace as in $expected"

# --- size

cargo build --locked --release --bin wait-ready
binary=target/release/wait-ready
bytes=$(wc -c <"$binary")
[ "$bytes" -le "$MOST_BYTES" ] || fail "$binary has $bytes bytes, more than $MOST_BYTES"
say "$bytes bytes, at most $MOST_BYTES"

# --- instructions

if ! command -v valgrind >/dev/null; then
    say "instructions skipped: valgrind is not installed"
    exit
fi
# What the number depends on besides the program.
setting="$(rustc --version), $(uname -m), $(ldd --version | sed -n 1p), $(valgrind --version)"

# One wait whose course does not depend on the machine: ready at the first poll, no socket.
now=$(benches/instructions.sh "$binary" inst_a --simulate=ready --quiet)
if [ "${1:-}" = --update ]; then
    printf '%s\n%s\n' "$setting" "$now" >"$instructions"
fi
if [ "$(sed -n 1p "$instructions")" != "$setting" ]; then
    say "instructions skipped: recorded with another toolchain ($now here)"
    exit
fi
before=$(sed -n 2p "$instructions")
drift=$(((now - before) * 1000 / before))
say "$now instructions, $before recorded ($((drift / 10)).$((drift < 0 ? -drift % 10 : drift % 10)) %)"
if [ "$drift" -gt $((MOST_DRIFT_PERCENT * 10)) ]; then
    fail "more than $MOST_DRIFT_PERCENT % more instructions; if that is meant: benches/guard.sh --update"
elif [ "$drift" -lt $((-MOST_DRIFT_PERCENT * 10)) ]; then
    say "fewer by more than $MOST_DRIFT_PERCENT %: benches/guard.sh --update keeps the gain"
fi
