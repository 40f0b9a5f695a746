#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# bench/load, which make bench-server measures servers with: against ours it opens, asks and closes, in both versions, and tells each
# in the form that bench/server.sh reads; a server that gives no answer is no figure.
here=$(cd "$(dirname "$0")" && pwd)
load=$(cd "${B:-build}" && pwd)/bench_load
. "$here/pki.sh"
run() { "$load" 127.0.0.1 "$port" ca.pem localhost 40 "$child" "$@" >out 2>err; }

for version in 1.3 1.2; do
    serve --http --keep --tls $version
    run $version; exits 0 "TLS $version"
    for row in handshake 'first request' close; do grep -qE "^$row\|[0-9.]+\|[0-9.]+\$" out; ok "TLS $version: $row"; done
    grep -qE '^memory\|[1-9][0-9]*\|-?[0-9]+$' out; ok "TLS $version: memory"
    grep -qx 'close_notify|40|40' out; ok "TLS $version: each close is answered"
    [ "$(wc -l <out)" = 5 ]; ok "TLS $version: nothing else"
    end
done

serve --http
run 1.3; exits 0 "a server that closes first"; grep -qx 'close_notify|40|40' out; ok "a server that closes first: each close is answered"
end
serve --sink --deadline 300
run 1.3; exits 1 "no answer"; grep -q 'no whole answer' err; ok "no answer: it is said"
end
serve --http --keep
"$load" 127.0.0.1 "$port" leaf.pem nobody 40 "$child" >out 2>err; exits 1 "another name"; grep -q 'handshake failed' err; ok "another name: it is said"
end
"$load" >out 2>err; exits 2 "no arguments"; grep -q '^bench_load HOST' err; ok "how it is called"
"$load" --help >out; exits 0 "help"
summary bench_load_test
