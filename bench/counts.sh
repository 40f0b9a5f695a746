#!/bin/sh
# SPDX-License-Identifier: MIT
# counts.sh [--json FILE]: instructions of one operation for each row and library, with the ratio to the floor's, and whose they are.
# Fails where one of tlsm's is above its target, and no line of bench/missed says why.
# counts.sh --record FILE: ours and all together, of tlsm alone, for test/count_test.sh to compare with.
# B is where the programs are; CC and CFLAGS are what they were built with.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
CFLAGS=${CFLAGS:--O2 -g}
lines=$(mktemp) || exit 1
trap 'rm -f "$lines"' EXIT

# What counts of our own code depend on.
compiler() {
    name=gcc
    $CC --version 2>/dev/null | head -n 1 | grep -q clang && name=clang
    echo "compiler $name $($CC -dumpversion | cut -d. -f1), $CFLAGS, $(uname -m)"
}

[ "${1:-}" != --compiler ] || { compiler; exit; }
command -v valgrind >/dev/null || { echo "instructions: not counted, there is no valgrind here"; [ "${1:-}" != --record ]; exit; }

record() {
    sh bench/count.sh "$B/bench" --library tlsm >"$lines" || exit 1
    grep -q ' machine ' "$lines" || { echo "counts: nothing is known as ours: $B/bench has no debug information (-g)" >&2; exit 1; }
    {
        echo "# Instructions of one operation: those of machine/ and adapters/, and all together. make counts-record writes this file;"
        echo "# test/count_test.sh compares with it. A target is for all together."
        compiler
        grep '^target ' bench/counts.expected
        awk '
        /^libcrypto / { print; next }
        !($2 in all)  { order[++rows] = $2 }
        { all[$2] += $4 }
        $3 == "machine" || $3 == "adapters" { ours[$2] += $4 }
        END { for (r = 1; r <= rows; r++) printf "%-16s %9d %9d\n", order[r], ours[order[r]], all[order[r]] }' "$lines"
    } >"$1.new" && mv "$1.new" "$1"
}

print_table() {
    awk '
    /^libcrypto / { print "Instructions of one operation, counted by callgrind, and the ratio to the floor."; print; next }
    !($1 in seen) { seen[$1]; library[++libraries] = $1 }
    !($2 in known) { known[$2]; row[++rows] = $2 }
    { sum[$2, $1] += $4; part[$2, $1, $3] = $4 }
    END {
        printf "\n%-16s", ""
        for (l = 1; l <= libraries; l++) printf " %16s", library[l]
        print ""
        for (r = 1; r <= rows; r++) {
            printf "%-16s", row[r]
            for (l = 1; l <= libraries; l++) {
                count = sum[row[r], library[l]]
                floor = sum[row[r], "floor"]
                printf " %9s %6s", count ? count : "-", count && floor ? sprintf("%.2f", count / floor) : ""
            }
            print ""
        }
        split("machine adapters bench libcrypto libc", whose, " ")
        printf "\nWhose they are: of tlsm; of the floor\n%-16s", ""
        for (p = 1; p <= 5; p++) printf " %10s", whose[p]
        for (p = 3; p <= 5; p++) printf " %10s", whose[p]
        print ""
        for (r = 1; r <= rows; r++) {
            printf "%-16s", row[r]
            for (p = 1; p <= 5; p++) printf " %10d", part[row[r], "tlsm", whose[p]]
            for (p = 3; p <= 5 && (row[r], "floor") in sum; p++) printf " %10d", part[row[r], "floor", whose[p]]
            print ""
        }
    }' "$lines"
}

judge() {
    awk '
    FILENAME == "bench/counts.expected" { if ($1 == "target") most[$2] = $3; next }
    FILENAME == "bench/missed"          { if ($1 ~ /\.instructions:$/ && NF > 1) known[substr($1, 1, length($1) - 14)]; next }
    $1 == "tlsm" && $2 in most          { sum[$2] += $4 }
    END {
        for (row in sum) {
            missed = sum[row] > most[row]
            printf "\n  %-26s %d, at most %d  %s\n", row ".instructions", sum[row], most[row], missed ? "MISSED" : "met"
            if (missed && !(row in known)) { print "  " row ".instructions is missed, and has no line in bench/missed"; failed = 1 }
            if (!missed && row in known) print "  " row ".instructions is in bench/missed, and is met now: its line can go"
        }
        exit failed
    }' bench/counts.expected bench/missed "$lines"
}

write_json() {
    awk '
    function quoted(text) { gsub(/["\\]/, "\\\\&", text); return "\"" text "\"" }
    /^libcrypto / { printf "{\n  \"counted_on\": %s,\n  \"instructions\": {", quoted($0); next }
    !(($1, $2) in seen) {
        seen[$1, $2]
        if ($1 != library) printf "%s\n    %s: {", library == "" ? "" : "}\n    },", quoted($1)
        else printf "},"
        printf "\n      %s: {%s: %s", quoted($2), quoted($3), $4
        library = $1
        next
    }
    { printf ", %s: %s", quoted($3), $4 }
    END { print "}\n    }\n  }\n}" }' "$lines"
}

case ${1:-} in
--record)
    record "${2:?a file}" || exit 1
    cat "$2" ;;
--json)
    sh bench/count.sh "$B/bench" >"$lines" || exit 1
    print_table
    write_json >"${2:?a file}" || exit 1
    judge ;;
'')
    sh bench/count.sh "$B/bench" >"$lines" || exit 1
    print_table
    judge ;;
*)
    echo "usage: counts.sh [--json FILE | --record FILE | --compiler]" >&2
    exit 2 ;;
esac
