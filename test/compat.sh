#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2034
# Programs written for OpenSSL, their code untouched, on ours beside the same on the system's libssl: wrk, redis-server,
# redis-cli, redis-benchmark. Proves what they stand on, runs them with each other and with others' peers, watches how their
# connections end, and measures (test/compat_figures.sh). Everything stays on the loopback. B=build; the programs are those of
# tools/compat_build.sh in $B/compat. COMPAT_OURS=libssl puts libssl on both sides: what fails then is the script's fault.
here=$(cd "$(dirname "$0")" && pwd)
compat=$(cd "${B:-build}/compat" && pwd) || exit 1
ours=${COMPAT_OURS:-tlsm}
. "$here/pki.sh"
. "$here/compat_peers.sh"
make_leaf p256 leaf || exit 1

# -- what the programs stand on

# The library in the process, the names in the file, and the sources as they came.
prove() {
    for program in wrk/wrk redis/src/redis-server redis/src/redis-cli redis/src/redis-benchmark; do
        file=$compat/$1/$program
        [ -x "$file" ]; ok "there is a $program for $1"
        libssl=$(ldd "$file" | grep -c 'libssl\.')
        names=$(nm "$file" | grep -c ' [TtWw] tlsm_SSL_')
        strangers=$(nm -u "$file" | grep -cE ' U (SSL_|TLS_|OPENSSL_init_ssl|DTLS_)')
        if [ "$1" = tlsm ]; then
            [ "$libssl" = 0 ] && [ "$strangers" = 0 ]; ok "$program for $1 needs nothing of libssl"
            [ "$names" -gt 10 ]; ok "$program for $1 carries our calls ($names)"
        else
            [ "$libssl" = 1 ] && [ "$names" = 0 ]; ok "$program for $1 stands on libssl alone"
        fi
    done
    for program in wrk redis; do
        (cd "$compat/$1/$program" && sha256sum -c --quiet "$compat/source/$program.sums" >"$folder/sums" 2>&1)
        ok "the sources of $program for $1 are as they came: $(head -n 3 sums)"
    done
    echo "$1: wrk $(cat "$compat/source/wrk.version"), redis $(cat "$compat/source/redis.version") are what they should be made of"
}

# -- wrk

# Whoever counts the answers: all came, none was refused, no connection broke.
wrk_fine() {
    ! grep -E 'Socket errors|Non-2xx' out; ok "$1: no errors"
    requests=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' out)
    [ "${requests:-0}" -gt 0 ]; ok "$1: answers came"
}

# A server that closes after every answer, and says how each connection ended. wrk drops those that are open when its time
# is up; every other one must have been closed by both sides.
wrk_endings() {
    serve --http --verdict
    wrk "$1" 8 1 "https://127.0.0.1:$port/" >out 2>err; exits 0 "wrk on $1: $tlsm server"
    end
    wrk_fine "wrk on $1, tlsm server"
    clean=$(grep -c '"verdict":"clean_both"' server.err)
    other=$(grep -c '"verdict"' server.err); other=$((other - clean))
    [ "$clean" -ge $((requests - 8)) ] && [ "$other" -le 17 ]
    ok "wrk on $1: $requests answers, $clean connections closed by both, $other otherwise"
    echo "wrk on $1: tlsm server: $requests answers; $clean connections closed by both sides, $other dropped when the time was up"
}

# The same with nginx, which keeps connections, or not, and whose log tells what it saw.
wrk_nginx() {
    for what in page large closing; do
        start_nginx "$what"
        wrk "$1" 8 1 "https://127.0.0.1:$port/$what" >out 2>err; exits 0 "wrk on $1: nginx, $what"
        wrk_fine "wrk on $1, nginx, $what"
        end_nginx
        ! grep -E '\[(emerg|alert|crit|error)\]' nginx.err; ok "wrk on $1, nginx, $what: no error in nginx's log"
        resumed=$(grep -c ' r$' access.log)
        # SSL_shutdown(), SSL_clear(), SSL_connect(): the session is good for the next connection.
        [ "$what" != closing ] || [ "$resumed" -ge $((requests - 16)) ]; ok "wrk on $1: $resumed of $requests resumed"
        echo "wrk on $1: nginx, $what: $requests answers, $resumed of them on resumed sessions"
    done
}

# -- redis

