#!/usr/bin/env bash
# Validates examples/kubernetes against the schemas of the oldest and the newest Kubernetes
# that the validator knows, unknown fields refused.
#
#   scripts/check-kubernetes.sh [--require]
#
# --require   fails where the validator cannot be installed, instead of skipping
set -euo pipefail
cd "$(dirname "$0")/.."

require=false
case ${1-} in
    "") ;;
    --require) require=true ;;
    *) echo "usage: scripts/check-kubernetes.sh [--require]" >&2; exit 2 ;;
esac

readonly versions=(1.32 1.37) validator=target/tools/python/bin/kubernetes-validate

mkdir -p target
if ! scripts/tools.sh python >target/kubernetes-validate.log 2>&1; then
    tail -n 5 target/kubernetes-validate.log >&2
    $require && exit 1
    echo "kubernetes: skipped: kubernetes-validate cannot be installed"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi

passed=0 failed=0
for version in "${versions[@]}"; do
    for manifest in examples/kubernetes/*.yaml; do
        if "$validator" --strict -k "$version" "$manifest"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1))
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
