#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# Every cell of docs/tables/interop.md run and judged (test/peers), and the table compared; RECORD=1 writes it. The last line
# is "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
peers=$(cd "${BUILD:-build}/peers" && pwd) || exit 1
table=$here/../docs/tables/interop.md
. "$here/pki.sh"

for kind in p256 p384 ed25519 rsa rsapss; do
    { make_leaf $kind $kind && make_client $kind client-$kind; } || { echo "openssl cannot make a $kind certificate here"; exit 1; }
done
{ make_ca stranger && make_client p256 client-stranger stranger; } || exit 1
python3 -B "$here/peers/interop.py" --ours "${tlsm%/tlsm}/peer_tlsm" --peers "$peers" --pki . --table table >cells
status=$?
sed '$d' cells
# The libraries and their versions, without the figures.
versions() { sed -n 's/^| \([A-Za-z][A-Za-z /]*|[^|]*| *[0-9][0-9]* \)|.*| 0 |$/\1/p' "$1" | cut -d '|' -f 1,2; }
if [ -n "${RECORD:-}" ] && [ $status = 0 ]; then
    cp table "$table"
elif ! cmp -s table "$table"; then
    echo "docs/tables/interop.md says otherwise (make interop RECORD=1 writes it):"
    diff "$table" table | sed 's/^/    | /'
    # Other versions may say other words; the same ones must not.
    if [ $status = 0 ] && [ "$(versions table)" = "$(versions "$table")" ]; then
        tail -n 1 cells | sed 's/ 0 failed$/ 1 failed/'
        exit 1
    fi
fi
tail -n 1 cells
exit $status
