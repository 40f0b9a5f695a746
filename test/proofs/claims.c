/* SPDX-License-Identifier: MIT */
/* The inductive step's two ends: what is given of the state before, what is claimed of the state after. */
#include "proof.h"

/* Every byte of ours that speaks of an end is the last (I3), and its key is gone. */
static int last_word_good(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    const int close_made = tlsm_fact(state, TLSM_FACT_CLOSE_MADE), fatal_made = tlsm_fact(state, TLSM_FACT_FATAL_MADE);
    const int over = tx == TLSM_TX_DEAD || tx == TLSM_TX_EXPORTED;
    if (close_made && (fatal_made || !(tx == TLSM_TX_CLOSE_OUT || tx == TLSM_TX_CLOSED || over)))
        return 0;
    if (fatal_made && !(tx == TLSM_TX_FAIL_OUT || over))
        return 0;
    if (((tx == TLSM_TX_CLOSE_OUT || tx == TLSM_TX_CLOSED) && !close_made) || (tx == TLSM_TX_FAIL_OUT && !fatal_made))
        return 0;
    return !(close_made || fatal_made) || state->control.write_epoch == TLSM_EPOCH_NONE;
}

static int reading_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (control->rx == TLSM_RX_CLOSED && (control->alert_in != TLSM_ALERT_CLOSE_NOTIFY || !tlsm_fact(state, TLSM_FACT_ALERT_AUTHENTIC)))
        return 0;   /* I1 */
    if (control->rx == TLSM_RX_OPEN && control->read_epoch != TLSM_EPOCH_DATA)
        return 0;   /* whatever comes then has to be opened */
    return (control->rx == TLSM_RX_UNBORN) == (control->tx == TLSM_TX_UNBORN);
}

/* Less is given than every real state has. */
int closing_good(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const struct tlsm_ledger *ledger = &state->ledger;
    if (control->rx >= TLSM_RX_COUNT || control->tx >= TLSM_TX_COUNT || control->phase >= TLSM_PHASE_COUNT ||
        control->read_epoch > TLSM_EPOCH_DATA || control->write_epoch > TLSM_EPOCH_DATA || control->header_seen > TLSM_HEADER)
        return 0;
    if (ledger->taken > ledger->produced || (control->tx == TLSM_TX_UNBORN && ledger->produced != 0))
        return 0;
    if (control->tx != TLSM_TX_EXPORTED && !reading_good(state))
        return 0;   /* what was handed off is another copy's to say */
    if (!tlsm_rx_alive(control->rx) && (control->header_seen != 0 || control->read_epoch != TLSM_EPOCH_NONE))
        return 0;   /* G4 */
    if ((control->write_epoch == TLSM_EPOCH_NONE) != (state->write_key.suite == 0) ||
        (control->read_epoch == TLSM_EPOCH_NONE) != (state->read_key.suite == 0))
        return 0;
    if (state->record_max != 0 && (state->record_max < 63 || state->record_max > TLSM_PLAIN_MAX))
        return 0;   /* RFC 8449 */
    if (tlsm_is_final(state) && (control->write_epoch != TLSM_EPOCH_NONE || control->read_epoch != TLSM_EPOCH_NONE || control->request != 0))
        return 0;   /* I4 */
    return last_word_good(state);
}

void any_state(void)
{
    subject = nondet_state();
    subject.length = sizeof subject;
    subject.control.behind = TLSM_BEHIND_NOTHING;
    GIVEN(closing_good(&subject));
    /* No total comes near its end: every step counts what it made, 64 bits last longer than any wire. */
    GIVEN((subject.ledger.produced | subject.ledger.plain_in | subject.ledger.plain_out | subject.write_key.sequence) >> 62 == 0);
    before = subject;
}

static uint8_t how_of(const struct tlsm_state *state)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(state, &verdict);
    return verdict.how;
}

static int is_clean(uint8_t how) { return how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT; }

