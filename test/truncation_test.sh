#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# truncation_test.sh [every]: `tlsm client` never takes a cut stream for a whole one: about sixty cuts over a transfer of
# 40,000 bytes, around every border of a record; with "every", at each of its bytes (minutes).
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
driver=$(dirname "$tlsm")/test/truncate
"$driver" "$tlsm" "$folder" "${1:-sample}"; ok "every cut is told from an end"
summary truncation_test
