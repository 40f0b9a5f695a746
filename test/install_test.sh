#!/bin/sh
# SPDX-License-Identifier: MIT
# What make install puts in an empty folder is all that an embedder needs, wherever that folder is moved to: README.md's
# example, examples/, and a program that runs connections are built against it alone, with shared and static libraries, from C
# and from C++, through pkg-config and through CMake; and make uninstall takes all of it away.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
case $CC in *clang*) CXX=clang++ ;; *) CXX=g++ ;; esac
case $B in /*) at=$B/installed ;; *) at=$PWD/$B/installed ;; esac
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
sanitize=${SANITIZE:+-fsanitize=$SANITIZE}
libdir=/p/lib/here
failures=0
fail() { echo "install: $*"; failures=$((failures + 1)); }
rm -rf "$at" && mkdir -p "$at/built" || exit 1

run() {
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$B" VARIANT= CC="$CC" SANITIZE="${SANITIZE:-}" DESTDIR="$at/root" PREFIX=/p \
        LIBDIR=$libdir "$@"
}

run install || { echo "install: make install failed"; exit 1; }
run check-symbols || fail "what the shared libraries show is not what their lists and headers say"
# The tree can be moved, and is, so that nothing is found where it was put first.
mv "$at/root/p" "$at/moved" && rmdir "$at/root" || fail "something was installed outside the prefix"
lib=$at/moved/lib/here include=$at/moved/include/tlsm
export PKG_CONFIG_PATH="$lib/pkgconfig" LD_LIBRARY_PATH="$lib"

# ---------------------------------------------------------------------------------------------------- what is there

version=$(cat VERSION)
"$at/moved/bin/tlsm" --version | grep -qx "tlsm $version" || fail "tlsm --version"
for page in docs/man/*.[137]*; do
    section=${page##*.}
    cmp -s "$page" "$at/moved/share/man/man${section%tlsm}/${page##*/}" || fail "no ${page##*/}"
done
packages=$(cd "$lib/pkgconfig" && ls | sed 's/\.pc$//')
echo "$packages" | grep -qx tlsm || fail "no tlsm.pc"
for package in $packages; do
    [ "$(pkg-config --modversion "$package")" = "$version" ] || fail "the version of $package.pc"
    [ -e "$lib/lib$package.a" ] || fail "no lib$package.a"
    [ "$(readlink "$lib/lib$package.so"),$(readlink "$lib/lib$package.so.0")" = "lib$package.so.0,lib$package.so.$version" ] ||
        fail "the links of lib$package.so"
    readelf -d "$lib/lib$package.so.$version" | grep -q "SONAME.*\[lib$package\.so\.0\]" || fail "the SONAME of lib$package"
done
readelf -d "$lib/libtlsm-adapters.so" | grep -q 'NEEDED.*\[libtlsm\.so\.0\]' || fail "libtlsm-adapters.so has a machine of its own"
if [ -z "$sanitize" ]; then
    readelf -d "$lib/libtlsm.so" | grep NEEDED | grep -v 'libc\.' && fail "libtlsm.so needs more than the C library"
fi
grep -rl "$at/root" "$at/moved/lib/here/pkgconfig" "$at/moved/lib/here/cmake" && fail "the folder of DESTDIR is in what was installed"

# ------------------------------------------------------------------------------------------- headers, each by itself

for header in "$include"/*.h; do
    printf '#include <%s>\nextern int not_empty;\n' "${header##*/}" >"$at/built/header.c"
    # shellcheck disable=SC2046,SC2086
    $CC -std=c11 $strict $(pkg-config --cflags $packages) -fsyntax-only "$at/built/header.c" || fail "${header##*/} alone, C"
    # shellcheck disable=SC2046,SC2086
    $CXX -std=c++11 $strict $(pkg-config --cflags $packages) -x c++ -fsyntax-only "$at/built/header.c" ||
        fail "${header##*/} alone, C++"
done

# -------------------------------------------------------------------------------------------- programs, by pkg-config

# build SOURCE OUTPUT LANGUAGE LIBRARIES PACKAGE...: as the text says: cc SOURCE $(pkg-config --cflags --libs PACKAGE).
build() {
    source=$1 output=$2 language=$3 libraries=$4
    shift 4
    compiler="$CC -std=c11 -D_DEFAULT_SOURCE" flags='' link=''
    [ "$language" = c ] || compiler="$CXX -std=c++11 -x c++" link='-x none'
    [ "$libraries" = shared ] || flags=--static
    # Of what is ours alone the archive is taken: nothing says that the others have one.
    libs=$(pkg-config $flags --libs "$@") || return 1
    [ "$libraries" = shared ] || libs=$(echo "$libs" | sed -E "s#-l(tlsm[a-z-]*)#$lib/lib\\1.a#g")
    # shellcheck disable=SC2046,SC2086
    $compiler $strict ${CFLAGS:-} $sanitize "$source" $link $(pkg-config --cflags "$@") $libs -o "$output"
}

