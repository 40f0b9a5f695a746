#!/bin/sh
# SPDX-License-Identifier: MIT
# count.sh PROGRAM [--library KEY] [--row KEY] [--times N]: instructions of one operation of each row, as callgrind counts them, with
# whose they are: a line of LIBRARY ROW WHOSE COUNT for each. First a line of what else the counts depend on.
# The core's and the adapters' are told from the rest of the program by the debug information (CFLAGS with -g, which is the default).
set -u
program=$1
shift
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

# Nothing is counted, and the program is not slowed down so much, but where it asks for it.
valgrind -q --tool=callgrind --instr-atstart=no --collect-atstart=no --compress-strings=no --compress-pos=no \
    --callgrind-out-file="$folder/out" "$program" --count "$@" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
grep '^libcrypto ' "$folder/log" | sed "s/\$/, $(valgrind --version)/"

files=$(ls "$folder" | sed -n 's/^out\.//p' | sort -n | sed "s|^|$folder/out.|")
# In callgrind's file the line after calls= is what was called took, which is counted where it was executed.
awk '
FNR == 1            { part = file = object = ""; times = 0 }
/^desc: Trigger: /  { if ($5 == "count") { library = $6; row = $7; times = $8 } next }
/^ob=/              { object = substr($0, 4); next }
/^f[lie]=/          { file = substr($0, 4); next }
/^calls=/           { getline; next }
/^[0-9]/ && times   {
    if (object ~ /\/libcrypto\.so/) part = "libcrypto"
    else if (object ~ /\/(libc|ld-[^\/]*|ld)[.-]/) part = "libc"
    else if (object ~ /\.so/) part = "other"
    else if (file ~ /(^|\/)machine\/[a-z0-9_]+\.[ch]$/) part = "machine"
    else if (file ~ /(^|\/)adapters\/[a-z0-9_]+\.[ch]$/) part = "adapters"
    else part = "bench"
    key = library " " row
    if (!(key in of)) { of[key] = times; order[++keys] = key }
    sum[key, part] += $2
}
END {
    split("machine adapters bench libcrypto libc other", parts, " ")
    for (k = 1; k <= keys; k++)
        for (p = 1; p <= 6; p++)
            if ((order[k], parts[p]) in sum)
                printf "%s %s %.0f\n", order[k], parts[p], sum[order[k], parts[p]] / of[order[k]]
}' $files
