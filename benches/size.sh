#!/usr/bin/env bash
# What the settings of the release profile cost: size of the program, and instructions of one
# simulated wait; then what the image's program is made smaller by. Prints tables in Markdown.
# About two minutes for each row.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "size: valgrind is not installed" >&2; exit 1; }

export CARGO_TARGET_DIR=target/size
binary=$CARGO_TARGET_DIR/release/wait-ready
shipped='' # the size that the others are compared with

grouped() { sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' <<<"$1"; }
percent() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%+.1f %%", 100 * (a - b) / b }'; }

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
    printf '| %s | %s | %s | %s |\n' "$label" "$(grouped "$size")" "$(percent "$size" "$shipped")" \
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
measure 'without the feature simulate' -- --no-default-features --features cli

# static LABEL FLAG...: one row of the program in the image
static() {
    local label=$1 host size
    shift
    host=$(rustc -vV | sed -n 's/^host: //p')
    RUSTFLAGS="-C target-feature=+crt-static $*" \
        cargo build --locked --quiet --release --bin wait-ready --target "$host"
    size=$(wc -c <"$CARGO_TARGET_DIR/$host/release/wait-ready")
    printf '| %s | %s | %s |\n' "$label" "$(grouped "$size")" "$(percent "$size" "$shipped")"
}

# The same as in the Dockerfile.
discard=$PWD/$CARGO_TARGET_DIR/no-unwind.ld
echo 'SECTIONS { /DISCARD/ : { *(.eh_frame) } } INSERT AFTER .comment;' >"$discard"
pack=-Clink-arg=-Wl,-z,pack-relative-relocs

printf '\n| program of the image | bytes | beside the shipped one |\n|---|---:|---:|\n'
static 'static'
static 'static, relocations packed' "$pack"
static 'static, relocations packed, no unwind tables: as in the image' "$pack" "-Clink-arg=-Wl,-T,$discard"
