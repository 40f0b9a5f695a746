#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh BUILD-FOLDER PROGRAM...: runs every test program, one line each, output in BUILD-FOLDER/log and shown when it fails.
# The last line is "N passed, N failed"; the exit status tells whether the second number is 0.
set -u
[ "$1" = --one ] || { build=$1; shift; mkdir -p "$build/log"; rm -f "$build"/log/*; }

now() { read -r up _ </proc/uptime && echo "$up"; }

# How many cases the program had: cmocka's own closing line, where there is one.
cases() { sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/ \1 cases,/p' "$1" | tail -n 1; }

one() {
    name=$(basename "$2"); name=${name%.sh}; log=$1/log/$name
    start=$(now)
    case $2 in
    *.sh) B=$1 timeout -k 10 300 sh "$2" >"$log.log" 2>&1 </dev/null ;;
    *) timeout -k 10 300 "$2" >"$log.log" 2>&1 </dev/null ;;
    esac
    status=$?
    took=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }')
    if [ $status = 0 ]; then
        printf 'pass  %-28s%s %s s\n' "$name" "$(cases "$log.log")" "$took" | tee "$log.pass"
    else
        # One write, so that two failures at a time do not mix.
        { printf 'FAIL  %-28s status %s, %s s\n' "$name" $status "$took"; tail -n 200 "$log.log" | sed 's/^/    | /'; } >"$log.fail"
        cat "$log.fail"
    fi
}

count() { ls "$build/log" | grep -c "\.$1\$"; }

if [ "$1" = --one ]; then one "$2" "$3"; exit 0; fi

# Programs of their own run side by side; scripts use peers, ports and the compiler, so they take turns.
printf '%s\n' "$@" | grep -v '\.sh$' | xargs -r -P "$(getconf _NPROCESSORS_ONLN)" -n 1 "$0" --one "$build"
printf '%s\n' "$@" | grep '\.sh$' | xargs -r -n 1 "$0" --one "$build"
passed=$(count pass)
failed=$(($# - passed))
[ "$failed" = 0 ] || { echo; echo "failed:"; ls "$build/log" | sed -n 's/\.fail$//p' | sed 's/^/    /'; }
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
