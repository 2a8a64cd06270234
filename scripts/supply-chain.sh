#!/usr/bin/env bash
# Checks the supply chain: licences, bans, sources and duplicate versions (cargo-deny), the contents of
# the published package and that it builds alone, and --locked in every script; writes an SBOM
# (CycloneDX) to target/.
#
#   scripts/supply-chain.sh [--install] [--require] [--fetch-advisories]
#
# --install            installs cargo-deny if it is missing, from its own lock file (minutes)
# --require            fails if a tool is missing, instead of skipping
# --fetch-advisories   fetches the advisory database; without it, only a local one is used
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

install=false require=false fetch_advisories=false
options "$@"
work=$(mktemp -d)
trap leave_nothing EXIT
target=${CARGO_TARGET_DIR:-$PWD/target}

# --- the lock file ---------------------------------------------------------------------

lock_is_current() { cargo metadata --locked --format-version 1 >/dev/null; }

locked_everywhere() {
    # Shell lines that run cargo on this project; `cargo install --path` builds it too.
    local found
    found=$(git ls-files -- .ci scripts Dockerfile action.yml '.github/*' '*.sh' |
        xargs grep -nE '^[^#]*\bcargo (build|check|test|clippy|doc|run|bench|install|package|publish|tree)\b' |
        grep -v -- '--locked' || true)
    echo "$found"
    [ -z "$found" ]
}

# --- the package -----------------------------------------------------------------------

package_is_clean() {
    cargo package --list --locked --allow-dirty >"$work/list"
    local wanted='^(src/.*\.rs|README\.md|CHANGELOG\.md|LICENSE-(MIT|APACHE)|Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json)$'
    if grep -vE "$wanted" "$work/list"; then
        echo "these do not belong into the package"
        return 1
    fi
    local file
    for file in Cargo.lock LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md src/lib.rs src/main.rs; do
        grep -qxF "$file" "$work/list" || { echo "the package lacks $file"; return 1; }
    done
}

package_works() {
    cargo package --quiet --no-verify --locked --allow-dirty
    tar -C "$work" -xzf "$target/package/wait-ready-$version.crate"
    # The example of the library's documentation, built from the package alone.
    CARGO_TARGET_DIR=$target cargo test --quiet --locked --doc \
        --manifest-path "$work/wait-ready-$version/Cargo.toml"
}

# --- what it is built from -------------------------------------------------------------

advisories() {
    if $fetch_advisories; then
        check "advisories" cargo deny --locked check advisories
    elif [ -n "$(ls -A "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" 2>/dev/null)" ]; then
        check "advisories" cargo deny --locked check --disable-fetch advisories
    else
        skip "advisories" "no database is here (--fetch-advisories)"
    fi
}

sbom() {
    mkdir -p "$target"
    scripts/sbom.py >"$target/wait-ready.cdx.json"
    # A second one must be the same, byte for byte.
    scripts/sbom.py | cmp - "$target/wait-ready.cdx.json"
}

check "the lock file is current" lock_is_current
check "every script builds with --locked" locked_everywhere
check "the package holds what it should" package_is_clean
check "the package works on its own" package_works
if $install && ! command -v cargo-deny >/dev/null; then
    # Without optimization it builds in half the time, and runs for seconds.
    cargo install --locked --quiet --debug cargo-deny
fi
if needs "licences, bans, sources" cargo-deny; then
    check "licences, bans, sources" cargo deny --locked check licenses bans sources
    advisories
fi
if needs "SBOM" python3; then check "SBOM: $target/wait-ready.cdx.json" sbom; fi

verdict
