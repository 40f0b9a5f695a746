#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install puts in place is enough to build the example of README.md, and make uninstall takes all of it away.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
root=$B/installed
rm -rf "$root" && mkdir -p "$root" || exit 1
at=$root
case $root in /*) ;; *) at=$PWD/$root ;; esac
run() {
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$B" VARIANT= CC="$CC" SANITIZE="${SANITIZE:-}" DESTDIR="$at" PREFIX=/p "$1"
}

run install || exit 1
for package in libtlsm libtlsm-adapters; do
    grep -qx "Version: $(cat VERSION)" "$root/p/lib/pkgconfig/$package.pc" || { echo "install: $package.pc"; exit 1; }
done
"$root/p/bin/tlsm" --version | grep -qx "tlsm $(cat VERSION)" || { echo "install: tlsm --version"; exit 1; }
for page in docs/man/*.[137]*; do
    section=${page##*.}
    cmp -s "$page" "$root/p/share/man/man${section%tlsm}/${page##*/}" || { echo "install: no ${page##*/}"; exit 1; }
done
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$root/example.c"
# shellcheck disable=SC2086
$CC -std=c11 ${CFLAGS:-} ${SANITIZE:+-fsanitize=$SANITIZE} -I"$root/p/include/tlsm" "$root/example.c" -L"$root/p/lib" -ltlsm-adapters \
    -ltlsm -lcrypto -o "$root/example" || exit 1
cat >"$root/drop_in.c" <<END
#include <openssl/ssl.h>
SSL_CTX *make(void) { return SSL_CTX_new(SSLv23_client_method()); }
END
$CC -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$root/p/include/tlsm/compat" -c "$root/drop_in.c" -o "$root/drop_in.o" || exit 1
nm -u "$root/drop_in.o" | grep -q tlsm_SSL_CTX_new_drop_in || { echo "install: the drop-in header is not ours"; exit 1; }
run uninstall || exit 1
left=$(find "$root/p" -type f)
[ -z "$left" ] || { echo "uninstall leaves $left"; exit 1; }
