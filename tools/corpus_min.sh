#!/bin/sh
# SPDX-License-Identifier: MIT
# Replaces each target's corpus by the smallest that reaches as much.
set -eu
cd "$(dirname "$0")/.."
BUILD=${BUILD:-build}
for program in "$BUILD"/fuzz/target/*; do
    [ -e "$program" ] || continue
    name=$(basename "$program")
    [ -d "corpus/$name" ] || continue
    [ "$name" != closing ] || continue   # a search makes it, and a list says what it reaches
    small=$BUILD/small/$name
    rm -rf "$small" && mkdir -p "$small"
    before=$(find "corpus/$name" -type f | wc -l)
    "$program" -set_cover_merge=1 "$small" "corpus/$name" >"$BUILD/small/$name.log" 2>&1
    rm -rf "corpus/$name" && cp -R "$small" "corpus/$name"
    echo "$name: $before files, now $(find "corpus/$name" -type f | wc -l)"
done