static void claim_halves(const struct tlsm_control *was, const struct tlsm_control *is)
{
    PROVE(tlsm_rx_alive(was->rx) || is->rx == was->rx, "never reopens: an ended receiving half stays as it ended");
    PROVE(is->rx >= was->rx, "never reopens: the receiving half goes one way");
    PROVE((was->tx != TLSM_TX_CLOSED && was->tx != TLSM_TX_DEAD) || is->tx == was->tx || is->tx == TLSM_TX_EXPORTED,
          "never reopens: an ended sending half stays as it ended");
    PROVE(was->tx != TLSM_TX_EXPORTED || is->tx == TLSM_TX_EXPORTED, "never reopens: what was exported lives elsewhere");
    PROVE(is->tx >= was->tx || (was->tx == TLSM_TX_CLOSED && is->tx == TLSM_TX_DEAD), "never reopens: the sending half goes one way");
    PROVE((was->facts & ~is->facts & ~(uint32_t)TLSM_FACT_ONE_WAY) == 0, "facts are never forgotten");
}

static void claim_bytes(const struct tlsm_out *out)
{
    const struct tlsm_ledger *was = &before.ledger, *is = &subject.ledger;
    const int last_word = tlsm_fact(&before, TLSM_FACT_CLOSE_MADE | TLSM_FACT_FATAL_MADE);
    PROVE(!last_word || (is->produced == was->produced && out->wire_length == 0), "I3: nothing after close_notify or a fatal alert");
    PROVE(is->produced == was->produced + out->wire_length, "A8: every byte that is made is counted");
    PROVE(out->wire_length <= out->wire.capacity, "records stay in their room");
    PROVE(is->taken >= was->taken && is->taken <= is->produced, "nothing that was taken comes back");
    PROVE(is->plain_in >= was->plain_in && is->plain_out >= was->plain_out, "totals only grow");
}

static void claim_verdict(enum tlsm_code code, const struct tlsm_out *out)
{
    const uint8_t was = how_of(&before), is = how_of(&subject);
    const int same = same_state(&before, &subject);
    PROVE(!is_clean(is) || (subject.control.rx == TLSM_RX_CLOSED && tlsm_fact(&subject, TLSM_FACT_ALERT_AUTHENTIC)),
          "I1: truncation is never clean");
    PROVE(!tlsm_is_final(&before) || (same && is == was && code == tlsm_how_code(was) && out->plain_length == 0),
          "I4: a final state absorbs");
    PROVE(code < TLSM_MORE_INPUT || tlsm_is_final(&before) || code == TLSM_MORE_INPUT || same,
          "I4, I10: what is refused, or lacks room, changes nothing");
    PROVE(tlsm_is_final(&subject) == ((out->news & TLSM_NEWS_ENDED) != 0), "the end is news once it is there");
    PROVE((tlsm_needs(&subject) == 0) == tlsm_is_final(&subject), "I5: no needs, and only then, when it is final");
}

void claim_step(enum tlsm_code code, const struct tlsm_out *out)
{
    PROVE(closing_good(&subject), "what was given holds again");
    claim_halves(&before.control, &subject.control);
    claim_bytes(out);
    claim_verdict(code, out);
}

void claim_reading(struct tlsm_bytes content, int authentic, const struct tlsm_out *out)
{
    const struct tlsm_ledger *was = &before.ledger, *is = &subject.ledger;
    const uint8_t was_rx = before.control.rx, is_rx = subject.control.rx;
    PROVE(is_rx != TLSM_RX_CLOSED || was_rx == TLSM_RX_CLOSED ||
              (was_rx == TLSM_RX_OPEN && authentic && content.length == 2 && content.data[1] == TLSM_ALERT_CLOSE_NOTIFY),
          "I1: nothing but an authenticated close_notify after the handshake completes the data");
    PROVE(out->wire_length == 0 && is->produced == was->produced, "reading makes no bytes");
    PROVE(tlsm_rx_alive(was_rx) || is->plain_in == was->plain_in, "C4: after the end nothing is read");
    PROVE(is->plain_in - was->plain_in == out->plain_length, "what is delivered is counted");
    PROVE(out->plain_length == 0 || (was_rx == TLSM_RX_OPEN && authentic && out->plain_length == content.length),
          "C4: only what was opened is delivered, and nothing after the end");
}
