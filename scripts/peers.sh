#!/usr/bin/env bash
# Runs the program against third-party servers: Prism on tests/data/openapi.yaml, nginx, tinyproxy and
# squid, all on loopback. The contract decides what is right: scripts/peers/cases.py has one row per
# case, scripts/peers/oracle.py judges bodies.
#
#   scripts/peers.sh [--install] [--require] [--only PART-OF-A-NAME] [--record FILE]
#
# --install  installs what is missing, from Debian (as root) and npm (into target/peers)
# --require  fails if something is missing, instead of skipping
#
# The program is WAIT_READY_PROGRAM, else target/release/wait-ready, which is built first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

npm=target/peers/npm
install=false require=false rest=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --install) install=true ;;
    --require) require=true ;;
    --only | --record)
        rest+=("$1" "${2?"$1 needs a value"}")
        shift
        ;;
    *)
        sed -n '2,/^set/{/^#/p}' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

export PATH=$PATH:/usr/sbin:/sbin
if $install; then
    # Debian must not start services.
    RUNLEVEL=1 scripts/tools.sh python3=python3 openssl=openssl nginx=nginx tinyproxy=tinyproxy-bin squid=squid npm=npm
    cmp --quiet scripts/peers/package-lock.json "$npm/asked-for" || {
        rm -rf "$npm"
        mkdir -p "$npm"
        cp scripts/peers/package.json scripts/peers/package-lock.json "$npm"
        npm ci --prefix "$npm" --silent --no-fund --no-audit --ignore-scripts
        cp scripts/peers/package-lock.json "$npm/asked-for"
    }
fi
missing=()
for command in python3 openssl nginx tinyproxy squid node "$npm/node_modules/.bin/prism"; do
    type -P "$command" >/dev/null || missing+=("$command")
done
if [[ ${#missing[@]} -gt 0 ]]; then
    echo "peers: skip: there is no ${missing[*]}; --install gets what is missing"
    if $require; then exit 1; fi
    exit 0
fi

program=${WAIT_READY_PROGRAM:-}
[[ -n $program ]] || {
    cargo build --locked --release --quiet
    program=target/release/wait-ready
}
PYTHONDONTWRITEBYTECODE=1 exec python3 scripts/peers/run.py "$(realpath "$program")" "${rest[@]}"
