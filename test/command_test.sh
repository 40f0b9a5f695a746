#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# The command from outside: exit statuses, sentences, options, ends.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"

says() { grep -q -- "$1" err; ok "$2: stderr says \"$1\""; }

# -- help
"$tlsm" >/dev/null 2>err; exits 2 "no command"
"$tlsm" --help >help 2>err; exits 0 "--help"
for command in client server relay peer demo; do
    "$tlsm" $command --help >help.$command 2>err; exits 0 "$command --help"
    [ -s help.$command ]; ok "$command --help says something"
done
"$tlsm" --version >version; exits 0 "--version"
grep -qx "tlsm $(cat "$here/../VERSION")" version; ok "--version is the file VERSION"
# Every exit status of code.def is in the help, with the verdict's sentence.
sed -n 's/^END(\([^"]*\)"\([^"]*\)".*/\1|\2/p' "$here/../machine/code.def" >ends
[ "$(wc -l <ends)" -ge 16 ]; ok "code.def has its ends"
while IFS='|' read -r numbers text; do
    number=$(echo "$numbers" | cut -d, -f4 | tr -d ' ')
    grep -F -- "$text" help | grep -q "^ *$number "; ok "help lists $number: $text"
done <ends
for number in 0 1 2 3 4 5 6 7; do grep -q "^ *$number  " help; ok "help lists $number"; done
sed -n 's/.*{ "\(--[a-z-]*\)",.*FOR_SERVER.*/\1/p' "$here/../tools/options.c" >options
while read -r option; do grep -q -- "$option" help.server; ok "help of server has $option"; done <options
"$tlsm" --help >/dev/full 2>err; exits 3 "help to a full disk"

# -- wrong command lines
"$tlsm" clint 2>err; exits 2 "unknown command"
"$tlsm" client 2>err; exits 2 "no place"; says "HOST:PORT" "no place"
"$tlsm" client a:1 b:2 2>err; exits 2 "two places"
"$tlsm" client ::1:443 --insecure 2>err </dev/null; exits 2 "v6 without brackets"
"$tlsm" client localhost --insecure 2>err </dev/null; exits 2 "no port"
"$tlsm" client a:1 --nonsense 2>err; exits 2 "unknown option"; says "nonsense" "unknown option"
"$tlsm" client a:1 --ca 2>err; exits 2 "option without its value"
"$tlsm" client a:1 --deadline x 2>err; exits 2 "no number"
"$tlsm" client a:1 --deadline 0 2>err; exits 2 "number too small"
"$tlsm" client a:1 --close sideways 2>err; exits 2 "unknown close"
"$tlsm" client a:1 --alert shrug 2>err; exits 2 "unknown alert"
"$tlsm" client a:1 --insecure --suite rc4 2>err; exits 2 "unknown suite"
"$tlsm" client a:1 --insecure --tls 1.1 2>err; exits 2 "unknown version"; says "1.2-1.3" "unknown version"
"$tlsm" client a:1 --insecure --tls 1.2 --suite TLS_AES_128_GCM_SHA256 2>err; exits 2 "a suite of the other version"
says "no suite of TLS 1.2" "a suite of the other version"
"$tlsm" client a:1 --insecure --group x448 2>err; exits 2 "unknown group"
"$tlsm" client a:1 --insecure=1 2>err; exits 2 "flag with a value"
"$tlsm" client a:1 --insecure --ca ca.pem 2>err; exits 2 "two trusts"
"$tlsm" server --listen 127.0.0.1:0 2>err; exits 2 "no certificate"
"$tlsm" server --cert leaf.pem --key leaf.key 2>err; exits 2 "nowhere to listen"
"$tlsm" server --cert leaf.pem --listen 127.0.0.1:0 2>err; exits 2 "certificate without key"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --echo --http 2>err; exits 2 "two behaviours"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --size 5 2>err; exits 2 "--size without --http"

