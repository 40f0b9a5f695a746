/* SPDX-License-Identifier: MIT */
/* The client's certificate, asked for after the handshake (RFC 9846 §4.7.2). Order is handshake.def's. */
#include "handshake.h"

uint8_t tlsm_take_late_finished(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

enum tlsm_code tlsm_make_late_finished(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_late_request(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_answer_late_judge(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(answer);
    return TLSM_LIBRARY_FAILED;
}
