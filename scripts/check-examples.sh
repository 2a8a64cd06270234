#!/usr/bin/env bash
# Checks action.yml and examples/: each file against the rules of its format, and what can be run is
# run, against the simulated API, with stand-ins for fal, docker and SSH. What runs stays on loopback.
#
#   scripts/check-examples.sh [--install] [--require]
#
# --install  gets what is missing: packages of PyPI into target/, and Debian's packages as root
# --require  a missing tool is a failure, not a skip
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PYTHON_PACKAGES=(check-jsonschema==0.39.0 ansible-core==2.19.14 python-hcl2==8.1.4)
NOT_HERE=77 # the status of a check that finds no way to run; its last line says why

# One bound for everything, so that whatever hangs ends.
if [[ -z ${CHECK_EXAMPLES_BOUNDED-} ]]; then
    CHECK_EXAMPLES_BOUNDED=1 exec timeout --kill-after=10 900 bash scripts/check-examples.sh "$@"
fi

install=false require=false
for argument in "$@"; do
    case $argument in
    --install) install=true ;;
    --require) require=true ;;
    *)
        echo "usage: $0 [--install] [--require]" >&2
        exit 2
        ;;
    esac
done

root=$PWD
venv=$root/target/examples-venv
work=$(mktemp -d)
fal=
clean_up() {
    [[ -z $fal ]] || kill "$fal" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

apt_install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@"
}

