#!/bin/sh
# SPDX-License-Identifier: MIT
# What is generated is what the sources say now, and what the documents point at exists.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
fresh=$B/docs
failures=0
fail() { echo "docs: $*"; failures=$((failures + 1)); }

rm -rf "$fresh"
B=$B sh tools/docs.sh "$fresh" || exit 1
for file in $(cd "$fresh" && find . -type f); do
    diff -u "$file" "$fresh/$file" >"$B/stale" 2>&1 || { fail "$file is stale: run make docs"; head -n 20 "$B/stale"; }
done
for file in docs/tables/*; do
    [ "$file" != docs/tables/seed.md ] || continue   # seed_test, whose results it holds, compares it
    [ "$file" != docs/tables/scenarios.md ] || continue   # scenario_test, likewise
    [ "$file" != docs/tables/interop.md ] || continue   # test/interop.sh, likewise
    [ -e "$fresh/$file" ] || fail "$file is not generated any more: remove it"
done
grep -q "^## $(cat VERSION)" CHANGELOG.md || grep -q '^## Unreleased' CHANGELOG.md || fail "CHANGELOG.md has no entry for $(cat VERSION)"

# The contract shows, near its top, the diagram that was compared above.
head -n 12 docs/closing.md | grep -q '](closing.svg)' && [ -e "$fresh/docs/closing.svg" ] || fail "docs/closing.md lacks its diagram"

for document in *.md docs/*.md docs/tables/*.md; do
    for link in $(grep -oE '\]\([^)#]+' "$document" | sed 's/^](//' | grep -vE '^(https?|mailto):'); do
        [ -e "$(dirname "$document")/$link" ] || fail "$document points at $link, which does not exist"
    done
done

# Every target that a document tells the reader to run.
for target in $(cat *.md docs/*.md | grep -oE '`make [a-z][a-z.-]*' | sed 's/`make //' | sort -u); do
    grep -qE "^$target:" Makefile || fail "a document speaks of make $target"
done
[ "$failures" = 0 ]
