#!/bin/sh
# SPDX-License-Identifier: MIT
# The rows of make bench for libFuzzer: the flagship target, and the fastest, under address and undefined-behaviour sanitizers, from the
# corpora in the tree, kept in memory and in a folder that goes again. Per second of CPU, of which libFuzzer's own share is a good part.
# The best of ROUNDS: whatever else the machine does takes away, and never gives.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
ROUNDS=${ROUNDS:-3}

if ! command -v clang >/dev/null || ! tools/need.sh --has libclang-rt-dev; then
    echo "under libFuzzer with sanitizers: left out, there is no clang with its fuzzer here"
    exit 0
fi
env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$BUILD" fuzz fuzz_targets='choice closing' >"$BUILD/rates.log" 2>&1 ||
    { cat "$BUILD/rates.log"; exit 1; }
new=$(mktemp -d) || exit 1
trap 'rm -rf "$new"' EXIT

# once TARGET RUNS LENGTH: its rate.
once() {
    mkdir "$new/found" || exit 1
    ( "$BUILD/fuzz/target/$1" -runs="$2" -seed=1 -detect_leaks=0 -entropic=0 -max_len="$3" "$new/found" "corpus/$1" \
        >"$BUILD/rates.log" 2>&1 || { cat "$BUILD/rates.log" >&2; exit 1; }; times ) >"$new/times" || exit 1
    rm -rf "$new/found"
    awk -v runs="$2" 'NR == 2 { split($1, user, /[ms]/); split($2, kernel, /[ms]/)
                                printf "%.0f\n", runs / (60 * (user[1] + kernel[1]) + user[2] + kernel[2]) }' "$new/times"
}

# row TITLE TARGET RUNS LENGTH
row() {
    title=$1 best=0 round=0
    shift
    while [ "$round" -lt "$ROUNDS" ]; do
        rate=$(once "$@") || exit 1
        [ "$rate" -le "$best" ] || best=$rate
        round=$((round + 1))
    done
    printf '%-64s %10d\n' "$title" "$best"
}

row "choice under libFuzzer, address and undefined sanitizers" choice "${RUNS:-40000}" "${LENGTH:-16}"
row "closing under libFuzzer, address and undefined sanitizers" closing "${CLOSING_RUNS:-300000}" "${CLOSING_LENGTH:-6}"
