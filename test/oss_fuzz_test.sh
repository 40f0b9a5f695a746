#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz/oss-fuzz/build.sh with the variables that OSS-Fuzz and ClusterFuzzLite set (libFuzzer), for some of the targets and sanitizers, or with
# "every" for all: what comes out is run on the seeds that come with it. FUZZ_TARGETS and FUZZ_SANITIZERS say which.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
work=$PWD/$B/oss-fuzz
every=${1:-}
targets=${FUZZ_TARGETS-wire}
sanitizers=${FUZZ_SANITIZERS-address}
if [ "$every" = every ]; then
    targets=$(make -s fuzz-list LIST=fuzz_targets)
    sanitizers="address undefined memory"
fi
# How this build was made says nothing about that one.
case $B,$every in *address*,) echo "skip  the ordinary build asks"; exit 0 ;; esac
failed=0
fail() { failed=$((failed + 1)); echo "FAIL  $1"; tail -n 30 "$work/log" | sed 's/^/    | /'; }

# As base-builder sets them.
flags="-O1 -fno-omit-frame-pointer -gline-tables-only -Wno-error=vla-cxx-extension -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
sanitizer_flags() {
    case $1 in
    address) echo "-fsanitize=address -fsanitize-address-use-after-scope" ;;
    undefined) echo "-fsanitize=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return,returns-nonnull-attribute,shift,signed-integer-overflow,unsigned-integer-overflow,unreachable,vla-bound,vptr -fno-sanitize-recover=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr" ;;
    memory) echo "-fsanitize=memory -fsanitize-memory-track-origins" ;;
    esac
}

build() {
    mkdir -p "$work/$1/out" "$work/$1/work"
    env CC=clang CXX=clang++ CFLAGS="$flags $(sanitizer_flags "$1") -fsanitize=fuzzer-no-link" \
        CXXFLAGS="$flags $(sanitizer_flags "$1") -fsanitize=fuzzer-no-link" LIB_FUZZING_ENGINE=-fsanitize=fuzzer \
        SANITIZER="$1" FUZZING_ENGINE=libfuzzer ARCHITECTURE=x86_64 FUZZ_TARGETS="$targets" TLSM="$PWD" \
        SRC="$work" WORK="$work/$1/work" OUT="$work/$1/out" MAKEFLAGS= MAKELEVEL=0 bash -eu fuzz/oss-fuzz/build.sh >"$work/log" 2>&1
}

# replay SANITIZER TARGET: every seed, through the program as those services start it.
replay() {
    out=$work/$1/out seeds=$work/$1/seeds/$2 dictionary=
    rm -rf "$seeds" && mkdir -p "$seeds"
    [ -x "$out/$2" ] && [ -e "$out/$2.options" ] || { echo "no program" >"$work/log"; return 1; }
    [ ! -e "$out/${2}_seed_corpus.zip" ] || python3 -m zipfile -e "$out/${2}_seed_corpus.zip" "$seeds"
    [ ! -e "$out/$2.dict" ] || dictionary="-dict=$out/$2.dict"
    case $2 in *planted) return 0 ;; esac   # its seeds lead to its bug
    # shellcheck disable=SC2086
    ( cd "$work" && "$out/$2" -runs=1 -detect_leaks=0 $dictionary "$seeds" ) >"$work/log" 2>&1
}

rm -rf "$work" && mkdir -p "$work" || exit 1
for sanitizer in $sanitizers; do
    if ! build "$sanitizer"; then
        fail "$sanitizer: build.sh"
        continue
    fi
    for program in "$work/$sanitizer/out"/*.options; do
        target=$(basename "$program" .options)
        if replay "$sanitizer" "$target"; then
            echo "pass  $sanitizer, $target: $(find "$work/$sanitizer/seeds/$target" -type f | wc -l) seeds"
        else
            fail "$sanitizer, $target"
        fi
    done
done
for folder in fuzz/oss-fuzz .clusterfuzzlite; do
    for file in Dockerfile build.sh project.yaml; do
        [ -s "$folder/$file" ] || { echo "FAIL  $folder/$file is missing"; failed=$((failed + 1)); }
    done
done
[ "$failed" = 0 ]
