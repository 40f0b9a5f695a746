#!/bin/sh
# SPDX-License-Identifier: MIT
# The harness of make mutate: what is known to be wrong is killed, what compiles to the same is dropped, what is wrong where no oracle
# looks survives and fails unless it is explained, and an explanation that does not hold fails too. Sanitized builds leave it to the others.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
[ -z "${SANITIZE:-}" ] || { echo "skip  sanitized"; exit 0; }
# The figures below are of what gcc compiles to the same.
case ${CC:-} in *clang*) echo "skip  clang"; exit 0 ;; esac
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failures=0
ok() { if [ "$1" = 0 ]; then echo "pass  $2"; else echo "FAIL  $2"; sed 's/^/    | /' "$tmp/out"; failures=$((failures + 1)); fi; }
mutate() { python3 -B tools/mutate.py --build "$B/mutate" --work "$tmp/work" "$@" >"$tmp/out" 2>&1; }
line_of() { grep -nF "$2" "$1" | head -n 1 | cut -d: -f1; }
table() { awk -v column="$1" '/^file/ { for (i = 1; i <= NF; i++) if ($i == column) at = i } $1 == "all" { print $at }' "$tmp/out"; }

# Rows of the closing table in one walk of a scene: one says what it said, two say something else, and one lets a client make tickets,
# which crashes; the last are of a state that no half of this server is in, and of an event that moves nothing.
printf '%s\n' 'RX OPEN DATA OPEN DELIVER DATA' 'RX OPEN DATA CLOSED DELIVER DATA' 'TX OPEN WRITE DEAD SEAL OK' \
    'EVENT ABANDON WE BUDGET' 'RX UNBORN SPEAK OPEN NONE OK' 'EVENT DATA PEER NONE' >"$tmp/rows"
"$B/mutate/test/explore_rows" 10 <"$tmp/rows" >"$tmp/out" && [ "$(sort "$tmp/out" | tr '\n' ' ')" = '1 10 2 10 3 10 4 rows 5 rows ' ]
ok $? "of rows, those are told that a scene can tell, then those that say something else"
printf 'TX OPEN PRODUCE OPEN MAKE_TICKET OK\n' | "$B/mutate/test/explore_rows" 12 >"$tmp/out" && [ "$(cat "$tmp/out")" = '0 12' ]
ok $? "and a row with which the machine crashes"

# A flag that is not set: the shutdown procedure's own tests see it.
at=machine/shutdown.c:$(line_of machine/shutdown.c 'shutdown.flags |= TLSM_SENT_SHUTDOWN;')
mutate --only "$at" --kind statement --oracles tests --tests shutdown_test
ok $? "a dropped statement is killed"
[ "$(table mutants)" = 1 ] && [ "$(table tests)" = 1 ] && [ "$(table survived)" = 0 ]; ok $? "and the table says by what"

# What the quick oracles did not decide is judged together with others of its kind.
printf '[["machine/shutdown.c", "shutdown.flags |= TLSM_SENT_SHUTDOWN;", ";", 0], ["undecided", ""]]\n' >"$tmp/results"
mutate --only machine/shutdown.c --kind statement --oracles tests --tests shutdown_test --results "$tmp/results" --report
[ "$(table mutants)" = 0 ]; ok $? "what is undecided is not judged"
mutate --only "$at" --kind statement --oracles tests --tests shutdown_test --results "$tmp/results"
[ "$(table mutants)" = 1 ] && [ "$(table tests)" = 1 ] && [ "$(table survived)" = 0 ]; ok $? "a run that goes on judges it"

# A row that is never looked up: only the table as compiled shows it.
at=machine/closing.def:$(line_of machine/closing.def 'RX(UNBORN,     SPEAK,')
mutate --only "$at" --kind cell --oracles rows,tests --tests shutdown_test
ok $? "the cells of a row that cannot happen are killed"
[ "$(table mutants)" = 3 ] && [ "$(table rows)" = 3 ]; ok $? "by the rows as compiled"

# `> 2 ? a - 2 : 0` and `> 1 ? …` say the same, and compile to it; the line's other mutants do not.
at=machine/event.c:$(line_of machine/event.c 'allowed = allowed > 2 ? allowed - 2 : 0;')
mutate --only "$at" --kind constant --oracles tests --tests shutdown_test
[ "$(table identical)" -ge 1 ]; ok $? "what compiles to the same is dropped, and counted"

# How much is drained is nothing that the shutdown procedure's tests look at.
at=machine/verdict.c:$(line_of machine/verdict.c 'advice->drain_bytes = DRAIN_BYTES;')
mutate --only "$at" --kind statement --oracles tests --tests shutdown_test
[ $? = 1 ] && grep -q '^not explained  machine/verdict.c' "$tmp/out" && [ "$(table survived)" = 1 ]
ok $? "what survives and is not explained fails"
printf 'machine/verdict.c\n- advice->drain_bytes = DRAIN_BYTES;\n+ ;\nThe tests that judge here do not look at the advice.\n' >"$tmp/explained"
mutate --only "$at" --kind statement --oracles tests --tests shutdown_test --explained "$tmp/explained"
ok $? "what survives and is explained passes"
sed 's/verdict\.c/shutdown.c/; s/^- .*/- shutdown.told = 1;/' "$tmp/explained" >"$tmp/wrong"
at=machine/shutdown.c:$(line_of machine/shutdown.c 'shutdown.told = 1;')
mutate --only "$at" --kind statement --oracles tests --tests shutdown_test --explained "$tmp/wrong"
[ $? = 1 ] && grep -q '^explained, and killed' "$tmp/out"; ok $? "what is explained and killed fails"
printf 'machine/verdict.c\n- no such line;\n+ ;\nThe tests that judge here do not look at the advice.\n' >"$tmp/stale"
mutate --check-explained --explained "$tmp/stale"
[ $? = 1 ] && grep -q 'no mutant any more' "$tmp/out"; ok $? "an explanation of what is gone fails"
printf 'machine/verdict.c\n- advice->drain_bytes = DRAIN_BYTES;\n+ ;\nBecause.\n' >"$tmp/short"
mutate --check-explained --explained "$tmp/short"
[ $? = 1 ] && grep -q 'a sentence' "$tmp/out"; ok $? "an explanation without a sentence fails"

mutate --check-explained; ok $? "every mutant that test/mutate.explained explains exists"

mutate --list --sample 20 --seed 7 && cp "$tmp/out" "$tmp/once" && mutate --list --sample 20 --seed 7 && cmp -s "$tmp/out" "$tmp/once"
ok $? "a sample is the same for the same seed"
mutate --list --sample 20 --seed 8 && ! cmp -s "$tmp/out" "$tmp/once"; ok $? "and another for another"

[ "$failures" = 0 ]
