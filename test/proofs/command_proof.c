/* SPDX-License-Identifier: MIT */
/* The inductive step of any command, or any word from the transport: from any state, in any room. What else a step can be is cut away, and
 * that it is not reached is proved too. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static struct tlsm_in in;
static struct tlsm_out out;

#define EACH(X) \
    X(SENT) X(CLOSE) X(WAIT) X(ABORT) X(ABANDON) X(EOF) X(RECEIVE_FAILED) X(SEND_FAILED) X(DEADLINE_SET) X(DEADLINE) X(KEY_UPDATE) \
    X(EXPORT) X(OFFLOAD) X(RECORD_FAILED)
#define OR_IS(command) || in.kind == TLSM_IN_##command
#define CANARY_OF(command) CANARY(#command, in.kind != TLSM_IN_##command || final);

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    out = nondet_out();
    GIVEN(0 EACH(OR_IS));
    claim_step(tlsm_step(&config, &subject, &in, &subject, &out), &out);
    const int final = tlsm_is_final(&before);
    EACH(CANARY_OF)
}
