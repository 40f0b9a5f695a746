/* SPDX-License-Identifier: MIT */
/* Any byte of a header into any state of the framing, and that it does not matter how the header is cut into pieces. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static struct tlsm_in in;
static struct tlsm_out out;

static enum tlsm_code fold(struct tlsm_state *state, const uint8_t *bytes, size_t length)
{
    struct tlsm_work work = { &config, &in, state, &out };
    in.bytes.data = bytes;
    in.bytes.length = length;
    out.cells = 0;
    return tlsm_fold_header(&work);
}

static int framing_good(const struct tlsm_control *control)
{
    if (control->header_seen == 0)
        return control->record_type == 0 && control->body == 0;
    return control->header_seen <= TLSM_HEADER && (control->header_seen >= 4 || control->body == 0) &&
           (control->header_seen != 4 || (control->body & 255) == 0);
}

int main(void)
{
    uint8_t given[TLSM_HEADER + 1];   /* a header, and one byte that is not of it */
    const size_t length = nondet_size();
    for (size_t i = 0; i < sizeof given; i++)
        given[i] = nondet_byte();
    subject = nondet_state();
    settings = nondet_settings();
    GIVEN(length > 0 && length <= sizeof given);
    GIVEN(subject.control.rx == TLSM_RX_HANDSHAKE || subject.control.rx == TLSM_RX_OPEN);
    GIVEN(subject.control.tx < TLSM_TX_COUNT && subject.control.tx != TLSM_TX_UNBORN && subject.control.tx != TLSM_TX_EXPORTED);
    GIVEN(framing_good(&subject.control) && subject.control.header_seen < TLSM_HEADER);
    before = subject;

    const enum tlsm_code code = fold(&subject, given, length);
    const size_t consumed = out.consumed;
    PROVE(consumed > 0 && consumed <= length && consumed <= TLSM_HEADER - (size_t)before.control.header_seen, "the header's bytes and no more are touched");
    PROVE(framing_good(&subject.control), "what was given of the framing holds again");
    PROVE(tlsm_rx_alive(subject.control.rx) || subject.control.header_seen == 0, "G4: an end leaves no pieces");
    PROVE(subject.control.rx != TLSM_RX_CLOSED, "I1: no header ends the data as complete");
    PROVE(tlsm_fact(&subject, TLSM_FACT_ERROR) == tlsm_fact(&before, TLSM_FACT_ERROR) || code != TLSM_OK, "an error is told");
    PROVE(!tlsm_rx_alive(subject.control.rx) || subject.control.header_seen < TLSM_HEADER || tlsm_judge_length(&subject.control) == 0,
          "a whole header has a length that may be");
    PROVE(subject.ledger.produced == before.ledger.produced, "reading makes no bytes");

    /* The same, one byte first. */
    struct tlsm_state whole = subject;
    subject = before;
    const enum tlsm_code first = fold(&subject, given, 1);
    enum tlsm_code then = first;
    if (consumed > 1 && tlsm_rx_alive(subject.control.rx))
        then = fold(&subject, given + 1, consumed - 1);
    PROVE(then == code && same_state(&whole, &subject), "I6: cut after any byte, the header is the same");
    CANARY("of a header that is good", code != TLSM_OK);
}
