#!/usr/bin/env bash
# Builds a release (scripts/release.sh) and tries what it is made of where it is to run:
#
#   - a second build, in another folder, gives the same bytes
#   - the x86_64 program passes the whole integration suite; the aarch64 one runs under qemu and the
#     one for Windows under Wine (scripts/release-runs.sh)
#   - the .deb is installed in a Debian of its own, with its manual page and completions; the .rpm
#     in an empty root; the .apk is unpacked
#
#   scripts/check-release.sh [--install] [--require]
#
# --install   installs what is missing
# --require   fails where something is missing, instead of skipping
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/checks.sh
. scripts/checks.sh

install=false require=false
options "$@"

target=${CARGO_TARGET_DIR:-$PWD/target}
dist=$target/dist
name=wait-ready-v$version
cache=${XDG_CACHE_HOME:-$HOME/.cache}/wait-ready-release
work=$(mktemp -d)
mkdir -p "$cache"
trap 'rm -rf --one-file-system "$work"' EXIT

# --- the build -------------------------------------------------------------------------

if $install; then
    scripts/tools.sh python file=file qemu-aarch64-static=qemu-user-static debootstrap=debootstrap \
        rpm=rpm unzip=unzip openssl=openssl curl=curl wine=wine x86_64-w64-mingw32-gcc=gcc-mingw-w64-x86-64
    scripts/release.sh --install >"$work/release.log" 2>&1 || { cat "$work/release.log"; exit 1; }
else
    scripts/release.sh >"$work/release.log" 2>&1 || { cat "$work/release.log"; exit 1; }
fi
sed -n '/^== SHA256SUMS/,$p' "$work/release.log"

# --- the files -------------------------------------------------------------------------

unpack() { # TARGET: into $work/TARGET
    mkdir "$work/$1"
    case $1 in
    *-windows-*) unzip -q "$dist/$name-$1.zip" -d "$work/$1" ;;
    *) tar -xzf "$dist/$name-$1.tar.gz" -C "$work/$1" ;;
    esac
    local folder=$work/$1/$name-$1 program=wait-ready file
    [[ $1 != *-windows-* ]] || program=wait-ready.exe
    [[ $(ls "$work/$1") == "$name-$1" ]]
    for file in "$program" README.md CHANGELOG.md LICENSE-{MIT,APACHE} man/wait-ready.1 \
        completions/{wait-ready.bash,_wait-ready,wait-ready.fish,_wait-ready.ps1}; do
        [[ -s $folder/$file ]] || { echo "$1 lacks $file"; return 1; }
    done
    python3 -m json.tool "$dist/$name-$1.cdx.json" >/dev/null
}

needs_nothing() { # TARGET: no loader and no libc of the machine's
    local program=$work/$1/$name-$1/wait-ready
    file "$program" | grep -E 'statically linked|static-pie linked'
    if grep -aoE "GLIBC_2|(${HOME}|${PWD})/[[:print:]]*" "$program"; then
        echo "$1 knows of this machine"
        return 1
    fi
    [[ $(stat -c %s "$program") -le 3500000 ]]
}

needs_windows_alone() { # no DLL that does not come with Windows
    local program=$work/$1/$name-$1/wait-ready.exe dlls
    dlls=$(x86_64-w64-mingw32-objdump -p "$program" | sed -n 's/.*DLL Name: //p' | tr '[:upper:]' '[:lower:]' | sort -u)
    echo "$dlls"
    if grep -vxE 'advapi32|bcrypt|bcryptprimitives|crypt32|kernel32|msvcrt|ntdll|userenv|ws2_32|secur32|api-ms-win-core-[a-z0-9-]+' <<<"${dlls//.dll/}"; then
        echo "$1 needs what not every Windows has"
        return 1
    fi
    if grep -aoE "(${HOME}|${PWD})/[[:print:]]*" "$program"; then
        echo "$1 knows of this machine"
        return 1
    fi
    [[ $(stat -c %s "$program") -le 3500000 ]]
}

sums_hold() { (cd "$dist" && sha256sum --check --strict SHA256SUMS); }
sums_name_everything() {
    diff <(cd "$dist" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort) \
        <(cut -c 67- "$dist/SHA256SUMS" | sort)
}

check "SHA256SUMS holds" sums_hold
check "SHA256SUMS names every file" sums_name_everything
for each in x86_64-unknown-linux-musl aarch64-unknown-linux-musl; do
    check "$each: the archive is whole" unpack "$each"
    check "$each: static, small, and knows nothing of this machine" needs_nothing "$each"
done

windows=x86_64-pc-windows-gnu
check "$windows: the archive is whole" unpack "$windows"
check "$windows: small, needs Windows alone, and knows nothing of this machine" \
    needs_windows_alone "$windows"

