#!/bin/sh
# SPDX-License-Identifier: MIT
# Nothing that the benchmark does takes more instructions than bench/counts.expected says, 3 % aside: neither machine/ and adapters/
# alone, nor all together. Fewer are no failure, but worth recording.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
expected=bench/counts.expected
[ -z "${SANITIZE:-}" ] || { echo "skip  sanitized: instructions are those of the sanitizer"; exit 0; }
command -v valgrind >/dev/null || { echo "skip  instructions are not counted: there is no valgrind here"; exit 0; }

here=$(sh bench/counts.sh --compiler)
recorded=$(grep '^compiler ' "$expected") || { echo "$expected names no compiler"; exit 1; }
[ "$here" = "$recorded" ] || { echo "skip  not compared: recorded with ${recorded#compiler }, and this is ${here#compiler }"; exit 0; }

[ -x "$B/bench" ] || { echo "$B/bench was not built"; exit 1; }
"$B/bench" --count 2>&1 | grep "without valgrind's header" && { echo "skip  instructions are not counted"; exit 0; }

found=$B/counts.found
sh bench/counts.sh --record "$found" >"$B/counts.log" 2>&1 || { cat "$B/counts.log"; exit 1; }

judge() {
    awk -v slack=3 -v expected="$expected" '
    function compare(what, now, before,   percent) {
        percent = 100 * (now - before) / before
        if (percent > slack) {
            printf "FAIL  %s, %s: %d instructions, %.1f %% more than %d\n", $1, what, now, percent, before
            failed = 1
        } else if (percent < -slack) {
            printf "%s, %s: %d instructions, %.1f %% fewer than %d\n", $1, what, now, -percent, before
            faster = 1
        }
    }
    /^#/ || NF == 0   { next }
    /^compiler /       { next }
    /^libcrypto /     { if (FNR == NR) recorded = $0; else here = $0; next }
    /^target /        { if (FNR == NR) target[$2] = $3; next }
    FNR == NR         { ours[$1] = $2; all[$1] = $3; rows++; next }
    !($1 in ours)     { printf "FAIL  %s is not in %s: make counts-record\n", $1, expected; failed = 1; next }
    {
        compare("machine/ and adapters/", $2, ours[$1])
        if (here == recorded) compare("all together", $3, all[$1])
        if ($1 in target) printf("%s: %d instructions, target %d%s\n", $1, $3, target[$1], $3 > target[$1] ? ": missed" : "")
        compared++
    }
    END {
        if (here != recorded)
            printf "not compared: what libcrypto and libc take; recorded with %s, and this is %s\n", recorded, here
        if (compared != rows) { printf "FAIL  %d rows of %d were counted\n", compared, rows; failed = 1 }
        if (faster) print "faster than recorded: make counts-record, and commit " expected
        if (failed) print "if what was added is worth it: make counts-record, and say in the commit why"
        else printf "instructions: %d rows, none more than %d %% above what is recorded\n", compared, slack
        exit failed
    }' "$expected" "$1"
}

judge "$found" || exit 1

# What is told apart: 4 % more of one row's in either column is found, 2 % is within the slack.
planted=$B/counts.planted
plant() { awk -v row="$1" -v column="$2" -v percent="$3" '$1 == row { $column = int($column * (1 + percent / 100)) } { print }' "$expected" >"$planted"; }
for column in 2 3; do
    plant record_64 $column 4
    judge "$planted" >"$B/counts.log" && { echo "FAIL  4 % more in column $column are not found"; exit 1; }
    grep -q '^FAIL  record_64' "$B/counts.log" || { cat "$B/counts.log"; exit 1; }
    plant record_64 $column 2
    judge "$planted" >"$B/counts.log" || { echo "FAIL  2 % more in column $column are not let pass"; exit 1; }
done
