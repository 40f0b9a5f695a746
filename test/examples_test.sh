#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2086,SC2015,SC2046
# Every example is short, compiles by its own build line against what make install put in an empty folder, with the project's
# warnings, and does what it says: clients from servers of ours and of openssl, whole pages and cut ones; servers for curl.
repository=$(cd "$(dirname "$0")/.." && pwd)
B=${B:-build}
CC=${CC:-cc}
case $B in /*) ;; *) B=$repository/$B ;; esac
export B
root=$B/examples
rm -rf "$root" && mkdir -p "$root" || exit 1
( cd "$repository" && env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$B" VARIANT= CC="$CC" SANITIZE="${SANITIZE:-}" DESTDIR= \
      PREFIX="$root" install ) >"$root.log" 2>&1 || { tail -n 20 "$root.log"; echo "examples: make install"; exit 1; }
listed=$(cd "$repository" && env -u MAKEFLAGS -u MAKELEVEL make -s sources | sed -n 's|^examples/\(.*\)\.c$|\1|p')
. "$repository/test/pki.sh"

command -v pkg-config >/dev/null || { echo "skip: no pkg-config, which the build lines use"; exit 0; }
export PKG_CONFIG_PATH="$root/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export LD_LIBRARY_PATH="$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Werror"

# absent BUILD-LINE: the packages it names that are not here.
absent() {
    for package in $(echo "$1" | sed 's/.*pkg-config//; s/).*//; s/--[a-z]*//g'); do
        pkg-config --exists "$package" || printf '%s ' "$package"
    done
}

# built NAME: compiles NAME.c by its build line. 1: it cannot, for want of a package.
built() {
    source=$repository/examples/$1.c
    [ "$(wc -l <"$source")" -lt 150 ]; ok "$1.c has less than 150 lines"
    line=$(sed -n 's|^/\* build: cc \(.*\) \*/$|\1|p' "$source")
    [ -n "$line" ] || { bad "$1.c does not say how to build it"; return 1; }
    missing=$(absent "$line")
    case $missing in
    *tlsm-uring*) pkg-config --exists liburing && bad "tlsm-uring is not installed" ;;
    *tlsm*) bad "not installed: $missing" ;;
    esac
    [ -z "$missing" ] || { echo "skip: $1 needs ${missing% }, which is not here"; return 1; }
    cp "$source" .
    eval "$CC -std=c11 $warnings ${CFLAGS:-} ${SANITIZE:+-fsanitize=$SANITIZE} $line -o $1" 2>err
    ok "$1 compiles: cc $line" && [ -x "$1" ]
}

says() { grep -q -- "$1" err; ok "$2 says \"$1\""; }

# a_client NAME ARGUMENT...: what a client that fetches / has to get right. The arguments follow address and port.
a_client() {
    name=$1; shift
    serve --http --size 300000 --verdict
    "./$name" "${address%:*}" "$port" "$@" ca.pem localhost >out 2>err; exits 0 "$name gets a page"
    says '^clean_both: Both sides closed' "$name"
    [ "$(wc -c <out)" -ge 300000 ]; ok "$name: all of the page"
    "./$name" "${address%:*}" "$port" "$@" ca.pem other.example >out 2>err; exits 11 "$name: a certificate for somebody else"
    says 'not for other.example' "$name"
    [ ! -s out ]; ok "$name: nothing came from a stranger"
    if [ -e /dev/full ]; then
        "./$name" "${address%:*}" "$port" "$@" ca.pem localhost >/dev/full 2>err && bad "$name: a page that could not be kept"
    fi
    end; cp server.err err; says '"verdict":"clean_both"' "$name's server"
    serve --http --size 300000 --cut 100000
    "./$name" "${address%:*}" "$port" "$@" ca.pem localhost >out 2>err; exits 13 "$name: a page that was cut"
    says '^truncated: .*data is missing' "$name"
    end
    "./$name" "${address%:*}" "$port" "$@" ca.pem localhost >out 2>err && bad "$name: nobody is there"
    says 'efused' "$name"
    start ACCEPT openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key -www
    "./$name" 127.0.0.1 "$port" ca.pem localhost >out 2>err; exits 0 "$name: a page from openssl"
    grep -q 'Ciphers supported' out; ok "$name: the page of openssl"; says '^clean_both' "$name with openssl"
    end
    "./$name" >out 2>err; exits 2 "$name without arguments"; says 'CA-FILE' "$name without arguments"
    "./$name" 127.0.0.1 1 nothing.pem localhost >out 2>err && bad "$name: no authorities"
    says 'nothing.pem' "$name: no authorities"
}

