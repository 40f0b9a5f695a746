#!/bin/sh
# SPDX-License-Identifier: MIT
# Proofs of the core by CBMC 6 (docs/proofs.md): test/proofs/*_proof.c, each with the sources of machine/ that it is about. Every property
# must hold but the canaries, one for each case that a proof is about, which must fail. prove.sh [NAME...]: these alone. CBMC=path; goto-cc and goto-instrument lie beside it.
# COVER=1: instead, which lines the proofs reach: of a function that one of them goes into, those that none reaches are in
# test/proofs/unreached.txt, with reasons.
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
rm -f "$work"/*.pass "$work"/*.tried "$work"/*.cover "$work"/*.broken
wanted=" $* "

fail() { echo "FAIL  $1: $2"; tail -n 20 "$work/$1.log" | sed 's/^/    | /'; }
now() { read -r up _ </proc/uptime && echo "$up"; }

# lane COMMAND…: in the background, as many at a time as there are processors: who begins takes a word from the pipe and puts it back at its end.
mkfifo "$work/lanes" && exec 3<>"$work/lanes" || exit 1
rm -f "$work/lanes"
for processor in $(seq "$processors"); do echo "$processor" >&3; done
lane() {
    read -r processor <&3
    { "$@"; echo "$processor" >&3; } &
}

# object SOURCE [NAME FLAGS...]: one source, once for all proofs.
object() {
    source=$1
    name=${2:-$(basename "$source" .c)}
    [ $# -lt 2 ] || shift
    shift
    "$compile" -std=c11 -Imachine -Itest/proofs -include test/proofs/model.h "$@" -c "$source" -o "$work/$name.o" >"$work/$name.log" 2>&1 ||
        { : >"$work/$name.broken"; fail "$name" "does not build"; }
}

# build NAME SOURCES CUT: one program of <proof>_proof.c, for <proof>-<CASE> that case of it; functions that are cut have no body left, and
# calling one is a failure of its own. What is not called is dropped before CBMC reads it.
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
    "$cut" $bodies --add-library --drop-unused-functions "$work/$1.whole" "$work/$1.goto"
}

# one NAME SOURCES CUT BOUNDS: a bound that is too small is a failure (CBMC 6 checks that by itself).
one() {
    start=$(now)
    if ! build "$1" "$2" "$3" >"$work/$1.log" 2>&1; then fail "$1" "does not build"; return; fi
    # shellcheck disable=SC2086
    timeout 600 "$CBMC" "$work/$1.goto" --no-library --drop-unused-functions --no-array-field-sensitivity --slice-formula --unwind 2 $4 >"$work/$1.log" 2>&1
    properties=$(grep -c '^\[.*: SUCCESS$' "$work/$1.log")
    canaries=$(sed -n 's/^\[.*\] .* canary \(.*\): FAILURE$/\1/p' "$work/$1.log")
    broken=$(grep '^\[.*: \(FAILURE\|UNKNOWN\|ERROR\)$' "$work/$1.log" | grep -v ' canary .*: FAILURE$')
    alive=$(grep '^\[.* canary ' "$work/$1.log" | grep -v ': FAILURE$')
    seconds=$(awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }')
    if [ -n "$broken" ]; then fail "$1" "not proved"; printf '%s\n' "$broken"
    elif [ -z "$canaries" ]; then fail "$1" "the canary did not fail, or CBMC did not come to an end"
    elif [ -n "$alive" ]; then fail "$1" "nothing is proved of a case whose canary does not fail"; printf '%s\n' "$alive"
    elif [ "$properties" -le 10 ]; then fail "$1" "hardly anything was proved"
    else
        printf '%s\n' "$canaries" >"$work/$1.pass"
        echo "pass  $1: $properties properties proved, and the canary failed ($(printf '%s\n' "$canaries" | paste -s -d, - | sed 's/,/, /g')), $seconds s"
    fi
}

# cover NAME SOURCES CUT BOUNDS: the lines that this proof reaches; what it claims, and what all code must not do, is not asked again.
cover() {
    if ! build "$1" "$2" "$3" >"$work/$1.log" 2>&1; then fail "$1" "does not build"; return; fi
    # shellcheck disable=SC2086
    timeout 600 "$CBMC" "$work/$1.goto" --cover location --no-library --no-standard-checks --drop-unused-functions --no-array-field-sensitivity \
        --slice-formula --unwind 2 $4 >"$work/$1.log" 2>&1
    if ! grep -q ' covered (' "$work/$1.log"; then fail "$1" "CBMC did not come to an end"; return; fi
    grep '(lines .*machine/' "$work/$1.log" >"$work/$1.cover"
    : >"$work/$1.pass"
    echo "cover $1: $(sed -n 's/^\*\* \(.* covered\) .*/\1/p' "$work/$1.log")"
}

# unreached: of each function with a line that is reached: file, function and text of those that no proof reaches.
unreached() {
    cat "$work"/*.cover | sed 's/.*(lines \(.*\)): \([A-Z]*\)$/\2 \1/; s/;/ /g' | awk '
        { for (i = 2; i <= NF; i++) {
            split($i, part, ":"); count = split(part[3], ranges, ",")
            for (j = 1; j <= count; j++) {
                ends = split(ranges[j], range, "-"); last = ends == 2 ? range[2] : range[1]
                for (line = range[1] + 0; line <= last + 0; line++) {
                    if (part[1] !~ /^machine\//) continue
                    seen[part[1] " " part[2] " " line] = 1
                    if ($1 == "SATISFIED") { reached[part[1] " " part[2] " " line] = 1; entered[part[1] " " part[2]] = 1 } } } } }
        END { for (line in seen) { split(line, part, " "); if (!(line in reached) && (part[1] " " part[2]) in entered) print line } }' |
        sort -k1,1 -k3,3n | while read -r file function line; do
            text=$(sed -n "${line}s/^ *//p" "$file" | sed 's,  */\*.*,,')
            case $text in "" | "{" | "}" | "/*"* | "*"*) ;; *) echo "${file#machine/} $function: $text" ;; esac
        done
}

