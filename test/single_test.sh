#!/bin/sh
# SPDX-License-Identifier: MIT
# The core as one file (make tlsm.c): it compiles with nothing beside it but its header, without a warning, by every compiler here;
# shows the names of machine/tlsm.symbols and no other; needs four functions; and programs linked with it in the place of
# libtlsm.a do what they did.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
here=$B/single
alone=$here/alone
strict="-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror"
sanitize=${SANITIZE:+-fsanitize=$SANITIZE}
failures=0
fail() { echo "single: $*"; failures=$((failures + 1)); }

env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$B" VARIANT= CC="$CC" tlsm.c || exit 1
rm -rf "$alone" && mkdir -p "$alone" && cp "$here/tlsm.c" "$here/tlsm.h" "$alone" || exit 1
grep -n '#include "' "$alone"/tlsm.[ch] | grep -v 'tlsm\.c.*"tlsm\.h"' && fail "it includes a file that is not beside it"

names() { nm -gP "$1" | awk -v kind="$2" '$2 ~ kind { print $1 }' | LC_ALL=C sort; }
grep -v '^#' machine/tlsm.symbols >"$alone/listed"
printf '%s\n' memcmp memcpy memmove memset >"$alone/four"

compiled=
[ "$CC" = cc ] && first=gcc || first=$CC
for compiler in "$first" gcc clang i686-linux-gnu-gcc s390x-linux-gnu-gcc; do
    command -v "$compiler" >/dev/null || continue
    case " $compiled " in *" $compiler "*) continue ;; esac
    compiled="$compiled $compiler"
    # shellcheck disable=SC2086
    (cd "$alone" && $compiler $strict -O1 -fno-stack-protector -ffreestanding -fno-pic -c tlsm.c -o "$compiler.o") ||
        { fail "$compiler does not compile it"; continue; }
    names "$alone/$compiler.o" '^[A-TV-Z]$' | diff "$alone/listed" - || fail "$compiler: shows other names than machine/tlsm.symbols"
    # A 32-bit compiler divides 64 bits by a function of its own.
    left=$(names "$alone/$compiler.o" '^U$' | grep -vx '__udivdi3' | LC_ALL=C comm -13 "$alone/four" -)
    [ -z "$left" ] || fail "$compiler: needs $left"
done

# The tests of the memory adapter, which run whole connections, with this object where libtlsm.a was.
# shellcheck disable=SC2086
$CC -std=c11 ${CFLAGS:-} $sanitize -c "$alone/tlsm.c" -o "$alone/tlsm.o" &&
    $CC $sanitize "$B/obj/test/memory_test.o" "$alone/tlsm.o" "$B/libtlsm-adapters.a" "$B/support.a" -lcmocka -lcrypto \
        -o "$alone/memory_test" && "$alone/memory_test" >"$alone/memory_test.log" 2>&1 ||
    fail "memory_test with it: $(tail -n 20 "$alone/memory_test.log")"
grep -q '\[  PASSED  \] [1-9]' "$alone/memory_test.log" || fail "memory_test with it ran nothing"
echo "single: $(wc -l <"$alone/tlsm.c") lines, compiled by$compiled"
[ "$failures" = 0 ]
