/* SPDX-License-Identifier: MIT */
/* The inductive step of what a record brought, by its type: alerts, data, and what is none of these nor a message. Its content has any length
 * and any bytes. That tlsm_content() is called like this, wherever the record was opened, is proved in body_proof.c. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t bytes[2];   /* of a longer content no byte is looked at: CBMC would say that it lies outside */
static size_t length;
static int authentic;
static struct tlsm_in in;
static struct tlsm_out out;

enum { ALERT = TLSM_TYPE_ALERT, DATA = TLSM_TYPE_DATA, OTHER };
static uint8_t type_of_case(void)
{
    const uint8_t type = nondet_byte();
    GIVEN(type != ALERT && type != DATA && type != TLSM_TYPE_HANDSHAKE);
    return CASE == OTHER ? type : CASE;
}

/* In place of those of record.c and elsewhere.c: all that body_proof.c leaves open. */
enum tlsm_code tlsm_read_elsewhere(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    GIVEN(tlsm_may_receive(control) == TLSM_OK && (authentic || control->rx != TLSM_RX_OPEN));
    work->out->consumed = nondet_size();
    if (nondet_flag())
        tlsm_clear_header(control);
    if (authentic && nondet_flag())
        control->facts |= TLSM_FACT_OPENED;
    if (authentic)
        work->state->read_key.sequence++;
    return tlsm_content(work, type_of_case(), tlsm_slice(bytes, length), authentic);
}

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    out = nondet_out();
    in.kind = TLSM_IN_RECORD;
    bytes[0] = nondet_byte();
    bytes[1] = nondet_byte();
    length = nondet_size();
    authentic = nondet_flag();
    GIVEN(length >> 62 == 0);
    GIVEN(subject.control.read_epoch != TLSM_EPOCH_EARLY);   /* that is the handshake's */
    const enum tlsm_code code = tlsm_step(&config, &subject, &in, &subject, &out);
    claim_step(code, &out);
    claim_reading(tlsm_slice(bytes, length), authentic, &out);
    PROVE(!tlsm_fact(&subject, TLSM_FACT_ERROR), CANARY);
}
