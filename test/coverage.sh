#!/bin/sh
# SPDX-License-Identifier: MIT
# What the test programs and the corpora reach of machine/: lines, and conditions as MC/DC has them (clang 19); and of the slots that
# can be reached, found in the same run, what the corpora reach (test/coverage_cells.sh). The core alone is compiled for it; everything else is as it was
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
began=$(date +%s)
say() { echo "coverage, $(($(date +%s) - began)) s: $*"; }

say "builds the core with clang-$LLVM, and every test program upon it; all of it takes about five minutes on two idle processors"
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
say "runs $(find "$C/test" -name '*_test' | wc -l) test programs; those that fail here and not in make test are named, and what they reached counts"
# shellcheck disable=SC2016
ls "$C"/test/*_test | C=$C xargs -P "$(getconf _NPROCESSORS_ONLN)" -n 1 sh -c '
    name=$(basename "$1")
    LLVM_PROFILE_FILE=$PWD/$C/profile/$name.%m.profraw timeout -k 10 300 "$1" >"$C/run.$name.log" 2>&1 </dev/null || echo "    $name: status $?"' -

# What is reached slot by slot: the table of test/coverage_cells.sh, whose choice and explorer count for lines and conditions too.
say "looks for what can be reached, and replays the corpora"
profile_of cells
B=$BUILD EXPLORE=$C/test/explore CHOICE=$C/target/choice sh test/coverage_cells.sh || failed=1
for name in $COVERED; do
    [ "$name" != choice ] || continue
    profile_of "$name"
    "$C/target/$name" "corpus/$name" >"$C/$name.log" 2>&1 || { tail -n 5 "$C/$name.log"; failed=1; }
done

say "puts together what they reached"
"llvm-profdata-$LLVM" merge -sparse "$C"/profile/*.profraw -o "$C/all.profdata" || exit 1
"llvm-cov-$LLVM" export -format=text -instr-profile="$C/all.profdata" "$C/all" >"$C/coverage.json" 2>"$C/export.log" || exit 1
python3 test/coverage.py "$C/coverage.json" test/coverage.missed "$MCDC_LEAST" "$C/missed" || failed=1
say "done: the whole list of what is missed is $C/missed"
exit $failed