check_linked() {
    case $2,$(readelf -d "$1" | grep -c 'NEEDED.*libtlsm') in
    shared,0) fail "$1 does not use the shared library" ;;
    static,0 | shared,*) ;;
    *) fail "$1 uses a shared library" ;;
    esac
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$at/key.pem" -out "$at/cert.pem" -days 2 \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null || exit 1
awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' README.md >"$at/built/readme.c"
for libraries in shared static; do
    for language in c c++; do
        program=$at/built/installed-$language-$libraries
        if build test/installed.c "$program" $language $libraries tlsm-adapters; then
            check_linked "$program" $libraries
            "$program" "$at/cert.pem" "$at/key.pem" >"$program.out" || fail "$program: $(cat "$program.out")"
        else
            fail "test/installed.c, $language, $libraries"
        fi
    done
    # Nobody listens at port 1: what it says is that it cannot connect.
    build "$at/built/readme.c" "$at/built/readme" c $libraries tlsm-adapters || fail "README.md's example, $libraries"
    ASAN_OPTIONS=detect_leaks=0 "$at/built/readme" 127.0.0.1 1
    [ $? = 1 ] || fail "README.md's example, $libraries, does not run"
    # What they do is test/examples_test.sh's.
    for example in examples/*.c; do
        [ -e "$example" ] || continue
        wanted=$(sed -n 's/^.*build: .*pkg-config --cflags --libs \([^)]*\)).*/\1/p' "$example" | head -n 1)
        [ -n "$wanted" ] || { fail "$example does not say how it is built"; continue; }
        # shellcheck disable=SC2086
        pkg-config --exists $wanted || { echo "install: $example: left out, one of its packages is not here: $wanted"; continue; }
        # shellcheck disable=SC2086
        build "$example" "$at/built/$(basename "$example" .c)-$libraries" c $libraries $wanted || fail "$example, $libraries"
    done
done

cat >"$at/built/drop_in.c" <<END
#include <openssl/ssl.h>
int main(void) { SSL_CTX *made = SSL_CTX_new(SSLv23_client_method()); SSL_CTX_free(made); return made == NULL; }
END
# shellcheck disable=SC2046,SC2086
$CC -std=c99 $strict $sanitize -I"$(pkg-config --variable=includedir tlsm)/compat" "$at/built/drop_in.c" \
    $(pkg-config --cflags --libs tlsm-adapters) -o "$at/built/drop_in" && "$at/built/drop_in" || fail "a drop-in program"
nm -u "$at/built/drop_in" | grep -q tlsm_SSL_CTX_new_drop_in || fail "the drop-in header is not ours"

# ------------------------------------------------------------------------------------------------ programs, by CMake

mkdir -p "$at/cmake" && cp test/installed.c "$at/cmake/one.c" && cp test/installed.c "$at/cmake/two.cpp"
cat >"$at/cmake/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.13)
project(embedder C CXX)
find_package(tlsm 0.1 REQUIRED COMPONENTS adapters)
add_executable(one one.c)
add_executable(two two.cpp)
target_link_libraries(one PRIVATE tlsm::adapters)
target_link_libraries(two PRIVATE tlsm::adapters)
find_package(tlsm 0.0 QUIET)
if(tlsm_FOUND)
  message(FATAL_ERROR "a version that is not compatible is accepted")
endif()
find_package(tlsm 0.1 QUIET COMPONENTS nothing)
if(tlsm_FOUND)
  message(FATAL_ERROR "a component that does not exist is found")
endif()
END
for libraries in shared static; do
    [ $libraries = shared ] && static=OFF || static=ON
    if env -u LDFLAGS CFLAGS="$sanitize" CXXFLAGS="$sanitize" cmake -S "$at/cmake" -B "$at/cmake/$libraries" -DCMAKE_C_COMPILER="$CC" \
        -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_PREFIX_PATH="$at/moved" -Dtlsm_DIR="$lib/cmake/tlsm" -DTLSM_USE_STATIC_LIBS=$static \
        >"$at/cmake/log" 2>&1 && env -u MAKEFLAGS -u MAKELEVEL cmake --build "$at/cmake/$libraries" >>"$at/cmake/log" 2>&1; then
        for program in one two; do
            check_linked "$at/cmake/$libraries/$program" $libraries
            "$at/cmake/$libraries/$program" "$at/cert.pem" "$at/key.pem" >/dev/null || fail "CMake, $libraries: $program"
        done
    else
        fail "CMake, $libraries: $(cat "$at/cmake/log")"
    fi
done

# ----------------------------------------------------------------------------------------------------- and away again

mkdir "$at/root" && mv "$at/moved" "$at/root/p" && run uninstall || fail "make uninstall"
left=$(cd "$at/root/p" && find . -type f -o -type l -o -path '*tlsm*')
[ -z "$left" ] || fail "make uninstall leaves $left"
echo "install: $(echo "$packages" | wc -w) packages"
[ "$failures" = 0 ]
