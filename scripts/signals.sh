#!/usr/bin/env bash
# Sends a signal to many processes at a random moment between their start and the COMMAND that replaces
# them: each must die of it, and none may leave a partial result. Then does the same to some thousands
# more, one at each system call with each signal (with strace).
#
#   scripts/signals.sh [RUNS]   1,000 by default
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

export SIGNALS_RUNS=${1:-1000}
[[ $SIGNALS_RUNS =~ ^[0-9]+$ ]] || usage
ignored_tests signals::none_of_many_signals_at_random_times_is_lost \
    moments::a_signal_at_any_moment_of_a_run_ends_it_and_command_is_not_started
