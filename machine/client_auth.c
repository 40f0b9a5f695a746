/* SPDX-License-Identifier: MIT */
/* The client's certificate in TLS 1.3: asked for, chosen, shown, read (RFC 9846 §4.4.2, §4.5). Order is handshake.def's. */
#include "handshake.h"

uint8_t tlsm_take_client_certificate(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_client_verify(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

enum tlsm_code tlsm_make_certificate_request(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_answer_client_credential(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(answer);
    return TLSM_LIBRARY_FAILED;
}
