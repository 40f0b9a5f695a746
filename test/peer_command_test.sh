#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2086,SC2016,SC2046,SC2013
# tlsm peer: every ending played against our client, our server, openssl s_client and s_server; what is seen on the wire, and how
# ours call it. Both versions. A column of "." is an ending that the version does not have;
# of "~", what depends on who is quicker.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"

says() { grep -q -- "$1" err; ok "$2: stderr says \"$1\""; }
has() { grep -q -- "$1" out; ok "$2: stdout says \"$1\""; }
# seen FILE: "ending alert end exit" of each line of JSON; an alert in the clear ends with "!", none is "-".
seen() {
    sed -n 's/.*"ending":"\([^"]*\)".*"played":true.*"alert":"*\([a-z_0-9]*\)"*,.*"alert_in_clear":\([a-z]*\),.*"end":"\([a-z]*\)".*"exit":"*\([a-z0-9]*\)"*}$/\1 \2\3 \4 \5/p' "$1" |
        sed 's/ nullfalse / - /; s/false / /; s/true /! /'
}
# pick COLUMN TABLE: "ending value" of the endings that version has; COLUMN is 2 for 1.3, 3 for 1.2.
pick() { awk -v column="$1" '$column != "." { print $1, $column, $4 }' "$2"; }
column() { [ "$1" = 1.3 ] && echo 2 || echo 3; }
# fair: what depends on who is quicker is as expected.
fair() {
    for name in $(awk '$2 == "~" { print $1 }' expected); do sed -i "s/^\($name\) [^ ]*/\1 ~/" got; done
    sed -i 's/^close_reset clean_both$/close_reset clean_received/' got
}
compare() { fair; diff expected got >err; ok "$1: as expected (<), as seen (>)"; rm -f err; }

# ending, alert of TLS 1.3, alert of TLS 1.2, exit status of the client, verdict of the server
cat >table <<'END'
close_fin               close_notify       close_notify      0  clean_both
close_only              close_notify       close_notify      0  clean_both
close_at_once           close_notify       close_notify      0  clean_both
close_padded            close_notify       .                 0  clean_both
close_dripping          close_notify       close_notify      0  clean_both
close_fatal_level       close_notify       close_notify      0  clean_both
fin_only                close_notify       close_notify     13  truncated
fin_in_header           close_notify       close_notify     13  truncated
fin_in_record           close_notify       close_notify     13  truncated
fin_in_close            close_notify       close_notify     13  truncated
fin_in_message          close_notify       .                13  truncated
reset                   -                  -                17  transport_failed
close_reset             -                  -                 0  clean_received
data_after_close        close_notify       close_notify      0  clean_both
garbage_after_close     close_notify       close_notify      0  clean_both
alert_after_close       close_notify       close_notify      0  clean_both
close_twice             close_notify       close_notify      0  clean_both
fatal_alert             -                  -                14  peer_alert
unknown_alert           -                  -                14  peer_alert
plain_alert             unexpected_message bad_record_mac   15  local_alert
plain_close             unexpected_message bad_record_mac   15  local_alert
alert_split             decode_error       decode_error     15  local_alert
alert_doubled           decode_error       decode_error     15  local_alert
alert_empty             unexpected_message unexpected_message 15 local_alert
alert_long              decode_error       decode_error     15  local_alert
alert_odd_level         illegal_parameter  illegal_parameter 15 local_alert
warning_close           .                  close_notify      0  clean_both
warning_flood           .                  unexpected_message 15 local_alert
canceled_close          close_notify       close_notify      0  clean_both
canceled_fin            close_notify       close_notify     13  truncated
canceled_flood          unexpected_message unexpected_message 15 local_alert
update_close            close_notify       .                 0  clean_both
update_asked_close      close_notify       .                 0  clean_both
close_in_message        unexpected_message .                15  local_alert
empties_close           unexpected_message unexpected_message 15 local_alert
bad_tag                 bad_record_mac     bad_record_mac   15  local_alert
replayed                bad_record_mac     bad_record_mac   15  local_alert
garbage                 unexpected_message unexpected_message 15 local_alert
oversized               record_overflow    record_overflow  15  local_alert
no_type                 unexpected_message .                15  local_alert
late_ccs                unexpected_message unexpected_message 15 local_alert
fin_for_hello           -                  -                11  never_opened
fin_in_hello            -                  -                11  handshake_failed
close_for_hello         close_notify!      close_notify!    11  handshake_failed
alert_for_hello         -                  -                11  handshake_failed
fin_after_hello         -                  -                11  handshake_failed
reset_after_hello       -                  -                11  handshake_failed
cancel_after_hello      close_notify       close_notify!    11  handshake_failed
close_after_hello       close_notify       close_notify!    11  handshake_failed
alert_after_hello       -                  -                11  handshake_failed
plain_alert_after_hello -                  -                11  handshake_failed
fin_for_finished        -                  -                11  handshake_failed
cancel_for_finished     close_notify       close_notify     11  handshake_failed
close_for_finished      close_notify       close_notify     11  handshake_failed
alert_for_finished      -                  -                11  handshake_failed
fin_after_finished      ~                  ~                13  truncated
END
# They wait for the other side's end first.
cat >waiting <<'END'
close_late              close_notify       close_notify      0  clean_both
data_while_closing      close_notify       close_notify      0  clean_both
END
# Only a deadline ends them.
cat >silent <<'END'
nothing                 -                  -                18  timed_out
never_reading           -                  -                18  timed_out
endless                 -                  -                18  timed_out
nothing_for_hello       -                  -                11  never_opened
nothing_for_finished    -                  -                11  handshake_failed
END

