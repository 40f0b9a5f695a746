#!/bin/sh
# SPDX-License-Identifier: MIT
# Proofs of the core by CBMC 6 (docs/proofs.md): test/proofs/*_proof.c, each with the sources of machine/ that it is about. Every property
# must hold but the canary, which must fail. prove.sh [NAME...]: these alone. CBMC=path; goto-cc and goto-instrument lie beside it.
set -u
cd "$(dirname "$0")/.." || exit 1
CBMC=${CBMC:-cbmc}
BUILD=${BUILD:-build}
work=$BUILD/proofs
passed=0
failed=0

if ! command -v "$CBMC" >/dev/null 2>&1; then
    echo "SKIPPED: nothing was proved, because CBMC 6 is not here ($CBMC). Debian 13 has it as the package cbmc; elsewhere see docs/proofs.md,"
    echo "then: make prove CBMC=/path/to/cbmc"
    exit 0
fi
CBMC=$(command -v "$CBMC")
case $("$CBMC" --version) in
6.*) ;;
*) echo "prove: this is for CBMC 6, and $CBMC is $("$CBMC" --version)"; exit 1 ;;
esac
beside() { if [ -x "$(dirname "$CBMC")/$1" ]; then echo "$(dirname "$CBMC")/$1"; else echo "$1"; fi; }
compile=$(beside goto-cc)
cut=$(beside goto-instrument)
mkdir -p "$work"
wanted=" $* "

fail() { failed=$((failed + 1)); echo "FAIL  $1: $2"; tail -n 20 "$work/$1.log" | sed 's/^/    | /'; }
now() { read -r up _ </proc/uptime && echo "$up"; }

# build NAME SOURCES CUT: one program; functions that are cut have no body left, and calling one is a failure of its own.
build() {
    sources=
    for source in $2; do sources="$sources machine/$source.c"; done
    # shellcheck disable=SC2086
    "$compile" -std=c11 -Imachine -Itest/proofs -include test/proofs/model.h test/proofs/"$1"_proof.c test/proofs/model.c test/proofs/claims.c \
        $sources -o "$work/$1.whole" || return
    bodies=
    for function in $3; do bodies="$bodies --remove-function-body $function"; done
    # shellcheck disable=SC2086
    "$cut" $bodies "$work/$1.whole" "$work/$1.goto"
}

# prove NAME SOURCES CUT BOUNDS: --unwinding-assertions are on by default: a bound that is too small is a failure.
prove() {
    case $wanted in "  " | *" $1 "*) ;; *) return ;; esac
    start=$(now)
    if ! build "$1" "$2" "$3" >"$work/$1.log" 2>&1; then fail "$1" "does not build"; return; fi
    # shellcheck disable=SC2086
    "$CBMC" "$work/$1.goto" --drop-unused-functions --unwind 2 $4 >"$work/$1.log" 2>&1
    properties=$(grep -c '^\[.*: SUCCESS$' "$work/$1.log")
    broken=$(grep '^\[.*: \(FAILURE\|UNKNOWN\|ERROR\)$' "$work/$1.log")
    seconds=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }')
    case $broken in
    "") fail "$1" "the canary did not fail" ;;
    *canary:\ FAILURE)
        if [ "$(printf '%s\n' "$broken" | wc -l)" = 1 ] && [ "$properties" -gt 10 ]; then
            passed=$((passed + 1))
            echo "pass  $1: $properties properties proved, and the canary failed, $seconds s"
        else fail "$1" "not only the canary failed"; printf '%s\n' "$broken"; fi ;;
    *) fail "$1" "not proved"; printf '%s\n' "$broken" ;;
    esac
}

# --unwind 2: no loop but those named here may turn more than once, and where one does that is a failure.
# by_the_contract: V1 has eight lines.
prove verdict "verdict code closing early_data" "" "--unwindset by_the_contract.0:9"
prove shutdown "shutdown verdict closing handshake" "" ""
prove table "closing event verdict record key_schedule" "" ""

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
