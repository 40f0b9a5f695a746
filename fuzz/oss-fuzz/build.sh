#!/bin/bash -eu
# SPDX-License-Identifier: MIT
# Builds every fuzz target for OSS-Fuzz and ClusterFuzzLite, by the variables that they set: CC, CXX, CFLAGS, CXXFLAGS,
# LIB_FUZZING_ENGINE, SANITIZER, and the folders SRC, WORK and OUT. FUZZ_TARGETS picks some of them. The lists of sources are the Makefile's.
#
# The memory sanitizer wants every library instrumented, and libcrypto is not: with it only the targets are built that have the null
# provider alone.
cd "${TLSM:-$SRC/tlsm}"

pure=$(make -s fuzz-list LIST=PURE_TARGETS)
targets=${FUZZ_TARGETS:-$(make -s fuzz-list LIST=fuzz_targets)}
if [ "${SANITIZER:-address}" = memory ]; then
    chosen=
    for target in $targets; do
        case " $pure " in *" $target "*) chosen="$chosen $target" ;; esac
    done
    targets=$chosen
fi

# What runs the targets has none of our libraries, so that they are linked in.
make -j"$(nproc)" BUILD="$WORK/tlsm" VARIANT= CC="$CC" CFLAGS="$CFLAGS" LINK="$CXX $CXXFLAGS" DEBUG=-DTLSM_DEBUG \
    FUZZ_MAIN="$LIB_FUZZING_ENGINE" FUZZ_OBJECTS= SYSTEM='-Wl,-Bstatic -lssl -lcrypto -Wl,-Bdynamic -lpthread -ldl' \
    URING_SYSTEM='-Wl,-Bstatic -luring -Wl,-Bdynamic' fuzz_targets="$targets" fuzz-programs

# seeds TARGET: its corpus, and what was found with it.
seeds() {
    find "corpus/$1" corpus/regress -type f 2>/dev/null | grep -e "^corpus/$1/" -e "^corpus/regress/$1-"
}

for target in $targets; do
    cp "$WORK/tlsm/target/$target" "$OUT/$target"
    cp fuzz/target.options "$OUT/$target.options"
    # A dictionary of a folder's first word serves all that begin so.
    for dictionary in "fuzz/$target.dict" "fuzz/${target%%_*}.dict"; do
        [ ! -e "$dictionary" ] || { cp "$dictionary" "$OUT/$target.dict"; break; }
    done
    rm -f "$OUT/${target}_seed_corpus.zip"
    # shellcheck disable=SC2046
    [ -z "$(seeds "$target")" ] || python3 -m zipfile -c "$OUT/${target}_seed_corpus.zip" $(seeds "$target")
done
