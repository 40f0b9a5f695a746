#!/bin/sh
# SPDX-License-Identifier: MIT
# need.sh PACKAGE...: makes sure that what these Debian packages bring is there. Looks for the command, header or library
# itself, so that another way of installing it counts. Silent, instant and offline when nothing is missing; as root on a
# Debian it installs what is; otherwise it prints the line to run and stops. need.sh --has PACKAGE only says whether it is there.
set -u

header() {
    [ -e "/usr/include/$1" ] || [ -e "/usr/local/include/$1" ] ||
        echo "#include <$1>" | ${CC:-cc} -E - >/dev/null 2>&1
}

command_there() { command -v "$1" >/dev/null 2>&1; }

# cross_library TRIPLET: what a program for that machine is linked with, statically.
cross_library() {
    command_there "$1-gcc" && [ -e "$("$1-gcc" -print-file-name=libc.a)" ]
}

there() {
    case $1 in
    gcc)              command_there "${CC:-cc}" || command_there gcc ;;
    libc6-dev)        header stdio.h ;;
    libssl-dev)       header openssl/ssl.h ;;
    libcmocka-dev)    header cmocka.h ;;
    liburing-dev)     header liburing.h ;;
    libclang-rt-dev)  command_there clang &&
                      ls "$(clang -print-resource-dir)"/lib/*/libclang_rt.fuzzer* >/dev/null 2>&1 ;;
    gnutls-bin)       command_there gnutls-cli && command_there gnutls-serv ;;
    nginx-light)      command_there nginx || [ -x /usr/sbin/nginx ] ;;
    afl++)            command_there afl-fuzz && command_there afl-clang-fast ;;
    librsvg2-bin)     command_there rsvg-convert ;;
    dpkg-dev)         command_there dpkg-source ;;
    libluajit-5.1-dev) pkg-config --exists luajit 2>/dev/null ;;
    procps)           command_there ps ;;
    gcc-*-linux-gnu)  command_there "${1#gcc-}-gcc" ;;
    libc6-dev-i386-cross)  cross_library i686-linux-gnu ;;
    libc6-dev-s390x-cross) cross_library s390x-linux-gnu ;;
    qemu-user)        command_there qemu-s390x ;;
    libuv1-dev)       header uv.h ;;
    python3)          python3 -c 'import ctypes' 2>/dev/null ;;
    qemu-system-x86)  command_there qemu-system-x86_64 ;;
    libgnutls28-dev)  header gnutls/gnutls.h ;;
    libwolfssl-dev)   header wolfssl/ssl.h ;;
    libmbedtls-dev)   header mbedtls/ssl.h ;;
    libbearssl-dev)   header bearssl/bearssl.h ;;
    golang-go)        command_there go ;;
    default-jdk-headless) command_there javac ;;
    llvm)             command_there llvm-cov ;;
    *)                command_there "$1" ;;
    esac
}

missing() {
    for package in "$@"; do
        there "$package" || printf '%s ' "$package"
    done
}

# A server that is only wanted as a test peer must not be started by its package.
no_services() {
    policy=/usr/sbin/policy-rc.d
    [ -e $policy ] && return
    printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy && trap 'rm -f $policy' EXIT
}

apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

install() {
    no_services
    # A package list may be absent or stale: then fetch it and try once more.
    apt install --no-install-recommends "$@" || { apt update && apt install --no-install-recommends "$@"; }
}

[ "$1" != --has ] || { there "$2"; exit; }
packages=$(missing "$@")
[ -n "$packages" ] || exit 0

# shellcheck disable=SC2086
if ! command_there apt-get || [ "$(id -u)" != 0 ]; then
    echo "Missing here. Run this, then try again:"
    echo "    sudo apt-get install -y --no-install-recommends ${packages% }"
    exit 1
fi >&2

# Several targets may find the same thing missing at once.
if [ "${NEED_LOCKED:-}" = "" ] && command_there flock; then
    NEED_LOCKED=1 exec flock /run/lock "$0" "$@"
fi

log=$(mktemp) || exit 1
echo "installing: $packages"
# shellcheck disable=SC2086
if ! install $packages >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    exit 1
fi
rm -f "$log"
left=$(missing "$@")
[ -z "$left" ] || { echo "still missing after the installation: $left" >&2; exit 1; }
