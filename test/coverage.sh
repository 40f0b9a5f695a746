#!/bin/sh
# SPDX-License-Identifier: MIT
# What the test programs and the corpora reach of machine/: lines, and conditions as MC/DC has them (clang 19); and of the slots that
# the explorer reaches in the same run, what the corpus reaches. The core alone is compiled for it; everything else is as it was
# built. Fails where fewer conditions are met than MCDC_LEAST percent, where one that is missed is not in test/coverage.missed, and
# where that list names one that is met.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
LLVM=${LLVM:-19}
MCDC_LEAST=${MCDC_LEAST:-95}
COVERED=${COVERED:?the fuzz targets whose corpora count: make coverage names them}
C=$BUILD/coverage
failed=0

# The objects of the ordinary build, without the core's.
rm -rf "$C/profile"
mkdir -p "$C/obj" "$C/profile"
cp -au "$BUILD/obj/adapters" "$BUILD/obj/fuzz" "$BUILD/obj/test" "$BUILD/obj/tools" "$C/obj" && cp -pu "$BUILD/command" "$C/command" || exit 1

runtime=$("clang-$LLVM" -print-file-name="libclang_rt.profile-$(uname -m).a")
[ -e "$runtime" ] || runtime=$(find "$("clang-$LLVM" -print-resource-dir)" -name "libclang_rt.profile*$(uname -m).a" | head -n 1)
core() {
    env -u MAKEFLAGS -u MAKELEVEL make -s BUILD="$BUILD" VARIANT=/coverage CORE_CC="clang-$LLVM" \
        CORE_FLAGS='-O1 -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc' \
        FUZZ_OBJECTS="$C/obj/fuzz/replay_main.o" CORE_LINK="-u__llvm_profile_runtime $runtime" "$@"
}
core -k coverage-programs >"$C/build.log" 2>&1 || { tail -n 20 "$C/build.log"; exit 1; }

# A file for each program: %m alone takes two of one size for one, and drops what the second reached where they were linked in
# another order. Its children add to its file.
profile_of() { LLVM_PROFILE_FILE=$PWD/$C/profile/$1.%m.profraw; export LLVM_PROFILE_FILE; }
echo "programs that fail here and not in make test are named; what they reached counts"
# shellcheck disable=SC2016
ls "$C"/test/*_test | C=$C xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 sh -c '
    name=$(basename "$1")
    LLVM_PROFILE_FILE=$PWD/$C/profile/$name.%m.profraw timeout -k 10 300 "$1" >"$C/run.$name.log" 2>&1 </dev/null || echo "    $name: status $?"' -

# The denominator: what the explorer reaches, here and now.
profile_of explore
TLSM_SHUTDOWN_SLOTS=$C/shutdown.explore "$C/test/explore" --slots "$C/slots" >"$C/explore.log" 2>&1 || { echo "the explorer:"; tail -n 5 "$C/explore.log"; failed=1; }
for name in $COVERED; do
    profile_of "$name"
    requires=
    [ "$name" != choice ] || requires="--require $C/slots"
    # shellcheck disable=SC2086
    TLSM_SHUTDOWN_SLOTS=$C/shutdown.$name "$C/target/$name" $requires "corpus/$name" >"$C/$name.log" 2>&1 || { tail -n 5 "$C/$name.log"; failed=1; }
done
grep 'reachable slots' "$C/choice.log"
touch "$C/shutdown.choice" "$C/shutdown.explore"
sort "$C/shutdown.choice" >"$C/shutdown.met"
sort "$C/shutdown.explore" | comm -23 - "$C/shutdown.met" >"$C/shutdown.missing"
sed 's/^/missing: shutdown, /' "$C/shutdown.missing"
echo "shutdown procedure, both contracts: $(($(wc -l <"$C/shutdown.explore") - $(wc -l <"$C/shutdown.missing"))) of $(wc -l <"$C/shutdown.explore") reachable steps"
[ ! -s "$C/shutdown.missing" ] || failed=1

"llvm-profdata-$LLVM" merge -sparse "$C"/profile/*.profraw -o "$C/all.profdata" || exit 1
"llvm-cov-$LLVM" export -format=text -instr-profile="$C/all.profdata" "$C/all" >"$C/coverage.json" 2>"$C/export.log" || exit 1
python3 test/coverage.py "$C/coverage.json" test/coverage.missed "$MCDC_LEAST" "$C/missed" || failed=1
exit $failed
