#!/bin/sh
# SPDX-License-Identifier: MIT
# BoGo's tests of the shim, and what came of them: test/bogo/bogo.py. RUNNER is the runner; LOOK a pattern of tests to look at
# alone; RECORD=1 writes test/bogo/passing.
here=$(cd "$(dirname "$0")" && pwd)
shim=$(cd "${B:-build}" && pwd)/bogo/shim
if [ -z "${RUNNER:-}" ]; then
    echo "make bogo needs RUNNER=path: the test runner of BoringSSL (google/boringssl, ssl/test/runner), built by whoever has its source" >&2
    exit 1
fi
[ -x "$RUNNER" ] || { echo "make bogo: RUNNER=$RUNNER is no program" >&2; exit 1; }
exec python3 -B "$here/bogo/bogo.py" --runner "$(cd "$(dirname "$RUNNER")" && pwd)/$(basename "$RUNNER")" --shim "$shim" \
    --config "$here/bogo/config.json" --passing "$here/bogo/passing" ${LOOK:+--look "$LOOK"} ${RECORD:+--record}
