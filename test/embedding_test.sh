#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2086
# The code blocks of docs/embedding.md, in their order, are a program without a warning that tells a whole page from a cut one;
# its figures are those of the structures, and no need is missing from its table.
repository=$(cd "$(dirname "$0")/.." && pwd)
B=${B:-build}
CC=${CC:-cc}
case $B in /*) ;; *) B=$repository/$B ;; esac
page=$repository/docs/embedding.md
. "$repository/test/pki.sh"

compile() {
    $CC -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror ${CFLAGS:-} \
        ${SANITIZE:+-fsanitize=$SANITIZE} -I"$repository/machine" -I"$repository/adapters" "$1.c" "$B/libtlsm-adapters.a" \
        "$B/libtlsm.a" -lcrypto -o "$1" 2>err
    ok "$1.c compiles"
}
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$page" >embedded.c
grep -q '^int main' embedded.c; ok "docs/embedding.md holds a program"
compile embedded

ends() { grep -q "^$1: " err; ok "$2: $1"; }
serve --http --size 300000 --verdict
./embedded "${address%:*}" "$port" ca.pem localhost >out 2>err; exits 0 "a page"; ends clean_both "a page"
[ "$(wc -c <out)" -ge 300000 ]; ok "all of the page"
./embedded "${address%:*}" "$port" ca.pem other.example >out 2>err; exits 11 "a certificate for somebody else"
[ ! -s out ]; ok "nothing from a stranger"
end; cp server.err err; grep -q '"verdict":"clean_both"' err; ok "the server saw a clean end too"
serve --http --size 300000 --one-byte
./embedded "${address%:*}" "$port" ca.pem localhost >out 2>err; exits 0 "one byte at a time"; ends clean_both "one byte at a time"
end
serve --http --size 300000 --cut 100000
./embedded "${address%:*}" "$port" ca.pem localhost >out 2>err; exits 13 "a page that was cut"; ends truncated "a page that was cut"
end
serve --http --close abort
./embedded "${address%:*}" "$port" ca.pem localhost >out 2>err; exits 14 "a server that aborts"; ends peer_alert "a server that aborts"
end

cat >figures.c <<'END'
#include <stdio.h>
#include <tlsm_link.h>
int main(void)
{
    printf("%zu bytes, and a block of %d\n%d bytes in one\nadds %zu bytes\n", sizeof(struct tlsm_state),
           TLSM_ESTABLISHED_MAX, TLSM_RECORD_MAX, sizeof(struct tlsm_link));
    printf("given %zu bytes of\nwants %d KiB\n", sizeof(struct tlsm_entropy), TLSM_HANDSHAKE_ROOM / 1024);
    return 0;
}
END
compile figures
./figures >said
while read -r figure; do
    [ "$(getconf LONG_BIT)" = 64 ] || continue
    grep -qF -- "$figure" "$page"; ok "docs/embedding.md says \"$figure\""
done <said
for need in $(grep -o 'TLSM_NEED_[A-Z]*' "$repository/machine/tlsm.h" | sort -u); do
    grep -q "^| \`$need\`" "$page"; ok "docs/embedding.md has a row for $need"
done
summary embedding
