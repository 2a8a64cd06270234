#!/usr/bin/env bash
# Validates examples/kubernetes against the schemas of the oldest and the newest Kubernetes that the
# validator knows, and refuses unknown fields.
#
#   scripts/check-kubernetes.sh [--require]
#
# --require   fails if the validator cannot be installed, instead of skipping
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

require=false
options "$@"
work=$(mktemp -d)
trap leave_nothing EXIT

if scripts/tools.sh python >"$work/log" 2>&1; then
    for kubernetes in 1.32 1.37; do
        for manifest in examples/kubernetes/*.yaml; do
            check "$manifest, of Kubernetes $kubernetes" \
                target/tools/python/bin/kubernetes-validate --strict -k "$kubernetes" "$manifest"
        done
    done
else
    tail -n 5 "$work/log" >&2
    lacks "manifests" "kubernetes-validate cannot be installed"
fi
verdict