# a_server NAME: what a server has to get right: two whole pages, and a client that ends with an alert.
a_server() {
    start ACCEPT "./$1" leaf.pem leaf.key 0 --connections 3
    for one in 1.3 1.2; do
        curl -sf --tls-max "$one" --noproxy '*' --max-time 20 --cacert ca.pem --resolve "localhost:$port:127.0.0.1" -o page \
            "https://localhost:$port/" 2>err; exits 0 "$1: curl's page in TLS $one"
        [ -s page ]; ok "$1: curl's page in TLS $one is not empty"
    done
    fetch --close abort <request >out 2>err; exits 15 "$1: a client that aborts"
    wait "$child"; exits 0 "$1 ends after three"
    cp server.err err; says clean_ "$1"; says peer_alert "$1"
    start ACCEPT "./$1" leaf.pem leaf.key 0
    mkfifo says hears; exec 7<>says 8<>hears   # more than it holds, and nobody reads: the client hangs
    printf 'GET / HTTP/1.1\r\n\r\n%.0s' $(seq 99) >&7; printf 'GET /\r\nConnection: close\r\n\r\n' >&7
    fetch <says >hears 2>client.err 8>&- &
    client=$!; children="$children $client"
    head -c 100 <&8 >out
    began=$(date +%s); kill -TERM "$child"; wait "$child"; exits 0 "$1 at SIGTERM"
    [ $(($(date +%s) - began)) -lt 15 ]; ok "$1: who was answered, and never closes, has no more than a second"
    kill "$client"; exec 7>&- 8>&-; rm says hears
    cp server.err err; says timed_out "$1"
    "./$1" >out 2>err && bad "$1 without arguments succeeds"
    [ -s err ]; ok "$1 without arguments says what it wants"
}

the_blocking_client() { a_client blocking_client; }
the_libuv_client() { a_client libuv_client; }
the_openssl_close() { a_client openssl_close; }
the_epoll_server() { a_server epoll_server; }
the_uring_server() {
    echo '#include <liburing.h>
        int main(void) { struct io_uring ring; return io_uring_queue_init(2, &ring, 0) != 0; }' >ring.c
    if $CC ring.c $(pkg-config --cflags --libs liburing) -o ring && ! ./ring; then
        echo "skip: uring_server, since this kernel gives no io_uring"
    else
        a_server uring_server
    fi
}

the_bio_pair() {
    ./bio_pair leaf.pem leaf.key ca.pem localhost >out 2>err; exits 0 bio_pair
    [ "$(grep -c '^  clean_both: ' out)" = 2 ]; ok "bio_pair: two clean ends"
    tail -n 1 out | grep -q '^  closed_incomplete: '; ok "bio_pair: the cut one is not clean"
    grep -q 'client SSL_shutdown  0  SSL_ERROR_SSL: unexpected eof while reading' out; ok "bio_pair: 0 and its reason"
    grep -q 'client SSL_shutdown -1  SSL_ERROR_SSL: application data pending' out; ok "bio_pair: data was under way"
    ./bio_pair leaf.pem leaf.key ca.pem other.example >out 2>err; exits 1 "bio_pair: a certificate for somebody else"
}

the_simulated_network() {
    ./simulated_network leaf.pem leaf.key 3000 >out 2>err; exits 0 simulated_network
    grep -qx '3000 runs, 3000 as they should be' out; ok "simulated_network: nobody was deceived"
    for verdict in clean_both truncated transport_failed timed_out handshake_failed; do
        grep -q "^$verdict " out; ok "simulated_network: $verdict came"
    done
    ./simulated_network leaf.pem leaf.key 3000 >again 2>err; cmp -s out again; ok "simulated_network: the same seed, the same runs"
    ./simulated_network leaf.pem leaf.key 3000 2 >again 2>err; cmp -s out again && bad "simulated_network: another seed, the same runs"
}

the_property_test() {
    ./property_test leaf.pem leaf.key 500 >out 2>err; exits 0 property_test
    grep -q '^500 documents' out; ok "property_test: 500 documents"
    ./property_test leaf.pem leaf.key 500 1 BUG >out 2>err; exits 1 "property_test with its bug"
    grep -q '^falsified in run [0-9]*: a document of 1 bytes' out; ok "property_test: the smallest document that shows the bug"
}

for example in $listed; do
    built "$example" || continue
    case $example in
    blocking_client | libuv_client | openssl_close | epoll_server | uring_server | bio_pair | simulated_network | property_test) "the_$example" ;;
    *) bad "nothing here runs examples/$example.c" ;;
    esac
done

# Python opens the shared libraries; a sanitizer's would have to be there before Python is.
walk=$repository/examples/ctypes_walk.py
[ "$(wc -l <"$walk")" -lt 150 ]; ok "ctypes_walk.py has less than 150 lines"
if ! command -v python3 >/dev/null; then
    echo "skip: ctypes_walk.py needs python3, which is not here"
elif [ -n "${SANITIZE:-}" ]; then
    echo "skip: ctypes_walk.py, since Python does not load a library with sanitizers"
else
    CC=$CC python3 "$walk" "$root" leaf.pem leaf.key >out 2>err; exits 0 ctypes_walk.py
    head -n "$(grep -n '^The same' out | cut -d: -f1)" out >first
    [ "$(grep -c ": clean_both: .*It got '[aG]" first)" = 2 ]; ok "ctypes_walk.py: a clean end on both sides, with all that was sent"
    grep -q "^client: truncated: .*It got ''" out; ok "ctypes_walk.py: the cut one is truncated"
    grep -q '^client  EOF  *CUT  *rx CUT' out; ok "ctypes_walk.py: the step that heard of the cut"
fi

summary examples
