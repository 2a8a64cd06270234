#!/usr/bin/env bash
# Makes the image of a release with buildah, for each processor, of the archives in target/dist
# (scripts/release.sh): a manifest by the name of IMAGE. Nothing is compiled, nothing is pulled.
#
#   scripts/release-image.sh IMAGE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[[ $# -eq 1 ]] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2; }
dist=${CARGO_TARGET_DIR:-$PWD/target}/dist
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

# SHA256SUMS may name more than was downloaded, on a runner.
(cd "$dist" && sha256sum --check --ignore-missing --quiet SHA256SUMS)
for pair in amd64=x86_64 arm64=aarch64; do
    name=wait-ready-v$version-${pair#*=}-unknown-linux-musl
    mkdir "$context/${pair%=*}"
    tar -xzf "$dist/$name.tar.gz" -C "$context/${pair%=*}" --strip-components 1 "$name/wait-ready"
done
cp packaging/Dockerfile "$context"
buildah bud --pull-never --layers=false --timestamp "$SOURCE_DATE_EPOCH" \
    --platform linux/amd64,linux/arm64 --manifest "$1" \
    --build-arg VERSION="$version" \
    --build-arg REVISION="$(git rev-parse HEAD)" \
    --build-arg SOURCE="$(sed -n 's/^repository = "\(.*\)"$/\1/p' Cargo.toml)" \
    "$context"
