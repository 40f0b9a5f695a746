/* SPDX-License-Identifier: MIT */
/* The inductive step of every command and every word from the transport that ends something: from any state, in any room. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static struct tlsm_in in;
static struct tlsm_out out;

/* Commands, and what the transport says. What else a step can be is cut away, and that it is not reached is proved too. */
static int is_command(enum tlsm_in_kind kind)
{
    return (kind >= TLSM_IN_SENT && kind <= TLSM_IN_DEADLINE) || kind == TLSM_IN_EXPORT || kind == TLSM_IN_OFFLOAD ||
           kind == TLSM_IN_RECORD_FAILED;
}

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    out = nondet_out();
    GIVEN(is_command(in.kind));
    claim_step(tlsm_step(&config, &subject, &in, &subject, &out), &out);
    PROVE(subject.control.rx == before.control.rx, CANARY);
}