# --- twice the same --------------------------------------------------------------------

same_bytes_from_another_folder() {
    local other=$target/elsewhere/another-name-for-this-folder
    mkdir -p "$other"
    # All but the build itself, which is kept, so that only what has changed is built again.
    find "$other" -mindepth 1 -maxdepth 1 ! -name built -exec rm -rf {} +
    git ls-files -z | xargs -0 cp --parents --target-directory "$other"
    ln -s "$target" "$other/target" # for its tools
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) CARGO_TARGET_DIR=$other/built \
        "$other/scripts/release.sh" x86_64-unknown-linux-musl
    local file count=0
    for file in "$other"/built/dist/"$name"*; do
        cmp "$file" "$dist/${file##*/}"
        count=$((count + 1))
    done
    [[ $count -eq 5 ]] # an archive, three packages, an SBOM
}
check "x86_64-unknown-linux-musl: another build in another folder has the same bytes" \
    same_bytes_from_another_folder

# --- as the README says ----------------------------------------------------------------

# cargo-binstall's own words, filled in as it does.
binstall_finds_it() {
    python3 - "$dist" "$@" <<'PYTHON'
import re, sys, tarfile, tomllib, zipfile
from pathlib import Path

dist, targets = Path(sys.argv[1]), sys.argv[2:]
package = tomllib.loads(Path("Cargo.toml").read_text())["package"]
binstall = package["metadata"]["binstall"]
for target in targets:
    windows = "windows" in target
    asked_for = "x86_64-pc-windows-msvc" if windows else target
    rules = binstall | binstall["overrides"].get(asked_for, {})
    words = {"repo": package["repository"], "name": package["name"], "version": package["version"],
             "target": asked_for, "bin": "wait-ready", "binary-ext": ".exe" if windows else ""}
    fill = lambda text: re.sub(r"\{ ([a-z-]+) \}", lambda match: words[match[1]], text)
    archive = dist / fill(rules["pkg-url"]).rsplit("/", 1)[1]
    assert f"/releases/download/v{package['version']}/" in fill(rules["pkg-url"])
    names = zipfile.ZipFile(archive).namelist() if windows else tarfile.open(archive).getnames()
    assert fill(rules["bin-dir"]) in names, (archive, names)
PYTHON
}

