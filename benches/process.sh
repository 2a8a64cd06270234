#!/usr/bin/env bash
# What does it cost to find out that an instance is ready at the first poll? wait-ready beside what
# people use instead, each against a server on loopback that is ready already.
#
#   benches/process.sh              tables on standard output; what is missing is skipped, said why
#   benches/process.sh --install    first gets what is missing (apt, npm, pip; into target/)
#
# ONLY=tls leaves the first table out. WAIT_READY_PROGRAM measures another build than the static one
# that is released. The commands take turns, so that a machine that is busy for a while is so for all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

ROUNDS=${ROUNDS:-10}
RUNS=${RUNS:-3}
tools=$PWD/target/bench-tools
work=$tools/process
musl=x86_64-unknown-linux-musl
bin=${WAIT_READY_PROGRAM:-$PWD/target/$musl/release/wait-ready}
mkdir -p "$work"

note() { printf '%s\n' "$*" >&2; }
has() { command -v "$1" >/dev/null || [ -x "$1" ]; }

install_tools() {
    local wanted=() pair
    for pair in hyperfine=hyperfine curl=curl jq=jq wait-for-it=wait-for-it openssl=openssl \
        /usr/bin/time=time; do
        has "${pair%%=*}" || wanted+=("${pair##*=}")
    done
    if [ "${#wanted[@]}" -gt 0 ]; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${wanted[@]}"
    fi
    has "$tools/node_modules/.bin/wait-on" || npm install --silent --prefix "$tools" wait-on
    if ! has "$tools/venv/bin/moto_server"; then
        python3 -m venv "$tools/venv"
        "$tools/venv/bin/pip" install --quiet 'moto[server,ec2]' awscli
    fi
}

[ "${1:-}" = --install ] && install_tools
for tool in hyperfine curl jq /usr/bin/time; do
    has "$tool" || { note "cannot measure without $tool: benches/process.sh --install"; exit 1; }
done

rustup target add "$musl" >/dev/null 2>&1
[ -n "${WAIT_READY_PROGRAM:-}" ] || cargo build --release --locked --bin wait-ready --target "$musl"
cargo build --release --locked --example simulated_api
rustc --edition 2024 -O -C panic=abort -C strip=symbols --target "$musl" -o "$work/floor" \
    benches/process/floor.rs

children=()
trap 'kill "${children[@]}" 2>/dev/null || true' EXIT

