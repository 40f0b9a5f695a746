#!/bin/sh
# SPDX-License-Identifier: MIT
# What a reader may rely on in every source: its licence in the first lines, one subject of bearable length, no default
# where a switch is over a closed enumeration, no unfinished business, and a place in the Makefile's lists.
set -u
cd "$(dirname "$0")/.." || exit 1
failures=0
fail() { echo "style: $*"; failures=$((failures + 1)); }

sources=$(find machine adapters fuzz test tools bench examples -name '*.[ch]' -o -name '*.def' -o -name '*.sh' 2>/dev/null)
for file in $sources Makefile .ci/run; do
    [ -e "$file" ] || continue
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: MIT' || fail "$file: no SPDX line"
    tail -c 1 "$file" | od -An -c | grep -q '\\n' || fail "$file: no newline at the end"
    grep -nE "$(printf '\t')" "$file" >/dev/null && [ "$file" != Makefile ] && fail "$file: a tab"
    grep -nHE ' +$' "$file" | sed 's/^/style: space at the end: /' | grep . && failures=$((failures + 1))
done

for file in $(find machine adapters tools fuzz -name '*.[ch]' 2>/dev/null); do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || fail "$file: $lines lines; look for the second subject"
done

grep -nE '(^|[^_[:alnum:]])default[[:space:]]*:' machine/*.[ch] && fail "a default in the core"
# The pattern is split so that this file does not find itself.
grep -nE 'TO''DO|FIX''ME|(^|[^X])X''XX([^X]|$)|not implemented ''yet' $sources && fail "left open in the code"

listed=$(env -u MAKEFLAGS -u MAKELEVEL make -s sources | sort -u)
there=$(ls machine/*.c adapters/*.c fuzz/*.c test/*.c test/*_test.sh tools/*.c bench/*.c examples/*.c 2>/dev/null | sort -u)
for file in $there; do
    printf '%s\n' "$listed" | grep -qx "$file" || fail "$file is in no list of the Makefile"
done
for file in $listed; do
    [ -e "$file" ] || fail "the Makefile lists $file, which does not exist"
done

echo "style: $(printf '%s\n' "$sources" | wc -l) sources"
[ "$failures" = 0 ]
