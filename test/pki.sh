# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
# Sourced by the tests that need certificates or peers. Makes a private folder, leaves it, kills what was started.
set -u
tlsm=$(cd "${B:-build}" && pwd)/tlsm
[ -x "$tlsm" ] || { echo "there is no $tlsm: run make"; exit 1; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/tlsm-test-XXXXXX") || exit 1
children=
# shellcheck disable=SC2086
leave() { for child in $children; do kill -9 "$child" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$folder"; }
trap leave EXIT
trap 'exit 1' INT TERM HUP
cd "$folder" || exit 1

checks=0
failures=0
# ok WORDS: the last command succeeded, or this check failed.
ok() { status=$?; checks=$((checks + 1)); [ $status = 0 ] || bad "$*"; }
bad() { failures=$((failures + 1)); echo "FAILED: $*"; [ ! -s err ] || sed 's/^/    | /' err; }
# exits STATUS WORDS...: the last command's exit status.
exits() { status=$?; checks=$((checks + 1)); want=$1; shift; [ $status = "$want" ] || bad "$*: exit status $status, not $want"; }
summary() { echo "$1: $checks checks, $failures failed"; [ $failures = 0 ]; }

cat >config <<END
[req]
distinguished_name = name
prompt = no
x509_extensions = authority
[name]
CN = tlsm test
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1
extendedKeyUsage = serverAuth
[client]
subjectAltName = email:client@example.org
extendedKeyUsage = clientAuth
END

# make_key KIND FILE
make_key() {
    case $1 in
    p256)    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$2" ;;
    p384)    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$2" ;;
    ed25519) openssl genpkey -algorithm ed25519 -out "$2" ;;
    rsa)     openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$2" ;;
    rsapss)  openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out "$2" ;;
    esac 2>/dev/null
}
# make_leaf KIND NAME [OPTION...]: NAME.key, NAME.pem, signed by ca.pem; options go to openssl x509.
make_leaf() {
    kind=$1; name=$2; shift 2
    [ $# -gt 0 ] || set -- -days 2
    make_key "$kind" "$name.key" &&
    openssl req -new -config config -key "$name.key" -out "$name.csr" 2>/dev/null &&
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -set_serial 2 "$@" -extfile config -extensions leaf \
        -out "$name.pem" 2>/dev/null
}
# make_client KIND NAME [AUTHORITY]: the same for a client, whose common name is NAME.
make_client() {
    make_key "$1" "$2.key" &&
    openssl req -new -config config -subj "/CN=$2" -key "$2.key" -out "$2.csr" 2>/dev/null &&
    openssl x509 -req -in "$2.csr" -CA "${3:-ca}.pem" -CAkey "${3:-ca}.key" -set_serial 3 -days 2 -extfile config -extensions client \
        -out "$2.pem" 2>/dev/null
}
make_ca() { make_key p256 "$1.key" && openssl req -x509 -new -config config -key "$1.key" -days 2 -out "$1.pem" 2>/dev/null; }

make_ca ca && make_leaf ed25519 leaf || { echo "openssl cannot make certificates here"; exit 1; }
printf 'GET / HTTP/1.0\r\n\r\n' >request

# start WORD COMMAND...: starts a server, waits for the line that begins with WORD, and sets address, port, child.
# Its stdout stays open on descriptor 9; its stderr goes to the file server.err.
start() {
    word=$1; shift
    rm -f line; mkfifo line
    "$@" >line 2>server.err </dev/null &
    child=$!
    children="$children $child"
    exec 9<line
    address=
    while read -r first rest <&9; do
        case "$first $rest" in
        "$word"*) address=${rest#on }; break ;;
        esac
    done
    port=${address##*:}
    [ -n "$address" ] || { bad "did not start: $*"; sed 's/^/    | /' server.err; }
}
serve() { start "listening on" "$tlsm" server --cert leaf.pem --key leaf.key --listen 127.0.0.1:0 "$@"; }
# end: ends the server of the last start, and gives its exit status.
end() { kill "$child" 2>/dev/null; exec 9<&-; wait "$child"; }
fetch() { "$tlsm" client "$address" --ca ca.pem --servername localhost --deadline 20000 "$@"; }
