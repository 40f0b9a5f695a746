/* SPDX-License-Identifier: MIT */
/* Apart from what marks slots, so that a target that marks none does not bring it. */
#include "adapter_slot.h"

#include <stdio.h>

const char *adapter_text(unsigned slot)
{
    static char text[96];
#define X(name, text) text,
    static const char *const call[] = { ADAPTER_CALL_LIST(X) }, *const answer[] = { ADAPTER_ANSWER_LIST(X) };
#undef X
    (void)snprintf(text, sizeof text, "%s, %s: %d", call[slot / ADAPTER_RESULTS / ADAPTER_ANSWERS], answer[slot / ADAPTER_RESULTS % ADAPTER_ANSWERS],
                   1 - (int)(slot % ADAPTER_RESULTS));
    return text;
}
