/* SPDX-License-Identifier: MIT */
/* The inductive step of what a record brought, of any type but a message: alerts, data, and what is neither. Its content has any length
 * and any bytes. That tlsm_content() is called like this, wherever the record was opened, is proved in body_proof.c. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t bytes[2];   /* of a longer content no byte is looked at: CBMC would say that it lies outside */
static size_t length;
static int authentic;
static uint8_t type;
static struct tlsm_in in;
static struct tlsm_out out;

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
    return tlsm_content(work, type, tlsm_slice(bytes, length), authentic);
}

/* What a type is not read as. */
static void claim_type(enum tlsm_code code)
{
    const struct tlsm_control *was = &before.control, *is = &subject.control;
    const uint32_t heard = TLSM_FACT_PEER_ALERT | TLSM_FACT_PEER_CLOSED_EARLY | TLSM_FACT_ALERT_AUTHENTIC;
    PROVE(type == TLSM_TYPE_DATA || out.plain_length == 0, "C4: only data are delivered");
    PROVE(type == TLSM_TYPE_ALERT || (is->alert_in == was->alert_in && is->alert_in_level == was->alert_in_level &&
                                      ((was->facts ^ is->facts) & heard) == 0 && (is->rx != TLSM_RX_CLOSED || was->rx == TLSM_RX_CLOSED)),
          "only an alert says what an alert says");
    PROVE(type == TLSM_TYPE_ALERT || type == TLSM_TYPE_DATA || tlsm_is_final(&before) || tlsm_refuses(code) || is->rx == TLSM_RX_DEAD,
          "F3: with what is neither reading ends, and not as complete");
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
    type = nondet_byte();
    GIVEN(type != TLSM_TYPE_HANDSHAKE);
    GIVEN(length >> 62 == 0);
    GIVEN(subject.control.read_epoch != TLSM_EPOCH_EARLY);   /* that is the handshake's */
    const enum tlsm_code code = tlsm_step(&config, &subject, &in, &subject, &out);
    claim_step(code, &out);
    claim_reading(tlsm_slice(bytes, length), authentic, &out);
    claim_type(code);
    const int error = tlsm_fact(&subject, TLSM_FACT_ERROR);
    CANARY("ALERT", type != TLSM_TYPE_ALERT || !error);
    CANARY("DATA", type != TLSM_TYPE_DATA || !error);
    CANARY("OTHER", type == TLSM_TYPE_ALERT || type == TLSM_TYPE_DATA || !error);
}
