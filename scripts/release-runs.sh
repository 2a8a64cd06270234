#!/usr/bin/env bash
# What a program must do on each system, emulated or not: the main job and a fault of each kind,
# simulated; then over TLS with a server outside the program.
#
#   scripts/release-runs.sh [EMULATOR...] PROGRAM
#
# Needs bash, python3 and openssl, and nothing that builds. For a program of Windows, INTERRUPT may name
# tests/wine/interrupt.c, compiled, which sends it Ctrl-C; heeds.exe is then beside it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

[[ $# -gt 0 ]] || usage
runner=("$@")
emulator=("${@:1:$#-1}")
program=${*: -1}
key=mock-id:mock-secret
work=$(mktemp -d)
trap leave_nothing EXIT

run() { # [NAME=VALUE...] -- ARGUMENT...: leaves $work/out, $work/err and $code
    local command=(env)
    while [[ $1 != -- ]]; do
        command+=("$1")
        shift
    done
    shift
    code=0
    within 120 "${command[@]}" "${runner[@]}" "$@" >"$work/out" 2>"$work/err" || code=$?
    cat "$work/err"
}

ended_with() { # CODE STDOUT
    [[ $code -eq $1 ]] || { echo "ended with $code"; return 1; }
    printf '%s' "$2" | cmp - "$work/out"
}

says() { grep -qF -- "$1" "$work/err" || { echo "does not say: $1"; return 1; }; }

prints_its_version() {
    run -- --version
    ended_with 0 "wait-ready $version"$'\n'
}

main_job() {
    run -- inst_demo --simulate
    ended_with 0 $'203.0.113.42\n'
    says 'pending -> provisioning'
    says '(Retry-After): HTTP 503'
}

ends() { # CODE STDOUT SCRIPT [OPTION...]
    run -- inst_demo "--simulate=$3" --min-delay 50ms --max-delay 200ms "${@:4}"
    ended_with "$1" "$2"
}

forms() {
    ends 0 $'FAL_INSTANCE_ID=inst_demo\nFAL_INSTANCE_IP=203.0.113.42\n' ready -o env --quiet
    rm -f "$work/report.json" "$work/ip"
    ends 0 '' pending,ready --output-file "$work/ip" --report "$work/report.json" \
        --summary "$work/summary.md"
    [[ $(<"$work/ip") == 203.0.113.42 ]]
    "$python" -c 'import json, sys; assert json.load(open(sys.argv[1]))["outcome"] == "met"' \
        "$work/report.json"
    grep -qE '^\| inst.*demo \| ready \|' "$work/summary.md"
    # Written over, whole.
    printf 'an older and longer address than the new one is\n' >"$work/ip"
    ends 0 '' ready --output-file "$work/ip"
    [[ $(<"$work/ip") == 203.0.113.42 ]]
}

# What COMMAND ends with is passed on, and it gets the address.
command_ends() {
    # shellcheck disable=SC2016 # the command's shell expands it
    local words=(sh -c 'echo "$FAL_INSTANCE_IP"; exit 7')
    [[ $program != *.exe ]] || words=(cmd /c 'echo %FAL_INSTANCE_IP%& exit 7')
    run -- inst_demo --simulate=ready --quiet -- "${words[@]}"
    tr -d '\r' <"$work/out" >"$work/out.lf" && mv "$work/out.lf" "$work/out"
    ended_with 7 $'203.0.113.42\n'
    run -- inst_demo --simulate=ready --quiet -- no-such-command
    ended_with 127 ''
}

reports() { # EXIT CODE
    "$python" -c 'import json, sys
assert json.load(open(sys.argv[1]))["exit_code"] == int(sys.argv[2])' "$work/report.json" "$1"
}

sigterm() {
    local pid status=0 began=$SECONDS
    rm -f "$work/report.json"
    "${runner[@]}" inst_demo --simulate=pending:1m --report "$work/report.json" \
        >"$work/out" 2>"$work/err" &
    pid=$!
    until grep -q pending "$work/err"; do
        ((SECONDS - began < 30))
        sleep 0.1
    done
    kill -TERM "$pid"
    wait "$pid" || status=$?
    code=$status
    ended_with 143 ''
    reports 143
}

interrupted_by() { # c|break
    rm -f "$work/report.json"
    code=0
    timeout 120 "${emulator[@]}" "$INTERRUPT" "$1" 3000 "$program" inst_demo --simulate=pending:1m \
        --report "$work/report.json" >"$work/out" 2>"$work/err" || code=$?
    cat "$work/err"
    ended_with 130 ''
    reports 130
}

# While COMMAND runs, Ctrl-C is for it to decide.
ctrl_c_is_the_commands() {
    code=0
    timeout 120 "${emulator[@]}" "$INTERRUPT" c 3000 "$program" inst_demo --simulate=ready --quiet -- \
        "${INTERRUPT%/*}/heeds.exe" >"$work/out" 2>"$work/err" || code=$?
    cat "$work/err"
    [[ $code -eq 40 ]] || { echo "ended with $code"; return 1; }
}

probe() {
    local words=(sh -c 'exit 0')
    [[ $program != *.exe ]] || words=(cmd /c 'exit 0')
    run -- inst_demo --simulate=ready --for exec --timeout 1m -- "${words[@]}"
    ended_with 0 $'203.0.113.42\n'
    [[ $program != *.exe ]] && words=(sh -c 'exit 3') || words=(cmd /c 'exit 3')
    run -- inst_demo --simulate=ready --for exec --timeout 3s -- "${words[@]}"
    ended_with 8 ''
}

over_tls() {
    certify
    serve_api tls "$key" --tls "$work/tls.pem"
    printf '%s\r\n' "$key" >"$work/key"
    local api=(WAIT_READY_MIN_DELAY=100ms "FAL_API_URL=https://127.0.0.1:$(<"$work/tls.port")/v1")
    run "${api[@]}" FAL_KEY=$key -- inst_tls --timeout 3s
    ended_with 124 ''
    says certificate
    run "${api[@]}" FAL_KEY=$key SSL_CERT_FILE="$work/tls.crt" -- inst_tls --timeout 1m
    ended_with 0 $'203.0.113.42\n'
    run "${api[@]}" SSL_CERT_FILE="$work/tls.crt" -- inst_tls --api-key-file "$work/key" --timeout 1m
    ended_with 0 $'203.0.113.42\n'
    run "${api[@]}" FAL_KEY=wrong SSL_CERT_FILE="$work/tls.crt" -- inst_tls --timeout 1m
    ended_with 4 ''
}

check "it runs" prints_its_version
check "the main job: pending, a 429, provisioning, a 503, ready" main_job
check "faults that are retried: no connection, half an answer, 500, HTML" \
    ends 0 $'203.0.113.42\n' 'drop,truncate,500,html,ready'
check "stopped: 3" ends 3 '' pending,stopped
check "credentials refused: 4" ends 4 '' 401
check "not found: 5" ends 5 '' 404 --not-found-grace 0
check "refused: 6" ends 6 '' 400
check "throttled past the deadline: 7" ends 7 '' 429:1h --timeout 2s
check "a server that is silent: 124" ends 124 '' hang:1m --timeout 2s
check "a wrong option: 2" ends 2 '' ready --timeout 10
check "a port at the address: 0" ends 0 $'203.0.113.42\n' ready --for tcp:8000
check "env, a file that is written over, a report, a summary" forms
check "a COMMAND that is a probe: 0, and 8" probe
check "COMMAND gets the address, and its exit code is passed on" command_ends
if [[ $program != *.exe ]]; then
    check "SIGTERM: 143, and a report" sigterm
elif [[ -n ${INTERRUPT-} ]]; then
    check "Ctrl-C: 130, and a report" interrupted_by c
    if [[ ${emulator[0]-} == wine ]]; then
        skip "Ctrl-Break: 130, and a report" "Debian's Wine sends no Ctrl-Break (error 6)"
    else
        check "Ctrl-Break: 130, and a report" interrupted_by break
    fi
    check "Ctrl-C while COMMAND runs: COMMAND's own exit code" ctrl_c_is_the_commands
fi
check "over TLS: refused without SSL_CERT_FILE, a key from a file, a wrong key" over_tls
verdict
