#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# Every pairing and ending of the demonstration is as expected, and its folder is gone afterwards.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
mkdir demo
TMPDIR=$folder/demo "$tlsm" demo; ok "the demonstration"
[ -z "$(ls demo)" ]; ok "its folder is removed"
summary demo_test
