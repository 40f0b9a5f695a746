#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/migration.md speaks of nothing that does not exist: verdicts, codes, constants and calls of ours, and those of OpenSSL
# (and of GnuTLS, where it is here). Every verdict has a place in it, and every row has its four cells. docs/embedding.md names
# no constant or call of ours that does not exist, either.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
mkdir -p "$B"
page=docs/migration.md
pages="$page docs/embedding.md"
failures=0
fail() { echo "migration: $*"; failures=$((failures + 1)); }
headers="machine/*.h machine/*.def adapters/*.h"

verdicts=$(sed -n 's/^END([A-Z_]*, *-[0-9]*, *\([A-Z_]*\),.*/\1/p' machine/code.def | tr '[:upper:]' '[:lower:]')
[ "$(echo "$verdicts" | wc -l)" -ge 16 ] || fail "cannot read the verdicts in machine/code.def"
for verdict in $verdicts; do
    grep -q "^|[^|]*|[^|]*|[^|]*\`$verdict\`" $page || fail "no row comes to $verdict"
done
# The third cell names verdicts alone.
for word in $(grep '^| ' $page | awk -F'|' '{ print $4 }' | grep -o '`[^`]*`' | tr -d '`' | sort -u); do
    [ "$word" = open ] || echo "$verdicts" | grep -qx "$word" || fail "$word is no verdict"
done
awk -F'|' '/^\|/ && NF != 6 { print "migration: not four cells: " $0; bad = 1 } END { exit bad }' $page || failures=$((failures + 1))

codes=$(sed -n 's/^CODE(\([A-Z_]*\),.*/TLSM_\1/p; s/^END(\([A-Z_]*\),.*/TLSM_END_\1/p' machine/code.def)
for name in $(grep -ohE '\bTLSM_[A-Z0-9_]+' $pages | grep -v '_$' | sort -u); do
    # shellcheck disable=SC2086
    echo "$codes" | grep -qx "$name" || grep -qw "$name" $headers || fail "$name does not exist"
done
for name in $(grep -ohE '\b(tlsm_[a-z0-9_]+)\(\)' $pages | tr -d '()' | sort -u); do
    # shellcheck disable=SC2086
    grep -qE "\b$name\(" $headers || fail "$name() does not exist"
done

# theirs HEADER NAME...: the compiler knows each.
theirs() {
    header=$1; shift
    echo "#include <$header>" | $CC -E - >/dev/null 2>&1 || { echo "skip: no <$header> to look into"; return; }
    for name in "$@"; do
        echo "typedef __typeof__($name) known_$name;"
    done >"$B/known" && { echo "#include <$header>"; cat "$B/known"; } | $CC -fsyntax-only -x c - 2>"$B/unknown" && return
    fail "<$header> does not know: $(sed -n "s/.*error: \(.*\)/\1/p" "$B/unknown" | tr '\n' ' ')"
}
# shellcheck disable=SC2046
theirs openssl/ssl.h $(grep -oE '\bSSL_[A-Z][A-Za-z0-9_]+' $page | grep -v '_$' | sort -u) \
    $(grep -oE '\bSSL_[a-z_]+\(\)' $page | tr -d '()' | sort -u)
# shellcheck disable=SC2046
theirs gnutls/gnutls.h $(grep -oE '\bGNUTLS_[A-Z_]+' $page | sort -u)
echo "migration: $(grep -c '^| `' $page) rows"
[ "$failures" = 0 ]
