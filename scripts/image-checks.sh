# shellcheck shell=bash
# What an image must do. Sourced by scripts/image.sh, which sets podman, image, work, version, revision,
# and emulator for a foreign processor. Counts in passed and failed.

: "${podman:?}" "${image:?}" "${work:?}" "${version:?}" "${revision:?}"
# shellcheck source=scripts/checks.sh
. scripts/checks.sh
readonly ip=203.0.113.42 key=mock-id:mock-secret largest_image=3500000 user=65532:65532

# As a cluster runs it. Podman's own limits on files and processes are above what this
# machine may allow, so they are lowered; its proxy variables would apply to loopback.
run_flags=(--read-only --user "$user" --cap-drop all --security-opt no-new-privileges
    --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --http-proxy=false)
containers=0

# The kernel emulates nothing here: the program is an argument of the emulator.
program=()
slower=1
if [ -n "${emulator-}" ]; then
    run_flags+=(--volume "$emulator:/emulator:ro" --entrypoint /emulator)
    program=(/wait-ready)
    slower=10
fi

run() { # [PODMAN FLAGS] -- ARGUMENTS: leaves $work/out, $work/err and $code
    local flags=()
    while [ "$1" != -- ]; do flags+=("$1"); shift; done
    shift
    containers=$((containers + 1))
    code=0
    timeout 60 "${podman[@]}" run --rm --name "wait-ready-$$-$containers" "${run_flags[@]}" \
        "${flags[@]}" "$image" "${program[@]}" "$@" >"$work/out" 2>"$work/err" || code=$?
}

ended_with() { # CODE STDOUT
    echo "ended with $code, and on stderr:"
    cat "$work/err"
    [ "$code" -eq "$1" ]
    printf '%s' "$2" | cmp - "$work/out"
}

config() { # FORMAT EXPECTED
    [ "$("${podman[@]}" image inspect --format "$1" "$image")" = "$2" ]
}

label() { config "{{index .Config.Labels \"org.opencontainers.image.$1\"}}" "$2"; }

# --- the image itself ------------------------------------------------------------------

root=$("${podman[@]}" image mount "$image")
size=$("${podman[@]}" image inspect --format '{{.Size}}' "$image")
echo "binary: $(stat -c %s "$root/wait-ready") bytes; image: $size bytes"
check "the image is at most $largest_image bytes" [ "$size" -le "$largest_image" ]
check "it holds one file and nothing else" [ "$(find "$root" -mindepth 1)" = "$root/wait-ready" ]
check "everyone may run that file and nobody change it but root" \
    [ "$(stat -c %a:%u "$root/wait-ready")" = 755:0 ]
"${podman[@]}" image umount "$image" >/dev/null
check "it runs as user $user" config '{{.Config.User}}' "$user"
check "it is stopped by SIGTERM" config '{{.Config.StopSignal}}' SIGTERM
check "its label says the licences" label licenses "MIT OR Apache-2.0"
check "its label says the version" label version "$version"
check "its label says the revision" label revision "$revision"

# --- without a network -----------------------------------------------------------------

run --network none -- --version
check "--version" ended_with 0 "wait-ready $version"$'\n'

run --network none -- inst_x --timeout 1m
check "without a key it ends with 2 and says nothing on stdout" ended_with 2 ""

# The manifests' own limit, to show that it is enough (a cluster's Mi is podman's m).
memory=$(sed -n 's/^ *limits: {.*memory: \([0-9]*\)Mi.*/\1/p' examples/kubernetes/job.yaml)
[ -z "${emulator-}" ] || memory=$((memory * 4)) # most of it the emulator's own
run --network none --memory "${memory}m" --pids-limit 16 -- inst_x --simulate
is_an_ip() { [ "$code" -eq 0 ] && grep -qxE '([0-9]{1,3}\.){3}[0-9]{1,3}' "$work/out"; }
check "--simulate prints an IP, without a network, in ${memory} MiB" is_an_ip

# --- against a server outside ----------------------------------------------------------

serve_api http "$key"
outside=(--network host --env "WAIT_READY_MIN_DELAY=50ms" --env "WAIT_READY_MAX_DELAY=200ms"
    --env "FAL_API_URL=http://127.0.0.1:$(cat "$work/http.port")/v1")

# By name, so that the key is in no process's arguments.
FAL_KEY=$key run "${outside[@]}" --env FAL_KEY -- inst_by_env --timeout 30s
check "a wait with FAL_KEY prints the IP and nothing else" ended_with 0 "$ip"$'\n'

