/* SPDX-License-Identifier: MIT */
#include "check_export.h"

#include <string.h>

const char *check_export(const struct node *node)
{
    static uint8_t block[SCENE_BLOCK + TLSM_EXPORT_HEADER];
    static struct node copy;
    const struct tlsm_state *state = &node->at.state;
    const size_t length = tlsm_export(state, block, sizeof block);
    if (length == 0)
        return state->control.request != 0 || state->control.tx == TLSM_TX_EXPORTED ? NULL
                                                                                    : "J1: a state that cannot be exported";
    if (length != tlsm_length(state) + TLSM_EXPORT_HEADER)
        return "a block of another length than promised";
    memset(&copy, 0x5a, sizeof copy.mark + state->length);
    if (tlsm_import(&scene_at(node->mark.scene)->config, (struct tlsm_bytes){ block, length }, &copy.at.state, SCENE_BLOCK) != TLSM_OK)
        return "I11: an exported state is refused";
    return memcmp(copy.at.block, node->at.block, state->length) == 0 ? NULL : "I11: an exported state is another one";
}
