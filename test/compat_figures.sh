# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
# Sourced by compat.sh when everything else held: requests per second, processor time and latency in interleaved rounds;
# medians, and the medians of the rounds' ratios. Prints a table and leaves it in $compat/figures.md.
rounds=${COMPAT_ROUNDS:-5}
seconds=${COMPAT_SECONDS:-2}
: >figures

# figure WORDS FLAVOUR RATE REQUESTS MEDIAN-LATENCY P99-LATENCY: latencies in ms. Processor time of both sides, in µs per request,
# is what other work on this machine changes least.
figure() {
    client=$(awk 'NR == 2 { gsub(/[ms]/, " "); print $1 * 60 + $2 + $3 * 60 + $4 }' clock)
    printf '%s|%s|%s|%s|%s|%s|%s\n' "$1" "$2" "$3" "$5" "$6" "$(per "$client" "$4")" "$(per "$(spent "$server") - $before" "$4")" >>figures
}
per() { awk "BEGIN { print ($1) * 1000000 / $2 }"; }
# What a process has spent so far, in seconds.
spent() { awk -v tick="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / tick }' "/proc/$1/stat"; }
# timed COMMAND...: into out and err; the second line of the file clock is what it spent.
timed() {
    before=$(spent "$server")
    ("$@" >out 2>err; code=$?; times >clock; exit $code)
}

# wrk's latencies have units.
in_ms() { awk -v word="$1" '$1 == word { unit = $2; sub(/^[0-9.]*/, "", unit); print $2 * (unit == "us" ? 0.001 : unit == "s" ? 1000 : 1) }' out; }
wrk_figure() {
    timed wrk "$2" 16 "$seconds" "$3"; ok "wrk on $2: $1"
    figure "wrk, $1" "$2" "$(sed -n 's/^Requests.sec: *//p' out)" "$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' out)" \
        "$(in_ms 50%)" "$(in_ms 99%)"
}

# benchmark_figure WORDS CLIENT REQUESTS OPTION...: the csv line is test, rps, avg, min, p50, p95, p99, max.
benchmark_figure() {
    words=$1 flavour=$2 requests=$3; shift 3
    timed timeout -k 5 120 "$compat/$flavour/redis/src/redis-benchmark" -h 127.0.0.1 -p "$port" --tls --cacert ca.pem --csv -c 50 \
        -n "$requests" "$@"
    ok "redis-benchmark: $words"
    line=$(tr -d '"' <out | tail -n 1)
    figure "$words" "$pairing" "$(echo "$line" | cut -d, -f2)" "$requests" "$(echo "$line" | cut -d, -f5)" "$(echo "$line" | cut -d, -f7)"
}
benchmarks() {
    benchmark_figure "redis-benchmark, SET" "$1" 50000 -t set
    benchmark_figure "redis-benchmark, GET" "$1" 50000 -t get
    benchmark_figure "redis-benchmark, SET of 10 kB, 16 in a row" "$1" 50000 -t set -d 10000 -P 16
    benchmark_figure "redis-benchmark, a connection each" "$1" 3000 -t ping_mbulk -k 0
}

# In every other round the order is turned round.
in_order() { [ $((round % 2)) = 0 ] && echo "$@" || echo "$2 $1"; }

wrk_rounds() {
    for what in page large closing; do
        start_nginx "$what"
        case $what in
        page) words="nginx, 1 kB, connections kept" ;;
        large) words="nginx, 100 kB, connections kept" ;;
        closing) words="nginx, a connection each" ;;
        esac
        server=$nginx
        round=0
        while [ $round -lt "$rounds" ]; do
            for flavour in $(in_order libssl "$ours"); do wrk_figure "$words" "$flavour" "https://127.0.0.1:$port/$what"; done
            round=$((round + 1))
        done
        end_nginx
    done
}

# Client and server on the same, and each beside the other's: which side costs what.
redis_rounds() {
    redis_level=notice
    start_redis theirs libssl --tls-auth-clients no
    start_redis mine "$ours" --tls-auth-clients no
    round=0
    while [ $round -lt "$rounds" ]; do
        for flavour in $(in_order libssl "$ours"); do
            port=$theirs_port server=$theirs_pid pairing=client-$flavour; [ "$flavour" != libssl ] || pairing=libssl
            benchmarks "$flavour"
            port=$mine_port server=$mine_pid pairing=server-$ours; [ "$flavour" = libssl ] || pairing=$ours
            benchmarks "$flavour"
        done
        round=$((round + 1))
    done
    end_redis theirs
    end_redis mine
}

table() {
    echo '| what | on | requests/s | beside libssl | client, µs | server, µs | median, ms | 99 %, ms |'
    echo '|---|---|--:|--:|--:|--:|--:|--:|'
    awk -F '|' '
        function median(text,   n, i, j, list, swap) {
            n = split(text, list, " ")
            for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) { swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap }
            return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
        }
        !($1 in on) { names[++count] = $1 }
        index(on[$1] "|", "|" $2 "|") == 0 { on[$1] = on[$1] "|" $2 }
        function column(i) { return median(values[names[n], flavours[f], i]) }
        # Within a round, what else the machine does weighs on both.
        function beside(theirs, ours,   n, i, list, other, text) {
            n = split(theirs, list, " "); split(ours, other, " ")
            for (i = 1; i <= n; i++) text = text " " (list[i] > 0 ? other[i] / list[i] : 0)
            return median(text)
        }
        { for (i = 3; i <= 7; i++) values[$1, $2, i] = values[$1, $2, i] " " $i }
        END {
            for (n = 1; n <= count; n++) {
                base = values[names[n], "libssl", 3]
                many = split(substr(on[names[n]], 2), flavours, "|")
                for (f = 1; f <= many; f++) {
                    rates = values[names[n], flavours[f], 3]
                    printf "| %s | %s | %d | %.2f | %.1f | %.1f | %.2f | %.2f |\n", names[n], flavours[f], median(rates),
                        beside(base, rates), column(6), column(7), column(4), column(5)
                }
            }
        }' figures
}

wrk_rounds
redis_rounds
table | tee "$compat/figures.md"
