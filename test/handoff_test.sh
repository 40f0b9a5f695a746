#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2034,SC2086
# A server is replaced three times while it serves: no connection breaks, and no byte of a download is missing or wrong.
# handoff_test.sh [CONNECTIONS]: else 40. Every download stops in its middle until the next server has taken over, so that each
# crosses all three restarts, however fast the machine is. Needs curl and openssl.
here=$(cd "$(dirname "$0")" && pwd)
connections=${1:-40}
case ${SANITIZE:+yes} in yes) connections=$((connections / 4)) ;; esac
B=${B:-build}
peer=$(cd "$B" && pwd)/test/handoff_peer
. "$here/pki.sh"
[ -x "$peer" ] || { echo "there is no $peer: run make test-programs"; exit 1; }

size=16000000   # more than the buffers of a connection hold, so that the server is not done when its client stops reading
openssl enc -aes-128-ctr -pass pass:page -md sha256 -nosalt -in /dev/zero 2>/dev/null | head -c $size >page
server="--http --file page --deadline 600000 --limit 1000 --handoff socket"
says() { grep -q -- "$1" "$3"; ok "$2: \"$1\""; }

# next WHAT: another server takes over; the one before ends by itself. Sets took.
next() {
    before=$child
    mv server.err before.err
    where=$address
    start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen "$where" $server
    [ "$address" = "$where" ]; ok "$1: the address stays"
    took=$(sed -n 's/^tlsm: Took over the address and \([0-9]*\) connection.*/\1/p' server.err)
}
replaced() { next "$1"; wait "$before"; exits 0 "$1: the old server is through"; says "Handed over" "$1" before.err; }

# Stops at each of three gates: says so on `arrived`, and goes on when it gets a line from that gate.
mkfifo arrived gate1 gate2 gate3
exec 5<>arrived 6<>gate1 7<>gate2 8<>gate3
gated() {
    head -c 200000; echo >&5; read -r _ <&6
    head -c 200000; echo >&5; read -r _ <&7
    head -c 200000; echo >&5; read -r _ <&8
    cat
}
all_arrived() { for i in $(seq "$1"); do read -r _ <&5; done; }
# open_gate WHICH COUNT
open_gate() { for i in $(seq "$2"); do echo; done >"gate$1"; }
let_through() { open_gate 1 1; all_arrived 1; open_gate 2 1; all_arrived 1; open_gate 3 1; }

download() {   # NUMBER: with curl, or with ours
    if [ $(($1 % 3)) = 0 ]; then
        { fetch --deadline 600000 --verdict <request 2>"client.$1"; echo $? >"status.$1"; } | gated | cmp - answer >"cmp.$1" 2>&1
    else
        { curl -sS --max-time 600 --cacert ca.pem --connect-to "localhost:$port:127.0.0.1:$port" "https://localhost:$port/" 2>"client.$1"
          echo $? >"status.$1"; } | gated | cmp - page >"cmp.$1" 2>&1
    fi
    echo $? >>"cmp.$1"
}

# -- the first one makes the file
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server
[ "$(ls -l socket | cut -c1-10)" = "srw-------" ]; ok "the file is its owner's alone"
fetch --resume session --verdict <request >answer 2>err; exits 0 "the first server serves"
tail -c $size answer | cmp -s - page; ok "the first server's page"

# -- three restarts under load; some clients have sent nothing yet, and ask only afterwards
mkfifo later
for i in $(seq "$connections"); do
    download "$i" &
    loads="${loads:-} $!"
done
{ fetch --deadline 600000 --verdict <later 2>client.later; echo $? >status.later; } | cmp -s - answer &
idle=$!
exec 3>later
all_arrived "$connections"
gate=0
for turn in first second third; do
    gate=$((gate + 1))
    replaced "$turn restart"
    [ "${took:-0}" -ge "$connections" ]; ok "$turn restart: took over ${took:-no} connections of $connections"
    open_gate $gate "$connections"
    [ $turn = third ] || all_arrived "$connections"
done
cat request >&3
exec 3>&-
wait $idle; ok "a client that asks only after three restarts"
for load in $loads; do wait "$load"; done
whole=0
for i in $(seq "$connections"); do
    if [ "$(cat "status.$i")" = 0 ] && [ "$(cat "cmp.$i")" = 0 ]; then
        whole=$((whole + 1))
    else
        bad "download $i: status $(cat "status.$i"), $(cat "cmp.$i"): $(cat "client.$i")"
    fi