# As a cluster mounts a Secret: readable by the group that fsGroup names.
printf '%s\n' "$key" >"$work/key"
chown "0:${user#*:}" "$work/key"
chmod 440 "$work/key"
secret=(--volume "$work/key:/run/secrets/fal/key:ro")
run "${outside[@]}" "${secret[@]}" -- \
    inst_by_file --timeout 30s --api-key-file /run/secrets/fal/key
check "a wait with --api-key-file prints the IP and nothing else" ended_with 0 "$ip"$'\n'

FAL_KEY=wrong run "${outside[@]}" --env FAL_KEY -- inst_refused --timeout 30s
check "a wrong key ends with 4 and says nothing on stdout" ended_with 4 ""

# The image has no CA store and no resolver configuration but what the runtime mounts.
certify
serve_api https "$key" --tls "$work/tls.pem"
tls_url="https://localhost:$(cat "$work/https.port")/v1"
FAL_KEY=$key run "${outside[@]}" --env FAL_KEY -- inst_tls --timeout 2s --api-url "$tls_url"
check "a certificate that nobody vouches for is refused (124)" ended_with 124 ""
check "and the reason is told" grep -q certificate "$work/err"
FAL_KEY=$key run "${outside[@]}" --env FAL_KEY --env SSL_CERT_FILE=/tls.crt \
    --volume "$work/tls.crt:/tls.crt:ro" -- inst_tls --timeout 30s --api-url "$tls_url"
check "SSL_CERT_FILE adds a certificate that is trusted" ended_with 0 "$ip"$'\n'

# --- as the manifests say --------------------------------------------------------------

# As a cluster mounts an emptyDir and the termination log, a file that cannot be renamed over.
mkdir "$work/shared"
chmod 777 "$work/shared"
install -m 666 /dev/null "$work/termination-log"
volumes=(--volume "$work/shared:/shared" --volume "$work/termination-log:/dev/termination-log")

run_manifest() { # NAME: runs wait-ready with that manifest's arguments and limit
    local args
    mapfile -t args < <(sed -nE 's/^ *- (inst_abc|--[^ ]+).*/\1/p' "examples/kubernetes/$1.yaml")
    : >"$work/termination-log"
    run "${outside[@]}" "${secret[@]}" "${volumes[@]}" --memory "${memory}m" -- "${args[@]}"
}
reports() { # EXIT CODE
    python3 -c 'import json, sys
[line] = open(sys.argv[1])
assert json.loads(line)["exit_code"] == int(sys.argv[2]), line' "$work/termination-log" "$1"
}

run_manifest init-container
check "the init container leaves stdout empty" ended_with 0 ""
check "it writes the IP on the shared volume" [ "$(cat "$work/shared/ip" 2>&1)" = "$ip" ]
check "that is one file, of the image's user, which all can read" \
    [ "$(cd "$work/shared" && stat -c %n:%a:%u:%g -- *)" = "ip:644:$user" ]
check "it fills the termination log" reports 0

run_manifest job
check "the Job prints the IP and nothing else" ended_with 0 "$ip"$'\n'
check "it says nothing on stderr" [ ! -s "$work/err" ]
check "it fills the termination log" reports 0

# --- SIGTERM as PID 1 ------------------------------------------------------------------

name="wait-ready-$$-forever"
: >"$work/termination-log"
: >"$work/http.requests" # of the images before this one
FAL_KEY=$key "${podman[@]}" run --detach --name "$name" --log-driver k8s-file "${run_flags[@]}" \
    "${outside[@]}" --env FAL_KEY "${volumes[@]}" "$image" "${program[@]}" inst_forever --timeout 5m \
    --report /dev/termination-log >/dev/null 2>"$work/err" 9>&-
for _ in $(seq 200); do grep -q inst_forever "$work/http.requests" && break; sleep 0.1; done
started=$(date +%s%3N)
"${podman[@]}" kill --signal TERM "$name" >/dev/null
code=$(timeout 20 "${podman[@]}" wait "$name" || echo 0)
ended=$("${podman[@]}" inspect --format '{{.State.FinishedAt.UnixMilli}}' "$name")
took=$((ended - started))
"${podman[@]}" logs "$name" >"$work/out" 2>"$work/err"
"${podman[@]}" rm -f -t 0 "$name" >/dev/null
check "SIGTERM ends a wait with 143 and says nothing on stdout" ended_with 143 ""
check "it ended within $slower s, the start of \`podman kill\` included ($took ms)" \
    [ "$took" -le $((slower * 1000)) ]
check "the termination log tells of it" reports 143
