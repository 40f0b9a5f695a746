#!/bin/sh
# SPDX-License-Identifier: MIT
# servers.sh: the two example servers under wrk, in interleaved rounds on this machine: requests per second and the time of a
# processor that the server spent on each, medians; and the median of the rounds' ratios, for what else the machine does weighs on
# both of a round. Fails where io_uring serves fewer requests on connections that are kept, or clearly fewer on new ones, which
# are nearly all cryptography.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build} CC=${CC:-cc}
rounds=${SERVER_ROUNDS:-15} seconds=${SERVER_SECONDS:-1} connections=${SERVER_CONNECTIONS:-32}
at=$B/servers
mkdir -p "$at" && rm -f "$at"/figures "$at"/*.out || exit 1
servers=
# shellcheck disable=SC2086
leave() { kill $servers 2>/dev/null; wait; }
trap leave EXIT
trap 'exit 1' INT TERM HUP

build() {
    # shellcheck disable=SC2086
    $CC -std=c11 -O2 ${CFLAGS:-} -Imachine -Iadapters "examples/$1_server.c" $2 "$B/libtlsm-adapters.a" "$B/libtlsm.a" -lcrypto $3 -o "$at/$1"
}
build epoll "" "" && build uring "$B/libtlsm-uring.a" -luring || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$at/key.pem" -out "$at/cert.pem" -days 2 \
    -subj /CN=localhost >/dev/null 2>&1 || exit 1

# Servers on one processor and wrk on the others: where they are moved about, that is what is measured.
on() { command -v taskset >/dev/null && [ "$(getconf _NPROCESSORS_ONLN)" -gt 1 ] && echo "taskset -c $1"; }
ours=$(on 0) theirs=$(on "1-$(($(getconf _NPROCESSORS_ONLN) - 1))")

# start KIND: its address and process.
start() {
    $ours "$at/$1" "$at/cert.pem" "$at/key.pem" 0 >"$at/$1.out" 2>/dev/null &
    eval "$1_process=$!"
    servers="$servers $!"
    tries=0
    until grep -q ACCEPT "$at/$1.out" || [ $((tries += 1)) -gt 1000 ]; do sleep 0.01; done
    eval "$1_address=$(sed -n 's/^ACCEPT //p' "$at/$1.out")"
}

# What a process has spent so far, in seconds.
spent() { awk '{ printf "%.6f", $1 / 1000000000 }' "/proc/$1/schedstat"; }

# measure KIND WORDS HEADER...: one line of figures.
measure() {
    kind=$1 words=$2; shift 2
    eval "process=\$${kind}_process address=\$${kind}_address"
    # shellcheck disable=SC2154
    before=$(spent "$process")
    # shellcheck disable=SC2154
    $theirs wrk -t 1 -c "$connections" -d "$seconds" "$@" "https://$address/" >"$at/wrk.out" || exit 1
    after=$(spent "$process")
    grep -qE 'Socket errors|Non-2xx' "$at/wrk.out" && { cat "$at/wrk.out"; exit 1; }
    awk -v kind="$kind" -v words="$words" -v from="$before" -v to="$after" '
        / requests in / { requests = $1 } /^Requests.sec/ { rate = $2 }
        END { print words "|" kind "|" rate "|" (to - from) * 1000000 / requests }' "$at/wrk.out" >>"$at/figures"
}

start epoll
start uring
measure epoll warm >/dev/null; measure uring warm >/dev/null
round=0
while [ $round -lt "$rounds" ]; do
    [ $((round % 2)) = 0 ] && order="epoll uring" || order="uring epoll"
    for kind in $order; do measure "$kind" "1 kB, connections kept"; done
    for kind in $order; do measure "$kind" "1 kB, a connection each" -H "Connection: close"; done
    round=$((round + 1))
done

awk -F '|' '
    function median(text,   n, i, j, list, swap) {
        n = split(text, list, " ")
        for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) { swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap }
        return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
    }
    function ratio(name, i,   n, k, ours, theirs, text) {
        n = split(of[name, "uring", i], ours, " "); split(of[name, "epoll", i], theirs, " ")
        for (k = 1; k <= n; k++) text = text " " ours[k] / theirs[k]
        return median(text)
    }
    $1 != "warm" { if (!($1 in seen)) names[++count] = $1; seen[$1] = 1; for (i = 3; i <= 4; i++) of[$1, $2, i] = of[$1, $2, i] " " $i }
    END {
        print "| what | epoll, requests/s | io_uring, requests/s | ratio | epoll, µs each | io_uring, µs each | ratio |"
        print "|---|--:|--:|--:|--:|--:|--:|"
        for (n = 1; n <= count; n++) {
            name = names[n]
            printf "| %s | %d | %d | %.3f | %.2f | %.2f | %.3f |\n", name, median(of[name, "epoll", 3]), median(of[name, "uring", 3]),
                ratio(name, 3), median(of[name, "epoll", 4]), median(of[name, "uring", 4]), ratio(name, 4)
            slower += ratio(name, 3) < (name ~ /kept/ ? 1 : 0.95)
        }
        if (slower) print "io_uring serves fewer requests than epoll"
        exit slower > 0
    }' "$at/figures"
