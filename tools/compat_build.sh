#!/bin/sh
# SPDX-License-Identifier: MIT
# compat_build.sh FOLDER FLAVOUR: builds wrk and redis in FOLDER/FLAVOUR from the trees that compat_sources.sh left, as they
# are. Flavour "libssl" is the system's; "tlsm" finds, in a private prefix, our <openssl/ssl.h> and an -lssl that stands for
# our two libraries. PREFIX=FOLDER of a `make install`.
set -u
[ $# = 2 ] || { echo "compat_build.sh FOLDER FLAVOUR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/.." && pwd)
folder=$(cd "$1" && pwd) || exit 1
flavour=$2
case $flavour in
tlsm) prefix=$folder/prefix ;;
libssl) prefix=/usr ;;
*) echo "compat: the flavours are tlsm and libssl, not $flavour" >&2; exit 2 ;;
esac
export PKG_CONFIG_PATH="$folder/prefix/lib/pkgconfig"
[ "$flavour" = tlsm ] || unset PKG_CONFIG_PATH
unset MAKEFLAGS MAKELEVEL MFLAGS

# What a program that was written for OpenSSL looks for: a header of that name, -lssl, libssl.pc.
our_prefix() {
    rm -rf "$prefix"
    (cd "$here" && make -s install PREFIX="$prefix" DESTDIR= BUILD="${BUILD:-build}" >/dev/null) || return 1
    mkdir -p "$prefix/include/openssl"
    printf '#include "%s"\n' "$prefix/include/tlsm/compat/openssl/ssl.h" >"$prefix/include/openssl/ssl.h"
    printf 'INPUT(%s/lib/libtlsm-adapters.a %s/lib/libtlsm.a -lcrypto)\n' "$prefix" "$prefix" >"$prefix/lib/libssl.a"
    sed -e 's/^Name: .*/Name: OpenSSL-libssl/' -e 's/^Libs: .*/Libs: -L${libdir} -lssl/' -e 's/^Version: .*/Version: 3.0.0/' \
        -e 's/^Cflags: .*/Cflags: -I${prefix}\/include/' -e 's/^Requires: .*/Requires: libcrypto/' \
        "$prefix/lib/pkgconfig/tlsm-adapters.pc" >"$prefix/lib/pkgconfig/libssl.pc"
}

# The tree is copied once; what was linked or compiled against the library is made again every time.
fresh() {
    mkdir -p "$folder/$flavour"
    [ -d "$folder/$flavour/$1" ] || cp -a "$folder/source/$1" "$folder/$flavour/$1"
}

build_wrk() {
    fresh wrk && cd "$folder/$flavour/wrk" && rm -rf wrk obj &&
        make -j"$(getconf _NPROCESSORS_ONLN)" WITH_LUAJIT=/usr WITH_OPENSSL="$prefix" VER=debian/compat
}

build_redis() {
    fresh redis && cd "$folder/$flavour/redis" &&
        (cd src && rm -f redis-server redis-cli redis-benchmark tls.o cli_common.o sentinel.o redis-cli.o redis-benchmark.o) &&
        rm -f deps/hiredis/ssl.o deps/hiredis/libhiredis_ssl.a &&
        { [ ! -e src/.make-settings ] || make -C deps hiredis BUILD_TLS=yes OPENSSL_PREFIX="$prefix"; } &&
        make -C src -j"$(getconf _NPROCESSORS_ONLN)" BUILD_TLS=yes MALLOC=libc USE_SYSTEMD=no OPENSSL_PREFIX="$prefix" \
            redis-server redis-cli redis-benchmark
}

[ "$flavour" != tlsm ] || our_prefix || { echo "compat: tlsm does not install into $prefix" >&2; exit 1; }
# Ours, not theirs.
unset CFLAGS LDFLAGS CPPFLAGS SANITIZE
for program in wrk redis; do
    "build_$program" >"$folder/$flavour.$program.log" 2>&1 ||
        { grep -E 'error|undefined|Error' "$folder/$flavour.$program.log" | head -n 40
          echo "compat: $program does not build against $flavour: $folder/$flavour.$program.log"; exit 1; } >&2
done
