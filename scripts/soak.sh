#!/usr/bin/env bash
# Fifty processes against a server that misbehaves at random: each must end correctly, and none may
# grow in memory or open files. SOAK_SEED repeats the faults of another run.
#
#   scripts/soak.sh [SECONDS]   60 by default
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

export SOAK_SECONDS=${1:-60}
[[ $SOAK_SECONDS =~ ^[0-9]+$ ]] || usage
ignored_tests soak::fifty_processes_with_random_faults_end_correctly_and_do_not_grow