# Where the server says bye: QUIT ends with its close_notify, seen by libssl's own client and by ours.
redis_endings() {
    printf 'QUIT\r\n' | openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -verify_return_error -msg -nocommands -ign_eof \
        >out 2>err; exits 0 "$1: QUIT from s_client"
    grep -q '^<<< .*Alert.*warning close_notify' out; ok "$1: s_client sees redis-server's close_notify"
    printf 'PING\r\nQUIT\r\n' | "$tlsm" client "127.0.0.1:$port" --ca ca.pem --servername localhost --close late --verdict >out 2>err
    exits 0 "$1: QUIT from tlsm client"
    grep -q PONG out && grep -q '"verdict":"clean_' err; ok "$1: QUIT ends cleanly for tlsm client"
}

# What a cli does with a server: small and large, pipelined, a scan, a stranger's certificate.
redis_pair() {
    pair="redis-cli on $1, redis-server on $2"
    [ "$(cli "$1" PING 2>err)" = PONG ]; ok "$pair: PING"
    [ "$(cli "$1" -x SET large <large 2>err)" = OK ]; ok "$pair: SET of a million bytes"
    cli "$1" GET large 2>err | head -c 1000000 | cmp -s - large; ok "$pair: GET of a million bytes"
    cli "$1" --pipe <commands >out 2>err; exits 0 "$pair: --pipe"
    grep -q 'errors: 0, replies: 20000' out; ok "$pair: --pipe of 20000 commands"
    [ "$(cli "$1" --scan --pattern 'key:*' 2>err | wc -l)" = 20000 ]; ok "$pair: --scan of 20000 keys"
    cli "$1" FLUSHALL >out 2>err
    authority=stranger.pem cli "$1" PING >out 2>err && bad "$pair: a stranger's authority was good enough"
    grep -qi 'certificate verify failed' out err; ok "$pair: a stranger's authority: $(cat out err | tail -n 1)"
}

# What it logged about connections, without times and numbers, counted.
log_lines() {
    sed -E 's/^[0-9]+:[A-Z] .{24} . //; s/ \(conn: .*//; s/[0-9]{2,}(:[0-9]+)?/N/g' "$1" |
        grep -v 'overcommit' | grep -iE 'error|ssl|closed|lost|fail' | sort | uniq -c
}

redis_server() {
    start_redis server "$1" --tls-auth-clients no
    redis_endings "redis-server on $1"
    for flavour in libssl "$ours"; do redis_pair "$flavour" "$1"; done
    [ "$(cli libssl DEBUG DIGEST 2>err)" = 0000000000000000000000000000000000000000 ]; ok "redis-server on $1: empty again"
    end_redis server; ok "redis-server on $1: SHUTDOWN"
    log_lines server.log >"log.$1"
    # A client without a certificate where one is wanted.
    start_redis server "$1" --tls-auth-clients yes
    cli libssl PING >out 2>err; grep -q PONG out && bad "redis-server on $1: tls-auth-clients yes let in a client without one"
    end_redis server
}

# One server is another's client: the whole set of data crosses, and what is written afterwards.
redis_replica() {
    start_redis master "$1" --tls-auth-clients no --repl-diskless-sync-delay 0
    master=$port
    cli libssl --pipe <commands >out 2>err; ok "replication, master on $1"
    start_redis replica "$2" --tls-auth-clients no --tls-replication yes --replicaof 127.0.0.1 "$master"
    port=$master
    cli libssl -x SET large <large >out 2>err
    [ "$(cli libssl WAIT 1 20000 2>err)" = 1 ]; ok "replica on $2 of a master on $1: it follows"
    digest=$(cli libssl DEBUG DIGEST 2>err)
    port=$replica_port
    [ "${#digest}" = 40 ] && [ "$(cli libssl DEBUG DIGEST 2>err)" = "$digest" ]; ok "replica on $2 of a master on $1: the same data"
    end_redis replica
    port=$master
    end_redis master
    echo "replica on $2 of a master on $1: the same 20001 keys"
}

# -- everything

make_ca stranger
head -c 500000 /dev/urandom | od -An -tx1 -v | tr -d ' \n' | head -c 1000000 >large
awk 'BEGIN { for (i = 0; i < 20000; i++) printf "SET key:%d value:%d\r\n", i, i * i }' >commands

prove libssl
[ "$ours" = libssl ] || prove "$ours"
for flavour in libssl "$ours"; do wrk_endings "$flavour"; wrk_nginx "$flavour"; done
for flavour in libssl "$ours"; do redis_server "$flavour"; done
diff -u log.libssl "log.$ours" >err; ok "redis-server's log tells of the same connections on libssl and on $ours"
redis_replica "$ours" libssl
redis_replica libssl "$ours"
if [ $failures = 0 ] && [ "${COMPAT_ROUNDS:-5}" != 0 ]; then . "$here/compat_figures.sh"; fi
[ $failures = 0 ] || echo "compat: what is said above differs between $ours and libssl, or from what it should be"
summary compat
