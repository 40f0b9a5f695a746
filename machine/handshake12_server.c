/* SPDX-License-Identifier: MIT */
/* The server's messages of TLS 1.2 (RFC 5246 §7.4, RFC 8422, RFC 5077). Order is handshake.def's. */
#include "handshake.h"

uint8_t tlsm_take_client_certificate_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_client_key_exchange(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

uint8_t tlsm_take_client_verify_12(struct tlsm_work *work, struct tlsm_bytes message)
{
    TLSM_UNUSED(work);
    TLSM_UNUSED(message);
    return TLSM_ALERT_UNEXPECTED_MESSAGE;
}

enum tlsm_code tlsm_make_server_hello_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_certificate_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_certificate_status(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_server_key_exchange(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_certificate_request_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_server_hello_done(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}

enum tlsm_code tlsm_make_ticket_12(struct tlsm_work *work)
{
    TLSM_UNUSED(work);
    return TLSM_LIBRARY_FAILED;
}
