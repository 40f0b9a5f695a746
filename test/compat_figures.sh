# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
# Sourced by compat.sh when everything else held: requests per second and latency in interleaved rounds; medians, and the
# medians of the rounds' ratios. Prints a table and leaves it in $compat/figures.md.
rounds=${COMPAT_ROUNDS:-5}
seconds=${COMPAT_SECONDS:-2}
: >figures

# figure WORDS FLAVOUR RATE MEDIAN-LATENCY P99-LATENCY: latencies in ms.
figure() { printf '%s|%s|%s|%s|%s\n' "$@" >>figures; }

# wrk's latencies have units.
in_ms() { awk -v word="$1" '$1 == word { unit = $2; sub(/^[0-9.]*/, "", unit); print $2 * (unit == "us" ? 0.001 : unit == "s" ? 1000 : 1) }' out; }
wrk_figure() {
    wrk "$2" 16 "$seconds" "$3" >out 2>err; ok "wrk on $2: $1"
    figure "wrk, $1" "$2" "$(sed -n 's/^Requests.sec: *//p' out)" "$(in_ms 50%)" "$(in_ms 99%)"
}

# Bounded by count, and in time. The csv line is: test, rps, avg, min, p50, p95, p99, max.
benchmark_figure() {
    words=$1 client=$2; shift 2
    timeout -k 5 120 "$compat/$client/redis/src/redis-benchmark" -h 127.0.0.1 -p "$port" --tls --cacert ca.pem --csv -c 50 "$@" >out 2>err
    ok "redis-benchmark: $words"
    line=$(tr -d '"' <out | tail -n 1)
    figure "$words" "$pairing" "$(echo "$line" | cut -d, -f2)" "$(echo "$line" | cut -d, -f5)" "$(echo "$line" | cut -d, -f7)"
}
benchmarks() {
    benchmark_figure "redis-benchmark, SET" "$1" -t set -n 50000
    benchmark_figure "redis-benchmark, GET" "$1" -t get -n 50000
    benchmark_figure "redis-benchmark, SET of 10 kB, 16 in a row" "$1" -t set -n 50000 -d 10000 -P 16
    benchmark_figure "redis-benchmark, a connection each" "$1" -t ping_mbulk -k 0 -n 3000
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
            port=$theirs_port pairing=client-$flavour; [ "$flavour" != libssl ] || pairing=libssl
            benchmarks "$flavour"
            port=$mine_port pairing=server-$ours; [ "$flavour" = libssl ] || pairing=$ours
            benchmarks "$flavour"
        done
        round=$((round + 1))
    done
    end_redis theirs
    end_redis mine
}

table() {
    echo '| what | on | requests/s | beside libssl | median, ms | 99 %, ms |'
    echo '|---|---|--:|--:|--:|--:|'
    awk -F '|' '
        function median(text,   n, i, j, list, swap) {
            n = split(text, list, " ")
            for (i = 2; i <= n; i++) for (j = i; j > 1 && list[j - 1] + 0 > list[j] + 0; j--) { swap = list[j]; list[j] = list[j - 1]; list[j - 1] = swap }
            return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
        }
        !($1 in on) { names[++count] = $1 }
        index(on[$1] "|", "|" $2 "|") == 0 { on[$1] = on[$1] "|" $2 }
        # Within a round, what else the machine does weighs on both.
        function beside(theirs, ours,   n, i, list, other, text) {
            n = split(theirs, list, " "); split(ours, other, " ")
            for (i = 1; i <= n; i++) text = text " " (list[i] > 0 ? other[i] / list[i] : 0)
            return median(text)
        }
        { for (i = 3; i <= 5; i++) values[$1, $2, i] = values[$1, $2, i] " " $i }
        END {
            for (n = 1; n <= count; n++) {
                base = values[names[n], "libssl", 3]
                many = split(substr(on[names[n]], 2), flavours, "|")
                for (f = 1; f <= many; f++) {
                    rates = values[names[n], flavours[f], 3]
                    printf "| %s | %s | %d | %.2f | %.3f | %.3f |\n", names[n], flavours[f], median(rates), beside(base, rates),
                        median(values[names[n], flavours[f], 4]), median(values[names[n], flavours[f], 5])
                }
            }
        }' figures
}

wrk_rounds
redis_rounds
table | tee "$compat/figures.md"
