#!/bin/sh
# SPDX-License-Identifier: MIT
# Every corpus, and what was found with its target, through that target as a plain program: nothing may break. Those that are
# planted must. A corpus whose slots are on a list (test/<target>.slots) reaches all of them.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
log=$B/fuzz-replay.log
failed=0
replayed=0
# Contexts that outlive a run are no leaks.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
for target in $(make -s fuzz-list LIST=fuzz_targets); do
    # These have tests of their own, which say more: test/properties.c, test/differences_test.c.
    case $target in choice | differential) continue ;; esac
    files=$(find "corpus/$target" corpus/regress -type f 2>/dev/null | grep -e "^corpus/$target/" -e "^corpus/regress/$target-" | sort)
    requires=
    [ ! -e "test/$target.slots" ] || requires="--require test/$target.slots"
    # shellcheck disable=SC2086
    case $target in
    *planted) continue ;;
    *) [ -n "$files" ] && "$B/target/$target" $requires $files >"$log" 2>&1 ;;
    esac || {
        failed=$((failed + 1))
        echo "FAIL  $target"
        tail -n 20 "$log" | sed 's/^/    | /'
        continue
    }
    echo "pass  $target: $(sed -n 's/^replayed //p' "$log")"
    replayed=$((replayed + 1))
done
[ "$failed" = 0 ] && [ "$replayed" -gt 0 ]
