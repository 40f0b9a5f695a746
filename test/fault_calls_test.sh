#!/bin/sh
# SPDX-License-Identifier: MIT
# No call of the system escapes the sweeps: what the adapters' objects ask of the libc is refused in turn by the programs of
# fault_sweep.h, or stands in test/fault_calls.def with the reason why it need not be.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
failures=0
fail() { echo "fault_calls: $*"; failures=$((failures + 1)); }

work=$B/fault-calls
mkdir -p "$work"
adapters=$(ls "$B"/libtlsm-adapters.a "$B"/libtlsm-uring.a "$B"/libtlsm-openssl.a 2>/dev/null)
[ -n "$adapters" ] || { echo "fault_calls: no library in $B"; exit 1; }

libc=$($CC -print-file-name=libc.so.6)
[ -e "$libc" ] || libc=$($CC -print-file-name=libc.so)
nm -D -P --defined-only "$libc" | awk '{ sub("@.*", "", $1); print $1 }' | sort -u >"$work/libc"
for archive in $adapters; do
    nm -P -A "$archive" 2>/dev/null | awk '$3 == "U" || $3 == "w" { sub(":$", "", $1); print $2, $1 }'
done | sort -u >"$work/asked"

# Fortified builds ask for __recv_chk where others ask for recv.
known() {
    awk -F '[(,]' '/^SWEPT|^HARMLESS/ { print $2; print "__" $2 "_chk" }' test/fault_calls.def | sort -u
}
known >"$work/known"
# A reason for each that is let off.
awk -F '"' '/^HARMLESS/ && length($2) < 10 { print }' test/fault_calls.def >"$work/unreasoned"
while IFS= read -r line; do fail "no reason: $line"; done <"$work/unreasoned"

swept=$(awk -F '[(,]' '/^SWEPT/ { print $2 }' test/fault_calls.def)
for name in $swept; do
    grep -q "__wrap_$name\b\|WRAP([^,]*, $name,\|PLAIN([^,]*, [^,]*, $name,\|MOVING($name," test/fault_sweep.c || fail "$name is not wrapped in test/fault_sweep.c"
done

cut -d' ' -f1 "$work/asked" | sort -u | comm -12 - "$work/libc" | comm -23 - "$work/known" >"$work/escaped"
while read -r name; do
    fail "$name, asked for by $(awk -v name="$name" '$1 == name { print $2 }' "$work/asked" | tr '\n' ' ')is in no row of test/fault_calls.def"
done <"$work/escaped"

count=$(cut -d' ' -f1 "$work/asked" | sort -u | comm -12 - "$work/libc" | wc -l)
[ "$count" -gt 20 ] || fail "only $count functions of the libc were found, which cannot be all"
echo "fault_calls: $count functions of the libc, $(echo "$swept" | wc -w) swept"
[ "$failures" = 0 ]
