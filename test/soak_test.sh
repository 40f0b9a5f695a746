#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154,SC2015,SC2012
# After 10,000 connections one after another and 1,000 at once the server weighs what it weighed after the first 100.
here=$(cd "$(dirname "$0")" && pwd)
. "$here/pki.sh"
driver=$(dirname "$tlsm")/test/soak
# A sanitizer keeps what was freed.
"$driver" "$tlsm" "$folder" ${SANITIZE:+400000}; ok "descriptors and memory are as before"
summary soak_test
