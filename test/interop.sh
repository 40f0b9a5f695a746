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
    make_leaf $kind $kind || { echo "openssl cannot make a $kind certificate here"; exit 1; }
done
python3 -B "$here/peers/interop.py" --ours "${tlsm%/tlsm}/peer_tlsm" --peers "$peers" --pki . --table table >cells
status=$?
sed '$d' cells
if [ -n "${RECORD:-}" ] && [ $status = 0 ]; then
    cp table "$table"
elif ! cmp -s table "$table"; then
    # Other versions may say other words; that is no failure, as long as every cell is as it must be.
    echo "docs/tables/interop.md says otherwise (make interop RECORD=1 writes it):"
    diff "$table" table | sed 's/^/    | /'
fi
tail -n 1 cells
exit $status
