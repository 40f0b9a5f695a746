#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015
# The shim as BoGo's runner meets it, and what is made of a runner's results, both without a runner.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
shim=$(dirname "$tlsm")/bogo/shim
[ -x "$shim" ] || { echo "there is no $shim: run make test-programs"; exit 1; }
says() { grep -qF -- "$1" "$3"; ok "$2: \"$1\""; }

# -- the shim alone
[ "$("$shim" -is-handshaker-supported 2>err)" = No ]; ok "the probe is answered"
"$shim" -port 1 -no-such-flag 2>err; exits 89 "a flag that is not known is left out"
"$shim" -port 2>err; exits 89 "a flag without its parameter is left out"
"$shim" -port 1 -curves 25 2>err; exits 89 "a group that is not here is left out"
TLSM_BOGO_LOG=log "$shim" -port 1 -on-resume-no-such-flag -write-settings folder/Some-Test-
[ "$(cat log)" = "$(printf 'Some-Test\t89\t0000\t-no-such-flag')" ]; ok "the log says which test missed what"

# -- a runner of one connection: reads the id, speaks TLS by Python's library, expects its words with every bit turned
cat >runner.py <<'END'
import socket, ssl, subprocess, sys
listener = socket.create_server(("127.0.0.1", 0))
listener.settimeout(20)
shim = subprocess.Popen([sys.argv[1], "-port", str(listener.getsockname()[1]), "-shim-id", "258", *sys.argv[3:]])
connection, _ = listener.accept()
connection.settimeout(20)
assert connection.recv(8, socket.MSG_WAITALL) == bytes([2, 1, 0, 0, 0, 0, 0, 0]), "id"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if sys.argv[2] == "server" else ssl.PROTOCOL_TLS_CLIENT)
if sys.argv[2] == "server":
    context.load_cert_chain("leaf.pem", "leaf.key")
    connection = context.wrap_socket(connection, server_side=True)
else:
    context.check_hostname = False
    context.load_verify_locations("ca.pem")
    connection = context.wrap_socket(connection)
connection.sendall(b"\x00\x0f\xf0")
got = b""
while len(got) < 3 and (more := connection.recv(3 - len(got))):
    got += more
if got:
    assert got == b"\xff\xf0\x0f", got
    connection = connection.unwrap()
connection.close()
sys.exit(shim.wait(20))
END
for async in "" -async; do
    python3 runner.py "$shim" server $async -check-close-notify 2>err; exits 0 "a client $async"
    [ ! -s err ]; ok "it says nothing"
    python3 runner.py "$shim" client -server -cert-file leaf.pem -key-file leaf.key $async -check-close-notify 2>err
    exits 0 "a server $async"
    [ ! -s err ]; ok "it says nothing"
done
python3 runner.py "$shim" server -expect-hrr 2>err; exits 1 "an expectation that does not hold"
says "expected HelloRetryRequest 1, got 0" "it" err

# -- a runner's results
result() { printf '"%s": {"actual": "%s", "expected": "PASS", "is_unexpected": false}' "$1" "$2"; }
results() { printf '{"interrupted": %s, "tests": {%s, %s, %s}}\n' "$1" "$(result A-TLS13 "$2")" "$(result B-TLS12 PASS)" "$(result C SKIP)"; }
{ printf '{"tests": {'; for i in $(seq 1 101); do printf '%s, ' "$(result "Many-$i" SKIP)"; done; printf '%s, %s, %s, %s}}' \
    "$(result A-TLS13 SKIP)" "$(result B-TLS12 SKIP)" "$(result C SKIP)" "$(result Odd-1 SKIP)"; } >names
printf 'A-TLS13\t0\t0304\t\nB-TLS12\t0\t0304\t\nC\t89\t0000\t-psk\n' >log
config() { printf '{"DisabledTests": {"%s": "%s"}, "ErrorMap": {}}\n' "$1" "$2" >config.json; }
report() {
    python3 -B "$here/bogo/bogo.py" --config config.json --passing passing --results results --names names --log log "$@" >out 2>&1
}
sentence="This is not done here, and that is the reason."
printf '# least\nall 2\n1.3 2\n1.2 0\n' >passing
results false PASS >results; config 'Odd-*' "$sentence"
report; exits 0 "as many pass as are recorded"
says "$(printf 'passed%18d%9d%9d%9d' 2 2 0 0)" "the version is what was settled, not what the name has" out
says "$(printf 'disabled%16d%9d%9d%9d' 1 0 0 1)" "one is disabled" out
says "      1  -psk" "what is missing is counted" out
says "2 passed, 0 failed" "the last line" out
printf 'all 3\n' >passing; report; exits 1 "fewer pass than are recorded"
says "bogo: 2 passed (all), recorded are 3" "it" out
printf 'all 1\n' >passing; report; exits 0 "more pass than are recorded"
says "make bogo RECORD=1 raises the number" "it" out
report --record; exits 0 "the number is recorded"
[ "$(sed -n 's/^all //p' passing)" = 2 ]; ok "it is there"
config '*-[0-9]*' "$sentence"; report; exits 1 "a pattern that disables too many"
says "disables 102 tests, more than 100" "it" out
config 'Odd-*' "later"; report; exits 1 "a reason that is no sentence"
config 'Odd-*' "$sentence"; results false FAIL >results; printf 'all 0\n' >passing; report; exits 1 "a test that fails"
says "FAILED A-TLS13" "it" out
report --record; [ "$(sed -n 's/^all //p' passing)" = 0 ]; ok "nothing is recorded when a test fails"
results true PASS >results; report; exits 1 "a runner that was interrupted"

# -- what is checked in
python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$here/bogo/config.json" 2>err; ok "config.json is JSON"
RUNNER='' B=$(dirname "$tlsm") sh "$here/bogo.sh" 2>err; exits 1 "without a runner"
says "make bogo needs RUNNER=path" "it says how to get one" err

summary bogo_test
