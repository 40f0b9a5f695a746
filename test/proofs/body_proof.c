/* SPDX-License-Identifier: MIT */
/* The body of a record, opened by any provider or elsewhere, up to tlsm_content(): which content comes there, and that it is called authentic
 * only after it was opened. What the content means is content_proof.c's. */
#include "proof.h"

/* Two versions' overheads, and a content that can be padded. Of a longer one the code sees more zeros to strip, and lengths to compare. */
enum { BODY = 8 + TLSM_TAG + 3 };

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static uint8_t sealed[BODY], room[BODY];
static struct tlsm_in in;
static struct tlsm_out out;
static int called, called_authentic;
static struct tlsm_bytes called_with;
static struct tlsm_state as_called;

static int is_elsewhere(void) { return in.kind == TLSM_IN_RECORD; }

/* In place of that of content.c: what it was called with is looked at once, at the end, and not where each call is. */
enum tlsm_code tlsm_content(struct tlsm_work *work, uint8_t type, struct tlsm_bytes content, int authentic)
{
    called++;
    called_authentic = authentic;
    called_with = content;
    as_called = subject;
    return TLSM_OK;
}

static void claim_call(struct tlsm_bytes content, int authentic)
{
    struct tlsm_state as_given = before;
    PROVE(tlsm_may_receive(&before.control) == TLSM_OK, "C4, H1: nothing is read after the end, nor before an answer");
    PROVE(authentic || before.control.rx != TLSM_RX_OPEN, "I1: after the handshake whatever comes was opened");
    PROVE(!authentic || is_elsewhere() || times_opened == 1, "authentic is what the provider opened");
    PROVE(is_elsewhere() || content.length <= (authentic ? out.plain.capacity : in.bytes.length), "the content lies in its room");
    if (!is_elsewhere())
        tlsm_clear_header(&as_given.control);
    if (authentic)
        as_given.read_key.sequence++;
    if (authentic && !is_elsewhere())
        as_given.control.facts |= TLSM_FACT_OPENED;
    as_given.spare_have = as_called.spare_have;   /* of the last ticket */
    PROVE(same_state(&as_given, &as_called), "a body by itself changes no more than the header, the count, and that something was opened");
}

int main(void)
{
    any_state();
    settings = nondet_settings();
    in = nondet_in();
    out = nondet_out();
    in.kind = OF(TLSM_IN_);
    __CPROVER_havoc_object(sealed);
    in.bytes.data = sealed;
    out.plain.data = nondet_flag() ? sealed : room;   /* in place, or not */
    GIVEN(subject.control.header_seen == TLSM_HEADER || is_elsewhere());
    GIVEN(in.bytes.length >> 62 == 0);
    GIVEN(is_elsewhere() || (in.bytes.length <= sizeof sealed && out.plain.capacity <= sizeof room));
    const enum tlsm_code code = tlsm_step(&config, &subject, &in, &subject, &out);
    claim_step(code, &out);
    PROVE(subject.control.rx != TLSM_RX_CLOSED || before.control.rx == TLSM_RX_CLOSED, "I1: no body completes the data by itself");
    PROVE(subject.ledger.plain_in == before.ledger.plain_in && out.plain_length == 0, "nothing is delivered but by what the content means");
    PROVE(tlsm_rx_alive(before.control.rx) || out.consumed == 0, "C4: after the end nothing is taken");
    PROVE(called <= 1, "one content a step");
    if (called)
        claim_call(called_with, called_authentic);
    CANARY("of a content that came", called == 0);
}
