/* SPDX-License-Identifier: MIT */
/* The inductive step of what makes a record by itself, by what our half owes: close_notify, user_canceled, a fatal alert, a key update, and
 * nothing where nothing more is said. In any room. Messages of the handshake and tickets are made elsewhere, and cut away. */
#include "proof.h"

/* The longest of them: a key update, sealed, its nonce with it; and a compatibility record before an alert, 6 and 31 bytes. */
enum { RECORD = TLSM_HEADER + 8 + 5 + 1 + TLSM_TAG + 6 };

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t wire[RECORD];
static struct tlsm_in in;
static struct tlsm_out out;

/* What our half owes: an alert, or nothing; or, while it is open, a key update. */
enum { ALERT, OPEN };
static void choose_half(void)
{
    struct tlsm_control *control = &subject.control;
    if (CASE == OPEN) {
        control->tx = TLSM_TX_OPEN;
        control->phase = TLSM_PHASE_DATA;   /* in others the handshake, or an answer after it, is made */
        GIVEN(closing_good(&subject));
        before = subject;
    } else
        GIVEN(control->tx != TLSM_TX_MUTE && control->tx != TLSM_TX_HANDSHAKE && control->tx != TLSM_TX_OPEN);
    GIVEN(control->tickets == 0);
    /* Who has a key has said or heard something. */
    GIVEN(control->write_epoch == TLSM_EPOCH_NONE || tlsm_fact(&subject, TLSM_FACT_TOUCHED));
}

static int says(uint8_t tx) { return tx == TLSM_TX_CANCELLING || tx == TLSM_TX_CLOSING || tx == TLSM_TX_FAILING; }

static void claim_making(enum tlsm_code code)
{
    const uint8_t was = before.control.tx, is = subject.control.tx;
    PROVE(code != TLSM_MORE_WIRE_ROOM || (out.wire_needed > out.wire.capacity && out.wire_needed <= sizeof wire),
          "I10: it is said how much room is missing, and no more than a record takes");
    PROVE(out.wire_length == 0 || is != was || was == TLSM_TX_OPEN, "each alert is made once");
    PROVE(out.wire_length == 0 || says(was) || was == TLSM_TX_OPEN, "I3: only what is owed is made");
    PROVE(!says(was) || tlsm_is_final(&before) || code == TLSM_PRODUCED || code == TLSM_MORE_WIRE_ROOM || code == TLSM_LIBRARY_FAILED, "what is owed is made, or it is said why not");
    PROVE(says(was) || was == TLSM_TX_OPEN || tlsm_is_final(&before) || code >= TLSM_MORE_INPUT, "what owes nothing makes nothing");
    PROVE(was != TLSM_TX_CLOSING || code != TLSM_PRODUCED || (is == TLSM_TX_CLOSE_OUT && subject.write_key.suite == 0),
          "I3: with its close_notify the key is gone");
    PROVE(was != TLSM_TX_FAILING || code != TLSM_PRODUCED || (is == TLSM_TX_FAIL_OUT && subject.write_key.suite == 0),
          "I3: with its fatal alert the key is gone");
    PROVE(was != TLSM_TX_CANCELLING || code != TLSM_PRODUCED || is == TLSM_TX_CLOSING, "A2: a close_notify follows user_canceled");
    PROVE(subject.control.rx == before.control.rx, "what is made ends nothing that is read");
}

static void canary_OPEN(uint8_t was, enum tlsm_code code) { CANARY("OPEN", was != TLSM_TX_OPEN || code != TLSM_PRODUCED); }
static void canary_ALERT(uint8_t was, enum tlsm_code code)
{
    CANARY("CANCELLING", was != TLSM_TX_CANCELLING || code != TLSM_PRODUCED);
    CANARY("CLOSING", was != TLSM_TX_CLOSING || code != TLSM_PRODUCED);
    CANARY("FAILING", was != TLSM_TX_FAILING || code != TLSM_PRODUCED);
    CANARY("OTHER", says(was) || code != TLSM_NOTHING_OWED);
}

int main(void)
{
    any_state();
    choose_half();
    settings = nondet_settings();
    in = nondet_in();
    in.kind = TLSM_IN_PRODUCE;
    out = nondet_out();
    out.wire.data = wire;
    GIVEN(out.wire.capacity <= sizeof wire);   /* more room than a record takes makes no difference: CBMC would see the write past it */
    const enum tlsm_code code = tlsm_step(&config, &subject, &in, &subject, &out);
    claim_step(code, &out);
    claim_making(code);
    OF(canary_)(before.control.tx, code);
}