# Waits until something listens on a port of this machine.
listening() {
    local _
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    note "nothing listens on port $1"
    return 1
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# --- the servers

# The API serves until its standard input ends.
rm -f "$work/stdin" "$work/api"
mkfifo "$work/stdin"
exec 9<>"$work/stdin"
target/release/examples/simulated_api ready inst_a <&9 >"$work/api" &
children+=($!)
until [ "$(grep -c . "$work/api" 2>/dev/null)" = 2 ]; do sleep 0.1; done
set -a
# shellcheck source=/dev/null
. "$work/api"
set +a
port=${FAL_API_URL#http://127.0.0.1:}
port=${port%/v1}

names=()
commands=()
candidate() {
    names+=("$1")
    commands+=("$2")
}

candidate wait-ready "$bin inst_a"
candidate "the floor (one GET, one field)" "$work/floor inst_a"
printf 'Authorization: Key %s\n' "$FAL_KEY" >"$work/header"
candidate "curl alone" "curl -fsS -o /dev/null -H @$work/header $FAL_API_URL/compute/instances/inst_a"
candidate "sh + curl + jq" "sh benches/process/curl-jq.sh inst_a"

if has wait-for-it; then
    candidate "wait-for-it (port open)" "wait-for-it -q 127.0.0.1:$port"
else
    note "skipped: wait-for-it is not installed"
fi

if has "$tools/node_modules/.bin/wait-on" && has node; then
    cat >"$work/wait-on.json" <<JSON
{"resources": ["http-get://127.0.0.1:$port/v1/compute/instances/inst_a"],
 "headers": {"Authorization": "Key $FAL_KEY"}}
JSON
    candidate "wait-on (answers 200)" "$tools/node_modules/.bin/wait-on -c $work/wait-on.json"
else
    note "skipped: npm wait-on is not installed"
fi

if has "$tools/venv/bin/moto_server" && has "$tools/venv/bin/aws"; then
    export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_DEFAULT_REGION=us-east-1
    export AWS_EC2_METADATA_DISABLED=true
    moto_port=$(free_port)
    "$tools/venv/bin/moto_server" -p "$moto_port" >"$work/moto.log" 2>&1 &
    children+=($!)
    listening "$moto_port"
    aws="$tools/venv/bin/aws --endpoint-url http://127.0.0.1:$moto_port"
    instance=$($aws ec2 run-instances --image-id ami-12c6146b --query 'Instances[0].InstanceId' \
        --output text)
    candidate "aws ec2 wait (moto)" "$aws ec2 wait instance-running --instance-ids $instance"
else
    note "skipped: moto_server and aws are not installed"
fi

# --- the measurement

# Table of all candidates so far.
measure() {
    local title=$1 round number arguments=() memory="{}"
    rm -f "$work"/round-*.json
    for number in "${!names[@]}"; do
        # shellcheck disable=SC2086 # a command and its arguments
        timeout 20 ${commands[number]} >/dev/null 2>"$work/errors" || {
            note "${names[number]} does not work here: $(head -3 "$work/errors")"
            return 1
        }
        arguments+=(--command-name "${names[number]}" "${commands[number]}")
    done
    for round in $(seq "$ROUNDS"); do
        hyperfine --shell none --warmup 1 --runs "$RUNS" --style none \
            --export-json "$work/round-$round.json" "${arguments[@]}" >/dev/null 2>&1
    done
    for number in "${!names[@]}"; do
        : >"$work/memory"
        for round in $(seq "$ROUNDS"); do
            # shellcheck disable=SC2086 # a command and its arguments
            /usr/bin/time -f %M -a -o "$work/memory" ${commands[number]} >/dev/null 2>&1
        done
        memory=$(jq --arg name "${names[number]}" --slurpfile kilobytes "$work/memory" \
            '. + {($name): $kilobytes}' <<<"$memory")
    done
    printf '\n### %s\n\n' "$title"
    printf '| command | wall | beside wait-ready | CPU | peak memory | runs |\n'
    printf '|---|---:|---:|---:|---:|---:|\n'
    jq -rs --argjson memory "$memory" -f benches/process/summary.jq "$work"/round-*.json
}

printf 'machine: %s cores, %s, Linux %s\n' "$(nproc)" \
    "$(sed -n 's/^model name[[:space:]]*: //p;T;q' /proc/cpuinfo)" "$(uname -r)"
[ "${ONLY:-}" = tls ] || measure "Ready at the first poll, plain HTTP on loopback"

# --- TLS, with a certificate of an authority made up here

if ! has openssl || ! has python3; then
    note "skipped: TLS, for openssl or python3 is not installed"
    exit
fi
tls=$work/tls
mkdir -p "$tls"
(
    cd "$tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=bench-authority -keyout ca.key -out ca.pem
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
        -keyout server.key -out server.csr
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
        -extfile server.ext -out server.crt
    cat server.key server.crt >server.pem
) >"$work/openssl.log" 2>&1
: >"$tls/port" # not what an earlier run had
STAND_IN_KEY=$FAL_KEY python3 scripts/stand-ins/api.py --pending 0 --tls "$tls/server.pem" \
    --lifetime 3600 >"$tls/port" 2>/dev/null &
children+=($!)
until [ -s "$tls/port" ]; do sleep 0.1; done
# Both read a store as large as the machine's, with that authority in it, and nothing else.
cat "$tls/ca.pem" /etc/ssl/certs/ca-certificates.crt >"$tls/store.pem" 2>/dev/null || true
unset SSL_CERT_DIR
FAL_API_URL=https://localhost:$(<"$tls/port")/v1
export SSL_CERT_FILE=$tls/store.pem CURL_CA_BUNDLE=$tls/store.pem

names=()
commands=()
candidate "wait-ready (TLS)" "$bin inst_a"
candidate "sh + curl + jq (TLS)" "sh benches/process/curl-jq.sh inst_a"
measure "Ready at the first poll, TLS on loopback"
