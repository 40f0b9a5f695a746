#!/bin/sh
# SPDX-License-Identifier: MIT
# docs.sh FOLDER: writes below FOLDER all that is generated: the tables, the diagrams, tlsm_version.h, and README.md with its
# marked sections renewed from the tables.
set -eu
out=$1
here=$(dirname "$0")/..
B=${B:-build}
mkdir -p "$out/docs/tables" "$out/machine"
"$B/gen" "$out" "$(cat "$here/VERSION")"

# Between "generated: FILE" and "end generated" stands FILE, whatever stood there before.
awk -v folder="$out" '
    /^<!-- generated: / { print; file = folder "/" $3; while ((getline line < file) > 0) print line; close(file); skip = 1; next }
    /^<!-- end generated -->/ { skip = 0 }
    !skip { print }
' "$here/README.md" >"$out/README.md.new"
if cmp -s "$out/README.md.new" "$out/README.md"; then rm "$out/README.md.new"; else mv "$out/README.md.new" "$out/README.md"; fi
