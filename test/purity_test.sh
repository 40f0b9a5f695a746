#!/bin/sh
# SPDX-License-Identifier: MIT
# The core touches nothing outside itself: of the libc it needs four functions, it has no data of its own, it includes only
# its own folder. Looks at a release build (-O2) of machine/ made by $CC, whatever flags the tests around it use.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
failures=0
fail() { echo "purity: $*"; failures=$((failures + 1)); }

# Flags that the surrounding make passes down must not reach this build.
library=$B/release/libtlsm.a
env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$B/release" VARIANT= CC="$CC" SANITIZE= CFLAGS=-O2 "$library" \
    "$B/release/libtlsm-adapters.a" || exit 1

symbols() { nm -P "$library" | awk -v kind="$1" '$2 ~ kind { print $1 }' | sort -u; }
symbols '^[A-TV-Z]$' >"$B/release/defined"
symbols '^U$' >"$B/release/undefined"
printf '%s\n' memcmp memcpy memmove memset | sort >"$B/release/allowed"

grep -qx tlsm_step "$B/release/defined" || fail "tlsm_step is not in $library"
for symbol in $(comm -23 "$B/release/undefined" "$B/release/defined" | comm -23 - "$B/release/allowed"); do
    fail "calls $symbol, outside the core"
done
for symbol in $(grep -v '^tlsm_' "$B/release/defined"); do
    fail "defines $symbol, not a name of ours"
done

# Constants that hold addresses are in .data.rel.ro, which is read-only once loaded.
size -A "$library" | awk '/\.o / { file = $1 }
    $1 ~ /^\.(data|bss|tdata|tbss|sdata|sbss)/ && $1 !~ /^\.data\.rel\.ro/ && $2 > 0 { print file, $1, $2 }' >"$B/release/data"
while read -r line; do fail "writable data: $line"; done <"$B/release/data"

# What the rest of the tree is for must not be linkable by accident.
if nm -P "$library" "$B/release/libtlsm-adapters.a" | grep -i 'null_provider\|tlsm_null'; then
    fail "the null provider is in a released library"
fi

# The folder is the layer is the include rule.
includes() { grep -nH '^[[:space:]]*#[[:space:]]*include' "$@"; }
includes machine/*.[ch] machine/*.def | grep -v '<\(stddef\|stdint\|string\)\.h>' | while IFS= read -r line; do
    name=$(printf '%s\n' "$line" | sed -n 's/.*"\([^"/]*\)".*/\1/p')
    [ -n "$name" ] && [ -e "machine/$name" ] || echo "$line"
done >"$B/release/includes"
includes adapters/*.[ch] | grep -E '"(\.\./|fuzz/|test/|tools/)|"(null_provider|statecov)' >>"$B/release/includes"
while IFS= read -r line; do fail "include outside the layer: $line"; done <"$B/release/includes"

words='malloc|calloc|realloc|free|alloca|printf|fprintf|snprintf|time|clock|clock_gettime|gettimeofday|rand|random|getrandom|getenv|open|close|read|write|recv|send|socket|assert|abort|exit|longjmp|setjmp|signal'
for file in machine/*.[ch]; do
    # Comments speak of the outside world freely.
    sed -e "s#/\\*.*\\*/##" -e "s#/\\*.*##" -e "s#^ \\*.*##" -e "s#^.*\\*/##" "$file" | grep -nE "(^|[^_[:alnum:]>.])($words)[[:space:]]*\\(" | sed "s#^#$file:#"
done >"$B/release/words"
while IFS= read -r line; do fail "the outside world: $line"; done <"$B/release/words"
grep -nE 'FUZZ|__AFL|LIBFUZZER|UNIT_TEST' machine/*.[ch] && fail "an #ifdef for tests or fuzzing in the core"

echo "purity: $(wc -l <"$B/release/defined") names, $(comm -23 "$B/release/undefined" "$B/release/defined" | tr '\n' ' ')from outside"
[ "$failures" = 0 ]
