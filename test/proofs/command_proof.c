/* SPDX-License-Identifier: MIT */
/* The inductive step of one command, or one word from the transport: from any state, in any room. What else a step can be is cut away, and
 * that it is not reached is proved too. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static struct tlsm_in in;
static struct tlsm_out out;

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    out = nondet_out();
    in.kind = OF(TLSM_IN_);
    claim_step(tlsm_step(&config, &subject, &in, &subject, &out), &out);
    PROVE(tlsm_is_final(&before), CANARY);
}
