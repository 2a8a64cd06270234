#!/usr/bin/env bash
# Hits many processes with a signal at a random moment between their start and the COMMAND that takes
# their place: every one must die of it, and none may leave half a result.
#
#   scripts/signals.sh [RUNS]   1,000 unless told
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

export SIGNALS_RUNS=${1:-1000}
[[ $SIGNALS_RUNS =~ ^[0-9]+$ ]] || usage
ignored_test signals::none_of_many_signals_at_random_moments_is_swallowed
