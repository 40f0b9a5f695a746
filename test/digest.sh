#!/bin/sh
# SPDX-License-Identifier: MIT
# The digests of the explorer's walks, for every compiler, optimization and word size at hand, and for the core in one file. All must be
# the recorded ones, which change only with the machine itself (CONTRIBUTING.md).
#
# make test has the whole walk, with gcc and with clang. Here each program walks a few scenes (test/explore_few.expected) that take a
# fifth of the time and reach 730 of the 733 cells; WHOLE=1 walks all of them. --record walks everything and writes every number.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
here=$BUILD/digest
mkdir -p "$here" || exit 1
scenes=few
[ -z "${WHOLE:-}" ] || scenes=whole

build() {
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$here" VARIANT="/$1" CC="$2" CFLAGS="$3" LDFLAGS="$4" SANITIZE= \
        "$here/$1/test/explore" "$here/$1/single/tlsm.c" >"$here/$1.log" 2>&1
}

# With the internal functions inside it; the explorer reads the closing table itself, and gets that source once more.
build_one() {
    in=$here/$1
    $2 -std=c11 $3 -c "$in/single/tlsm.c" -o "$in/single.o" >>"$here/$1.log" 2>&1 &&
        $2 "$in"/obj/test/explore*.o "$in/obj/tools/explore_command.o" "$in/single.o" "$in/support.a" "$in/obj/machine/closing.o" \
            -o "$in/test/explore-one" >>"$here/$1.log" 2>&1
}

# walk NAME PROGRAM WALK TEXT: one line of result; a walk that is not equal to what is recorded says more in the log.
walk() {
    case $3 in
    whole) option='' file=test/explore.expected ;;
    *) option=--$3 file=test/explore_$3.expected ;;
    esac
    recorded=$(sed -n 's/^digest //p' $file)
    found=$("$here/$1/test/$2" $option --digest 2>&1 | tee -a "$here/$1.log" | tail -n 1)
    if [ -n "$found" ] && [ "$found" = "$recorded" ]; then echo "pass  $4, $3: $found"; return; fi
    echo "FAIL  $4, $3: ${found:-does not run}, recorded: ${recorded:-nothing}"
    tail -n 20 "$here/$1.log" | sed 's/^/    | /'
}

# program NAME COMPILER FLAGS LDFLAGS WALK…: builds it, and walks; "one" is the scenes with the core in one file.
program() {
    name=$1 compiler=$2 flags=$3 text="$2 $3"
    build "$1" "$2" "$3" "$4" || { echo "FAIL  $text: does not build"; tail -n 20 "$here/$1.log" | sed 's/^/    | /'; return; }
    shift 4
    for what in "$@"; do
        if [ "$what" != one ]; then
            walk "$name" explore "$what" "$text"
        elif build_one "$name" "$compiler" "$flags"; then
            walk "$name" explore-one "$scenes" "$text, one file"
        else
            echo "FAIL  $text, one file: does not build"
        fi
    done
}

# Statically, because only the compiler's own folder has that C library.
runs_32() {
    tools/need.sh gcc-i686-linux-gnu libc6-dev-i386-cross && echo 'int main(void) { return 0; }' >"$here/32.c" &&
        i686-linux-gnu-gcc -static "$here/32.c" -o "$here/32" && "$here/32"
}

by_gcc() {
    program gcc-O2 gcc -O2 '' "$scenes" one
    program gcc-O3 gcc -O3 '' "$scenes" one framing pair
    program gcc-O1 gcc -O1 '' "$scenes"
    program gcc-O0 gcc -O0 '' "$scenes"
    # Its numbers are compared too, and every part of every body is held.
    if "$here/gcc-O2/test/explore" --framing >"$here/framing" 2>&1; then
        echo "pass  the framing: $(sed -n 's/^transitions //p' "$here/framing") transitions"
    else
        echo "FAIL  the framing"
        sed 's/^/    | /' "$here/framing"
    fi
}

by_others() {
    if command -v clang >/dev/null; then
        program clang-O2 clang -O2 '' "$scenes"
        program clang-O3 clang -O3 '' "$scenes" one framing pair
        program clang-O1 clang -O1 '' "$scenes"
        program clang-O0 clang -O0 '' "$scenes"
    else
        echo "skip  no clang here"
    fi
    if runs_32; then
        program gcc-32 i686-linux-gnu-gcc -O2 -static "$scenes" framing pair
    else
        echo "skip  no 32-bit programs here"
    fi
}

if [ "${1:-}" = --record ]; then
    build gcc-O2 gcc -O2 '' || { tail -n 20 "$here/gcc-O2.log"; exit 1; }
    for option in '' --few --framing --pair; do "$here/gcc-O2/test/explore" $option --record || exit 1; done
    exit
fi
by_gcc >"$here/by_gcc" &
by_others >"$here/by_others"
wait
cat "$here/by_gcc" "$here/by_others"
failed=$(cat "$here/by_gcc" "$here/by_others" | grep -c '^FAIL')
echo "$(cat "$here/by_gcc" "$here/by_others" | grep -c '^pass') passed, $failed failed"
[ "$failed" = 0 ]
