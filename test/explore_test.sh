#!/bin/sh
# SPDX-License-Identifier: MIT
# The explorer finds what is recorded, and the corpus, replayed without any fuzzing engine, takes every slot that the
# explorer can reach. Under a sanitizer the walk is left out: it takes minutes, and the replay has each kind of step of it.
set -eu
B=${B:-build}
[ -n "${SANITIZE:-}" ] || "$B/test/explore" --counts
make -s fuzz-replay BUILD="$B/plain"
"$B/plain/replay/target/choice" --require test/explore.slots corpus/choice
[ ! -d corpus/regress ] || "$B/plain/replay/target/choice" corpus/regress