# -- what was given cannot be used
"$tlsm" client localhost:1 --ca missing.pem 2>err </dev/null; exits 6 "no such CA file"; says "missing.pem" "no such CA file"
SSL_CERT_FILE=/nonexistent SSL_CERT_DIR=/nonexistent "$tlsm" client localhost:1 2>err </dev/null; exits 6 "nobody trusted"
says "ca-certificates" "nobody trusted"
"$tlsm" server --cert missing.pem --key leaf.key --listen 127.0.0.1:0 2>err; exits 6 "no such certificate"
says "missing.pem" "no such certificate"
make_key ed25519 other.key
"$tlsm" server --cert leaf.pem --key other.key --listen 127.0.0.1:0 2>err; exits 6 "wrong key"; says "other.key" "wrong key"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --http --file missing.html 2>err; exits 6 "no such page"
"$tlsm" server --cert leaf.pem --key leaf.key --listen nowhere 2>err; exits 6 "no address"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --keylog /nonexistent/log 2>err; exits 6 "key log"

# -- nobody there
serve --http
"$tlsm" server --cert leaf.pem --key leaf.key --listen "$address" 2>err; exits 6 "address in use"; says "listens there" "address in use"
end; exits 0 "SIGTERM ends the server"
fetch <request >out 2>err; exits 5 "connection refused"; says "Nobody listens" "connection refused"
"$tlsm" client name.invalid:443 --insecure 2>err </dev/null; exits 5 "unknown host"; says "name.invalid" "unknown host"

# -- clean ends
head -c 300000 /dev/urandom >random
serve --echo
fetch <random >out 2>err; exits 0 "echo of 300000 bytes"
cmp -s random out; ok "the echo is what was sent"
head -c 3000 random >little
fetch --one-byte <little >out 2>err; exits 0 "echo, one byte at a time"
cmp -s little out; ok "the echo, one byte at a time, is what was sent"
fetch </dev/null >out 2>err; exits 0 "nothing to send"
[ ! -s out ] && [ ! -s err ]; ok "nothing sent, nothing received, nothing said"
fetch <&- >out 2>err; exits 0 "stdin closed"
end; exits 0 "the server after echoes"

# A client that says much and whose output nobody reads: the deadline comes while an echo waits, and ends the connection and the server.
serve --echo --verdict --count 1 --deadline 500
mkfifo deaf; exec 7<>deaf
fetch </dev/zero >deaf 2>err &
deaf=$!; children="$children $deaf"
timeout 20 tail --pid="$child" -f /dev/null; ok "a deadline while an echo waits ends the server"
grep -q '^{"verdict":"timed_out"' server.err; ok "and the connection"
kill "$deaf"; exec 7<&-; rm -f deaf; end

serve --http --verdict --count 2
fetch --verdict <request >out 2>err; exits 0 "a page"
grep -q 'This page ends here' out; ok "the page"
grep -q '^{"verdict":"clean_both","exit":0,.*"suite":"TLS_AES_128_GCM_SHA256","group":"x25519".*}$' err; ok "the verdict as JSON"
fetch <request >out 2>err; exits 0 "the second page"
wait "$child"; exits 0 "--count ends the server"
[ "$(grep -c '^{"verdict":"clean_both"' server.err)" = 2 ]; ok "the server's verdicts"

serve --http --size 100000 --alpn http/1.1 --keylog server.log
fetch --alpn h2,http/1.1 --verdict --keylog client.log <request >out 2>err; exits 0 "ALPN"
grep -q '"alpn":"http/1.1"' err; ok "ALPN is chosen"
[ "$(tail -c 100000 out | wc -c)" = 100000 ] && [ "$(wc -c <out)" -gt 100000 ]; ok "--size"
cmp -s client.log server.log && [ "$(wc -l <client.log)" = 5 ]; ok "both key logs are the same five lines"
[ "$(ls -l client.log | cut -c1-10)" = -rw------- ]; ok "the key log is private"
fetch --alpn spdy/1 --verdict <request >out 2>err; exits 11 "no common protocol"
says no_application_protocol "no common protocol"
fetch --verdict <request >out 2>err; exits 0 "no protocol asked for"
grep -q '"alpn":null' err; ok "no protocol asked for is none"
fetch --trace <request >out 2>err; exits 0 "trace"
grep -q '^trace: .*CLOSE_NOTIFY.*CLOSED' err; ok "the trace shows the end"
end; exits 0 "the server after pages"
serve --http --alpn h2 --require-alpn
fetch <request >out 2>err; exits 11 "no protocol, but required"
says no_application_protocol "no protocol, but required"
end