install_tools() {
    local missing=() pair
    for pair in shellcheck=shellcheck jq=jq curl=curl ssh-keygen=openssh-client python3=python3; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [[ ${#missing[@]} -eq 0 ]] || apt_install "${missing[@]}"
    if [[ ! -x $venv/bin/pip ]]; then
        python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
        python3 -m venv "$venv"
    fi
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${PYTHON_PACKAGES[@]}"
}

# What a check may need that is no command: py:MODULE, and right-to-port-22.
is_here() {
    case $1 in
    py:*) python3 -c "import ${1#py:}" 2>/dev/null ;;
    right-to-port-22) [[ -s $work/fal.url ]] ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

passed=0 failed=0 skipped=0
report() { # WORD TITLE [REASON]
    printf '%-4s  %s%s\n' "$1" "$2" "${3:+: $3}"
}

check() { # TITLE "NEEDED..." FUNCTION [ARGUMENT...]
    local title=$1 needed=$2 log=$work/check.log status needs
    shift 2
    for needs in $needed; do
        is_here "$needs" && continue
        if $require; then
            report FAIL "$title" "needs $needs"
            failed=$((failed + 1))
        else
            report skip "$title" "needs $needs"
            skipped=$((skipped + 1))
        fi
        return
    done
    : >"$STAND_IN_LOG"
    # Not as a condition: bash ignores `-e` all the way down in one.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    if grep --quiet --fixed-strings "$SECRETS_FAL_KEY" "$log" "$STAND_IN_LOG"; then
        echo 'the API key is in what was written' >>"$log"
        status=1
    fi
    case $status in
    0)
        report ok "$title"
        passed=$((passed + 1))
        ;;
    "$NOT_HERE")
        report skip "$title" "$(tail -n 1 "$log")"
        skipped=$((skipped + 1))
        ;;
    *)
        report FAIL "$title"
        sed 's/^/      /' "$log" "$STAND_IN_LOG"
        failed=$((failed + 1))
        ;;
    esac
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
    has "$work/check.log" "$1"
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
    for file in action.yml examples/*.yml; do
        ci_job scripts "$file" "$work/scripts/$(basename "$file" .yml)"
    done
    find action.yml scripts examples "$work/scripts" -type f \
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

# What the runner of GitHub gives to scripts/action.sh, besides the inputs.
as_runner() {
    mkdir -p "$work/runner"
    : >"$work/output"
    : >"$work/summary"
    runner=(env CI=true GITHUB_ACTIONS=true RUNNER_TEMP="$work/runner" GITHUB_ACTION_PATH="$root"
        GITHUB_OUTPUT="$work/output" GITHUB_STEP_SUMMARY="$work/summary" FAL_KEY="$SECRETS_FAL_KEY")
}

action() { # NAME=VALUE...
    as_runner
    "${runner[@]}" "$@" bash scripts/action.sh
}

output() { # NAME
    sed -n "s/^$1=//p" "$work/output"
}

action_gives_outputs() {
    action INSTANCE_IDS=$'gpu-a\n gpu-b' WAIT_READY_SIMULATE=ready WAIT_READY_STABLE=''
    is "$(output ip)" '203.0.113.42 203.0.113.43'
    is "$(output json | jq --raw-output '.outcome, (.instances | length)' | xargs)" 'met 2'
    has "$work/summary" '^\| gpu-a \| ready \|'
    noted "docker build --iidfile .* $root"
    noted 'docker run .* sha256:stand-in .*'
    is "$(ls "$work/runner")" ''
}

action_fails_with_the_reason() {
    local status=0
    action INSTANCE_IDS=inst_a IMAGE=mirror/wait-ready:1 WAIT_READY_SIMULATE=pending:60s \
        WAIT_READY_TIMEOUT=500ms || status=$?
    is "$status" 124
    is "$(output ip)" ''
    is "$(output json | jq .exit_code)" 124
    noted 'docker run .* mirror/wait-ready:1 .*'
    fails grep --quiet 'docker build' "$STAND_IN_LOG"
}

action_takes_no_option_for_an_id() {
    local status=0
    action INSTANCE_IDS=--simulate=ready WAIT_READY_SIMULATE=404 WAIT_READY_NOT_FOUND_GRACE=0 || status=$?
    is "$status" 5
}

# Job control, because a shell without it starts what is in the background deaf to SIGINT.
action_ends_when_cancelled() { # SIGNAL
    local status=0 step began=$SECONDS
    as_runner
    set -m
    "${runner[@]}" INSTANCE_IDS=inst_a WAIT_READY_TIMEOUT=20s WAIT_READY_SIMULATE=pending:60s \
        bash scripts/action.sh &
    step=$!
    set +m
    until grep --quiet '^docker run' "$STAND_IN_LOG"; do
        ((SECONDS - began < 10))
        sleep 0.1
    done
    sleep 0.5
    kill "-$1" "$step"
    wait "$step" || status=$?
    is "$status" 143
    is "$(output json | jq .exit_code)" 143
    ((SECONDS - began < 15))
}

workflow() { # SIMULATION
    RUNNER_TEMP=$(mktemp -d "$work/runner.XXXXXX") ci_job github examples/github-workflow.yml \
        --action "$root" FAL_API_URL="$(<"$work/fal.url")" WAIT_READY_SIMULATE="$1"
}

workflow_runs() {
    workflow "$READY"
    noted 'fal POST /v1/compute/instances 200'
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

external_runs() {
    if ! $install; then
        echo 'the provider comes from the network: --install'
        return "$NOT_HERE"
    fi
    if ! (terraform_in_a_copy external); then
        if grep --quiet 'could not connect to registry.terraform.io' "$work/check.log"; then
            echo 'registry.terraform.io cannot be reached, and the external provider is only there'
            return "$NOT_HERE"
        fi
        return 1
    fi
    cd "$work/external"
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
    install_tools
fi
program=${WAIT_READY_BIN:-target/debug/wait-ready}
[[ -x $program ]] || cargo build --locked

# Nothing of the caller's that would make a wait a real one, or send it through a proxy.
for name in $(compgen -e | grep -E '^(FAL_|WAIT_READY_|GITHUB_)|_(proxy|PROXY)$'); do
    unset "$name"
done
STAND_IN_PROGRAM=$(realpath "$program")
mkdir "$work/bin" "$work/home"
ln -s "$STAND_IN_PROGRAM" "$work/bin/wait-ready"
export STAND_IN_PROGRAM
export PATH="$root/scripts/stand-ins/bin:$work/bin:$venv/bin:$PATH"
export HOME=$work/home STAND_IN_LOG=$work/stand-ins.log SECRETS_FAL_KEY=key-id:key-secret-5f1c
export CHECKPOINT_DISABLE=1 ANSIBLE_PIPELINING=true ANSIBLE_NOCOLOR=1
ANSIBLE_PYTHON_INTERPRETER=$(command -v python3 || true)
export ANSIBLE_PYTHON_INTERPRETER

if is_here python3; then
    python3 scripts/stand-ins/fal.py "$STAND_IN_LOG" "$work/fal.url" &
    fal=$!
    for _ in {1..50}; do
        if is_here right-to-port-22 || ! kill -0 "$fal" 2>/dev/null; then break; fi
        sleep 0.1
    done
fi

check 'shell: shellcheck, and no expression in a script' 'shellcheck py:yaml' shell_scripts
check 'README: every example is in the table' '' every_file_is_in_the_table
check 'action.yml: schema' check-jsonschema schema vendor.github-actions action.yml
check 'action.yml: outputs and summary' 'jq' action_gives_outputs
check 'action.yml: a failed wait fails with its exit code' 'jq' action_fails_with_the_reason
check 'action.yml: an id is no option' '' action_takes_no_option_for_an_id
check 'action.yml: SIGINT ends the container' 'jq' action_ends_when_cancelled INT
check 'action.yml: SIGTERM ends the container' 'jq' action_ends_when_cancelled TERM
check 'GitHub workflow: schema' check-jsonschema schema vendor.github-workflows examples/github-workflow.yml
check 'GitHub workflow: every job has a timeout' check-jsonschema \
    schema custom.github-workflows-require-timeout examples/github-workflow.yml
check 'GitHub workflow: runs' 'jq curl ssh-keygen py:yaml right-to-port-22' workflow_runs
check 'GitHub workflow: deletes after a failure' 'jq curl ssh-keygen py:yaml right-to-port-22' \
    workflow_deletes_after_a_failure
check 'GitLab jobs: schema' check-jsonschema \
    schema vendor.gitlab-ci examples/gitlab-ci.yml --data-transform gitlab-ci
check 'GitLab jobs: run' 'py:yaml right-to-port-22' pipeline_runs
check 'GitLab jobs: stop after a failure' 'py:yaml' pipeline_stops_after_a_failure
check 'Terraform: format' terraform terraform fmt -check -diff -recursive examples/terraform
check 'Terraform local-exec: validates and runs' 'terraform right-to-port-22' local_exec_runs
check 'Terraform external: runs for a stand-in of the provider' 'jq py:hcl2' external_runs_for_a_stand_in
check 'Terraform external: the program fails as the wait does' 'jq' external_program_fails_as_the_wait_does
check 'Terraform external: validates and runs with the provider' 'terraform jq right-to-port-22' external_runs
check 'Ansible playbook: syntax' ansible-playbook playbook --syntax-check
check 'Ansible playbook: runs' 'ansible-playbook right-to-port-22' playbook_runs
check 'Ansible playbook: stops after a failure' ansible-playbook playbook_stops_after_a_failure

echo "$passed passed, $failed failed, $skipped skipped"
((failed == 0))
