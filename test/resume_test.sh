#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# Sessions between processes: `tlsm client --resume` with openssl's server and ours, openssl's client with our server, and what
# a session outlives (G6). Needs openssl.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"

says() { grep -q -- "$1" err; ok "$2: stderr says \"$1\""; }
resumed() { says "\"resumed\":$1" "$2"; says '"verdict":"clean_both"' "$2"; }
peer_server() { start ACCEPT openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key -www "$@"; address=${address#ACCEPT }; }
# Until the server closes: the tickets have come when its answer has. At the end of its stdin it might not have read them.
peer_client() { openssl s_client -connect "$address" -CAfile ca.pem -servername localhost -verify_return_error -nocommands -ign_eof "$@"; }
tickets_came() { [ -s session ] && [ "$(ls -l session | cut -c1-10)" = "-rw-------" ]; ok "$1: a session is kept, for its owner alone"; }

# -- openssl s_server, with every suite
for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
    rm -f session
    peer_server -ciphersuites $suite
    fetch --resume session --verdict <request >out 2>err; exits 0 "first: $suite"; resumed false "first: $suite"
    tickets_came "$suite"
    for turn in second third; do
        fetch --resume session --verdict <request >out 2>err; exits 0 "$turn: $suite"; resumed true "$turn: $suite"
        grep -q '^Reused, TLSv1.3' out; ok "$turn: $suite: s_server says Reused"
    done
    end
done
# -- after a HelloRetryRequest
peer_server -groups P-384
rm -f session
fetch --resume session --verdict <request >out 2>err; resumed false "retried, first"
fetch --resume session --verdict <request >out 2>err; resumed true "retried, second"; says '"retried":true' "retried, second"
end
# A server that knows nothing of the session.
peer_server
fetch --resume session --verdict <request >out 2>err; exits 0 "a stranger's ticket"; resumed false "a stranger's ticket"
# Trust: what nobody judged is not resumed by those who judge, and no other name is taken for this one.
rm -f session
"$tlsm" client "$address" --servername localhost --insecure --resume session --verdict <request >out 2>err
resumed false "insecure, first"
fetch --resume session --verdict <request >out 2>err; resumed false "not out of an insecure one"
fetch --resume session --verdict <request >out 2>err; resumed true "out of a judged one"
"$tlsm" client "$address" --servername localhost --insecure --resume session --verdict <request >out 2>err
resumed false "insecure, not out of a judged one"
fetch --resume session <request >out 2>err
"$tlsm" client "$address" --ca ca.pem --servername 127.0.0.1 --resume session --verdict <request >out 2>err
resumed false "another name"
# A certificate that is taken out of the file takes its sessions along; where the file lies means nothing.
trusting() { "$tlsm" client "$address" --ca "$1" --servername localhost --resume session --verdict <request >out 2>err; }
rm -f session
cat ca.pem ca.pem >trusted.pem
trusting trusted.pem; cp trusted.pem moved.pem
trusting moved.pem; resumed true "the same certificates elsewhere"
cp ca.pem moved.pem
trusting moved.pem; resumed false "other certificates in the same place"
end

# -- openssl s_client with our server
serve --http --verdict
for turn in New Reused Reused; do
    in=; [ $turn = New ] || in="-sess_in theirs"
    # shellcheck disable=SC2086
    peer_client $in -sess_out theirs <request >out 2>err; exits 0 "s_client: $turn"
    grep -q "^$turn, TLSv1.3" out; ok "s_client says $turn"
done
end
grep -q '"resumed":true' server.err; ok "our server's verdict says so too"
serve --http
peer_client -sess_in theirs <request >out 2>err; grep -q '^New, TLSv1.3' out; ok "s_client, another process's key: New"
end
serve --http --tickets 0
rm -f session; fetch --resume session <request >out 2>err; [ ! -e session ]; ok "--tickets 0: no session"
end

# -- both ours, and G6
serve --http --size 100000
rm -f session
fetch --resume session --verdict <request >out 2>err; resumed false "ours, first"
fetch --resume session --verdict --one-byte <request >out 2>err; resumed true "ours, one byte at a time"
server=$address; server_child=$child
start "listening on" "$tlsm" relay --listen 127.0.0.1:0 --to "$server" --toward client --act cut --record 9 --inside 100
fetch --resume session --verdict <request >out 2>err; exits 13 "G6: truncated"
says '"resumable":true' "G6: truncated"
end
address=$server
fetch --resume session --verdict <request >out 2>err; resumed true "G6: after a truncation"
fetch --resume session --verdict --close abort </dev/null >out 2>err; exits 15 "G6: aborted"
[ ! -e session ]; ok "RFC 9846 s6: after an error alert it is discarded"
fetch --resume session --verdict <request >out 2>err; resumed false "G6: after an error alert"
"$tlsm" client "$address" --ca ca.pem --servername elsewhere.test --resume session <request >out 2>err
exits 4 "another name, refused"; [ -s session ]; ok "a session for another name is not its, and stays"
fetch --resume session --verdict <request >out 2>err; resumed true "it is as good as before"

# -- the file
echo "a letter" >letter
fetch --resume letter <request >out 2>err; exits 6 "not a session"; says "no session" "not a session"
[ "$(cat letter)" = "a letter" ]; ok "not a session: it is left alone"
fetch --resume no/such/folder <request >out 2>err; exits 6 "no such folder"; says "No such file" "no such folder"
[ ! -s out ]; ok "no such folder: nobody was called"
printf 'tlsm session\nof another kind' >session
fetch --resume session --verdict <request >out 2>err; exits 0 "an unreadable session"; resumed false "an unreadable session"
fetch --resume session --verdict <request >out 2>err; resumed true "it was replaced"
[ "$(ls -d session* | wc -l)" = 1 ]; ok "nothing else is left"
child=$server_child; end

summary resume_test
