# shellcheck shell=bash disable=SC2034,SC2154 # some of what it sets is for the scripts that source it
# What the checking scripts share; each sources it in the repository's folder. Limited to the bash of
# macOS (3.2).

version=$(sed -n '/^version = "/{s/^version = "\(.*\)"$/\1/p;q;}' Cargo.toml)
# Windows has python, but no python3.
python=$(command -v python3 || command -v python || true)

usage() { # the comment that the script begins with
    sed -n '2,/^set/s/^# \{0,1\}//p' "scripts/${0##*/}" >&2
    exit 2
}

options() { # ARGUMENT...: each --NAME sets the variable NAME, which the script has set to false
    local argument name
    for argument in "$@"; do
        [[ $argument =~ ^--[a-z-]+$ ]] || usage
        name=${argument#--} name=${name//-/_}
        [[ ${!name-} == false ]] || usage
        printf -v "$name" true
    done
}

leave_nothing() { # at the end: of $work, and of what was started in the background
    local child
    for child in $(jobs -p); do kill "$child" 2>/dev/null || true; done
    rm -rf "$work"
}

passed=0 failed=0 skipped=0

check() { # TITLE COMMAND...: what the command writes, into $work/log, is shown if it fails
    local title=$1 status=0 began=$SECONDS took
    shift
    # Not as a condition, in which bash ignores `-e` at every level.
    set +e
    (
        set -e
        "$@"
    ) >"$work/log" 2>&1
    status=$?
    set -e
    if [[ $status -eq 0 ]]; then
        passed=$((passed + 1))
        took=$((SECONDS - began))
        [[ $took -gt 0 ]] || took=''
        echo "ok       $title${took:+ ($took s)}"
        grep '^skipped ' "$work/log" || true
    else
        failed=$((failed + 1))
        echo "FAILED   $title"
        tail -n 60 "$work/log" | sed 's/^/         /'
    fi
}

skip() { # TITLE WHY
    skipped=$((skipped + 1))
    echo "skipped  $1: $2"
}

lacks() { # TITLE WHY: a failure with --require
    $require || { skip "$@"; return; }
    failed=$((failed + 1))
    echo "FAILED   $1: $2"
}

is_here() { # COMMAND, or py:MODULE
    case $1 in
    py:*) python3 -c "import ${1#py:}" 2>/dev/null ;;
    *) [[ -n $(PATH=$PATH:/usr/sbin:/sbin type -P "$1") ]] ;;
    esac
}

within() { # SECONDS COMMAND...: ended by then, where the system has `timeout`, which macOS lacks
    if is_here timeout; then timeout "$@"; else "${@:2}"; fi
}

needs() { # TITLE NEEDED...: whether all of these are here
    local title=$1 missing='' needed
    shift
    for needed in "$@"; do is_here "$needed" || missing+=" $needed"; done
    [[ -n $missing ]] || return 0
    lacks "$title" "needs$missing"
    return 1
}

verdict() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [[ $failed -eq 0 ]]
}

# --- the stand-in for the API ----------------------------------------------------------

serve_api() { # NAME KEY [OPTION...]: its port is in $work/NAME.port then, its requests in $work/NAME.requests
    local began=$SECONDS
    : >"$work/$1.port"
    STAND_IN_KEY=$2 "$python" scripts/stand-ins/api.py "${@:3}" \
        >"$work/$1.port" 2>>"$work/$1.requests" 9>&- &
    until [[ -s $work/$1.port ]]; do
        if ! kill -0 $! 2>/dev/null || ((SECONDS - began > 20)); then
            cat "$work/$1.requests" >&2
            return 1
        fi
        sleep 0.1
    done
}

certify() { # a certificate that only itself vouches for, $work/tls.crt, and tls.pem with its key
    # Git's bash on Windows would take the subject for a path.
    MSYS2_ARG_CONV_EXCL=/CN= openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
        -subj /CN=stand-in -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -addext basicConstraints=critical,CA:FALSE \
        -keyout "$work/tls.key" -out "$work/tls.crt" 2>/dev/null
    cat "$work/tls.key" "$work/tls.crt" >"$work/tls.pem"
}

# --- slow tests ------------------------------------------------------------------------

ignored_tests() { # NAME...: with the program as it is released
    cargo build --locked --release
    WAIT_READY_PROGRAM="${CARGO_TARGET_DIR:-$PWD/target}/release/wait-ready" \
        env --default-signal cargo test --locked --test it -- --ignored --nocapture --exact "$@"
}
