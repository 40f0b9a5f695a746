/* SPDX-License-Identifier: MIT */
/* An event meets both halves of closing.def: the one place where rx and tx change, and where facts are kept. */
#include "event.h"

static void note_cell(struct tlsm_out *out, const struct tlsm_control *control, enum tlsm_event event)
{
    unsigned index = ((unsigned)control->rx * TLSM_TX_COUNT + control->tx) * TLSM_EV_COUNT + (unsigned)event;
    if (out->cells < TLSM_CELLS)
        out->cell[out->cells++] = (uint16_t)index;
}

/* V1, line 3: only a connection that nothing else had ended can be cancelled. */
static int ended_before(const struct tlsm_control *control)
{
    const uint32_t ends = TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT | TLSM_FACT_PEER_CLOSED_EARLY;
    return (control->facts & ends) != 0 || control->cause != TLSM_CAUSE_NONE || control->rx == TLSM_RX_CLOSED;
}

/* What V1 needs to remember of an event that moved a half; `before` is the control block before it. */
static uint32_t facts_of(const struct tlsm_control *before, enum tlsm_event event)
{
    uint32_t cancelled = !(before->facts & TLSM_FACT_COMPLETE) && !ended_before(before) ? TLSM_FACT_CANCELLED : 0;
    if (event == TLSM_EV_BAD)
        return TLSM_FACT_ERROR;
    if (event == TLSM_EV_ABORT)
        return TLSM_FACT_ABORTED;
    if (event == TLSM_EV_CLOSE)
        return TLSM_FACT_CLOSE_ASKED;
    if (event == TLSM_EV_CANCEL || event == TLSM_EV_ABANDON)
        return cancelled;
    if (event == TLSM_EV_PEER_ALERT)
        return TLSM_FACT_PEER_ALERT | TLSM_FACT_ALERT_AUTHENTIC;
    if (event == TLSM_EV_PLAIN_ALERT)
        return TLSM_FACT_PEER_ALERT;
    if (event == TLSM_EV_CLOSE_EARLY)
        return TLSM_FACT_PEER_CLOSED_EARLY;
    if (event == TLSM_EV_SENT_ALL && before->tx == TLSM_TX_FAIL_OUT)
        return TLSM_FACT_FATAL_TAKEN;
    return 0;
}

static void note_end(struct tlsm_control *control, const struct tlsm_control *before, enum tlsm_event event)
{
    control->facts |= facts_of(before, event);
    if (control->cause == TLSM_CAUSE_NONE)
        control->cause = tlsm_event_cause(event);
    if (control->first_mover == TLSM_NOBODY_MOVED)
        control->first_mover = tlsm_event_mover(event);
}

/* A9: TX died; did the transport take part of a record? Record boundaries known are the end of what was produced, the
 * start of the last record, and the start of what was outstanding; between others the safe answer is yes. */
int tlsm_half_record(const struct tlsm_ledger *ledger)
{
    return ledger->taken != ledger->produced && ledger->taken != ledger->record_start &&
           ledger->taken != ledger->batch_start;
}

/* Of what was being read nothing is left. */
static void drop_pieces(struct tlsm_state *state)
{
    tlsm_clear_header(&state->control);
    state->control.split = 0;
    if (!tlsm_is_late(state->control.phase) || state->control.role != TLSM_CLIENT)
        state->control.request = 0;   /* a client that owes an answer may still give it */
    state->control.empties = state->control.cancels = state->control.warnings = state->control.key_updates = 0;
    memset(state->spare, 0, sizeof state->spare);
    state->spare_have = state->spare_tail = 0;
    state->spare_skip = 0;
}

static void leave_rx(struct tlsm_work *work, uint8_t next)
{
    struct tlsm_state *state = work->state;
    if (tlsm_rx_alive(state->control.rx) && !tlsm_rx_alive(next))
        drop_pieces(state);
    state->control.rx = next;
}

