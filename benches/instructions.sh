#!/usr/bin/env bash
# Counts the instructions of one command (callgrind): the same on every run, whatever else the
# machine does.
#
#   benches/instructions.sh COMMAND [ARGUMENT...]
set -euo pipefail

env -i HOME=/nonexistent PATH="$PATH" \
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" 2>&1 >/dev/null |
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
