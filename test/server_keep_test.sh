#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# `tlsm server --keep`: as many answers as there were requests, however they come, on one connection, which the client ends; also
# where another server takes over in between. Needs curl.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
says() { grep -q -- "$1" "$3"; ok "$2: \"$1\""; }
get='GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'
answers() { [ "$(grep -c '^HTTP/1.1 200 tlsm' out)" = "$1" ] && [ "$(grep -c 'This page ends here' out)" = "$1" ]; ok "$2: $1 answers"; }

for version in 1.3 1.2; do
    serve --http --keep --tls $version --verdict
    # shellcheck disable=SC2059
    printf "$get$get$get" | fetch --verdict >out 2>err; exits 0 "three at once, TLS $version"
    answers 3 "three at once, TLS $version"; says clean_both "three at once, TLS $version" err
    grep -q 'Connection: close' out; [ $? = 1 ]; ok "no answer says that it is the last, TLS $version"
    # shellcheck disable=SC2059
    printf "$get$get" | fetch --one-byte --verdict >out 2>err; exits 0 "byte by byte, TLS $version"; answers 2 "byte by byte, TLS $version"
    printf 'GET / HTTP/1.1\r\nHost: loc' | fetch --verdict >out 2>err; exits 0 "half a request, TLS $version"
    [ ! -s out ]; ok "half a request has no answer, TLS $version"
    fetch </dev/null >out 2>err; exits 0 "no request, TLS $version"
    curl -sS --cacert ca.pem -w '%{num_connects}\n' "https://localhost:$port/" "https://localhost:$port/a" "https://localhost:$port/b" >out 2>err
    exits 0 "curl, TLS $version"; [ "$(grep -cx 0 out)" = 2 ] && [ "$(grep -cx 1 out)" = 1 ]; ok "curl uses one connection thrice, TLS $version"
    end; exits 0 "the server, TLS $version"
done

# Answers that no buffer holds, to requests that came at once.
serve --http --keep --size 3000000
# shellcheck disable=SC2059
printf "$get$get$get" | fetch >out 2>err; exits 0 "large answers"
[ "$(grep -ac '^HTTP/1.1 200 tlsm' out)" = 3 ] && [ "$(wc -c <out)" -gt 9000000 ]
ok "large answers: all three"
end

# A head without end is not read for ever.
serve --http --keep --verdict
head -c 300000 /dev/zero | tr '\0' 'a' | fetch >out 2>err; [ $? -ge 8 ]; ok "a head without end"
end

# Without --keep the first answer is the last.
serve --http
# shellcheck disable=SC2059
printf "$get$get" | fetch >out 2>err; exits 0 "not kept"; [ "$(grep -c '^HTTP/1.0 200 tlsm' out)" = 1 ] && grep -q 'Connection: close' out; ok "not kept: one"
end

# Another server takes over between two requests.
serve --http --keep --handoff socket
before=$child
mkfifo say; exec 8<>say
fetch --verdict <say >out 2>err &
open=$!; children="$children $open"
# shellcheck disable=SC2059
printf "$get" >&8
until grep -q 'ends here' out; do kill -0 $open || break; done
start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen "$address" --http --keep --handoff socket
wait "$before"; exits 0 "the server before"
# shellcheck disable=SC2059
printf "$get" >&8
until [ "$(grep -c 'ends here' out)" = 2 ]; do kill -0 $open || break; done
answers 2 "another server took over"
end; exits 0 "the server after"
wait $open; exits 0 "its connection"
exec 8<&-

for wrong in "--keep" "--http --keep --late" "--http --keep --eager"; do
    # shellcheck disable=SC2086
    "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 $wrong 2>err; exits 2 "$wrong"; says "--keep" "$wrong" err
done
summary server_keep_test
