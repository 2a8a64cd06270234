#!/usr/bin/env bash
# Builds what a release is, here and on a runner alike, into target/dist:
#
#   - an archive for each TARGET: the program, manual page, completions, licences, README
#   - for each Linux, packages for Debian, Fedora and Alpine
#   - an SBOM (CycloneDX) for each TARGET, and SHA256SUMS of everything
#
#   scripts/release.sh [--install] [TARGET...]
#   scripts/release.sh --checksums
#
# --install    installs what is missing (scripts/tools.sh, and the TARGETs by rustup)
# --checksums  only writes SHA256SUMS anew, over all that lies in target/dist
#
# The same commit gives the same bytes: times are the commit's (or SOURCE_DATE_EPOCH), and no path
# of this machine is in the program.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

install=false
targets=()
for argument in "$@"; do
    case $argument in
    --install) install=true ;;
    --checksums) checksums_only=true ;;
    -*)
        sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    *) targets+=("$argument") ;;
    esac
done

target_folder=${CARGO_TARGET_DIR:-$PWD/target}
dist=$target_folder/dist
version=$(sed -n '0,/^version = "\(.*\)"$/s//\1/p' Cargo.toml)
repository=$(sed -n 's/^repository = "\(.*\)"$/\1/p' Cargo.toml)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
PATH=$PWD/target/tools/python/bin:$PATH
umask 022

step() { printf '== %s\n' "$*"; }

checksums() {
    step "SHA256SUMS"
    (
        cd "$dist"
        rm -f SHA256SUMS
        LC_ALL=C python3 - ./* <<'PYTHON' >SHA256SUMS.new
import hashlib, sys
for name in sorted(name.removeprefix("./") for name in sys.argv[1:]):
    with open(name, "rb") as file:
        print(hashlib.file_digest(file, "sha256").hexdigest(), "", name)
PYTHON
        mv SHA256SUMS.new SHA256SUMS
    )
}

# The program that can be run here writes the manual page and the completions for all.
case $(uname -s) in
Linux)
    native=$(uname -m)-unknown-linux-musl
    all=(x86_64-unknown-linux-musl aarch64-unknown-linux-musl x86_64-pc-windows-gnu)
    ;;
Darwin)
    native=$(uname -m | sed s/arm64/aarch64/)-apple-darwin
    all=(aarch64-apple-darwin x86_64-apple-darwin)
    ;;
*)
    echo "release: Linux builds for Linux and Windows, macOS for macOS" >&2
    exit 1
    ;;
esac

# --- the program -----------------------------------------------------------------------

flags() { # TARGET: the compiler's options that leave no path and no time of this machine in the program
    local registry flags=("--remap-path-prefix=$PWD=/wait-ready")
    [[ $1 != *-windows-gnu ]] || flags+=("-Clink-arg=-Wl,--no-insert-timestamp")
    # The folder of the registry is named after where it is reached from here.
    for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
        flags+=("--remap-path-prefix=${registry%/}=/crates")
    done
    printf '%s\x1f' "${flags[@]}" | sed 's/\x1f$//'
}

build() { # TARGET
    local command=build
    [[ $1 != *-linux-musl ]] || command=zigbuild
    step "$1"
    CARGO_ENCODED_RUSTFLAGS=$(flags "$1") \
        cargo "$command" --locked --release --bin wait-ready --target "$1"
}

program() { # TARGET
    local suffix=
    [[ $1 != *-windows-* ]] || suffix=.exe
    echo "$target_folder/$1/release/wait-ready$suffix"
}

# --- what goes with it -----------------------------------------------------------------

with_every_program() { # FOLDER
    local extra=$1 generate
    generate=$(program "$native")
    mkdir -p "$extra/man" "$extra/completions"
    "$generate" --generate man >"$extra/man/wait-ready.1"
    "$generate" --generate complete-bash >"$extra/completions/wait-ready.bash"
    "$generate" --generate complete-zsh >"$extra/completions/_wait-ready"
    "$generate" --generate complete-fish >"$extra/completions/wait-ready.fish"
    "$generate" --generate complete-powershell >"$extra/completions/_wait-ready.ps1"
    cp README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$extra"
}

archive() { # TARGET
    local name=wait-ready-v$version-$1 folder suffix=tar.gz
    [[ $1 != *-windows-* ]] || suffix=zip
    folder=$work/$name
    mkdir "$folder"
    cp -R "$work/extra/." "$folder"
    cp "$(program "$1")" "$folder"
    scripts/archive.py "$folder" "$dist/$name.$suffix"
    scripts/sbom.py "$1" >"$dist/$name.cdx.json"
}

packages() { # TARGET
    local format arch owner
    case $1 in
    x86_64-*) arch=amd64 ;;
    aarch64-*) arch=arm64 ;;
    esac
    PROGRAM=$(program "$1")
    export PROGRAM EXTRA=$work/extra ARCH=$arch VERSION=$version HOMEPAGE=$repository
    owner=${repository%/*}
    export MAINTAINER="The wait-ready authors <${owner##*/}@users.noreply.github.com>"
    gzip -9 -n -c "$work/extra/man/wait-ready.1" >"$work/wait-ready.1.gz"
    export MANUAL=$work/wait-ready.1.gz
    for format in deb rpm apk; do
        nfpm package --config packaging/nfpm.yaml --packager "$format" \
            --target "$dist/wait-ready-v$version-$arch.$format" >/dev/null
    done
}

# ---------------------------------------------------------------------------------------

if ${checksums_only:-false}; then
    checksums
    exit
fi
[[ ${#targets[@]} -gt 0 ]] || targets=("${all[@]}")
if $install; then
    wanted=(python)
    [[ " ${targets[*]} " != *-windows-gnu* ]] || wanted+=(x86_64-w64-mingw32-gcc=gcc-mingw-w64-x86-64)
    scripts/tools.sh "${wanted[@]}"
    rustup --quiet target add "$native" "${targets[@]}"
    cargo fetch --locked --quiet
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$dist"
mkdir -p "$dist"
[[ " ${targets[*]} " == *" $native "* ]] || build "$native"
for target in "${targets[@]}"; do build "$target"; done
step "archives and packages"
with_every_program "$work/extra"
for target in "${targets[@]}"; do
    archive "$target"
    [[ $target != *-linux-* ]] || packages "$target"
done
checksums
wc -c "$dist"/* | sed "s|$dist/||"
