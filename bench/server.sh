#!/bin/sh
# SPDX-License-Identifier: MIT
# server.sh: `tlsm server` beside nginx: one process each, the same certificate, version, suite, group, page and number of tickets,
# the same clients (bench/load.c and wrk), in interleaved rounds, each with servers that have just been started. Medians of the
# rounds, and medians of the rounds' ratios. What counts is the time of a processor that the server spent on each, the system's
# share of it included: the rates also tell what the client had to do. Fails where ours took longer for the same work.
#
#   SERVER_ROUNDS       rounds, else 7
#   SERVER_CONNECTIONS  held at once by load, else 1000
#   SERVER_SECONDS      of each run of wrk, else 2
#   SERVER_TLS          1.3 (default) or 1.2
#   SERVER_JSON         a file for the figures, else build/server/server.json
#   SERVER_PRIORITY     a command before each program, else chrt -r 10 where that is allowed; empty: none
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
rounds=${SERVER_ROUNDS:-7} connections=${SERVER_CONNECTIONS:-1000} seconds=${SERVER_SECONDS:-2} version=${SERVER_TLS:-1.3}
at=$(mkdir -p "$B/server" && cd "$B/server" && pwd) || exit 1
json=${SERVER_JSON:-$at/server.json}
PATH=$PATH:/usr/sbin
rm -f "$at"/figures "$at"/*.out "$at"/*.err
# shellcheck disable=SC3045
ulimit -n "$(ulimit -Hn)"
case $version in 1.2 | 1.3) ;; *) echo "SERVER_TLS is 1.2 or 1.3, not $version" >&2; exit 2 ;; esac

process=
leave() { [ -z "$process" ] || kill "$process" 2>/dev/null; wait; }
trap leave EXIT
trap 'exit 1' INT TERM HUP

# The server has a processor, the client another one, where there are two.
priority=${SERVER_PRIORITY-chrt -r 10}
$priority true 2>/dev/null || priority=
near=$priority far=$priority
last=$(($(getconf _NPROCESSORS_ONLN) - 1))
if command -v taskset >/dev/null; then near="$priority taskset -c $last" far="$priority taskset -c 0"; fi

certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$at/ca.key" -out "$at/ca.pem" -days 2 -subj /CN=authority &&
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$at/key.pem" -out "$at/csr.pem" -subj /CN=localhost &&
    printf 'subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n' >"$at/extensions" &&
    openssl x509 -req -in "$at/csr.pem" -CA "$at/ca.pem" -CAkey "$at/ca.key" -set_serial 2 -days 2 -extfile "$at/extensions" -out "$at/cert.pem"
} >"$at/openssl.out" 2>&1
certificates || { cat "$at/openssl.out"; exit 1; }

page='<!doctype html>\n<title>tlsm</title>\n<p>This page ends here, and you can tell.\n'

# nginx_settings PORT KEEP
nginx_settings() {
    cat <<END
daemon off; master_process off; pid $at/nginx.pid; error_log $at/nginx.err crit;
events { worker_connections 16384; use epoll; }
http {
    access_log off; default_type text/html; keepalive_requests 1000000000; client_header_timeout 3600s;
    keepalive_timeout $([ "$2" = keep ] && echo 3600s || echo 0);
    client_body_temp_path $at; proxy_temp_path $at; fastcgi_temp_path $at; uwsgi_temp_path $at; scgi_temp_path $at;
    server {
        listen 127.0.0.1:$1 ssl backlog=4096;
        ssl_certificate $at/cert.pem; ssl_certificate_key $at/key.pem; ssl_protocols TLSv$version;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; ssl_ecdh_curve X25519;
        ssl_session_cache off; ssl_session_tickets on;
        location / { return 200 "$(printf "$page")"; }
    }
}
END
}

# start KIND KEEP: sets process and port.
start() {
    kind=$1 keep=$2
    option=; [ "$keep" = keep ] && option=--keep
    rm -f "$at/tlsm.out"                   # else the line of the server before could be taken for this one's
    # shellcheck disable=SC2086
    $near "$B/tlsm" server --cert "$at/cert.pem" --key "$at/key.pem" --listen 127.0.0.1:0 --http $option --tls "$version" \
        --suite aes-128-gcm --group x25519,p-256 --limit 16384 --deadline 3600000 >"$at/tlsm.out" 2>"$at/tlsm.err" &
    process=$!
    tries=0
    until grep -q '^listening on' "$at/tlsm.out" 2>/dev/null || [ $((tries += 1)) -gt 1000 ]; do sleep 0.01; done
    port=$(sed -n 's/^listening on .*://p' "$at/tlsm.out")
    [ -n "$port" ] || { echo "server: tlsm did not start"; cat "$at/tlsm.err"; exit 1; }
    [ "$kind" = tlsm ] && return
    stop                                   # nginx cannot be asked which port is free
    nginx_settings "$port" "$keep" >"$at/nginx.conf"
    # shellcheck disable=SC2086
    $near nginx -c "$at/nginx.conf" >"$at/nginx.out" 2>&1 &
    process=$!
    tries=0
    until curl -s -o "$at/curl.out" --cacert "$at/ca.pem" "https://localhost:$port/" 2>/dev/null || [ $((tries += 1)) -gt 500 ]; do sleep 0.01; done
    [ $tries -le 500 ] || { echo "server: nginx did not start"; cat "$at/nginx.out" "$at/nginx.err"; exit 1; }
}
stop() { kill "$process"; wait "$process"; process=; } 2>/dev/null

spent() { awk '{ printf "%.6f", $1 / 1000000000 }' "/proc/$process/schedstat"; }

# wrk_run WORDS KIND CONNECTIONS: one line of figures.
wrk_run() {
    before=$(spent)
    # shellcheck disable=SC2086
    timeout -k 1 $((seconds + 30)) $far wrk -t 1 -c "$3" -d "$seconds" "https://127.0.0.1:$port/" >"$at/wrk.out" || exit 1
    after=$(spent)
    grep -qE 'Socket errors|Non-2xx' "$at/wrk.out" && { cat "$at/wrk.out"; exit 1; }
    awk -v kind="$2" -v words="$1" -v from="$before" -v to="$after" '
        / requests in / { requests = $1 } /^Requests.sec/ { rate = $2 }
        END { print words "|" kind "|" rate "|" (to - from) * 1000000 / requests }' "$at/wrk.out" >>"$at/figures"
}

# one KIND: all measurements of one server.
one() {
    start "$1" keep
    # shellcheck disable=SC2086
    $far "$B/bench_load" 127.0.0.1 "$port" "$at/ca.pem" localhost "$connections" "$process" "$version" >"$at/load.out" || exit 1
    sed "s/^\([^|]*\)|/\1|$1|/" "$at/load.out" >>"$at/figures"
    wrk_run "request, kept" "$1" 64
    stop
    start "$1" once
    wrk_run "connection each" "$1" 64
    stop
}

round=0
while [ $round -lt "$rounds" ]; do
    [ $((round % 2)) = 0 ] && order="tlsm nginx" || order="nginx tlsm"
    for kind in $order; do one "$kind"; done
    round=$((round + 1))
    echo "server: round $round of $rounds" >&2
done

awk -F '|' -v version="$version" -v connections="$connections" -v rounds="$rounds" -v json="$json" '
    function sorted(text, list,   n, i, j, swap) {
        n = split(text, list, " ")
        for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) { swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap }
        return n
    }
    function median(text,   n, list) { n = sorted(text, list); return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2 }
    function ratio(name, i,   n, k, ours, theirs, text) {
        n = split(of[name, "tlsm", i], ours, " "); split(of[name, "nginx", i], theirs, " ")
        for (k = 1; k <= n; k++) text = text " " (theirs[k] ? ours[k] / theirs[k] : 0)
        return median(text)
    }
    function line(words, name) {
        printf "| %s | %d | %d | %.1f | %.1f | %.2f |\n", words, median(of[name, "tlsm", 3]), median(of[name, "nginx", 3]),
            median(of[name, "tlsm", 4]), median(of[name, "nginx", 4]), ratio(name, 4)
        printf "%s{\"work\":\"%s\",\"tlsm_rate\":%.1f,\"nginx_rate\":%.1f,\"tlsm_us\":%.2f,\"nginx_us\":%.2f,\"ratio\":%.3f}", (rows++ ? "," : ""), name,
            median(of[name, "tlsm", 3]), median(of[name, "nginx", 3]), median(of[name, "tlsm", 4]), median(of[name, "nginx", 4]), ratio(name, 4) >json
        if (name != "close" || same_close) slower = slower (ratio(name, 4) > 1 ? (slower ? ", " : "") name : "")
    }
    { of[$1, $2, 3] = of[$1, $2, 3] " " $3; of[$1, $2, 4] = of[$1, $2, 4] " " $4 }
    END {
        printf "{\"version\":\"%s\",\"connections\":%d,\"rounds\":%d,\"rows\":[", version, connections, rounds >json
        print "| TLS " version ", one process | tlsm, 1/s | nginx, 1/s | tlsm, µs of its processor | nginx, µs | ratio |"
        print "|---|--:|--:|--:|--:|--:|"
        same_close = median(of["close_notify", "nginx", 3]) == median(of["close_notify", "tlsm", 3])
        line("handshake, new connection", "handshake")
        line("request on a kept connection", "request, kept")
        line("connection, handshake, request, close by the server", "connection each")
        line("close by the client", "close")
        print ""
        print "| memory | tlsm | nginx | ratio |"
        print "|---|--:|--:|--:|"
        printf "| a connection at rest, bytes | %d | %d | %.2f |\n", median(of["memory", "tlsm", 4]), median(of["memory", "nginx", 4]), ratio("memory", 4)
        printf "| the process without them, bytes | %d | %d | %.2f |\n", median(of["memory", "tlsm", 3]), median(of["memory", "nginx", 3]), ratio("memory", 3)
        print ""
        printf "Of %d close_notify alerts of the client, tlsm answered %d with its own, nginx %d.\n", median(of["close_notify", "tlsm", 4]),
            median(of["close_notify", "tlsm", 3]), median(of["close_notify", "nginx", 3])
        if (!same_close) print "So the last row compares two different things, and fails nothing."
        printf "],\"memory\":{\"tlsm_each\":%d,\"nginx_each\":%d,\"tlsm_process\":%d,\"nginx_process\":%d},\"close_notify\":{\"tlsm\":%d,\"nginx\":%d}}\n",
            median(of["memory", "tlsm", 4]), median(of["memory", "nginx", 4]), median(of["memory", "tlsm", 3]), median(of["memory", "nginx", 3]),
            median(of["close_notify", "tlsm", 3]), median(of["close_notify", "nginx", 3]) >json
        if (slower) print "The server took longer than nginx: " slower
        exit slower != ""
    }' "$at/figures"
