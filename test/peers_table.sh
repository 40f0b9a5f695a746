#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2086,SC2016
# tlsm peer against what is installed here: openssl, gnutls, curl, nginx and ours, in each role. Writes the tables of docs/peers.md:
# to stdout, or with RECORD=1 into that file. What is seen depends on versions and, at places, on who is quicker: nothing is judged.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
page=$here/../docs/peers.md
wait=${WAIT:-300}

# cells NAME: "ending cell" of each line of JSON in the file NAME.json.
cells() {
    sed 's/[{}"]//g' "$1.json" | awk -F, '{
        for (i = 1; i <= NF; i++) { at = index($i, ":"); value[substr($i, 1, at - 1)] = substr($i, at + 1) }
        alert = value["alert"] == "null" ? "" : value["alert_before"] == "true" ? "earlier " value["alert"] ", " : value["alert"] (value["alert_in_clear"] == "true" ? "°" : "") ", "
        exit_status = value["exit"] == "null" ? "" : value["exit"] == "killed" ? " → runs on" : " → " value["exit"]
        cell = alert (value["end"] == "gone" ? "(we reset)" : value["end"]) exit_status
        if (value["played"] == "false") cell = "not played" exit_status
        print value["ending"] "|" cell
    }' >"$1"
}
# as_client COLUMN VERSION COMMAND: our peer is the server. as_server COLUMN VERSION ADDRESS: it is the client.
as_client() {
    echo "playing $1 (TLS $2)" >&2
    "$tlsm" peer --all --listen 127.0.0.1:0 --tls "$2" --wait "$wait" --json --run "$3" >"$1.json" 2>/dev/null
    cells "$1"
}
as_server() {
    echo "playing $1 (TLS $2)" >&2
    "$tlsm" peer --all "$3" --tls "$2" --wait "$wait" --json >"$1.json" 2>/dev/null
    cells "$1"
}
# table COLUMN...: one row for each ending that one of them has.
table() {
    printf '| ending |'; for column in "$@"; do printf ' %s |' "$(echo "$column" | tr _ ' ')"; done
    printf '\n|---|'; for column in "$@"; do printf -- '---|'; done; echo
    "$tlsm" peer --list | awk '{ print $1, $2 }' | while read -r ending rule; do
        row="| $ending ($rule) |"; any=
        for column in "$@"; do
            cell=$(sed -n "s/^$ending|//p" "$column"); row="$row ${cell:-–} |"; any=$any$cell
        done
        [ -z "$any" ] || echo "$row"
    done
}

clients() { # VERSION; each reads a page and says by its exit status whether it was whole
    case $1 in 1.3) openssl=-tls1_3 curl='--tlsv1.3' gnutls='VERS-TLS1.3' ;; 1.2) openssl=-tls1_2 curl='--tlsv1.2 --tls-max 1.2' gnutls='VERS-TLS1.2' ;; esac
    as_client openssl_s_client $1 'printf "GET / HTTP/1.0\r\n\r\n" | timeout 1 openssl s_client -quiet -connect $TLSM_PEER '$openssl' >/dev/null 2>&1'
    as_client curl $1 'timeout 1 curl -ks '"$curl"' https://$TLSM_PEER/ >/dev/null 2>&1'
    as_client gnutls-cli $1 '{ printf "GET / HTTP/1.0\r\n\r\n"; sleep 1; } | timeout 1 gnutls-cli --insecure --priority NORMAL:-VERS-ALL:+'$gnutls' -p $TLSM_PEER_PORT 127.0.0.1 >/dev/null 2>&1'
    as_client tlsm_client $1 "'$tlsm'"' client $TLSM_PEER --insecure --close late --deadline 1000 --tls '$1' <request >/dev/null 2>&1'
}

servers() { # VERSION
    case $1 in 1.3) openssl=-tls1_3 gnutls='VERS-TLS1.3' ;; 1.2) openssl=-tls1_2 gnutls='VERS-TLS1.2' ;; esac
    start ACCEPT openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key $openssl -rev
    as_server openssl_s_server $1 "${address#ACCEPT }"; kill "$child"; exec 9<&-
    as_server nginx $1 127.0.0.1:"$nginx_port"
    gnutls-serv --echo -p "$gnutls_port" --x509certfile leaf.pem --x509keyfile leaf.key --priority "NORMAL:-VERS-ALL:+$gnutls" >/dev/null 2>&1 </dev/null &
    child=$!; children="$children $child"; await "$gnutls_port" "$child"
    as_server gnutls-serv $1 127.0.0.1:"$gnutls_port"; kill "$child"
    serve --echo --tls $1 --deadline 1000
    as_server tlsm_server $1 "$address"; end
}

# await PORT PID: until somebody listens there; 5 says that nobody does.
await() {
    status=5
    while [ $status = 5 ]; do
        kill -0 "$2" || { echo "nobody listens on port $1" >&2; exit 1; }
        "$tlsm" client 127.0.0.1:"$1" --insecure --deadline 1000 </dev/null >/dev/null 2>&1
        status=$?
    done
}

# A port that was free a moment ago.
free_port() { start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0; found=$port; end; }

make_leaf p256 leaf || exit 1
free_port; nginx_port=$found
free_port; gnutls_port=$found
mkdir -p web && cat >web/conf <<END
daemon off; pid $folder/web/pid; error_log /dev/null; worker_processes 1;
events { worker_connections 64; }
http {
    access_log off; client_body_temp_path $folder/web/a; proxy_temp_path $folder/web/b; fastcgi_temp_path $folder/web/c;
    uwsgi_temp_path $folder/web/d; scgi_temp_path $folder/web/e;
    server {
        listen 127.0.0.1:$nginx_port ssl; ssl_certificate $folder/leaf.pem; ssl_certificate_key $folder/leaf.key;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / { return 200 "A page.\n"; }
    }
}
END
nginx=$(command -v nginx || echo /usr/sbin/nginx)
"$nginx" -p "$folder/web" -c "$folder/web/conf" >/dev/null 2>&1 </dev/null &
children="$children $!"
await "$nginx_port" "$!"

{
    echo "Played with $(openssl version | cut -d' ' -f 1,2), $(curl --version | head -n 1 | cut -d' ' -f 1,2) (with $(curl --version | head -n 1 |
        grep -o '[A-Za-z]*SSL/[0-9.]*')), $("$nginx" -v 2>&1 | sed 's/.*: //'), $(gnutls-cli --version | head -n 1) and tlsm $(cat "$here/../VERSION")."
    for version in 1.3 1.2; do
        clients $version
        printf '\n### Clients, TLS %s\n\n' $version
        table openssl_s_client curl gnutls-cli tlsm_client
        servers $version
        printf '\n### Servers, TLS %s\n\n' $version
        table openssl_s_server nginx gnutls-serv tlsm_server
    done
} >tables
if [ -n "${RECORD:-}" ]; then
    awk '/<!-- recorded -->/ { print; print ""; while ((getline line <"tables") > 0) print line; print ""; skip = 1; next }
         /<!-- end recorded -->/ { skip = 0 } !skip' "$page" >page && cp page "$page" && echo "recorded in docs/peers.md"
else
    cat tables
fi
