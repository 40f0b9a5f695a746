#!/bin/bash -eu
# SPDX-License-Identifier: MIT
exec bash -eu "$SRC/tlsm/fuzz/oss-fuzz/build.sh"
