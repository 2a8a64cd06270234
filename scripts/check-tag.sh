#!/usr/bin/env bash
# Checks that this commit may be released as TAG from REPOSITORY (OWNER/NAME): that the version, the
# changelog and the owner agree.
#
#   scripts/check-tag.sh TAG REPOSITORY
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $# -eq 2 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
status=0
refuse() {
    echo "check-tag: $*" >&2
    status=1
}

[[ $1 == "v$version" ]] || refuse "the tag is $1, and Cargo.toml's version $version"
grep -qE "^## \[${version//./\\.}\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
    refuse "CHANGELOG.md has no dated section for $version"
scripts/owner.sh >/dev/null || status=1
grep -qxF "repository = \"https://github.com/$2\"" Cargo.toml ||
    refuse "Cargo.toml's repository is not $2: scripts/owner.sh ${2%/*}"
exit "$status"
