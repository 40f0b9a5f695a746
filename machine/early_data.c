/* SPDX-License-Identifier: MIT */
/* Early data: offered, accepted, rejected (RFC 9846 §4.3.10, §8). Order is handshake.def's. */
#include "handshake.h"

uint8_t tlsm_take_end_of_early_data(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

enum tlsm_code tlsm_make_end_of_early_data(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_answer_replay(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(answer);
    return TLSM_LIBRARY_FAILED;
}

int tlsm_early_data(const struct tlsm_state *state)
{
    TLSM_UNUSED(state);
    return TLSM_EARLY_NONE;
}

size_t tlsm_early_room(const struct tlsm_config *config, const struct tlsm_state *state)
{
    TLSM_UNUSED(config);
    TLSM_UNUSED(state);
    return 0;
}
