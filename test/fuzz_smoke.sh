#!/bin/sh
# SPDX-License-Identifier: MIT
# A short run of every fuzz target under libFuzzer and AFL++, from the corpus in the tree. Nothing may be found, but for the
# bug that is planted in the target named so: that must be found by both, or the harness proves nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
. test/fuzz_engines.sh
BUILD=${BUILD:-build}
SECONDS_EACH=${SECONDS_EACH:-4}
PLANTED_SECONDS=180   # a busy machine needs more than the few it takes elsewhere; the search ends with the bug
work=$BUILD/smoke
passed=0
failed=0
rm -rf "$work" && mkdir -p "$work/afl" || exit 1

verdict() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "pass  $2"
    else
        failed=$((failed + 1))
        echo "FAIL  $2"
        tail -n 30 "$3" | sed 's/^/    | /'
    fi
}

libfuzzer() {
    name=$1 log=$work/$1.libfuzzer limit=$SECONDS_EACH
    case $name in *planted*) limit=$PLANTED_SECONDS ;; esac
    mkdir -p "$work/new/$name" "$work/found/$name"
    fuzz_libfuzzer "$BUILD/fuzz/target/$name" "$work/new/$name" "$work/seeds/$name" "$work/found/$name" "$limit" 1 >"$log" 2>&1
    status=$?
    case $name in
    *planted*)
        [ -n "$(ls "$work/found/$name")" ]
        verdict $? "libFuzzer $name: the planted bug is found" "$log" ;;
    *)
        verdict $status "libFuzzer $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, nothing found" "$log" ;;
    esac
}

statistic() { sed -n "s/^$2 *: *//p" "$work/afl/$1/default/fuzzer_stats" 2>/dev/null; }

afl() {
    name=$1 program=$BUILD/fuzz-afl/target/$1 log=$work/$1.afl
    case $name in
    *planted*)
        AFL_BENCH_UNTIL_CRASH=1 fuzz_afl "$program" "$work/seeds/$name" "$work/afl/$name" $PLANTED_SECONDS 8 >"$log" 2>&1
        [ "$(statistic "$name" saved_crashes)" -gt 0 ] 2>/dev/null
        verdict $? "AFL++ $name: the planted bug is found" "$log" ;;
    *)
        fuzz_afl "$program" "$work/seeds/$name" "$work/afl/$name" "$SECONDS_EACH" 8 >"$log" 2>&1
        [ "$(statistic "$name" saved_crashes)" = 0 ] && [ "$(statistic "$name" execs_done)" -gt 0 ]
        verdict $? "AFL++ $name: $(statistic "$name" execs_done) runs, nothing found" "$log" ;;
    esac
}

# The corpora in the tree reach every slot that the explorer, the search for closings and the adapters' enumerations can reach, on either engine.
covers() {
    slots=$1
    shift
    TLSM_SLOTS=$slots "$@" >"$work/coverage" 2>&1
    status=$?
    verdict $status "$1: $(sed -n 's/^state coverage: \(.* reachable.*\)/\1/p' "$work/coverage")" "$work/coverage"
}
for slots in test/explore.slots test/closing.slots test/adapter_*.slots; do
    name=$(basename "$slots" .slots)
    [ "$name" != explore ] || name=choice
    [ -e "$BUILD/fuzz/target/$name" ] || continue
    covers "$slots" "$BUILD/fuzz/target/$name" -runs=0 "corpus/$name"
    # shellcheck disable=SC2046
    covers "$slots" "$BUILD/fuzz-afl/target/$name" $(find "corpus/$name" -type f)
done

planted=0
for program in "$BUILD"/fuzz/target/*; do
    [ -e "$program" ] || continue
    name=$(basename "$program")
    case $name in *planted*) planted=1 ;; esac
    fuzz_seeds "$name" "$work/seeds/$name"
    libfuzzer "$name"
    afl "$name"
done
[ $planted = 1 ] || { echo "FAIL  there is no target with a planted bug"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