static void leave_tx(struct tlsm_work *work, uint8_t next)
{
    struct tlsm_state *state = work->state;
    if (next != TLSM_TX_OPEN && next != TLSM_TX_HANDSHAKE)
        state->control.owes = 0;   /* A5: an owed reply is dropped */
    if (next != TLSM_TX_OPEN && !(next == TLSM_TX_CLOSING && work->config->settings->unsent_tickets == TLSM_UNSENT_SEND_FIRST))
        state->control.tickets = 0;   /* A7 */
    if (next == TLSM_TX_DEAD && state->control.tx != TLSM_TX_DEAD && tlsm_half_record(&state->ledger))
        state->control.facts |= TLSM_FACT_HALF_RECORD;
    if (next == TLSM_TX_EXPORTED)
        drop_pieces(state);   /* J3: they are read elsewhere */
    state->control.tx = next;
}

static void do_rx(struct tlsm_work *work, uint8_t action)
{
    if (action == TLSM_RX_DO_WIPE)
        tlsm_wipe_read(work);
}

static void do_tx(struct tlsm_work *work, uint8_t action)
{
    if (action == TLSM_TX_DO_WIPE || action == TLSM_TX_DO_MAKE_CLOSE || action == TLSM_TX_DO_MAKE_ALERT)
        tlsm_wipe_write(work);
    if (action == TLSM_TX_DO_OWE_REPLY || action == TLSM_TX_DO_OWE_UPDATE)
        work->state->control.owes |= TLSM_OWES_UPDATE;
    if (action == TLSM_TX_DO_OWE_TICKET)
        work->state->control.tickets++;
}

enum tlsm_code tlsm_event(struct tlsm_work *work, enum tlsm_event event)
{
    struct tlsm_control *control = &work->state->control;
    const struct tlsm_control before = *control;
    const struct tlsm_cell rx = tlsm_rx_cell(control->rx, event);
    const struct tlsm_cell tx = tlsm_tx_cell(control->tx, event);
    enum tlsm_code code = tlsm_graver((enum tlsm_code)rx.result, (enum tlsm_code)tx.result);
    note_cell(work->out, control, event);
    if (tlsm_refuses(code))
        return code;
    leave_rx(work, rx.next);
    leave_tx(work, tx.next);
    if (before.rx != rx.next || before.tx != tx.next)
        note_end(control, &before, event);
    do_rx(work, rx.action);
    do_tx(work, tx.action);
    return code;
}

enum tlsm_code tlsm_fail(struct tlsm_work *work, uint8_t alert)
{
    struct tlsm_control *control = &work->state->control;
    const uint8_t before = control->tx;
    enum tlsm_code code = tlsm_event(work, TLSM_EV_BAD);
    work->out->violation = alert;
    if (control->tx == TLSM_TX_FAILING && before != TLSM_TX_FAILING)
        control->alert_out = alert;
    return code;
}

enum tlsm_code tlsm_abort(struct tlsm_work *work, uint8_t alert)
{
    struct tlsm_control *control = &work->state->control;
    const uint8_t before = control->tx;
    const enum tlsm_code code = tlsm_event(work, TLSM_EV_ABORT);
    if (control->tx == TLSM_TX_FAILING && before != TLSM_TX_FAILING)
        control->alert_out = alert;
    return code;
}

enum tlsm_code tlsm_fail_answer(struct tlsm_work *work, uint8_t alert)
{
    if (tlsm_rx_alive(work->state->control.rx))
        return tlsm_fail(work, alert);
    return tlsm_graver(tlsm_abort(work, alert), TLSM_FAILED);
}

/* RFC 9846 §5.5: 2^24.5 full-size records under one AES-GCM key; ChaCha20-Poly1305 ends with the sequence numbers. */
static uint64_t records_allowed(const struct tlsm_config *config, uint16_t suite)
{
    if (config->settings->record_limit != 0)
        return config->settings->record_limit;
    return suite == TLSM_CHACHA20_POLY1305_SHA256 ? UINT64_MAX : 23726566;
}

uint64_t tlsm_writes_left(const struct tlsm_config *config, const struct tlsm_state *state)
{
    uint64_t allowed = records_allowed(config, state->write_key.suite);
    uint64_t used = state->write_key.sequence;
    allowed = allowed > 2 ? allowed - 2 : 0;   /* A16 */
    return used < allowed ? allowed - used : 0;
}

int tlsm_ticket_fits(const struct tlsm_config *config, const struct tlsm_state *state)
{
    const uint64_t records = state->record_max != 0 ? 1 + (uint64_t)TLSM_SPARE / state->record_max : 1;
    return tlsm_writes_left(config, state) >= records;
}
