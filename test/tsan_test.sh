#!/bin/sh
# SPDX-License-Identifier: MIT
# threads_test once more under ThreadSanitizer: two threads step copies of one connection, and a data race is an error.
set -eu
B=${B:-build}
make -s BUILD="$B/tsan" VARIANT= CC=clang SANITIZE=thread CFLAGS='-O1 -g' "$B/tsan/test/threads_test"
"$B/tsan/test/threads_test"
