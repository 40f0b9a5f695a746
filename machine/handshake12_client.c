/* SPDX-License-Identifier: MIT */
/* The client's messages of TLS 1.2, from ServerHello on (RFC 5246 §7.4, RFC 8422, RFC 5077). Order is handshake.def's. */
#include "handshake.h"

uint8_t tlsm_take_server_hello_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_certificate_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_certificate_status(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_server_key_exchange(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_certificate_request_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_server_hello_done(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_ticket_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

enum tlsm_code tlsm_make_client_certificate_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_client_key_exchange(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_certificate_verify_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_answer_judge_12(struct tlsm_work *work, const struct tlsm_answer *answer)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(answer);
    return TLSM_LIBRARY_FAILED;
}
