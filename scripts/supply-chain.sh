#!/usr/bin/env bash
# What the program is made of: licences, bans, sources and duplicate versions (cargo-deny), what a
# published package holds and that it works on its own, --locked in every script, and an SBOM
# (CycloneDX) in target/.
#
#   scripts/supply-chain.sh [--install] [--require] [--fetch-advisories]
#
# --install            installs missing tools with cargo, from their own lock files
# --require            fails where a tool is missing, instead of skipping
# --fetch-advisories   fetches the advisory database; without it, only one that is there is used
set -euo pipefail
cd "$(dirname "$0")/.."

install=false require=false fetch=false
for argument in "$@"; do
    case $argument in
    --install) install=true ;;
    --require) require=true ;;
    --fetch-advisories) fetch=true ;;
    *)
        echo "usage: scripts/supply-chain.sh [--install] [--require] [--fetch-advisories]" >&2
        exit 2
        ;;
    esac
done

passed=0 failed=0 skipped=0
target=${CARGO_TARGET_DIR:-$PWD/target}
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
        echo "ok       $name"
    else
        failed=$((failed + 1))
        echo "FAILED   $name"
        tail -n 60 "$work/log"
    fi
}

skip() { # NAME WHY
    skipped=$((skipped + 1))
    echo "skipped  $1: $2"
}

have() { # TOOL CHECKS: whether cargo has TOOL, installed now if that was asked for
    command -v "cargo-$1" >/dev/null && return
    if $install; then
        cargo install --locked --quiet "cargo-$1"
    elif $require; then
        failed=$((failed + 1))
        echo "FAILED   $2: cargo-$1 is not installed (--install)"
        return 1
    else
        skip "$2" "cargo-$1 is not installed (--install)"
        return 1
    fi
}

# --- the lock file ---------------------------------------------------------------------

lock_is_current() { cargo metadata --locked --format-version 1 >/dev/null; }

locked_everywhere() {
    # Lines of shell that run cargo on this project; `cargo install --path` builds it too.
    local found
    found=$(git ls-files -- .ci scripts Dockerfile action.yml '.github/*' '*.sh' |
        xargs grep -nE '^[^#]*\bcargo (build|test|clippy|doc|run|bench|install|package|publish|tree)\b' |
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
    if $fetch; then
        check "advisories" cargo deny --locked check advisories
    elif [ -n "$(ls -A "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" 2>/dev/null)" ]; then
        check "advisories" cargo deny --locked check --disable-fetch advisories
    else
        skip "advisories" "no database is here (--fetch-advisories)"
    fi
}

sbom() {
    local triple=x86_64-unknown-linux-musl name=wait-ready.cdx
    rm -f "$name.json"
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$triple" \
        --override-filename "$name"
    mkdir -p "$target"
    mv "$name.json" "$target/$name.json"
    python3 - "$target/$name.json" <<'PY'
import json, subprocess, sys

with open(sys.argv[1]) as file:
    bom = json.load(file)
listed = {(c["name"], c["version"]) for c in bom["components"]}
tree = subprocess.run(
    ["cargo", "tree", "--locked", "--edges", "normal,build", "--target", "x86_64-unknown-linux-musl",
     "--prefix", "none", "--format", "{p}"],
    check=True, capture_output=True, text=True).stdout
built = set()
for line in tree.split("\n"):
    if line and not line.startswith("wait-ready "):
        name, version = line.split()[:2]
        built.add((name, version.removeprefix("v")))
assert built <= listed, f"the SBOM lacks {sorted(built - listed)}"
assert not listed - built, f"the SBOM lists what is not built: {sorted(listed - built)}"
unlicensed = [c["name"] for c in bom["components"] if not c.get("licenses")]
assert not unlicensed, f"without a licence: {unlicensed}"
print(f"{len(listed)} components")
PY
}

check "the lock file is current" lock_is_current
check "every script builds with --locked" locked_everywhere
check "the package holds what it should" package_is_clean
check "the package works on its own" package_works
if have deny "licences, bans, sources"; then
    check "licences, bans, sources" cargo deny --locked check licenses bans sources
    advisories
fi
if have cyclonedx "SBOM"; then
    check "SBOM: $target/wait-ready.cdx.json" sbom
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
