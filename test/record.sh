#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# Records what other libraries say to the machines of the scenes (test/peers/record.py), and keeps of it what brings the target wire
# further than corpus/wire does. Needs what `make peers`, `make fuzz` and build/record_wire are.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BUILD:-build}" && pwd) || exit 1
. "$here/pki.sh"
make_leaf p256 p256 || exit 1
python3 -B "$here/peers/record.py" --peers "$build/peers" --recorder "$build/record_wire" --pki . --into recorded || exit 1
before=$(find "$here/../corpus/wire" -type f | wc -l)
"$build/fuzz/target/wire" -merge=1 "$here/../corpus/wire" recorded >"$build/record.log" 2>&1 || { tail -n 5 "$build/record.log"; exit 1; }
echo "corpus/wire: $before files, now $(find "$here/../corpus/wire" -type f | wc -l)"
