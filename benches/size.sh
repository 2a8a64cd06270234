#!/usr/bin/env bash
# What the settings of the release profile cost: size of the program, and instructions of one
# simulated wait; then the static programs of the images and releases. Prints tables in Markdown.
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

# static LABEL COMMAND TARGET [FLAG...]: one row of a program that needs nothing of its system
static() {
    local label=$1 size
    RUSTFLAGS="${*:4}" cargo "$2" --locked --quiet --release --bin wait-ready --target "$3"
    size=$(wc -c <"$CARGO_TARGET_DIR/$3/release/wait-ready")
    printf '| %s | %s | %s |\n' "$label" "$(grouped "$size")" "$(percent "$size" "$shipped")"
}

# The tools of scripts/release.sh.
scripts/tools.sh python musl-gcc=musl-tools
rustup --quiet target add x86_64-unknown-linux-musl aarch64-unknown-linux-musl
PATH=$PWD/target/tools/python/bin:$PATH

printf '\n| static program | bytes | beside the shipped one |\n|---|---:|---:|\n'
static 'musl' build x86_64-unknown-linux-musl
static 'musl, relocations packed: as in the Dockerfile' build x86_64-unknown-linux-musl \
    -Clink-arg=-Wl,-z,pack-relative-relocs
static 'musl by zig, no relocations: as released' zigbuild x86_64-unknown-linux-musl
static 'the same for aarch64' zigbuild aarch64-unknown-linux-musl
