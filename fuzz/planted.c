/* SPDX-License-Identifier: MIT */
/* The negative target: choice sequences from one established connection, with a bug planted in the harness, deep in a
 * history. Both engines must find it in seconds, or the harness proves nothing: our close_notify is produced, the peer's own
 * comes before the transport took it, and then it is taken. */
#include <stdlib.h>
#include <string.h>

#include "sequence.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void watch(void *context, const struct sequence_step *step)
{
    const struct tlsm_state *before = &step->before->at.state, *after = &step->after->at.state;
    unsigned *come = context;   /* how far the history has come in this run */
    if (*come == 0 && before->control.rx == TLSM_RX_OPEN && after->control.rx == TLSM_RX_CLOSED &&
        after->control.tx == TLSM_TX_CLOSE_OUT)
        *come = 1;
    if (*come == 1 && after->control.tx == TLSM_TX_CLOSED)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    scenes_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t course[2 + 24];
    unsigned come = 0;
    const size_t length = size < sizeof course - 2 ? size : sizeof course - 2;
    course[0] = 0;
    course[1] = (uint8_t)(scene_at(0)->roots - 1);
    if (length > 0)
        memcpy(course + 2, data, length);
    sequence_must(course, length + 2, watch, &come);
    return 0;
}
