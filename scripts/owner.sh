#!/usr/bin/env bash
# Checks or changes the account that publishes wait-ready, which `repository` in Cargo.toml names.
#
#   scripts/owner.sh          fails if a file names another owner than Cargo.toml
#   scripts/owner.sh NAME     makes NAME the owner, in Cargo.toml and everywhere else
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

owner() { sed -n 's|^repository = "https://github.com/\([^/]*\)/wait-ready"$|\1|p' Cargo.toml; }
# Every form in which a file names the repository or what is published from it.
readonly before='(github\.com/|githubusercontent\.com/|ghcr\.io/|uses: )' after='/wait-ready'
files() {
    git ls-files -z | grep --null-data --invert-match --line-regexp --fixed-strings scripts/owner.sh
}

if [[ $# -gt 0 ]]; then
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9-]*$ ]] || { echo "owner: $1 is no account's name" >&2; exit 2; }
    files | xargs -0 grep --files-with-matches --null -E "$before$(owner)$after" |
        xargs -0 sed -i -E "s#$before$(owner)$after#\\1$1$after#g"
fi
[[ -n $(owner) ]] || { echo "owner: Cargo.toml names no repository" >&2; exit 1; }
if files | xargs -0 grep -nHoE "${before}[A-Za-z0-9-]+$after" | grep -vE "$before$(owner)$after"; then
    echo "owner: these name another owner than Cargo.toml, $(owner): scripts/owner.sh NAME" >&2
    exit 1
fi
echo "owner: $(owner)"
