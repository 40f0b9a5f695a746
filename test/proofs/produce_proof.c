/* SPDX-License-Identifier: MIT */
/* The inductive step of what makes an alert: close_notify, user_canceled, a fatal alert, and nothing where nothing is owed. */
#include "proof.h"

/* An alert, its compatibility record before it, in any version: 5 + 1, and 5 + 8 + 2 + 16. */
enum { ALERT_ROOM = 6 + 31 };

/* Made by other files; that they are not called is proved too. */
enum tlsm_code tlsm_handshake_produce(struct tlsm_work *work) { PROVE(0, "no message of the handshake is made"); return TLSM_OK; }
enum tlsm_code tlsm_make_ticket(struct tlsm_work *work) { PROVE(0, "no ticket is made"); return TLSM_OK; }
enum tlsm_code tlsm_make_update(struct tlsm_work *work) { PROVE(0, "no key update is made"); return TLSM_OK; }

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t wire[ALERT_ROOM];
static struct tlsm_in in;
static struct tlsm_out out;

int main(void)
{
    any_state();
    GIVEN(subject.control.tickets == 0 && !(subject.control.owes & TLSM_OWES_UPDATE));
    settings = nondet_settings();
    in = nondet_in();
    in.kind = TLSM_IN_PRODUCE;
    out = nondet_out();
    out.wire.data = wire;
    GIVEN(out.wire.capacity <= sizeof wire);
    claim_step(tlsm_step(&config, &subject, &in, &subject, &out), &out);
    PROVE(subject.control.tx == before.control.tx, CANARY);
}
