#!/bin/sh
# SPDX-License-Identifier: MIT
# bench/idle with few connections: they are alive, their states are within the target, what is printed and what is written say the
# same, and what cannot be understood is refused.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
at=$B/idle
failures=0
ok() { status=$?; if [ $status = 0 ]; then echo "ok    $1"; else echo "FAIL  $1"; failures=$((failures + 1)); fi; }
mkdir -p "$at" && rm -f "$at"/* || exit 1

# held LIBRARY VERSION ENDS: 300 connections, of which the sample of 4 go on. So few share a smaller cache of keys.
held() {
    "$B/bench_idle" --connections 300 --keys 16 --library "$1" --version "$2" --ends "$3" --json "$at/json" >"$at/out" 2>"$at/err"
    ok "$1, TLS $2, $3: held"
    grep -q '^  alive  *4 of 4: .*clean at both ends$' "$at/out"; ok "$1, TLS $2, $3: alive"
    grep -q "^{\"library\":\"$1\",\"version\":\"$2\",\"ends\":\"$3\",\"connections\":300,.*\"sample\":4,\"alive\":4,.*}\$" "$at/json"
    ok "$1, TLS $2, $3: JSON"
    [ -s "$at/err" ] && cat "$at/err"
}
for version in 1.3 1.2; do
    for ends in server client both; do
        held tlsm $version $ends
        grep -q '^  state and share  *[0-9.]* bytes each, at most 1024: met$' "$at/out"; ok "tlsm, TLS $version, $ends: within the target"
        awk -F '[:,]' '{ for (i = 1; i < NF; i++) if ($i == "\"state_bytes\"") state = $(i + 1) } END { exit !(state > 0 && state <= 1024) }' "$at/json"
        ok "tlsm, TLS $version, $ends: JSON has the state"
    done
    held link $version server
    held openssl $version server
done

# The keys of every connection kept expanded: that is more than the target, and the exit status says so.
"$B/bench_idle" --connections 200 --keys 4000 >"$at/out" 2>&1; [ $? = 1 ]; ok "a cache as large as that misses the target"
grep -q 'MISSED' "$at/out"; ok "and it is said"

"$B/bench_idle" --help | grep -q 'The exit status is 0; 1'; ok "help"
for wrong in '--connections 0' '--connections' '--library nss' '--version 1.1' '--ends none' '--frob 1'; do
    # shellcheck disable=SC2086
    "$B/bench_idle" $wrong >"$at/out" 2>"$at/err"; [ $? = 2 ] && grep -q 'bench_idle --help' "$at/err"; ok "refused: $wrong"
done
[ "$failures" = 0 ]
