/* SPDX-License-Identifier: MIT */
/* A peer of TLS 1.2 that asks for a second handshake on the same connection gets none: E8, B6 of docs/closing.md; RFC 5246 §7.4.1.1,
 * §7.4.1.2. */
#include "event.h"

int tlsm_asks_again(const struct tlsm_state *state, uint8_t type)
{
    const unsigned asking = state->control.role == TLSM_CLIENT ? TLSM_MSG_HELLO_REQUEST : TLSM_MSG_CLIENT_HELLO;
    return tlsm_is_12(state) && type == asking;
}

/* A ClientHello has a peer that waits for an answer: only when we close is it as if it had not come. A client that is still about to
 * finish its handshake has nothing to refuse yet. */
static int ignores(const struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    if (control->role == TLSM_CLIENT && !tlsm_fact(work->state, TLSM_FACT_COMPLETE))
        return 1;
    return work->config->settings->renegotiation == TLSM_RENEGOTIATION_IGNORE &&
           (control->role == TLSM_CLIENT || tlsm_close_asked(control));
}

enum tlsm_code tlsm_judge_again(struct tlsm_work *work, uint8_t type)
{
    struct tlsm_control *control = &work->state->control;
    if (!tlsm_asks_again(work->state, type))
        return TLSM_OK;
    if (!ignores(work))
        return tlsm_fail(work, TLSM_ALERT_NO_RENEGOTIATION);
    if (control->warnings >= TLSM_REQUESTS_MAX)
        return tlsm_fail_excess(work);
    control->warnings++;
    return TLSM_OK;
}

enum tlsm_code tlsm_ignore_again(struct tlsm_work *work, struct tlsm_bytes body)
{
    if (work->state->control.role == TLSM_CLIENT && body.length != 0)
        return tlsm_fail(work, TLSM_ALERT_DECODE_ERROR);
    return tlsm_event(work, TLSM_EV_MESSAGE);
}
