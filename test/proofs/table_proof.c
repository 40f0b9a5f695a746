/* SPDX-License-Identifier: MIT */
/* Every cell of closing.def through the one function that looks it up: any control block, any ledger, any event, consistent or not. */
#include "proof.h"

static struct tlsm_settings settings;
static const struct tlsm_config config = { &settings, &any_provider, NULL };
static struct tlsm_in in;
static struct tlsm_out out;

static int says_nothing_more(uint8_t tx) { return tx == TLSM_TX_CLOSE_OUT || tx == TLSM_TX_CLOSED || tx >= TLSM_TX_FAIL_OUT; }
static int makes(uint8_t action)
{
    return action == TLSM_TX_DO_SEAL || action == TLSM_TX_DO_ALERT ||
           (action >= TLSM_TX_DO_OWE_REPLY && action <= TLSM_TX_DO_MAKE_ALERT);
}

static void claim_rows(enum tlsm_event event, struct tlsm_cell rx, struct tlsm_cell tx)
{
    const uint8_t was_rx = before.control.rx, was_tx = before.control.tx;
    PROVE(!says_nothing_more(was_tx) || !makes(tx.action), "I3: no row makes anything after close_notify or a fatal alert");
    PROVE(rx.action != TLSM_RX_DO_DELIVER || was_rx == TLSM_RX_HANDSHAKE || was_rx == TLSM_RX_OPEN, "C4: nothing is delivered after the end");
    PROVE(rx.next != TLSM_RX_CLOSED || was_rx == TLSM_RX_CLOSED || event == TLSM_EV_CLOSE_NOTIFY || event == TLSM_EV_CLOSE_REPLY,
          "I1: only an authenticated close_notify completes the data");
    PROVE(tx.next != TLSM_TX_CLOSED || was_tx == TLSM_TX_CLOSED || (was_tx == TLSM_TX_CLOSE_OUT && event == TLSM_EV_SENT_ALL),
          "A10: closed only when the last byte was taken");
    PROVE((event != TLSM_EV_ABANDON && event != TLSM_EV_DEADLINE && event != TLSM_EV_ABORT) || was_tx == TLSM_TX_EXPORTED ||
              (!tlsm_refuses((enum tlsm_code)rx.result) && !tlsm_refuses((enum tlsm_code)tx.result)), "I9: legal in every state");
}

static void claim_halves(enum tlsm_event event, enum tlsm_code code)
{
    const struct tlsm_control *was = &before.control, *is = &subject.control;
    PROVE(tlsm_rx_alive(was->rx) || is->rx == was->rx, "never reopens: an ended receiving half stays as it ended");
    PROVE(is->rx >= was->rx, "never reopens: the receiving half goes one way");
    PROVE((was->tx != TLSM_TX_CLOSED && was->tx != TLSM_TX_DEAD) || is->tx == was->tx || is->tx == TLSM_TX_EXPORTED,
          "never reopens: an ended sending half stays as it ended");
    PROVE(is->tx >= was->tx, "never reopens: the sending half goes one way");
    PROVE((was->facts & ~is->facts) == 0, "facts are never forgotten");
    PROVE(was->cause == TLSM_CAUSE_NONE || is->cause == was->cause, "V1: the earliest cause stays");
    PROVE(was->first_mover == TLSM_NOBODY_MOVED || is->first_mover == was->first_mover, "V1: who moved first stays");
    PROVE(!tlsm_refuses(code) || same_state(&before, &subject), "I4: a refused event changes nothing");
    PROVE((event != TLSM_EV_ABANDON && event != TLSM_EV_DEADLINE) || tlsm_is_final(&subject), "I9: abandon and deadline end both halves");
    PROVE(tlsm_rx_alive(is->rx) || !tlsm_rx_alive(was->rx) || (is->read_epoch == TLSM_EPOCH_NONE && is->header_seen == 0),
          "G4: what is read no more leaves neither key nor pieces");
}

int main(void)
{
    struct tlsm_work work = { &config, &in, &subject, &out };
    const enum tlsm_event event = (enum tlsm_event)nondet_byte();
    subject = nondet_state();
    settings = nondet_settings();
    out = nondet_out();
    out.cells = 0;
    GIVEN(event < TLSM_EV_COUNT && subject.control.rx < TLSM_RX_COUNT && subject.control.tx < TLSM_TX_COUNT);
    GIVEN(subject.control.tickets < UINT8_MAX);   /* as issue_ticket() and tlsm_owe_tickets() have it */
    GIVEN(subject.control.rx != TLSM_RX_UNBORN || (subject.control.read_epoch == TLSM_EPOCH_NONE && subject.control.header_seen == 0));
    before = subject;
    const struct tlsm_cell rx = tlsm_rx_cell(before.control.rx, event), tx = tlsm_tx_cell(before.control.tx, event);
    const enum tlsm_code code = tlsm_event(&work, event);
    PROVE(code == tlsm_graver((enum tlsm_code)rx.result, (enum tlsm_code)tx.result), "the graver result of the two rows");
    PROVE(tlsm_refuses(code) || (subject.control.rx == rx.next && subject.control.tx == tx.next), "both halves go where their rows say");
    claim_rows(event, rx, tx);
    claim_halves(event, code);
    CANARY("of a half that moves", subject.control.rx == before.control.rx);
}
