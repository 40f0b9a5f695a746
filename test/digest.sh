#!/bin/sh
# SPDX-License-Identifier: MIT
# The digest of the whole transition relation, for every compiler, optimization and word size at hand. All must be the one in
# test/explore.expected, which changes only with the machine itself (CONTRIBUTING.md). With --record it is written there.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
passed=0
failed=0
recorded=$(sed -n 's/^digest //p' test/explore.expected 2>/dev/null)

build() {
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$BUILD/digest" VARIANT="/$1" CC="$2" CFLAGS="$3" LDFLAGS="${LDFLAGS:-}" SANITIZE= \
        "$BUILD/digest/$1/test/explore" >"$BUILD/digest/$1.log" 2>&1
}

digest() {
    build "$@" && "$BUILD/digest/$1/test/explore" --digest 2>>"$BUILD/digest/$1.log" | tee -a "$BUILD/digest/$1.log"
}

check() {
    found=$(digest "$@" | tail -n 1)
    if [ -n "$found" ] && [ "$found" = "$recorded" ]; then
        passed=$((passed + 1))
        echo "pass  $2 $3: $found"
    else
        failed=$((failed + 1))
        echo "FAIL  $2 $3: ${found:-does not build or run}, recorded: ${recorded:-nothing}"
        tail -n 20 "$BUILD/digest/$1.log" | sed 's/^/    | /'
    fi
}

# Statically, because only the compiler's own folder has that C library.
runs_32() {
    tools/need.sh gcc-i686-linux-gnu libc6-dev-i386-cross && echo 'int main(void) { return 0; }' >"$BUILD/digest/32.c" &&
        i686-linux-gnu-gcc -static "$BUILD/digest/32.c" -o "$BUILD/digest/32" && "$BUILD/digest/32"
}

mkdir -p "$BUILD/digest"
if [ "${1:-}" = --record ]; then
    build gcc-O2 gcc -O2 && "$BUILD/digest/gcc-O2/test/explore" --record
    exit
fi
check gcc-O2 gcc -O2
check gcc-O0 gcc -O0
if command -v clang >/dev/null; then check clang-O2 clang -O2; else echo "skip  no clang here"; fi
if runs_32; then LDFLAGS=-static check gcc-32 i686-linux-gnu-gcc -O2; else echo "skip  no 32-bit programs here"; fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