# -- what the command says of itself
"$tlsm" peer --list >out 2>err; exits 0 "--list"
for name in $(awk '{ print $1 }' table waiting silent) ticket_close ticket_while_closing renegotiate_close; do
    has "^$name  *[A-Z][0-9]* " "--list has $name"
done
[ "$(wc -l <out)" = "$(($(cat table waiting silent | wc -l) + 3))" ]; ok "--list has no ending that is not played here"
awk '{ print $2 }' out | sort -u | while read -r rule; do
    grep -qE "^${rule}\. |(^|[ –])${rule}[ .:–]" "$here/../docs/closing.md" || exit 1
done; ok "--list names rules of docs/closing.md"
"$tlsm" peer --list --json >out 2>err; exits 0 "--list --json"; has '^{"ending":"close_fin","rule":"C1",' "--list --json"
"$tlsm" peer close_fin 2>err; exits 2 "nobody to play with"; says "HOST:PORT" "nobody to play with"
"$tlsm" peer a:1 2>err; exits 2 "no ending"; says "\-\-list" "no ending"
"$tlsm" peer a:1 shrug 2>err; exits 2 "no such ending"; says 'no ending "shrug"' "no such ending"
"$tlsm" peer a:1 --all fin_only 2>err; exits 2 "all, and one of them"
"$tlsm" peer a:1 b:2 --all 2>err; exits 2 "two servers"
"$tlsm" peer a:1 --all --listen 127.0.0.1:0 2>err; exits 2 "both roles"
"$tlsm" peer a:1 --all --run true 2>err; exits 2 "--run without --listen"
"$tlsm" peer a:1 --all --tls 1.2-1.3 2>err; exits 2 "two versions"
"$tlsm" peer a:1 warning_close 2>err; exits 2 "an ending of the other version"; says "warning_close is not for" "the other version"
"$tlsm" peer a:1 ticket_close 2>err; exits 2 "an ending of the other role"
"$tlsm" peer a:1 --all --file missing 2>err; exits 6 "nothing to say"
"$tlsm" peer fin_only --listen 127.0.0.1:0 --cert missing.pem --key leaf.key 2>err; exits 6 "no such certificate"

# -- our client
client="'$tlsm' client \$TLSM_PEER --insecure --servername localhost --tls \$VERSION"
# clients TABLE VERSION OPTION...: of the client
clients() {
    pick "$(column $2)" $1 | awk '{ print $1, $2, $3 }' >expected; VERSION=$2; export VERSION
    case $1 in waiting) request=request ;; *) request=hold ;; esac
    "$tlsm" peer $(awk '{ print $1 }' expected) --tls $2 --listen 127.0.0.1:0 --json --wait 20000 \
        --run "$client $3 <../${folder##*/}/$request >/dev/null" >out 2>err; exits 0 "our client of TLS $2, $1"
    seen out | awk '{ print $1, $2, $4 }' >got; compare "our client of TLS $2, $1"
}
cp request hold
for version in 1.3 1.2; do
    clients table $version "--close late"
    clients waiting $version ""
done
clients silent 1.3 "--close late --deadline 700"
VERSION=1.3
"$tlsm" peer ticket_close --listen 127.0.0.1:0 --run "$client --close late <request" --expect close_notify,fin >out 2>err; exits 0 "a ticket, then the close"
"$tlsm" peer ticket_while_closing --listen 127.0.0.1:0 --run "$client <request --resume session" --expect close_notify,fin >out 2>err
exits 0 "a ticket that crosses the close"; [ -s session ]; ok "the client keeps it"
VERSION=1.2
"$tlsm" peer renegotiate_close --tls 1.2 --listen 127.0.0.1:0 --run "$client --close late <request" --expect no_renegotiation,fin >out 2>err
exits 0 "HelloRequest, then the close"; has "^renegotiate_close.* 15$" "the client refuses"

