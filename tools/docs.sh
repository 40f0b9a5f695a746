#!/bin/sh
# SPDX-License-Identifier: MIT
# docs.sh FOLDER: writes below FOLDER all that is generated: the tables, the diagrams, tlsm_version.h, and README.md and the
# manual pages with their marked sections renewed from the tables.
set -eu
out=$1
here=$(dirname "$0")/..
B=${B:-build}
mkdir -p "$out/docs/tables" "$out/docs/man" "$out/machine"
"$B/gen" "$out" "$(cat "$here/VERSION")"

# renew FILE: between "generated: TABLE" and "end generated", each in a comment of its language, stands TABLE, whatever stood
# there before.
renew() {
    awk -v folder="$out" '
        ($1 == "<!--" || $1 == ".\\\"") && $2 == "generated:" {
            print; file = folder "/" $3; while ((getline line < file) > 0) print line; close(file); skip = 1; next
        }
        $2 == "end" && $3 == "generated" { skip = 0 }
        !skip { print }
    ' "$here/$1" >"$out/$1.new"
    if cmp -s "$out/$1.new" "$out/$1"; then rm "$out/$1.new"; else mv "$out/$1.new" "$out/$1"; fi
}

renew README.md
renew docs/embedding.md
for page in "$here"/docs/man/*.[137]*; do renew "docs/man/${page##*/}"; done
