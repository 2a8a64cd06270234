#!/usr/bin/env bash
# Builds the images with buildah and tests them with podman: that of the Dockerfile, which
# compiles, and those of a release (scripts/release-image.sh), for both processors.
#
# Works without pulling images: a stand-in for the base image, under the name that the Dockerfile
# uses, is made of Debian's packages and this machine's own Rust toolchain.
#
#   scripts/image.sh [--install] [--require]
#
# --install   installs missing tools with apt-get
# --require   fails if tools are missing, instead of skipping
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
    for tool in buildah podman runc debootstrap openssl python3 qemu-aarch64-static; do
        command -v "$tool" >/dev/null || printf '%s ' "$tool"
    done
}

[ "$(id -u)" -eq 0 ] || skip "debootstrap and chroot builds need root"
if $install && [ -n "$(missing_tools)" ]; then
    step "tools"
    scripts/tools.sh buildah=buildah podman=podman runc=runc debootstrap=debootstrap \
        openssl=openssl python3=python3 qemu-aarch64-static=qemu-user-static
fi
[ -z "$(missing_tools)" ] || skip "not installed: $(missing_tools)(--install installs them)"
toolchain=$(rustc --print sysroot) || skip "no Rust toolchain"
# A distribution's rustc cannot be mounted into another root by itself.
[ "$toolchain" != /usr ] || skip "the Rust toolchain must be one of rustup's"

base_tag=$(sed -n 's/^FROM \(.*\) AS build$/\1/p' Dockerfile)
readonly base_tag base="docker.io/library/$base_tag" codename="${base_tag##*-}"
readonly debian="localhost/stand-in:$codename"
readonly source_image="localhost/wait-ready:checked-$$" released="localhost/wait-ready:released-$$"

readonly cache="${XDG_CACHE_HOME:-$HOME/.cache}/wait-ready-image"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock -w 900 9 || { echo "image: another run holds $cache/lock" >&2; exit 1; }

work=$(mktemp -d "$cache/work.XXXXXX")
readonly work
# Overlay on overlay, as inside another container, is refused by many kernels.
driver=overlay
if [ "$(stat -f -c %T "$cache")" = overlayfs ]; then driver=vfs; fi
printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "/run/wait-ready-image"\n' \
    "$driver" "$cache/storage" >"$cache/storage.conf"
export CONTAINERS_STORAGE_CONF=$cache/storage.conf
podman=(podman --runtime runc --cgroup-manager cgroupfs --events-backend file)

cleanup() {
    local code=$? pid
    trap - EXIT
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null || true; done
    "${podman[@]}" rm -f -t 0 --filter "name=^wait-ready-$$-" >/dev/null 2>&1 || true
    "${podman[@]}" image umount --all >/dev/null 2>&1 || true
    "${podman[@]}" manifest rm "$released" >/dev/null 2>&1 || true
    "${podman[@]}" rmi -f "$source_image" >/dev/null 2>&1 || true
    "${podman[@]}" image prune --force >/dev/null 2>&1 || true
    buildah rm --all >/dev/null 2>&1 || true # of a build cut short
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
    # The toolchain is mounted, not copied; its version is a label, so that a new one rebuilds.
    local version container
    version=$(rustc --version)
    if [ "$(buildah inspect --type image --format '{{index .OCIv1.Config.Labels "rustc"}}' \
        "$base" 2>/dev/null)" != "$version" ]; then
        step "stand-in for $base_tag: $version"
        container=$(buildah from --pull-never "$debian")
        buildah config --label "rustc=$version" --env CARGO_HOME=/usr/local/cargo --env \
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/local/rustup/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
            "$container"
        buildah commit --quiet --rm "$container" "$base" >/dev/null
    fi
}

# What cargo needs to reach its registry from here is mounted only for the build, so that neither the
# Dockerfile nor the image contains it: its configuration, the certificates that this machine trusts,
# and cargo's own variables (buildah forwards proxies).
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
    # The mounted toolchain already has what the Dockerfile adds.
    {
        echo '#!/bin/sh'
        # shellcheck disable=SC2016 # the script expands these
        echo 'test "$1 $2" = "target add" && test -d "/usr/local/rustup/lib/rustlib/$3"'
    } >"$work/rustup"
    chmod 755 "$work/cargo" "$work/rustup"
    mounts+=(--volume "$work/cargo:/usr/local/bin/cargo:ro"
        --volume "$work/rustup:/usr/local/bin/rustup:ro")
}

make_base
step "build"
if $install; then rustup --quiet target add "$(uname -m)-unknown-linux-musl"; fi
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
mount_cargo_settings
build() { # BUILDAH FLAGS
    timeout 1200 buildah bud --isolation chroot --layers --pull-never "${mounts[@]}" \
        --build-arg VERSION="$version" --build-arg REVISION="$revision" "$@" . \
        >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; return 1; }
}
# The first stage is named, so that its layers are kept, and none of an earlier build.
build --target build --tag localhost/wait-ready-build
build --tag "$source_image"
"${podman[@]}" image prune --force >/dev/null 2>&1 || true

total_passed=0 total_failed=0
check_image() { # TITLE IMAGE [EMULATOR]
    local counts passed failed
    step "$1"
    counts=$work/counts
    rm -rf "$work/shared"
    (
        trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
        image=$2 emulator=${3-}
        # shellcheck source=scripts/image-checks.sh
        . scripts/image-checks.sh
        echo "$passed $failed" >"$counts"
    )
    read -r passed failed <"$counts"
    total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed))
}
check_image "the image of the Dockerfile" "$source_image"

step "release"
[ -s target/dist/SHA256SUMS ] || scripts/release.sh >/dev/null
scripts/release-image.sh "$released" >"$work/release.log" 2>&1 || { cat "$work/release.log" >&2; exit 1; }
of_release() { # ARCHITECTURE: the image of the manifest that is for it
    local digest
    digest=$(buildah manifest inspect "$released" | python3 -c 'import json, sys
[digest] = [each["digest"] for each in json.load(sys.stdin)["manifests"]
            if each["platform"] == {"architecture": sys.argv[1], "os": "linux"}]
print(digest)' "$1")
    "${podman[@]}" image inspect --format '{{.Id}}' "${released%:*}@$digest"
}
check_image "the released image for amd64" "$(of_release amd64)"
check_image "the released image for arm64, under qemu" "$(of_release arm64)" \
    "$(command -v qemu-aarch64-static)"

step "done"
echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