# -- our server
# servers TABLE VERSION OPTION...
servers() {
    table=$1; version=$2; shift 2
    pick "$(column $version)" $table | awk '{ print $1, $2 }' >expected
    serve --count "$(wc -l <expected)" --verdict "$@"
    "$tlsm" peer $(awk '{ print $1 }' expected) --tls $version "$address" --json --wait 20000 >out 2>err; exits 0 "our server of TLS $version, $table"
    wait "$child"; exits 0 "our server of TLS $version ends, $table"
    [ $version = 1.3 ] || sed -i 's/^c[a-z]*_for_finished close_notify$/&!/' expected   # a server of TLS 1.2 has no key yet
    seen out | awk '{ print $1, $2 }' >got; compare "our server of TLS $version on the wire, $table"
    awk -v column="$(column $version)" '$column != "." { print $1, $5 }' $table >expected
    sed -n 's/^{"verdict":"\([a-z_]*\)".*"connection":\([0-9]*\),.*/\2 \1/p' server.err | sort -n | awk '{ print $2 }' >verdicts
    awk '{ getline verdict <"verdicts"; print $1, verdict }' expected >got; compare "our server's verdicts of TLS $version, $table"
}
for version in 1.3 1.2; do
    servers table $version --echo
    servers waiting $version --http
done
servers silent 1.3 --echo --deadline 700

# -- openssl: all is played, whatever it does; and what it has to do
cat >told <<'END'
close_fin               close_notify       close_notify
fatal_alert             -                  -
plain_close             unexpected_message bad_record_mac
bad_tag                 bad_record_mac     bad_record_mac
oversized               record_overflow    record_overflow
END
played() { # WORDS VERSION
    [ "$(grep -c '"ending"' out)" -ge "$(cat table waiting silent | awk -v column="$(column $2)" '$column != "."' | wc -l)" ]
    ok "$1: all endings"
    ! grep -q '"played":false' out || [ "$(grep -c '"why":"The other side did not end."' out)" = "$(grep -c '"played":false' out)" ]
    ok "$1: what was not played could not be"
}
# Up to 3.0.19 or so libssl calls a close_notify in the clear internal_error, in TLS 1.2.
of_release() { awk '{ print $1, $1 == "plain_close" && $2 == "internal_error" ? "bad_record_mac" : $2 }'; }
for version in 1.3 1.2; do
    pick "$(column $version)" told | awk '{ print $1, $2 }' >expected
    names=$(awk '{ print $1 }' expected)
    [ $version = 1.3 ] && flag=-tls1_3 || flag=-tls1_2
    start ACCEPT openssl s_server -accept 127.0.0.1:0 -cert leaf.pem -key leaf.key $flag -rev
    address=${address#ACCEPT }
    "$tlsm" peer --all "$address" --tls $version --wait 50 --json >out 2>err; exits 0 "openssl s_server, TLS $version"
    played "openssl s_server, TLS $version" $version
    "$tlsm" peer $names "$address" --tls $version --wait 20000 --json >out 2>err; exits 0 "openssl s_server, TLS $version, some"
    seen out | of_release >got; compare "openssl s_server, TLS $version"
    "$tlsm" peer nothing "$address" --tls $version --wait 50 --expect no_alert,waits >out 2>err; exits 0 "openssl s_server waits"
    end
    client='timeout 10 openssl s_client -connect $TLSM_PEER -ign_eof '$flag' >/dev/null 2>&1'
    "$tlsm" peer --all --listen 127.0.0.1:0 --tls $version --eager --wait 50 --json --run "$client" >out 2>err
    exits 0 "openssl s_client, TLS $version"
    played "openssl s_client, TLS $version" $version
    "$tlsm" peer $names --listen 127.0.0.1:0 --tls $version --eager --wait 20000 --json --run "$client" >out 2>err
    exits 0 "openssl s_client, TLS $version, some"
    seen out | of_release >got; compare "openssl s_client, TLS $version"
done

# -- scripts
serve --echo
"$tlsm" peer fin_only "$address" --expect close_notify,fin >out 2>err; exits 0 "as --expect says"
"$tlsm" peer fin_only "$address" --expect no_alert,fin >out 2>err; exits 1 "not as --expect says"
printf 'hello' >hello
"$tlsm" peer data_after_close "$address" --file hello --json >out 2>err; exits 0 "--file"; has '"data_in":5,' "the echo of --file"
"$tlsm" peer close_late "$address" --wait 100 >out 2>err; exits 11 "who does not end"; has "not played: The other side did not end" "who does not end"
end
"$tlsm" peer fin_only "$address" >out 2>err; exits 5 "nobody listens"; says "Cannot connect" "nobody listens"
"$tlsm" peer fin_only --listen 127.0.0.1:0 --run true >out 2>err; exits 11 "a command that does not connect"; has "There was no connection" "a command that does not connect"
start "listening on" "$tlsm" peer fin_in_record --listen 127.0.0.1:0 --cert leaf.pem --key leaf.key
fetch --close late <request >out 2>err; exits 13 "a client that was not started here"; says "inside a record" "a client that was not started here"
exec 9<&-; wait "$child"; exits 0 "the peer ends after its endings"

summary peer_command_test