done
[ $whole = "$connections" ]; ok "$whole of $connections downloads are whole"
unclean=$(grep -L '"verdict":"clean_both"' $(seq -f 'client.%g' 3 3 "$connections") client.later)
[ -z "$unclean" ]; ok "our clients end clean_both: $unclean"
echo "three restarts: $whole of $connections downloads whole, byte for byte"

# -- the key of the tickets goes along
fetch --resume session --verdict <request >out 2>err; exits 0 "resumed after three restarts"
says '"resumed":true' "a session of the first server" err
cmp -s out answer; ok "a resumed download"

# -- new servers that are no good: the old one goes on with all it has
load() { download 1 & loads=$!; all_arrived 1; }
for how in silent dies; do
    load
    "$peer" socket $how; exits 0 "a server that takes over and $how"
    let_through; wait $loads
    [ "$(cat status.1)$(cat cmp.1)" = 00 ]; ok "a download beside a server that $how: $(cat client.1 cmp.1)"
    kill -0 "$child"; ok "the old server goes on: $how"
done
curl -s --max-time 20 --unix-socket socket http://localhost/ >out 2>&1
fetch <request >out 2>err; exits 0 "somebody else called"; cmp -s out answer; ok "somebody else called: a whole page"
says "did not take over" "somebody else called" server.err
# One that wants no connection: they stay until they end, then the old one does.
load
"$peer" socket refuses; exits 0 "a server that refuses"
let_through; wait $loads
[ "$(cat status.1)$(cat cmp.1)" = 00 ]; ok "a download that stayed: $(cat client.1 cmp.1)"
wait "$child"; exits 0 "the old server ends with its last connection"
says "1 stays here" "the old server tells" server.err

# -- another page: what was begun with the old one ends with it
rm -f socket
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server
load
server="--http --size 1000 --handoff socket"
next "another page"
[ "${took:-x}" = 0 ]; ok "another page: took over ${took:-no} connections"
fetch <request >out 2>err; exits 0 "another page"; [ "$(tail -c 1000 out | wc -l)" = 62 ]; ok "another page is served already"
let_through; wait $loads
[ "$(cat status.1)$(cat cmp.1)" = 00 ]; ok "the page that was begun: $(cat client.1 cmp.1)"
wait "$before"; exits 0 "another page: the old server ends"

# -- echo: what was read and not written yet goes along
kill "$child"; wait "$child"; exits 0 "SIGTERM"
[ ! -e socket ]; ok "the file goes with the last server"
server="--echo --deadline 600000 --handoff socket"
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server
{ fetch --deadline 600000 --verdict <page 2>client.1; echo $? >status.1; } | gated | cmp - page >cmp.1 2>&1 &
loads=$!
for gate in 1 2 3; do all_arrived 1; replaced "echo, restart $gate"; open_gate $gate 1; done
wait $loads; ok "echo across three restarts: $(cat client.1 cmp.1)"
says '"verdict":"clean_both"' "echo across three restarts" client.1

# -- the file
kill -9 "$child"; wait "$child" 2>/dev/null
[ -S socket ]; ok "a server that was killed leaves the file"
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:1 $server >out 2>err; exits 6 "another port"
says "listens on another port" "another port" err
end; exits 0 "SIGTERM again"
# One that cannot listen has nothing to hand over, and takes the file from nobody.
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server
kill -9 "$child"; wait "$child" 2>/dev/null
file=$(ls -i socket)
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0
"$tlsm" server --cert leaf.pem --key leaf.key --listen "$address" $server >out 2>err; exits 6 "an address in use"
[ "$(ls -i socket)" = "$file" ]; ok "an address in use: the file stays"
end
# One that is ending says so at once.
rm -f socket
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --count 1 $server
{ fetch --deadline 600000 --verdict <page 2>client.1; echo $? >status.1; } | gated | cmp - page >cmp.1 2>&1 &
loads=$!
all_arrived 1
"$peer" socket unheard; exits 0 "a server that is ending"
says "is ending: refused" "a server that is ending" server.err
let_through; wait $loads; ok "a server that is ending ends as it would: $(cat client.1 cmp.1)"
wait "$child"; exits 0 "a server that is ending ends"
echo text >socket
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $server >out 2>err; exits 6 "no socket"
says "no socket" "a file that is none" err
[ "$(cat socket)" = text ]; ok "a file that is no socket stays as it is"
summary handoff
