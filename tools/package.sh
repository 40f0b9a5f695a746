#!/bin/sh
# SPDX-License-Identifier: MIT
# package.sh pc NAME | cmake NAME... | cmake-version: prints what tells others how to use the installed libraries. PREFIX, LIBDIR
# and INCLUDEDIR say where they will be. What lies below PREFIX is said relative to the printed file: the whole tree can be moved.
set -u
cd "$(dirname "$0")/.." || exit 1
version=$(cat VERSION)

# below PATH: PATH as seen from PREFIX, or nothing.
below() { case $1 in "$PREFIX"/*) echo "${1#"$PREFIX"/}" ;; esac; }

# up PATH: from PATH, which is below PREFIX, to PREFIX.
up() { below "$1" | sed 's#[^/][^/]*#..#g'; }

describe() {
    case $1 in
    tlsm)          description='TLS 1.3 as a pure state machine' requires='' private='' ;;
    tlsm-adapters) description='tlsm over sockets, BIOs and memory, with libcrypto' requires="tlsm = $version libcrypto >= 3.0" private=-pthread ;;
    tlsm-uring)    description='tlsm over io_uring' requires="tlsm-adapters = $version liburing" private='' ;;
    tlsm-openssl)  description='the closing of tlsm around a connection of libssl' requires="tlsm-adapters = $version libssl >= 3.0" private='' ;;
    *) echo "package.sh: no package $1" >&2; exit 1 ;;
    esac
}

pc() {
    describe "$1"
    prefix=$PREFIX
    # shellcheck disable=SC2016
    [ -z "$(below "$LIBDIR")" ] || prefix='${pcfiledir}/'$(up "$LIBDIR/pkgconfig")
    # shellcheck disable=SC2016
    libdir=$(below "$LIBDIR") includedir=$(below "$INCLUDEDIR")
    printf 'prefix=%s\nlibdir=%s\nincludedir=%s/tlsm\n\n' "$prefix" \
        "${libdir:+\${prefix\}/}${libdir:-$LIBDIR}" "${includedir:+\${prefix\}/}${includedir:-$INCLUDEDIR}"
    printf 'Name: %s\nDescription: %s\nVersion: %s\n' "$1" "$description" "$version"
    printf 'Requires: %s\n' "$requires" | grep -v '^Requires: $'
    printf 'Libs: -L${libdir} -l%s\n' "$1"
    printf 'Libs.private: %s\n' "$private" | grep -v '^Libs.private: $'
    printf 'Cflags: -I${includedir}\n'
}

cmake() {
    libdir=$(below "$LIBDIR") includedir=$(below "$INCLUDEDIR")
    root=
    # shellcheck disable=SC2016
    [ -z "$libdir" ] || root='${CMAKE_CURRENT_LIST_DIR}/'$(up "$LIBDIR/cmake/tlsm")
    cat <<END
# find_package(tlsm): targets tlsm::tlsm, tlsm::adapters and, where they were built, tlsm::uring and tlsm::openssl. Shared
# libraries, unless TLSM_USE_STATIC_LIBS is set before. COMPONENTS that are asked for must be there with what they need;
# without any, whatever can be had is there.
get_filename_component(_tlsm_root "${root:-$PREFIX}" ABSOLUTE)
set(_tlsm_libdir "${libdir:+\${_tlsm_root\}/}${libdir:-$LIBDIR}")
set(_tlsm_includedir "${includedir:+\${_tlsm_root\}/}${includedir:-$INCLUDEDIR}/tlsm")
set(_tlsm_version $version)
set(_tlsm_built $(for name in "$@"; do printf '%s ' "${name#tlsm-}"; done | sed 's/ $//'))
END
    cat "tools/package.cmake"
}

cmake_version() {
    cat <<END
# Before 1.0 a minor version may change anything: the same minor version, and no older patch, will do.
set(PACKAGE_VERSION $version)
END
    cat <<'END'
string(REGEX MATCH "^[0-9]+\\.[0-9]+" _tlsm_series "${PACKAGE_VERSION}")
if(PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION OR
   NOT "${PACKAGE_FIND_VERSION_MAJOR}.${PACKAGE_FIND_VERSION_MINOR}" STREQUAL _tlsm_series)
  set(PACKAGE_VERSION_COMPATIBLE FALSE)
else()
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
  if(PACKAGE_FIND_VERSION STREQUAL PACKAGE_VERSION)
    set(PACKAGE_VERSION_EXACT TRUE)
  endif()
endif()
END
}

case $1 in
pc)            pc "$2" ;;
cmake)         shift; cmake "$@" ;;
cmake-version) cmake_version ;;
esac
