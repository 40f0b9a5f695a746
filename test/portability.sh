#!/bin/sh
# SPDX-License-Identifier: MIT
# The same machine everywhere: without a C library, with 32 bits, with the other byte order (under qemu-user), as one file, and with
# the flags of packagers. The explorer must find the recorded digest; the properties and the corpora, through the plain replayer,
# must say what they say here, digest included. All with the null provider. Left out: the targets differential and
# differential_planted, which are about libssl. The explorer walks a few scenes, as in test/digest.sh; with WHOLE=1 all of them, which an
# emulator takes twenty minutes for.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
work=$BUILD/portability
mkdir -p "$work" || exit 1
passed=0
failed=0
option=--few recorded=$(sed -n 's/^digest //p' test/explore_few.expected)
[ -z "${WHOLE:-}" ] || { option='' && recorded=$(sed -n 's/^digest //p' test/explore.expected); }
targets="choice chunking closing import pair planted wire"
unset MAKEFLAGS MAKELEVEL SANITIZE

# verdict STATUS WHAT LOG: counts it; shows the log of what failed.
verdict() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "pass  $2"
    else
        failed=$((failed + 1))
        echo "FAIL  $2"
        tail -n 30 "$3" | sed 's/^/    | /'
    fi
}

# plain_memory NAME COMPILER…: the four functions that a C library would bring.
plain_memory() {
    name=$1
    shift
    mkdir -p "$work/$name"
    case $1 in *clang*) quiet=-fno-builtin ;; *) quiet=-fno-tree-loop-distribute-patterns ;; esac
    "$@" -std=c11 -O2 -ffreestanding $quiet -c test/plain_memory.c -o "$work/$name/plain_memory.o"
}

# build NAME COMPILER CFLAGS LDFLAGS: the explorer, the properties, and the replayers.
build() {
    make -s BUILD="$work/$1" VARIANT= CC="$2" CFLAGS="$3" LDFLAGS="$4" SANITIZE= \
        FUZZ_OBJECTS="$work/$1/obj/fuzz/replay_main.o" fuzz_targets="$targets" \
        "$work/$1/test/explore" "$work/$1/test/properties" fuzz-programs >"$work/$1.build" 2>&1
}

# explore NAME RUNNER…: the digest that the explorer finds.
explore() {
    name=$1
    shift
    found=$("$@" "$work/$name/test/explore" $option --digest 2>"$work/$name.explore")
    echo "found: $found, recorded: $recorded" >>"$work/$name.explore"
    [ "$found" = "$recorded" ]
}

# said NAME RUNNER…: what the properties and the replayed corpora say.
said() {
    name=$1
    shift
    {
        "$@" "$work/$name/test/properties" || echo "status $?"
        "$@" "$work/$name/target/choice" --require test/explore.slots corpus/choice corpus/regress || echo "status $?"
        for target in chunking closing import pair wire planted; do
            "$@" "$work/$name/target/$target" "corpus/$target" || echo "status $?"
        done
    } >"$work/$name.said" 2>&1
}

# same NAME TEXT RUNNER…: says the same as this machine.
same() {
    name=$1 text=$2
    shift 2
    said "$name" "$@"
    diff "$work/here.said" "$work/$name.said" >"$work/$name.differs"
    verdict $? "$text: $(grep -c holds "$work/$name.said") properties, $(sed -n 's/^replayed \([0-9]*\) .*/\1/p' "$work/$name.said" |
        awk '{ sum += $1 } END { print sum + 0 }') inputs, $(sed -n 's/^digest/digest/p' "$work/$name.said")" "$work/$name.differs"
}

