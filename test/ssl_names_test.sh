#!/bin/sh
# SPDX-License-Identifier: MIT
# Every call of tlsm_ssl.h is defined, and every symbol of the adapters has our prefix, so that libssl, and a program's own names, can
# live in the same process.
set -u
B=${B:-build}
library=$B/libtlsm-adapters.a
names=adapters/tlsm_ssl_names.h
failed=0
fail() { echo "ssl_names: $*"; failed=1; }

defined=$(nm --defined-only "$library" 2>/dev/null | awk 'NF == 3 && $2 ~ /[A-Z]/ { print $3 }' | sort -u)
called=$(awk '$1 == "#define" && NF == 3 { print $2 }' $names)
[ "$(printf '%s\n' "$called" | wc -l)" -gt 250 ] || fail "$names lists too few calls"

for name in $called; do
    printf '%s\n' "$defined" | grep -qx "tlsm_$name" || fail "$name is declared and not defined"
    grep -q "^#define $name tlsm_$name\$" $names || fail "$name is not mapped to tlsm_$name"
done
bare=$(printf '%s\n' "$defined" | grep -vE '^(tlsm_|__)')
[ -z "$bare" ] || fail "symbols without our prefix: $(echo $bare)"

# Declared in the header, and in the list.
declared=$(sed 's|/\*.*||' adapters/tlsm_ssl.h | grep -oE '\b(SSL|TLS|OPENSSL|PEM|i2d|d2i)_[A-Za-z0-9_]+ ?\(' | tr -d ' (' | sort -u)
for name in $declared; do
    case $name in SSL_CTX_new | SSL_CTX_new_ex) continue ;; esac
    printf '%s\n' "$called" | grep -qx "$name" || fail "$name is declared in tlsm_ssl.h and missing in $names"
done
[ $failed = 0 ] && echo "ssl_names: $(printf '%s\n' "$called" | wc -l) calls"
exit $failed
