#!/bin/sh
# SPDX-License-Identifier: MIT
# A short run of every fuzz target under libFuzzer and AFL++, from the corpus in the tree. Nothing may be found, but for the
# bug that is planted in the target named so: that must be found by both, or the harness proves nothing.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
SECONDS_EACH=${SECONDS_EACH:-6}
PLANTED_SECONDS=180   # a busy machine needs more than the few it takes elsewhere; the search ends with the bug
work=$BUILD/smoke
passed=0
failed=0
rm -rf "$work" && mkdir -p "$work/afl" || exit 1
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_TRY_AFFINITY=1

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

seeds() {
    mkdir -p "$work/seeds/$1"
    [ ! -d "corpus/$1" ] || cp -R "corpus/$1/." "$work/seeds/$1"
    [ -n "$(ls "$work/seeds/$1")" ] || echo 0 >"$work/seeds/$1/zero"
}

libfuzzer() {
    name=$1 program=$BUILD/fuzz/target/$1 log=$work/$1.libfuzzer
    # Contexts that outlive a run are no leaks, and looking for them after each takes longer than the run.
    case $name in differential*) leaks=0 ;; *) leaks=1 ;; esac
    mkdir -p "$work/new/$name" "$work/found/$name"
    common="-seed=1 -detect_leaks=$leaks -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$work/found/$name/"
    case $name in
    *planted*)
        # shellcheck disable=SC2086
        "$program" $common -max_total_time=$PLANTED_SECONDS "$work/new/$name" "$work/seeds/$name" >"$log" 2>&1
        [ -n "$(ls "$work/found/$name")" ]
        verdict $? "libFuzzer $name: the planted bug is found" "$log" ;;
    *)
        # shellcheck disable=SC2086
        "$program" $common -max_total_time="$SECONDS_EACH" "$work/new/$name" "$work/seeds/$name" >"$log" 2>&1
        verdict $? "libFuzzer $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") runs, nothing found" "$log" ;;
    esac
}

statistic() { sed -n "s/^$2 *: *//p" "$work/afl/$1/default/fuzzer_stats" 2>/dev/null; }

afl() {
    name=$1 program=$BUILD/fuzz-afl/target/$1 log=$work/$1.afl
    case $name in
    *planted*)
        AFL_BENCH_UNTIL_CRASH=1 timeout -k 10 240 \
            afl-fuzz -s 8 -V $PLANTED_SECONDS -i "$work/seeds/$name" -o "$work/afl/$name" -- "$program" >"$log" 2>&1
        [ "$(statistic "$name" saved_crashes)" -gt 0 ] 2>/dev/null
        verdict $? "AFL++ $name: the planted bug is found" "$log" ;;
    *)
        timeout -k 10 90 \
            afl-fuzz -V "$SECONDS_EACH" -i "$work/seeds/$name" -o "$work/afl/$name" -- "$program" >"$log" 2>&1
        [ "$(statistic "$name" saved_crashes)" = 0 ] && [ "$(statistic "$name" execs_done)" -gt 0 ]
        verdict $? "AFL++ $name: $(statistic "$name" execs_done) runs, nothing found" "$log" ;;
    esac
}

# The corpus in the tree reaches every slot that the explorer can reach, on either engine.
covers() {
    TLSM_SLOTS=test/explore.slots "$@" >"$work/coverage" 2>&1
    status=$?
    verdict $status "$1: $(sed -n 's/^state coverage: \(.* reachable.*\)/\1/p' "$work/coverage")" "$work/coverage"
}
covers "$BUILD/fuzz/target/choice" -runs=0 corpus/choice
# shellcheck disable=SC2046
covers "$BUILD/fuzz-afl/target/choice" $(find corpus/choice -type f)

planted=0
for program in "$BUILD"/fuzz/target/*; do
    [ -e "$program" ] || continue
    name=$(basename "$program")
    case $name in *planted*) planted=1 ;; esac
    seeds "$name"
    libfuzzer "$name"
    afl "$name"
done
[ $planted = 1 ] || { echo "FAIL  there is no target with a planted bug"; failed=$((failed + 1)); }
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
