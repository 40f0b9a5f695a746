#!/bin/sh
# SPDX-License-Identifier: MIT
# Nothing in the core is decided by a secret: no branch, no index, over records, key schedule, Finished, binders, tickets. Every
# secret is marked as unwritten, and valgrind says where one decides; so does clang's memory sanitizer, of the core built anew by
# it. With our provider over libcrypto, what is ours. Comparisons that stop early are planted and must be found.
set -u
cd "$(dirname "$0")/.." || exit 1
[ -z "${SANITIZE:-}" ] || { echo "skip  sanitized: valgrind and other sanitizers do not go together"; exit 0; }
B=${B:-build}
BUILD=${BUILD:-build}
failures=0
log=$B/constant_time.log

# watched NAME COMMAND...: nothing is reported. found NAME COMMAND...: what was planted is.
watched() {
    name=$1
    shift
    "$@" >"$log" 2>&1 && { echo "$name: $(tail -n 1 "$log")"; return; }
    echo "FAIL  $name"
    head -n 60 "$log"
    failures=$((failures + 1))
}
found() {
    name=$1
    shift
    "$@" >"$log" 2>&1
    # The memory sanitizer names no function where there is no symbolizer.
    sed -n 's/^ *#0 .*(\(\/.*\)+\(0x[0-9a-f]*\)).*/\1 \2/p' "$log" | head -n 1 >"$log.place"
    while read -r program offset; do addr2line -f -e "$program" "$offset" >>"$log"; done <"$log.place"
    grep -q "$reported" "$log" && grep -q '__wrap_tlsm_equal' "$log" && { echo "$name: what was planted is found"; return; }
    echo "FAIL  $name: what was planted is not found"
    head -n 60 "$log"
    failures=$((failures + 1))
}

# Valgrind 3.19 gives up on clang's debug information; the names of functions stay.
programs=$B/test
case ${CC:-} in
*clang*)
    programs=$B/stripped
    mkdir -p "$programs"
    strip -g -o "$programs/constant_time" "$B/test/constant_time" ;;
esac
memcheck="valgrind -q --error-exitcode=9 --error-limit=no --suppressions=test/constant_time.supp"
reported='depends on uninitialised'
watched "valgrind, the core" $memcheck "$programs/constant_time"
found "valgrind, the core" $memcheck "$programs/constant_time" branch
reported='Use of uninitialised value'
found "valgrind, the core, an index" $memcheck "$programs/constant_time" index
# What the suppressions name is inlined by clang, so the provider is watched as gcc compiles it.
case ${CC:-} in *clang*) ;; *) watched "valgrind, libcrypto" $memcheck "$programs/constant_time_libcrypto" ;; esac

# One for all compilers of ours: the sanitizer is clang's.
sanitized=$BUILD/memory/test/constant_time
if command -v clang >/dev/null; then
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$BUILD" VARIANT=/memory CC=clang SANITIZE=memory CFLAGS='-O1 -g' "$sanitized" ||
        failures=$((failures + 1))
    reported='use-of-uninitialized-value'
    watched "memory sanitizer, the core" "$sanitized"
    found "memory sanitizer, the core" "$sanitized" branch
else
    echo "skip  memory sanitizer: no clang"
fi
[ $failures = 0 ]