# judge_cover: what is missed must be in the list, and what is in the list must be missed.
judge_cover() {
    unreached >"$work/unreached.txt"
    sed '/^#/d; s/ *\t.*//' test/proofs/unreached.txt | sort >"$work/known.txt"
    sort "$work/unreached.txt" | comm -3 "$work/known.txt" - >"$work/differs.txt"
    [ ! -s "$work/differs.txt" ] && echo "every line is reached but the $(grep -c . <"$work/known.txt") that are named" && return
    echo "in test/proofs/unreached.txt only (left), or in no proof (right):"
    cat "$work/differs.txt"
    return 1
}

# compile_all: once what any proof is about; closing.c a second time, its two functions under other names (rows.c), and two files without what a proof has in its place.
compile_all() {
    for source in closing code consistent content early_data elsewhere event handshake invariant key_schedule late_auth post produce \
        record shutdown start step verdict wire; do
        lane object "machine/$source.c"
    done
    for source in model claims rows keys; do lane object "test/proofs/$source.c"; done
    lane object machine/closing.c table -Dtlsm_rx_cell=rx_cell_as_written -Dtlsm_tx_cell=tx_cell_as_written
    lane object machine/elsewhere.c elsewhere_without_reading -Dtlsm_read_elsewhere=read_elsewhere_as_written
    lane object machine/key_schedule.c key_schedule_without_keys -Dtlsm_next_secret=next_secret_as_written \
        -Dtlsm_traffic_key=traffic_key_as_written
    wait
    ! ls "$work"/*.broken >/dev/null 2>&1
}
compile_all || exit 1

# prove NAME …: as one().
prove() {
    case $wanted in "  " | *" ${1%%-*} "* | *" $1 "*) ;; *) return ;; esac
    : >"$work/$1.tried"
    if [ -n "${COVER:-}" ]; then lane cover "$@"; else lane one "$@"; fi
}

# --unwind 2: no loop but those named here may turn more than once, and where one does that is a failure. The longest come first.

# A step, without what speaks of the handshake: cut off, and not reached.
inner="rows table step event verdict early_data code handshake late_auth produce"
step="$inner elsewhere"
handshake="tlsm_ask_certificate tlsm_absorb tlsm_drop_behind tlsm_handshake_answer tlsm_answer_replay"
reading="tlsm_fold_header tlsm_read_body tlsm_read_elsewhere"
others="$handshake tlsm_fold_header tlsm_produce tlsm_write"
prove command "$step record key_schedule" "$handshake $reading tlsm_produce tlsm_write" ""

# Making records. store_number: eight bytes.
prove produce-ALERT "$step record key_schedule" "$handshake $reading tlsm_write make_owed" "--unwindset store_number.0:9"

# Reading. load_number: eight bytes; strip_padding: all that a body holds.
prove body-WIRE "$step record key_schedule start" "$others tlsm_read_elsewhere tlsm_handshake_ccs" \
    "--unwindset load_number.0:9,store_number.0:9,strip_padding.0:13"
prove content "$inner elsewhere_without_reading record key_schedule content start" \
    "$others tlsm_read_body tlsm_post_content handshake_content" ""

prove produce-OPEN "$step record key_schedule_without_keys keys post wire" \
    "$handshake $reading tlsm_write make_alert tlsm_handshake_produce tlsm_make_ticket" "--unwindset store_number.0:9"
prove write "$step record key_schedule" "$handshake $reading tlsm_produce write_early" "--unwindset store_number.0:9"
prove body-RECORD "$step record key_schedule start" "$others tlsm_read_body" ""

# The induction's start, and what every step is given. tlsm_take_number: at most four bytes.
prove invariant "invariant consistent closing verdict handshake event early_data code record key_schedule post wire elsewhere late_auth" "" \
    "--unwindset tlsm_take_number.0:5"
prove start "step closing verdict handshake event early_data code" "" ""

# main: the six bytes given. tlsm_fold_header: a header has five, and the loop's last look. by_the_contract: V1 has eight lines.
prove header "rows table event verdict record key_schedule" "" "--unwindset main.0:7,tlsm_fold_header.0:7"
prove table "closing event verdict record key_schedule" "" ""
prove shutdown "shutdown verdict closing handshake" "" ""
prove verdict "verdict code closing early_data" "" "--unwindset by_the_contract.0:9"
wait
passed=$(find "$work" -name '*.pass' | wc -l)
failed=$(($(find "$work" -name '*.tried' | wc -l) - passed))
if [ -n "${COVER:-}" ] && [ "$wanted" = "  " ] && [ "$failed" = 0 ]; then judge_cover || failed=1; fi
proved=
[ -n "${COVER:-}" ] || proved=", with $(cat "$work"/*.pass 2>/dev/null | wc -l) cases"
echo "$passed passed$proved, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
