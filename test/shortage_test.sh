#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2034
# The server where the system is short of descriptors for real. What the sweeps of tool_fault_test.c do call by call is seen
# here from outside.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"

head -c 200000 /dev/urandom >random

# -- more connections than descriptors: each is served in its turn, none is cut
(ulimit -n 16; exec "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --echo >listening 2>server.err) &
child=$!
children="$children $child"
while ! grep -q 'listening on' listening 2>/dev/null; do kill -0 "$child" || break; done
address=$(sed -n 's/listening on //p' listening)
mkfifo hold; exec 8<>hold
held=
for number in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
    (exec 8<&-; fetch >/dev/null 2>"err.$number") <hold &
    held="$held $!"
done
children="$children $held"
# Somebody who waits in the queue meets its own deadline; meanwhile the server rests.
before=$(cut -d' ' -f14 "/proc/$child/stat")
(exec 8<&-; fetch --deadline 700 >/dev/null 2>err) <hold
status=$?
after=$(cut -d' ' -f14 "/proc/$child/stat")
[ "$status" = 18 ] || [ "$status" = 11 ]; ok "one who waits too long: status $status"
[ $((after - before)) -lt 40 ]; ok "the server does not spin while it is short of descriptors: $((after - before)) ticks"
exec 8<&-
for number in $held; do wait "$number"; exits 0 "one of many connections"; done
fetch <random >out 2>err; exits 0 "a connection after the shortage"
cmp -s random out; ok "its echo is what was sent"
kill "$child"; wait "$child"; exits 0 "the server after the shortage"

summary shortage_test
