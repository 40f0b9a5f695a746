# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034
# Sourced by compat.sh: starts and ends the programs and their peers.

# wrk FLAVOUR CONNECTIONS SECONDS URL: one thread, the other processor is the server's.
wrk() { timeout -k 5 60 "$compat/$1/wrk/wrk" -t1 -c"$2" -d"$3" --latency "$4"; }
cli() {
    cli_flavour=$1; shift
    timeout -k 5 60 "$compat/$cli_flavour/redis/src/redis-cli" -h 127.0.0.1 -p "$port" --tls --cacert "${authority:-ca.pem}" "$@"
}

# A port nobody has: a server that took a free one is gone again.
free_port() { serve --http; end; }

# start_redis NAME FLAVOUR OPTION...: sets port and NAME_pid, NAME_port; the log is NAME.log. The suite is the same everywhere.
start_redis() {
    name=$1; binary=$compat/$2/redis/src/redis-server; shift 2
    free_port
    rm -rf "$name.d" "$name.fifo" "$name.log" && mkdir "$name.d" && mkfifo "$name.fifo"
    "$binary" --port 0 --bind 127.0.0.1 --tls-port "$port" --tls-cert-file "$folder/leaf.pem" --tls-key-file "$folder/leaf.key" \
        --tls-ca-cert-file "$folder/ca.pem" --tls-ciphersuites TLS_AES_128_GCM_SHA256 --save '' --dir "$folder/$name.d" \
        --loglevel "${redis_level:-verbose}" --enable-debug-command yes "$@" >"$name.fifo" 2>&1 </dev/null &
    started=$!
    children="$children $started"
    eval "${name}_pid=$started ${name}_port=$port"
    exec 7<"$name.fifo"
    while read -r log_line <&7; do
        echo "$log_line" >>"$name.log"
        case $log_line in *"Ready to accept connections"*) break ;; esac
    done
    grep -q 'Ready to accept connections' "$name.log" || { bad "redis-server does not start: $binary"; sed 's/^/    | /' "$name.log"; }
    cat <&7 >>"$name.log" &
    eval "${name}_drain=$!"
    exec 7<&-
}

# end_redis NAME: SHUTDOWN is the signal's default; the log is whole afterwards. The exit status is the server's.
end_redis() {
    eval "ending=\$${1}_pid draining=\$${1}_drain"
    kill "$ending" && wait "$ending"
    ended=$?
    wait "$draining"
    return $ended
}

# start_nginx WHAT: page and large keep connections, closing does not. As whoever runs this, from this folder.
start_nginx() {
    free_port
    [ "$1" = closing ] && kept=0 || kept=100000000
    mkdir -p www
    [ -e www/large ] || { head -c 1000 /dev/zero | tr '\0' x >www/page; cp www/page www/closing; head -c 100000 /dev/urandom >www/large; }
    rm -f access.log nginx.err
    cat >nginx.conf <<NGINX
daemon off; master_process off; pid $folder/nginx.pid; error_log stderr info;
events { worker_connections 1000; }
http {
    log_format tls '\$status \$ssl_protocol \$ssl_session_reused'; access_log $folder/access.log tls buffer=64k;
    client_body_temp_path $folder/b; proxy_temp_path $folder/p; fastcgi_temp_path $folder/f;
    uwsgi_temp_path $folder/u; scgi_temp_path $folder/s; keepalive_requests 100000000; keepalive_timeout $([ $kept = 0 ] && echo 0 || echo 60);
    server {
        listen 127.0.0.1:$port ssl; ssl_certificate leaf.pem; ssl_certificate_key leaf.key; root $folder/www;
        ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    }
}
NGINX
    PATH=$PATH:/usr/sbin nginx -p "$folder" -c nginx.conf 2>nginx.err &
    nginx=$!
    children="$children $nginx"
    # Until it listens, connections are refused at once.
    tries=0
    until openssl s_client -connect "127.0.0.1:$port" </dev/null >out 2>&1; do
        tries=$((tries + 1))
        kill -0 $nginx 2>/dev/null && [ $tries -lt 500 ] || { bad "nginx does not start"; sed 's/^/    | /' nginx.err; break; }
    done
}
end_nginx() { kill -QUIT "$nginx" && wait "$nginx"; }