# Without any header of a C library but string.h's four lines, and linked with nothing but the four functions.
freestanding() {
    name=$1 compiler=$2
    shift 2
    folder=$work/free/$name
    mkdir -p "$folder/include"
    cat >"$folder/include/string.h" <<END
#include <stddef.h>
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *at, int value, size_t length);
int memcmp(const void *one, const void *other, size_t length);
END
    for source in machine/*.c; do
        "$compiler" "$@" -std=c11 -O2 -ffreestanding -fno-stack-protector -nostdinc -isystem "$folder/include" \
            -isystem "$("$compiler" -print-file-name=include)" -c "$source" -o "$folder/$(basename "$source" .c).o" || return 1
    done
    plain_memory "free/$name" "$compiler" "$@" &&
        "$compiler" "$@" -nostdlib -static -Wl,-e,tlsm_step "$folder"/*.o -lgcc -o "$folder/linked"
}

# As a distribution's build would call it: everything is built, installed and built against once more (test/install_test.sh).
packaged() {
    text=$1 name=$2
    env B="$work/$name" CFLAGS="$3" CPPFLAGS="$4" LDFLAGS="$5" CC=gcc sh test/install_test.sh >"$work/$name.log" 2>&1
    verdict $? "$text" "$work/$name.log"
}

tools/need.sh gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user gcc-i686-linux-gnu libc6-dev-i386-cross g++ cmake pkg-config clang ||
    exit 1

# The longest goes first and runs beside the rest. An emulator walks page tables for every string instruction, so none is used.
plain_memory big s390x-linux-gnu-gcc -march=z13 &&
    build big s390x-linux-gnu-gcc "-O3 -march=z13 -ffreestanding" "-static $work/big/plain_memory.o"
verdict $? "big-endian: builds" "$work/big.build"
(
    explore big qemu-s390x
    echo $? >"$work/big.status"
) &
explorer=$!
trap 'kill $explorer 2>/dev/null' EXIT

build here gcc -O2 ""
verdict $? "here: builds" "$work/here.build"
said here env
grep -q '^status' "$work/here.said"
verdict $((1 - $?)) "here: properties and corpora" "$work/here.said"

freestanding gcc gcc >"$work/free.log" 2>&1
verdict $? "without a C library: gcc compiles, and links with four functions" "$work/free.log"
freestanding clang clang -fno-pic >"$work/free.log" 2>&1
verdict $? "without a C library: clang" "$work/free.log"
freestanding 32 i686-linux-gnu-gcc -fno-pic >"$work/free.log" 2>&1
verdict $? "without a C library: 32 bits" "$work/free.log"
freestanding big s390x-linux-gnu-gcc -fno-pic >"$work/free.log" 2>&1
verdict $? "without a C library: big-endian" "$work/free.log"

plain_memory free gcc && build free gcc "-O2 -ffreestanding" "$work/free/plain_memory.o"
verdict $? "freestanding: builds" "$work/free.build"
explore free env
verdict $? "freestanding: the explorer's digest" "$work/free.explore"
same free "freestanding" env

build 32 i686-linux-gnu-gcc -O2 -static
verdict $? "32 bits: builds" "$work/32.build"
explore 32 env
verdict $? "32 bits: the explorer's digest" "$work/32.explore"
same 32 "32 bits" env

# With the internal functions inside it; the explorer reads the closing table itself, and gets that source once more.
make -s BUILD="$work/here" VARIANT= CC=gcc CFLAGS=-O2 tlsm.c >"$work/one.log" 2>&1 && mkdir -p "$work/one/test" &&
    gcc -std=c11 -O2 -c "$work/here/single/tlsm.c" -o "$work/one/tlsm.o" &&
    gcc "$work"/here/obj/test/explore*.o "$work/here/obj/tools/explore_command.o" "$work/one/tlsm.o" "$work/here/support.a" \
        "$work/here/obj/machine/closing.o" -o "$work/one/test/explore" >>"$work/one.log" 2>&1
verdict $? "one file: the explorer builds with tlsm.c" "$work/one.log"
explore one env
verdict $? "one file: the explorer's digest" "$work/one.explore"

packaged "hardened, as Debian builds: installs and is built against" hardened \
    "-g -O2 -fstack-protector-strong -Wformat -Werror=format-security -fPIE" "-Wdate-time -D_FORTIFY_SOURCE=2" \
    "-pie -Wl,-z,relro -Wl,-z,now"
packaged "optimized at link time: installs and is built against" lto "-O3 -march=native -flto=2 -ffat-lto-objects" "" ""

same big "big-endian" qemu-s390x
wait $explorer
verdict "$(cat "$work/big.status")" "big-endian: the explorer's digest" "$work/big.explore"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
