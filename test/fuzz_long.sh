#!/bin/sh
# SPDX-License-Identifier: MIT
# Every fuzz target for MINUTES each (10), on ENGINES (libfuzzer; afl), with DRAW as the seed, which is printed: 0 draws one. As many at a time as
# there are processors, or JOBS. TARGETS picks some. What is found lies in build/fuzz-long/found; the summary is the end of the output.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/fuzz_engines.sh
BUILD=${BUILD:-build}
MINUTES=${MINUTES:-10}
ENGINES=${ENGINES:-libfuzzer}
[ "${DRAW:-0}" != 0 ] || DRAW=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
export DRAW MINUTES BUILD
work=$BUILD/fuzz-long

# one ENGINE TARGET: runs it; a line for the summary.
one() {
    log=$work/$1-$2.log found=$work/found/$1-$2
    mkdir -p "$found" "$work/corpus/$1-$2"
    fuzz_seeds "$2" "$work/seeds/$1-$2"
    if [ "$1" = afl ]; then
        fuzz_afl "$BUILD/fuzz-afl/target/$2" "$work/seeds/$1-$2" "$found" $((MINUTES * 60)) "$DRAW" >"$log" 2>&1
        runs=$(sed -n 's/^execs_done *: *//p' "$found/default/fuzzer_stats" 2>/dev/null)
        findings=$(find "$found" -path '*/crashes/id*' -o -path '*/hangs/id*' | wc -l)
    else
        fuzz_libfuzzer "$BUILD/fuzz/target/$2" "$work/corpus/$1-$2" "$work/seeds/$1-$2" "$found" $((MINUTES * 60)) "$DRAW" >"$log" 2>&1
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        findings=$(find "$found" -type f | wc -l)
    fi
    state=nothing
    [ "$findings" = 0 ] || state="$findings FOUND, see $found and $log"
    [ "${runs:-0}" -gt 0 ] 2>/dev/null || state="DID NOT RUN, see $log"
    echo "$1 $2: seed $DRAW, ${runs:-0} runs, $state" | tee "$work/summary/$1-$2"
}

if [ "${1:-}" = --one ]; then one "$2" "$3"; exit 0; fi
rm -rf "$work" && mkdir -p "$work/summary" || exit 1
echo "seed $DRAW, $MINUTES minutes each"
for engine in $ENGINES; do
    for target in ${TARGETS:-$(make -s fuzz-list LIST=fuzz_targets)}; do
        case $target in *planted) continue ;; esac
        echo "$engine $target"
    done
done | xargs -L 1 -P "${JOBS:-$(getconf _NPROCESSORS_ONLN)}" "$0" --one
echo
cat "$work"/summary/*
bad=$(cat "$work"/summary/* | grep -c -v 'nothing$')
echo "$(cat "$work"/summary/* | wc -l) runs of seed $DRAW, $bad with findings"
[ "$bad" = 0 ]
