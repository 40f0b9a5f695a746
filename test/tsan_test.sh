#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests that have threads once more under ThreadSanitizer: a data race is an error.
set -eu
B=${B:-build}
for name in threads_test ssl_session_threads_test ssl_threads_test; do
    make -s BUILD="$B/tsan" VARIANT= CC=clang SANITIZE=thread CFLAGS='-O1 -g' "$B/tsan/test/$name"
    "$B/tsan/test/$name"
done
