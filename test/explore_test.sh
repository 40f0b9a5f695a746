#!/bin/sh
# SPDX-License-Identifier: MIT
# The walk over every reachable state: no rule broken, every row of the closing table as reachable as it says, the numbers
# and the digest as recorded. The same of two machines and a channel. Sanitized builds leave it to the others, which take the same
# steps.
set -eu
cd "$(dirname "$0")/.."
[ -z "${SANITIZE:-}" ] || { echo "skip  sanitized"; exit 0; }
"${B:-build}/test/explore"
"${B:-build}/test/explore" --pair
