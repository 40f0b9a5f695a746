#!/bin/sh
# SPDX-License-Identifier: MIT
# The example of README.md compiles without a warning, links, and does what the text says: from an openssl server it gets a
# page and a clean end, from one whose certificate nobody vouches for it gets neither.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
here=$B/readme
rm -rf "$here" && mkdir -p "$here" || exit 1
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$here/example.c"
grep -q 'int main' "$here/example.c" || { echo "readme: no example"; exit 1; }
# shellcheck disable=SC2086
$CC -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror ${CFLAGS:-} ${SANITIZE:+-fsanitize=$SANITIZE} -Imachine -Iadapters \
    "$here/example.c" "$B/libtlsm-adapters.a" "$B/libtlsm.a" -lssl -lcrypto -o "$here/example" || exit 1

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$here/key.pem" -out "$here/cert.pem" \
    -days 2 -subj /CN=example -addext subjectAltName=IP:127.0.0.1 2>/dev/null || exit 1
mkfifo "$here/said" || exit 1
openssl s_server -accept 127.0.0.1:0 -cert "$here/cert.pem" -key "$here/key.pem" -www >"$here/said" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
exec 3<"$here/said"
port=
while [ -z "$port" ] && read -r line <&3; do port=$(expr "$line" : 'ACCEPT .*:\([0-9]*\)$'); done
[ -n "$port" ] || { echo "readme: the server did not start"; exit 1; }

SSL_CERT_FILE=$here/cert.pem "$here/example" 127.0.0.1 "$port" >"$here/page" 2>"$here/end"
status=$?
cat "$here/end"
[ $status = 0 ] && grep -q '^clean_both:' "$here/end" && grep -q '200 ok' "$here/page" ||
    { echo "readme: no clean end (status $status)"; exit 1; }

SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/nonexistent "$here/example" 127.0.0.1 "$port" >"$here/page" 2>"$here/end"
status=$?
cat "$here/end"
[ $status != 0 ] && [ ! -s "$here/page" ] || { echo "readme: a stranger was trusted (status $status)"; exit 1; }
