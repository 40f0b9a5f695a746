#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154
# compat_sources.sh FOLDER PACKAGE...: the newest sources of Debian packages, unpacked into FOLDER/source/PACKAGE as the
# distribution patches them. From where the machine's own configuration says, through a private apt folder: its package lists
# stay as they are. Offline when they are there already.
set -u
[ $# -ge 2 ] || { echo "compat_sources.sh FOLDER PACKAGE..." >&2; exit 2; }
mkdir -p "$1/source" || exit 1
folder=$(cd "$1" && pwd); shift
apt=$folder/apt

missing=
for package in "$@"; do
    [ -e "$folder/source/$package.sums" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null && command -v dpkg-source >/dev/null ||
    { echo "compat: needs apt-get and dpkg-source: a Debian or a descendant of it" >&2; exit 1; }

# The machine's sources, asked for source packages: "deb" becomes "deb-src", "Types:" too. Lines that are so already stay.
private_lists() {
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
    rm -rf "$apt/parts" && mkdir -p "$apt/parts" "$apt/state/lists/partial" "$apt/cache/archives/partial" || exit 1
    for file in "$list" "$parts"/*.list; do
        [ ! -f "$file" ] || sed -n 's/^[[:space:]]*deb\(-src\)\{0,1\}\([[:space:]]\)/deb-src\2/p' "$file" | sort -u \
            >"$apt/parts/$(basename "$file" .list).list"
    done
    for file in "$parts"/*.sources; do
        [ ! -f "$file" ] || sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$apt/parts/$(basename "$file")"
    done
}

private_apt() {
    apt-get -q -o Dir::State="$apt/state" -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache="$apt/cache" \
        -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/parts" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=2 -o Acquire::http::Timeout=60 -o Acquire::Languages=none "$@" </dev/null
}

# Beside the tree, the sums of its files: what is built later is compared with them.
unpack() {
    tree=$folder/source/$1
    rm -rf "$tree" "$apt/$1.log"
    set -- "$1" "$apt/fetched/$1"_*.dsc
    [ -f "$2" ] && dpkg-source --no-check -x "$2" "$tree" >"$apt/$1.log" 2>&1 || { cat "$apt/$1.log"; return 1; }
    (cd "$tree" && find . -type f -exec sha256sum {} +) >"$folder/source/$1.sums.new" &&
        sed -n 's/^Version: //p' "$2" | head -n 1 >"$folder/source/$1.version" &&
        mv "$folder/source/$1.sums.new" "$folder/source/$1.sums"
}

private_lists
rm -rf "$apt/fetched" && mkdir -p "$apt/fetched" && cd "$apt/fetched" || exit 1
# One unreachable source is no reason to stop: what matters is whether the packages are found.
private_apt update >"$apt/update.log" 2>&1
# shellcheck disable=SC2086
private_apt source --download-only $missing >"$apt/source.log" 2>&1 ||
    { cat "$apt/update.log" "$apt/source.log"; echo "compat: no sources of$missing"; exit 1; } >&2
for package in $missing; do
    unpack "$package" >&2 || { echo "compat: the sources of $package do not unpack" >&2; exit 1; }
done
