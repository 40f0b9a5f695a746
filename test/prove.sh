#!/bin/sh
# SPDX-License-Identifier: MIT
# Proofs of the core by CBMC 6 (docs/proofs.md): test/proofs/*_proof.c, each with the sources of machine/ that it is about. Every property
# must hold but the canary, which must fail. prove.sh [NAME...]: these alone. CBMC=path; goto-cc and goto-instrument lie beside it.
set -u
cd "$(dirname "$0")/.." || exit 1
CBMC=${CBMC:-cbmc}
BUILD=${BUILD:-build}
work=$BUILD/proofs
processors=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)

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
rm -f "$work"/*.pass "$work"/*.tried
wanted=" $* "

fail() { echo "FAIL  $1: $2"; tail -n 20 "$work/$1.log" | sed 's/^/    | /'; }
now() { read -r up _ </proc/uptime && echo "$up"; }

# object NAME FLAGS...: one source, once for all proofs.
object() {
    source=$1
    shift
    "$compile" -std=c11 -Imachine -Itest/proofs -include test/proofs/model.h "$@" -c "$source" -o "$work/$(basename "$source" .c).o"
}

# build NAME SOURCES CUT: one program of <proof>_proof.c, for <proof>-<CASE> that case of it; functions that are cut have no body left, and
# calling one is a failure of its own.
build() {
    proof=${1%%-*}
    case=${1#"$proof"}
    objects=
    for source in model claims $2; do objects="$objects $work/$source.o"; done
    # shellcheck disable=SC2086
    "$compile" -std=c11 -Imachine -Itest/proofs -include test/proofs/model.h ${case:+-DCASE=${case#-}} \
        "test/proofs/${proof}_proof.c" $objects -o "$work/$1.whole" || return
    bodies=
    for function in $3; do bodies="$bodies --remove-function-body $function"; done
    # shellcheck disable=SC2086
    "$cut" $bodies "$work/$1.whole" "$work/$1.goto"
}

# one NAME SOURCES CUT BOUNDS: a bound that is too small is a failure (CBMC 6 checks that by itself).
one() {
    start=$(now)
    if ! build "$1" "$2" "$3" >"$work/$1.log" 2>&1; then fail "$1" "does not build"; return; fi
    # shellcheck disable=SC2086
    timeout 600 "$CBMC" "$work/$1.goto" --drop-unused-functions --no-array-field-sensitivity --slice-formula --unwind 2 $4 >"$work/$1.log" 2>&1
    properties=$(grep -c '^\[.*: SUCCESS$' "$work/$1.log")
    broken=$(grep '^\[.*: \(FAILURE\|UNKNOWN\|ERROR\)$' "$work/$1.log")
    seconds=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }')
    case $broken in
    "") fail "$1" "the canary did not fail, or CBMC did not come to an end" ;;
    *canary:\ FAILURE)
        if [ "$(printf '%s\n' "$broken" | wc -l)" = 1 ] && [ "$properties" -gt 10 ]; then
            : >"$work/$1.pass"
            echo "pass  $1: $properties properties proved, and the canary failed, $seconds s"
        else fail "$1" "not only the canary failed"; printf '%s\n' "$broken"; fi ;;
    *) fail "$1" "not proved"; printf '%s\n' "$broken" ;;
    esac
}

for source in machine/*.c test/proofs/model.c test/proofs/claims.c; do
    if ! object "$source" >"$work/objects.log" 2>&1; then fail objects "$source does not build"; exit 1; fi
done

# prove NAME …: as one(), as many at a time as there are processors.
running=0
prove() {
    case $wanted in "  " | *" ${1%%-*} "* | *" $1 "*) ;; *) return ;; esac
    : >"$work/$1.tried"
    one "$@" &
    running=$((running + 1))
    if [ $running -ge "$processors" ]; then wait; running=0; fi
}

# A step, without what reads records and speaks of the handshake: cut off, and not reached.
step="step closing event verdict record key_schedule elsewhere early_data code handshake late_auth produce"

# --unwind 2: no loop but those named here may turn more than once, and where one does that is a failure.
# by_the_contract: V1 has eight lines.
prove verdict "verdict code closing early_data" "" "--unwindset by_the_contract.0:9"
prove shutdown "shutdown verdict closing handshake" "" ""
prove table "closing event verdict record key_schedule" "" ""

# main: the six bytes given. tlsm_fold_header: a header has five, and the loop's last look.
prove header "closing event verdict record key_schedule" "" "--unwindset main.0:7,tlsm_fold_header.0:7"

reading="tlsm_fold_header tlsm_read_body tlsm_read_elsewhere tlsm_ask_certificate tlsm_absorb tlsm_drop_behind tlsm_handshake_answer tlsm_answer_replay"
for kind in SENT CLOSE WAIT ABORT ABANDON EOF RECEIVE_FAILED SEND_FAILED DEADLINE_SET DEADLINE EXPORT OFFLOAD RECORD_FAILED; do
    prove command-$kind "$step" "$reading tlsm_produce tlsm_write" ""
done
wait
passed=$(find "$work" -name '*.pass' | wc -l)
failed=$(($(find "$work" -name '*.tried' | wc -l) - passed))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
