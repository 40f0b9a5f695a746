/* SPDX-License-Identifier: MIT */
/* The inductive step of writing application data: any length, in any room, from any state. Early data are the handshake's. */
#include "proof.h"

/* Room for a record with three bytes. With more of it more bytes are copied, which the code does not look at. */
enum { RECORD = TLSM_HEADER + 8 + 3 + 1 + TLSM_TAG };

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t wire[RECORD], data[RECORD];
static struct tlsm_in in;
static struct tlsm_out out;

static void claim_writing(enum tlsm_code code)
{
    PROVE(out.wire_length == 0 || (before.control.tx == TLSM_TX_OPEN && tlsm_fact(&before, TLSM_FACT_COMPLETE)),
          "A14: data only while our half is open");
    PROVE(out.consumed <= in.bytes.length && subject.ledger.plain_out == before.ledger.plain_out + out.consumed, "what went in is counted");
    PROVE(out.consumed == 0 || code == TLSM_PRODUCED, "what went in was made a record");
    PROVE(code != TLSM_MORE_WIRE_ROOM || out.wire_needed > out.wire.capacity, "I10: it is said how much room is missing");
    PROVE(subject.control.tx == before.control.tx && subject.control.rx == before.control.rx, "writing ends nothing");
}

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    in.kind = TLSM_IN_WRITE;
    in.early = 0;
    in.bytes.data = data;
    out = nondet_out();
    out.wire.data = wire;
    GIVEN(out.wire.capacity <= sizeof wire);
    const enum tlsm_code code = tlsm_step(&config, &subject, &in, &subject, &out);
    claim_step(code, &out);
    claim_writing(code);
    CANARY("of a record that is made", code != TLSM_PRODUCED);
}