readme_line_installs() { # the line for Linux, with this machine for GitHub, and a folder for sudo's
    local folder=$work/site/OWNER/wait-ready/releases/download server line began=$SECONDS
    mkdir -p "$folder" "$work/bin"
    ln -s "$dist" "$folder/v$version"
    python3 scripts/stand-ins/releases.py "$work/requests" "$work/site" "$work/site.url" &
    server=$!
    # shellcheck disable=SC2064 # what it is now, for `server` is gone by then
    trap "kill $server" EXIT
    until [[ -s $work/site.url ]]; do
        ((SECONDS - began < 20))
        sleep 0.1
    done
    line=$(grep -A 1 '^# Linux' README.md | sed -n '2p')
    line=${line//https:\/\/github.com\/$(scripts/owner.sh | sed 's/.* //')/$(<"$work/site.url")/OWNER}
    line=${line/sudo /}
    bash -euo pipefail -c "${line/\/usr\/local\/bin/$work/bin}"
    [[ $(ls "$work/bin") == wait-ready && $("$work/bin/wait-ready" --version) == "wait-ready $version" ]]
}
check "binstall finds the program where Cargo.toml says" binstall_finds_it \
    x86_64-unknown-linux-musl aarch64-unknown-linux-musl "$windows"
if needs "the README's line for Linux installs it" curl; then
    check "the README's line for Linux installs it" readme_line_installs
fi

# --- packages --------------------------------------------------------------------------

codename=bookworm
debian_mirror() { # the one that this machine's apt uses
    local mirror
    # shellcheck disable=SC2016 # apt expands these
    mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' \
        'Created-By: Packages' | awk -v c="$codename" '$1 == c && $2 == "main" { print $3; exit }')
    echo "${mirror:-http://deb.debian.org/debian}"
}

deb_installs() {
    if [[ ! -s $cache/debian.tar ]]; then
        timeout 600 debootstrap --variant=minbase --include=man-db,bash-completion \
            "$codename" "$work/debian" "$(debian_mirror)"
        # Slim images leave manual pages out; this Debian is one of those that do not.
        tar -C "$work/debian" -cf "$cache/debian.tar.new" .
        mv "$cache/debian.tar.new" "$cache/debian.tar"
    else
        mkdir "$work/debian"
        tar -C "$work/debian" -xf "$cache/debian.tar"
    fi
    local root=$work/debian inside
    inside=(chroot "$root" env -i PATH=/usr/bin:/bin:/usr/sbin:/sbin HOME=/root)
    cp "$dist/$name-amd64.deb" "$root/package.deb"
    "${inside[@]}" dpkg --install /package.deb
    [[ $("${inside[@]}" wait-ready --version) == "wait-ready $version" ]]
    [[ $("${inside[@]}" wait-ready inst_x --simulate=ready --quiet) == 203.0.113.42 ]]
    "${inside[@]}" man wait-ready >"$work/manual"
    grep -qE 'wait-ready +- +Wait until' "$work/manual"
    grep -q -- '--not-found-grace' "$work/manual"
    # Completed as by the Tab key.
    # shellcheck disable=SC2016 # bash expands these inside
    "${inside[@]}" bash -c '. /usr/share/bash-completion/bash_completion
        _completion_loader wait-ready
        COMP_WORDS=(wait-ready --not-f) COMP_CWORD=1 COMP_LINE="wait-ready --not-f" COMP_POINT=18
        "$(complete -p wait-ready | sed "s/.*-F \([^ ]*\).*/\1/")" wait-ready --not-f wait-ready
        [[ ${COMPREPLY[*]} == --not-found-grace ]]'
    "${inside[@]}" dpkg --remove wait-ready
    [[ -z $(find "$root/usr" -name '*wait-ready*') ]]
}

rpm_installs() {
    local root=$work/rpm-root
    mkdir "$root"
    rpm --root "$root" --initdb
    rpm --root "$root" --install --nodeps --ignorearch "$dist/$name-amd64.rpm"
    rpm --root "$root" --verify --nodeps wait-ready
    [[ $("$root/usr/bin/wait-ready" --version) == "wait-ready $version" ]]
    [[ -s $root/usr/share/man/man1/wait-ready.1.gz && -s $root/usr/share/zsh/site-functions/_wait-ready ]]
    [[ $(rpm --query --package --requires "$dist/$name-amd64.rpm" | grep -vc '^rpmlib(') -eq 0 ]]
}

apk_is_whole() { # Alpine's own tools are not among Debian's packages
    local root=$work/apk-root
    mkdir "$root"
    tar -C "$root" -xzf "$dist/$name-amd64.apk" 2>/dev/null
    grep -x "pkgver = $version-r1" "$root/.PKGINFO"
    grep -x 'arch = x86_64' "$root/.PKGINFO"
    [[ $("$root/usr/bin/wait-ready" --version) == "wait-ready $version" ]]
    [[ -s $root/usr/share/man/man1/wait-ready.1.gz ]]
}

if [[ $(id -u) -ne 0 ]]; then
    skipped=$((skipped + 2))
    echo "skipped  the .deb and the .rpm are installed: needs root"
else
    if needs "the .deb is installed" debootstrap chroot; then
        check "the .deb is installed in a Debian of its own: manual, completion, removal" deb_installs
    fi
    if needs "the .rpm is installed" rpm; then
        check "the .rpm is installed in an empty root and needs nothing" rpm_installs
    fi
fi
check "the .apk is whole" apk_is_whole

# --- where they run --------------------------------------------------------------------

suite() {
    WAIT_READY_PROGRAM=$work/x86_64-unknown-linux-musl/$name-x86_64-unknown-linux-musl/wait-ready \
        env --default-signal cargo test --locked --test it
}
check "x86_64-unknown-linux-musl: passes the integration suite" suite

if needs "aarch64-unknown-linux-musl: runs under qemu" qemu-aarch64-static openssl; then
    check "aarch64-unknown-linux-musl: runs under qemu" scripts/release-runs.sh qemu-aarch64-static \
        "$work/aarch64-unknown-linux-musl/$name-aarch64-unknown-linux-musl/wait-ready"
fi

runs_under_wine() {
    local folder=$work/$windows/$name-$windows tests=$PWD/tests/wine
    x86_64-w64-mingw32-gcc -Wall -Wextra -Werror -shared -o "$folder/bcryptprimitives.dll" \
        "$tests/bcryptprimitives.c" -ladvapi32
    local each
    for each in interrupt heeds; do
        x86_64-w64-mingw32-gcc -Wall -Wextra -Werror -O -o "$work/$each.exe" "$tests/$each.c"
    done
    export WINEPREFIX=$target/wine WINEDEBUG=-all
    wine wineboot --init >/dev/null 2>&1
    INTERRUPT=$work/interrupt.exe scripts/release-runs.sh wine "$folder/wait-ready.exe"
}
if needs "$windows: runs under Wine" wine x86_64-w64-mingw32-gcc openssl; then
    check "$windows: runs under Wine" runs_under_wine
fi

echo "$passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 ]]
