#!/usr/bin/env bash
# The step of action.yml: runs wait-ready in its container and passes its files on to the runner.
set -euo pipefail

: "${INSTANCE_IDS:?the input instance-id is empty}" "${GITHUB_ACTION_PATH:?}" "${GITHUB_OUTPUT:?}" "${GITHUB_STEP_SUMMARY:?}"

private=$(mktemp -d "${RUNNER_TEMP:?}/wait-ready.XXXXXX")
trap 'rm -rf "$private"' EXIT

# Writable for whatever user the image and the engine settle on; the folder above keeps others out.
shared=$private/shared
mkdir -m 777 "$shared"

image=${IMAGE:-}
if [[ -z $image ]]; then
    echo '::group::Build the image of wait-ready'
    docker build --iidfile "$private/image" "$GITHUB_ACTION_PATH"
    echo '::endgroup::'
    image=$(<"$private/image")
fi

# By name, so that no value is in a process list. An input that was not given is empty: no option.
environment=()
while IFS= read -r name; do
    if [[ -n ${!name} ]]; then
        environment+=(--env "$name")
    fi
done < <(compgen -e | grep -E '^(FAL_|WAIT_READY_|(GITHUB_ACTIONS|CI|RUST_LOG|NO_COLOR)$)|_(proxy|PROXY)$')

# In a file, an id that begins with a dash is still no option.
tr -s '[:space:]' '\n' <<<"$INSTANCE_IDS" >"$shared/ids"

# In the background, because bash only runs a trap once a program in the foreground has ended.
docker run --rm --read-only --volume "$shared:/shared" "${environment[@]}" "$image" \
    --output ip --output-file /shared/ip --report /shared/report.json --summary /shared/summary.md \
    @/shared/ids &
container=$!
trap 'kill -TERM "$container"' INT TERM
status=0
wait "$container" || status=$?
while kill -0 "$container" 2>/dev/null; do
    wait "$container" || status=$?
done

{
    if [[ -s $shared/ip ]]; then
        printf 'ip=%s\n' "$(paste -sd ' ' "$shared/ip")"
    fi
    if [[ -s $shared/report.json ]]; then
        printf 'json=%s\n' "$(<"$shared/report.json")"
    fi
} >>"$GITHUB_OUTPUT"
if [[ -s $shared/summary.md ]]; then
    cat "$shared/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