# -- versions: the newest that both speak
serve --http --verdict
for asked in '|TLS 1.3|TLS_AES_128_GCM_SHA256' '--tls 1.2|TLS 1.2|TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' \
             '--tls 1.2 --suite aes-256-gcm|TLS 1.2|TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384' \
             '--suite ECDHE-ECDSA-CHACHA20-POLY1305|TLS 1.2|TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256' \
             '--suite chacha20-poly1305|TLS 1.3|TLS_CHACHA20_POLY1305_SHA256'; do
    rest=${asked#*|}
    # shellcheck disable=SC2086
    fetch --verdict ${asked%%|*} <request >out 2>err; exits 0 "client ${asked%%|*}"
    says "\"version\":\"${rest%|*}\",\"suite\":\"${rest#*|}\"" "client ${asked%%|*}"
    says '"verdict":"clean_both"' "client ${asked%%|*}"
done
end
serve --http --tls 1.2 --keylog server12.log
fetch --verdict --keylog client12.log <request >out 2>err; exits 0 "a server of TLS 1.2"; says '"version":"TLS 1.2"' "a server of TLS 1.2"
cmp -s client12.log server12.log && grep -q '^CLIENT_RANDOM ' client12.log; ok "both key logs of TLS 1.2 are the same line"
fetch --tls 1.3 <request >out 2>err; exits 11 "no version in common"; says protocol_version "no version in common"
end

# -- client certificates
make_client p256 alice && make_ca elsewhere && make_client p256 mallory elsewhere; ok "client certificates"
for version in 1.2 1.3; do
    serve --http --tls $version --client-ca ca.pem --require-client-cert --verdict
    fetch --client-cert alice.pem --client-key alice.key --resume $version.session <request >out 2>err
    exits 0 "TLS $version: a client with a certificate"
    grep -q 'This page ends here' out; ok "TLS $version: its page"
    fetch --client-cert alice.pem --client-key alice.key --resume $version.session --verdict <request >out 2>err
    exits 0 "TLS $version: the client again"; says '"resumed":true' "TLS $version: the client again"
    fetch <request >out 2>err; exits $([ $version = 1.2 ] && echo 11 || echo 14) "TLS $version: a client without a certificate"
    fetch --client-cert mallory.pem --client-key mallory.key <request >out 2>err
    exits $([ $version = 1.2 ] && echo 11 || echo 14) "TLS $version: a client by another authority"; says unknown_ca "TLS $version: a client by another authority"
    end
    grep -c '"verdict":"clean_both".*"client":"alice","client_shown":true' server.err | grep -qx 1; ok "TLS $version: the server knows who it is"
    grep -q '"resumed":true.*"client":null,"client_shown":true' server.err; ok "TLS $version: and that it showed itself before"
    grep -q 'not trusted' server.err; ok "TLS $version: and whom it refused"
    serve --http --tls $version --client-ca ca.pem --verdict
    fetch --verdict <request >out 2>err; exits 0 "TLS $version: a client without a certificate, where it need not have one"
    end
    grep -q '"client":null,"client_shown":false' server.err; ok "TLS $version: nobody was shown"
done
"$tlsm" client a:1 --insecure --client-cert alice.pem 2>err; exits 2 "a certificate without its key"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --require-client-cert 2>err; exits 2 "nobody to judge clients by"
"$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 --client-ca missing.pem 2>err; exits 6 "no such client CA"
says missing.pem "no such client CA"

# -- early data
serve --http --early-data --verdict
fetch --resume early.session <request >out 2>err; exits 0 "a session for early data"
cp early.session kept.session
fetch --resume early.session --early-data request --verdict </dev/null >out 2>err; exits 0 "early data"
says "\"early_data\":\"accepted\".*\"early_out\":$(wc -c <request)," "early data"; says '"bytes_out":18' "early data, sent once"
grep -q 'This page ends here' out; ok "early data is answered"
grep -q "\"early_data\":\"accepted\".*\"early_in\":$(wc -c <request)," server.err; ok "the server knows what came early"
fetch --resume none.session --early-data request --verdict </dev/null >out 2>err; exits 0 "early data without a session"
says '"early_data":null' "early data without a session"; grep -q 'This page ends here' out; ok "early data without a session is data"
end
serve --http --verdict
fetch --resume kept.session --early-data request --verdict </dev/null >out 2>err; exits 0 "early data that another server cannot read"
says '"early_data":"rejected"' "early data that another server cannot read"
grep -q 'This page ends here' out; ok "rejected early data is sent again"
end
serve --echo --early-data --verdict
fetch --resume echo.session <request >out 2>err; exits 0 "another session for early data"
fetch --resume echo.session --early-data random --verdict <request >out 2>err; exits 0 "more than goes early"
says '"early_data":"accepted".*"early_out":16384' "more than goes early"
cat random request | cmp -s - out; ok "early data, the rest of its file, and stdin come in order"
end
fetch --early-data request 2>err </dev/null; exits 2 "early data without --resume"; says "needs --resume" "early data without --resume"
fetch --resume r.session --early-data missing 2>err </dev/null; exits 6 "no such early data"; says missing "no such early data"
fetch --resume r.session --early-data . 2>err </dev/null; exits 6 "early data of a folder"; says "no regular file" "early data of a folder"

# -- other ends
serve --http --size 100000 --cut 30000
fetch --verdict <request >out 2>err; exits 13 "a server that is gone"; says '"place":"body"' "a server that is gone"
end
serve --http --late --close none   # it has read all, so that no reset overtakes the end
fetch <request >out 2>err; exits 12 "a server that drops"; says "never came" "a server that drops"
end
serve --http --close abort --alert access_denied
fetch <request >out 2>err; exits 14 "a server that aborts"; says access_denied "a server that aborts"
end
serve --http --close one-way --verdict --count 1
fetch <request >out 2>err; exits 0 "a server that closes one way"
wait "$child"; exits 0 "the server that closes one way"
grep -q '"exit":0' server.err; ok "one-way is fine when ours got out"
serve --sink
mkfifo hold; exec 8<>hold   # a stdin that stays open
fetch --deadline 200 <hold >out 2>err; exits 18 "nobody says anything"
fetch --close abort <request >out 2>err; exits 15 "we abort"; says internal_error "we abort"
fetch --close one-way <request >out 2>err; exits 0 "we close one way"
end
serve --deadline 200 --echo --verdict --count 1
fetch <hold >out 2>err; exits 13 "the server's deadline"
wait "$child"; grep -q '"verdict":"timed_out"' server.err; ok "the server's verdict of its deadline"

# -- at the limit, connections wait for their turn
serve --echo --limit 1 --deadline 300
fetch <hold >/dev/null 2>&1 &
first=$!
fetch <little >out 2>err; exits 0 "one more than the limit"
cmp -s little out; ok "one more than the limit is served in its turn"
wait $first
end
exec 8<&-

# -- stdout fails
serve --http --size 1000000
fetch <request >/dev/full 2>err; exits 3 "stdout is full"; says "disk is full" "stdout is full"
{ fetch <request 2>err; echo $? >code; } | head -c 10 >/dev/null
[ "$(cat code)" = 3 ]; ok "the reader of stdout has gone"; says "has gone" "the reader of stdout has gone"
fetch <request >&- 2>err; exits 3 "stdout is closed"
end

# -- the server's end, with a connection that is open
serve --echo --verdict
exec 8<>hold
fetch <hold >out 2>err &
open=$!
printf 'first\n' >&8
while ! grep -q first out; do kill -0 $open || break; done
end; exits 0 "SIGTERM with an open connection"
wait $open; exits 0 "that connection ends cleanly"
exec 8<&-

# -- IPv6, where there is one
if start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen '[::1]:0' --http && [ -n "$address" ]; then
    "$tlsm" client "$address" --ca ca.pem <request >out 2>err; exits 0 "IPv6, judged by its address"
    end
fi

summary command_test
