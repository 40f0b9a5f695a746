#!/bin/sh
# SPDX-License-Identifier: MIT
# What the corpora reach, slot by slot (fuzz/statecov.h), of what can be reached: of the machine and of the shutdown procedure in both
# contracts as the explorer finds it, of each adapter as its enumeration does (fuzz/enumerate_main.c), all in this run. Fails where a slot
# is missed. EXPLORE and CHOICE are the programs to use.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
EXPLORE=${EXPLORE:-$B/test/explore}
CHOICE=${CHOICE:-$B/target/choice}
work=$B/cells
failed=0
rm -rf "$work" && mkdir -p "$work" || exit 1

# row NAME PROGRAM: the target's corpus against the list in $work/NAME.slots.
row() {
    "$2" --require "$work/$1.slots" "corpus/$1" >"$work/$1.log" 2>&1 || failed=1
    grep '^missing' "$work/$1.log" | head -n 20
    printf '%-16s %s\n' "$1" "$(sed -n 's/^state coverage: \(.* reachable.*\)/\1/p' "$work/$1.log")"
    grep '^  ' "$work/$1.log"
}

"$EXPLORE" --slots "$work/choice.slots" >"$work/explore.log" 2>&1 || { echo "the explorer:"; tail -n 5 "$work/explore.log"; failed=1; }
row choice "$CHOICE"
for program in "$B"/enumerate/adapter_*; do
    name=$(basename "$program")
    "$program" --slots "$work/$name.slots" >"$work/$name.enumerated" 2>&1 || { tail -n 5 "$work/$name.enumerated"; failed=1; }
    row "$name" "$B/target/$name"
done
exit $failed
