#!/bin/sh
# SPDX-License-Identifier: MIT
# The row of make bench for libFuzzer: the flagship target under address and undefined-behaviour sanitizers, from the corpus in the
# tree, kept in memory and in a folder that goes again. Per second of CPU, of which libFuzzer's own share is a good part.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
RUNS=${RUNS:-40000}
LENGTH=${LENGTH:-16}
title="the same under libFuzzer, address and undefined sanitizers"

if ! command -v clang >/dev/null || ! tools/need.sh --has libclang-rt-dev; then
    echo "$title: left out, there is no clang with its fuzzer here"
    exit 0
fi
env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$BUILD" fuzz fuzz_targets=choice >"$BUILD/rates.log" 2>&1 || { cat "$BUILD/rates.log"; exit 1; }
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT
( "$BUILD/fuzz/target/choice" -runs="$RUNS" -seed=1 -detect_leaks=0 -entropic=0 -max_len="$LENGTH" "$new" corpus/choice \
    >"$BUILD/rates.log" 2>&1 || { cat "$BUILD/rates.log" >&2; exit 1; }; times ) >"$new.times" || { rm -f "$new.times"; exit 1; }
awk -v title="$title" -v runs="$RUNS" '
    NR == 2 { split($1, user, /[ms]/); split($2, kernel, /[ms]/)
              printf "%-64s %10.0f\n", title, runs / (60 * (user[1] + kernel[1]) + user[2] + kernel[2]) }' "$new.times"
rm -f "$new.times"
