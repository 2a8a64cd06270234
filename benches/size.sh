#!/usr/bin/env bash
# What the settings of the release profile cost: size of the program, and instructions of one
# simulated wait. Prints a table in Markdown. About two minutes for each row.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "size: valgrind is not installed" >&2; exit 1; }

export CARGO_TARGET_DIR=target/size
binary=$CARGO_TARGET_DIR/release/wait-ready
shipped='' # the size that the others are compared with

# measure LABEL [NAME=VALUE...] [-- CARGO-OPTION...]: one row
measure() {
    local label=$1 settings=() size instructions=-
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        settings+=("CARGO_PROFILE_RELEASE_$1")
        shift
    done
    [ $# -eq 0 ] || shift
    env "${settings[@]}" cargo build --locked --quiet --release --bin wait-ready "$@"
    size=$(wc -c <"$binary")
    shipped=${shipped:-$size}
    # Without --simulate there is no wait that needs no server.
    [ $# -gt 0 ] || instructions=$(benches/instructions.sh "$binary" inst_a --simulate=ready --quiet)
    printf '| %s | %s | %+.1f %% | %s |\n' "$label" "$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$size")" \
        "$(awk -v a="$size" -v b="$shipped" 'BEGIN { print 100 * (a - b) / b }')" \
        "$([ "$instructions" = - ] || awk -v n="$instructions" 'BEGIN { printf "%.2f million", n / 1e6 }')"
}

echo "| profile | bytes | beside the shipped one | instructions |"
echo "|---|---:|---:|---:|"
measure 'as shipped: opt-level z, fat LTO, 1 codegen unit, abort, stripped'
measure 'opt-level s' OPT_LEVEL=s
measure 'opt-level 2' OPT_LEVEL=2
measure 'opt-level 3' OPT_LEVEL=3
measure 'thin LTO' LTO=thin
measure 'no LTO' LTO=off
measure '16 codegen units' CODEGEN_UNITS=16
measure 'panic = unwind' PANIC=unwind
measure 'not stripped' STRIP=none
measure 'without the feature simulate' -- --no-default-features
