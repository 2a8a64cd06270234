#!/usr/bin/env bash
# Builds the Dockerfile with buildah and tries the image with podman, on a machine that
# can pull no image: a stand-in for the base is made, under the name that the Dockerfile
# uses, of Debian's packages and this machine's own Rust toolchain.
#
#   scripts/image.sh [--install] [--require]
#
# --install   installs missing tools with apt-get
# --require   fails where tools are missing, instead of skipping
#
# Images live in their own storage under ${XDG_CACHE_HOME:-~/.cache}/wait-ready-image, so
# that a second run is fast and no other image or container of this machine is touched.
set -euo pipefail
cd "$(dirname "$0")/.."

install=false require=false
for argument in "$@"; do
    case $argument in
        --install) install=true ;;
        --require) require=true ;;
        *) echo "usage: scripts/image.sh [--install] [--require]" >&2; exit 2 ;;
    esac
done

skip() {
    if $require; then echo "image: $*" >&2; exit 1; fi
    echo "image: skipped: $*"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
}

step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }

# --- what is needed --------------------------------------------------------------------

missing_tools() {
    local tool
    for tool in buildah podman runc debootstrap openssl python3; do
        command -v "$tool" >/dev/null || printf '%s ' "$tool"
    done
}

[ "$(id -u)" -eq 0 ] || skip "debootstrap and chroot builds need root"
if $install && [ -n "$(missing_tools)" ]; then
    step "tools"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    # shellcheck disable=SC2046 # a list of packages
    apt-get install -y -qq --no-install-recommends $(missing_tools) >/dev/null
fi
[ -z "$(missing_tools)" ] || skip "not installed: $(missing_tools)(--install installs them)"
toolchain=$(rustc --print sysroot) || skip "no Rust toolchain"
# A distribution's own rustc cannot be mounted alone into another root.
[ "$toolchain" != /usr ] || skip "the Rust toolchain must be one of rustup's"

base_tag=$(sed -n 's/^FROM \(.*\) AS build$/\1/p' Dockerfile)
readonly base_tag base="docker.io/library/$base_tag" codename="${base_tag##*-}"
readonly debian="localhost/stand-in:$codename"
readonly image="localhost/wait-ready:checked-$$"

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/wait-ready-image"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock -w 900 9 || { echo "image: another run holds $cache/lock" >&2; exit 1; }

work=$(mktemp -d "$cache/work.XXXXXX")
readonly work
store=(--root "$cache/storage" --runroot /run/wait-ready-image)
# Overlay on overlay, as inside another container, is refused by many kernels.
if [ "$(stat -f -c %T "$cache")" = overlayfs ]; then store+=(--storage-driver vfs); fi
buildah=(buildah "${store[@]}")
podman=(podman "${store[@]}" --runtime runc --cgroup-manager cgroupfs --events-backend file)

cleanup() {
    local code=$? pid
    trap - EXIT
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
    "${podman[@]}" rm -f -t 0 --filter "name=^wait-ready-$$-" >/dev/null 2>&1 || true
    "${podman[@]}" image umount "$image" >/dev/null 2>&1 || true
    "${podman[@]}" rmi -f "$image" >/dev/null 2>&1 || true
    "${buildah[@]}" rm --all >/dev/null 2>&1 || true # of a build cut short
    rm -rf --one-file-system "$work"
    exit "$code"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- the stand-in for the base image ---------------------------------------------------

debian_mirror() { # the one that this machine's apt uses
    local mirror
    # shellcheck disable=SC2016 # apt expands these
    mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' | awk -v c="$codename" '$1 == c && $2 == "main" { print $3; exit }')
    echo "${mirror:-http://deb.debian.org/debian}"
}

make_base() {
    if ! "${podman[@]}" image exists "$debian"; then
        step "Debian $codename"
        timeout 600 debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev \
            "$codename" "$work/debian" "$(debian_mirror)" >"$work/debootstrap.log" ||
            { tail -n 20 "$work/debootstrap.log" >&2; return 1; }
        tar -C "$work/debian" -c . | "${podman[@]}" import - "$debian" >/dev/null 2>&1
        rm -rf "$work/debian"
    fi
    # The toolchain is mounted, not copied; its version in a label makes a new one build anew.
    local version container
    version=$(rustc --version)
    if [ "$("${buildah[@]}" inspect --type image --format '{{index .OCIv1.Config.Labels "rustc"}}' \
        "$base" 2>/dev/null)" != "$version" ]; then
        step "stand-in for $base_tag: $version"
        container=$("${buildah[@]}" from --pull-never "$debian")
        "${buildah[@]}" config --label "rustc=$version" --env CARGO_HOME=/usr/local/cargo --env \
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/local/rustup/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
            "$container"
        "${buildah[@]}" commit --quiet --rm "$container" "$base" >/dev/null
    fi
}

# What cargo needs to reach its registry from here is mounted for the build alone, so that
# neither the Dockerfile nor the image knows of it: its configuration, the certificates that
# this machine trusts, and cargo's own variables (proxies are forwarded by buildah).
mounts=(--volume "$toolchain:/usr/local/rustup:ro")
mount_cargo_settings() {
    local config certificates="${CARGO_HTTP_CAINFO:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}"
    for config in "${CARGO_HOME:-$HOME/.cargo}"/config{,.toml}; do
        [ ! -f "$config" ] || mounts+=(--volume "$config:/usr/local/cargo/${config##*/}:ro")
    done
    [ ! -f "$certificates" ] ||
        mounts+=(--volume "$certificates:/etc/ssl/certs/ca-certificates.crt:ro")

    {
        echo '#!/bin/bash'
        local name
        for name in $(compgen -e | grep -E '^CARGO_(HTTP|NET|REGISTR|SOURCE)' | grep -v CAINFO); do
            printf 'export %s=%q\n' "$name" "${!name}"
        done
        echo 'exec /usr/local/rustup/bin/cargo "$@"'
    } >"$work/cargo"
    chmod 755 "$work/cargo"
    mounts+=(--volume "$work/cargo:/usr/local/bin/cargo:ro")
}

make_base
step "build"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
mount_cargo_settings
build() { # BUILDAH FLAGS
    timeout 1200 "${buildah[@]}" bud --isolation chroot --layers --pull-never "${mounts[@]}" \
        --build-arg VERSION="$version" --build-arg REVISION="$revision" "$@" . \
        >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; return 1; }
}
# The first stage gets a name, so that its layers, and none of an earlier build's, are kept.
build --target build --tag localhost/wait-ready-build
build --tag "$image"
"${podman[@]}" image prune --force >/dev/null 2>&1 || true

step "checks"
# shellcheck source=scripts/image-checks.sh
. scripts/image-checks.sh

step "done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
