#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# Real peers: openssl's client and server, curl, nginx. Every suite with every group both ways, HelloRetryRequest, kinds of
# certificates, refused certificates, key logs. Then a part of what make interop runs. Needs openssl, curl, nginx and python3.
here=$(cd "$(dirname "$0")" && pwd)
peers=$(cd "${BUILD:-build}/peers" && pwd) || exit 1
. "$here/pki.sh"

says() { grep -q -- "$1" err; ok "$2: stderr says \"$1\""; }
clean() { grep -q '"verdict":"clean_both"' err; ok "$1: clean_both"; }
peer_server() { start ACCEPT openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key -www "$@"; address=${address#ACCEPT }; }
peer_client() { openssl s_client -connect "$address" -CAfile ca.pem -servername localhost -verify_return_error -nocommands "$@"; }
peer_curl() { curl -s --noproxy '*' --max-time 20 --cacert ca.pem --resolve "localhost:$port:127.0.0.1" "$@" "https://localhost:$port/"; }

# -- openssl s_server
peer_server
fetch --verdict <request >out 2>err; exits 0 "a page from s_server"
grep -q 'Ciphers supported' out; ok "the page of s_server"; clean "s_server"
fetch --one-byte --verdict <request >out2 2>err; exits 0 "a page from s_server, one byte at a time"
grep -q 'Ciphers supported' out2; ok "the page of s_server, one byte at a time"; clean "s_server, one byte at a time"
fetch --servername other.example <request >out 2>err; exits 4 "wrong name"; says "other.example" "wrong name"
[ ! -s out ]; ok "wrong name: nothing came out"
fetch --servername other.example --insecure <request >out 2>err; exits 2 "--ca and --insecure"
"$tlsm" client "$address" --servername other.example --insecure <request >out 2>err; exits 0 "--insecure"
"$tlsm" client "$address" --servername localhost <request >out 2>err; status=$?
[ $status = 4 ] || [ $status = 6 ]; ok "the system's authorities do not know it (status $status)"
make_ca stranger
"$tlsm" client "$address" --ca stranger.pem --servername localhost <request >out 2>err; exits 4 "unknown authority"
end
peer_server -keylogfile theirs.log
fetch --keylog ours.log <request >out 2>err; exits 0 "key log"
grep -v '^#' theirs.log | sort >theirs; sort ours.log >ours
comm -12 theirs ours >both
[ "$(wc -l <both)" -ge 4 ] && [ "$(wc -l <ours)" = 5 ]; ok "our key log has openssl's lines"
comm -23 ours theirs | grep -qv '^EXPORTER_SECRET' && bad "lines in our key log that openssl does not have"
end
peer_server -alpn http/1.1
fetch --alpn h2,http/1.1 --verdict <request >out 2>err; exits 0 "ALPN of s_server"; says '"alpn":"http/1.1"' "ALPN of s_server"
end
peer_server -tls1_2 -keylogfile theirs12.log
fetch --verdict --keylog ours12.log <request >out 2>err; exits 0 "a server that only knows TLS 1.2"
says '"version":"TLS 1.2","suite":"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"' "a server that only knows TLS 1.2"; clean "TLS 1.2"
grep -v '^#' theirs12.log >theirs; cmp -s theirs ours12.log && [ "$(wc -l <ours12.log)" = 1 ]; ok "our key log of TLS 1.2 is openssl's"
fetch --tls 1.3 <request >out 2>err; exits 11 "a server that only knows TLS 1.2, and a client that does not"
says "speaks no version of TLS that was asked for" "a server that only knows TLS 1.2, and a client that does not"
fetch --tls 1.2 --verdict --resume session12 <request >out 2>err; exits 0 "TLS 1.2, to be resumed"
says '"resumed":false' "TLS 1.2, to be resumed"
fetch --verdict --resume session12 <request >out 2>err; exits 0 "TLS 1.2, resumed"; says '"resumed":true' "TLS 1.2, resumed"
end

# -- openssl s_client and curl
serve --http --size 100000 --verdict
peer_client <request >out 2>err; exits 0 "s_client"
peer_curl -o page 2>err; exits 0 "curl"
[ "$(wc -c <page)" = 100000 ]; ok "the page for curl"
peer_client -tls1_2 <request >out 2>err; exits 0 "a client that only knows TLS 1.2"
grep -q 'Protocol *: TLSv1.2' out; ok "a client that only knows TLS 1.2 says so"
peer_client -tls1_1 -cipher DEFAULT@SECLEVEL=0 <request >out 2>err && bad "a client that only knows TLS 1.1 was served"
end
serve --http --tls 1.3
peer_client -tls1_2 <request >out 2>err && bad "a client that only knows TLS 1.2 was served by a server that does not"
end
serve --http --size 20000 --one-byte
peer_curl -o page 2>err; exits 0 "curl, one byte at a time"
[ "$(wc -c <page)" = 20000 ]; ok "the page for curl, one byte at a time"
end
serve --http --alpn http/1.1
peer_curl -v -o page 2>err; exits 0 "curl with ALPN"
grep -qi 'ALPN.*accepted.*http/1.1' err; ok "curl sees the protocol chosen"
end

# -- suites and groups, both ways. The second list makes the first share a wrong guess: HelloRetryRequest.
for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
    for group in X25519:x25519 P-256:secp256r1 P-384:secp384r1; do
        theirs=${group%:*}; ours=${group#*:}
        what="$suite with $theirs"
        peer_server -ciphersuites $suite -groups "$theirs"
        fetch --group "$ours" --verdict <request >out 2>err; exits 0 "to s_server: $what"
        says "\"suite\":\"$suite\",\"group\":\"$ours\",\"retried\":false" "to s_server: $what"
        if [ "$ours" != x25519 ]; then
            fetch --verdict <request >out 2>err; exits 0 "to s_server, retried: $what"
            says "\"suite\":\"$suite\",\"group\":\"$ours\",\"retried\":true" "to s_server, retried: $what"
            clean "to s_server, retried: $what"
        fi
        end
        serve --http --verdict --suite $suite --group "$ours"
        peer_client -ciphersuites $suite -groups "$theirs" <request >out 2>err; exits 0 "from s_client: $what"
        if [ "$ours" != x25519 ]; then
            peer_client -ciphersuites $suite -groups "X25519:$theirs" <request >out 2>err
            exits 0 "from s_client, retried: $what"
        fi
        peer_curl -o page 2>err; exits 0 "from curl: $what"
        end
        grep -q "\"verdict\":\"clean_both\".*\"suite\":\"$suite\",\"group\":\"$ours\",\"retried\":false" server.err
        ok "the server's verdict: $what"
        [ "$ours" = x25519 ] || grep -q "\"verdict\":\"clean_both\".*\"suite\":\"$suite\",\"group\":\"$ours\",\"retried\":true" server.err
        ok "the server's verdict, retried: $what"
    done
done

# -- kinds of certificates, both ways
for kind in p256 p384 ed25519 rsa rsapss; do
    make_leaf $kind leaf; ok "a $kind certificate"
    peer_server
    fetch --verdict <request >out 2>err; exits 0 "to s_server with $kind"; clean "to s_server with $kind"
    end
    serve --http --verdict
    peer_client <request >out 2>err; exits 0 "from s_client with $kind"
    if [ $kind != rsapss ]; then peer_curl -o page 2>err; exits 0 "from curl with $kind"; fi
    end
    [ "$(grep -c '"verdict":"clean_both"' server.err)" -ge 1 ]; ok "the server's verdict with $kind"
done
# Two at once: the client's schemes decide.
make_leaf rsa second && make_leaf ed25519 leaf
serve --http --cert second.pem --key second.key
peer_client -sigalgs ed25519 <request >out 2>err; exits 0 "two certificates: Ed25519"
grep -qi 'Peer signature type: Ed25519' out; ok "two certificates: Ed25519 is shown"
peer_client -sigalgs RSA-PSS+SHA256 <request >out 2>err; exits 0 "two certificates: RSA"
grep -q 'Peer signature type: RSA-PSS' out; ok "two certificates: RSA is shown"
peer_client -sigalgs ECDSA+SHA256 <request >out 2>err && bad "a client that can use neither was served"
end

# -- certificates that must be refused
make_leaf p256 leaf -not_before 20200101000000Z -not_after 20200102000000Z 2>/dev/null || make_leaf p256 leaf -days -1
peer_server
fetch <request >out 2>err; exits 4 "expired"; says "expired" "expired"
end
make_leaf p256 leaf

# -- nginx, as whoever runs this, in the foreground, from this folder
serve --http; end   # its port is free now
free=$port
cat >nginx.conf <<END
daemon off; master_process off; pid $folder/nginx.pid; error_log stderr;
events { }
http {
    access_log off; client_body_temp_path $folder/b; proxy_temp_path $folder/p; fastcgi_temp_path $folder/f;
    uwsgi_temp_path $folder/u; scgi_temp_path $folder/s; keepalive_timeout 0;
    server { listen 127.0.0.1:$free ssl; ssl_certificate leaf.pem; ssl_certificate_key leaf.key; ssl_protocols TLSv1.3; root $folder/www; }
}
END
mkdir www
head -c 300000 /dev/urandom | od -An -tx1 -v >www/index.html
PATH=$PATH:/usr/sbin nginx -p "$folder" -c nginx.conf 2>nginx.err &
nginx=$!
children="$children $nginx"
address=127.0.0.1:$free
# A client that closes its half right after the request gets a reset from nginx, which leaves our close_notify unread. So
# stdin stays open until the page has come.
mkfifo hold; exec 8<>hold
# Until it listens, connections are refused at once.
tries=0
while cat request >&8; fetch --verdict <hold >out 2>err; status=$?; [ $status = 5 ] && [ $tries -lt 2000 ] && kill -0 $nginx 2>/dev/null; do tries=$((tries + 1)); done
[ $status = 0 ]; ok "a page from nginx (status $status)"
tail -c "$(wc -c <www/index.html)" out | cmp -s - www/index.html; ok "the page of nginx"
clean nginx
cat request >&8
fetch --one-byte --verdict <hold >out 2>err; exits 0 "a page from nginx, one byte at a time"
tail -c "$(wc -c <www/index.html)" out | cmp -s - www/index.html; ok "the page of nginx, one byte at a time"; says '"verdict":"clean_' "nginx, one byte at a time"
fetch --close late --verdict <request >out 2>err; exits 0 "a page from nginx, our close late"; says '"verdict":"clean_' "nginx, late"
kill $nginx; wait $nginx

# -- other libraries, call by call: a part of what make interop runs, with those of them that are installed
mkdir pki
for kind in p256 p384 ed25519 rsa rsapss; do
    make_leaf $kind pki/$kind && make_client $kind client-$kind; ok "a $kind certificate"
done
mv client-* pki
cp ca.pem pki
python3 -B "$here/peers/interop.py" --short --ours "${tlsm%/tlsm}/peer_tlsm" --peers "$peers" --pki pki >cells 2>&1
ok "other libraries"
cat cells

summary interop_test
