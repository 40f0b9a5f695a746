#!/bin/sh
# SPDX-License-Identifier: MIT
# symbols.sh --list HEADER...: the functions and objects that these headers declare, by linker name, one a line. The included folders
# are machine/ and adapters/.
# symbols.sh --script LIST: the linker's version script of a library that shows what LIST names, and nothing else.
# symbols.sh --check LIBRARY LIST HEADER...: the library shows exactly what LIST names, and that is what the headers declare.
set -u
cd "$(dirname "$0")/.." || exit 1

listed() { grep -v '^#' "$1"; }

# Declarations outside braces: a name of ours before a parenthesis is a function; else an extern's last name is an object.
# Text of other files, which the compiler's line marks tell, is none of ours.
declared() {
    for header in "$@"; do
        for drop_in in "" -DTLSM_SSL_DROP_IN; do
            # shellcheck disable=SC2086
            ${CC:-cc} -std=c11 -E $drop_in -Imachine -Iadapters "$header" || exit 1
        done | awk -v ours="$header" '
            /^# [0-9]+ "/ { file = $3; gsub(/"/, "", file); next }
            /^#/ || file != ours { next }
            {
                gsub(/[{}();]/, " & ")
                gsub(/\*/, " ")
                sub(/\[.*/, "")
                for (i = 1; i <= split($0, word, /[ \t]+/); i++) {
                    w = word[i]
                    if (w == "") continue
                    if (w == "{") depth++
                    else if (w == "}") { if (--depth == 0) start() }
                    else if (depth > 0) continue
                    else if (w == ";") {
                        if (external && !found && last ~ /^tlsm_/) print last
                        start()
                    } else if (w == "(") {
                        if (last ~ /^tlsm_/ && !private) { print last; found = 1 }
                        last = ""
                    } else {
                        if (w == "static" || w == "typedef") private = 1
                        if (w == "extern") external = 1
                        last = w
                    }
                }
            }
            function start() { last = ""; private = external = found = 0 }'
    done | LC_ALL=C sort -u
}

shown() { nm -D -P --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $1); print $1 }' | LC_ALL=C sort -u; }

differ() {
    echo "symbols: $1"
    diff "$2" "$3" | sed -n 's/^[<>]/    &/p'
    status=1
}

check() {
    library=$1 list=$2 status=0
    shift 2
    work=$(mktemp -d) || exit 1
    listed "$list" >"$work/listed"
    declared "$@" >"$work/declared"
    shown "$library" >"$work/shown"
    [ -s "$work/shown" ] || { echo "symbols: $library shows nothing"; status=1; }
    cmp -s "$work/listed" "$work/declared" ||
        differ "$list (<) is not what its headers declare (>): make symbols" "$work/listed" "$work/declared"
    cmp -s "$work/listed" "$work/shown" || differ "$list (<) is not what $library shows (>)" "$work/listed" "$work/shown"
    rm -r "$work"
    return $status
}

case $1 in
--script)
    echo 'TLSM_0 { global:'
    listed "$2" | sed 's/$/;/'
    echo 'local: *; };' ;;
--check) shift; check "$@" ;;
--list)
    shift
    echo '# SPDX-License-Identifier: MIT'
    declared "$@" ;;
esac
