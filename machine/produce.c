/* SPDX-License-Identifier: MIT */
/* Making records: only `produce` and `write` make bytes. */
#include "event.h"
#include "handshake.h"

enum { ANSWER_RECORDS = 16, ALERT_WARNING = 1, ALERT_FATAL = 2, ALERT_LENGTH = 2 };

/* RFC 9846 §E.4: the compatibility record stands before the first protected one, also where that is an alert of ours and the
 * row of handshake.def that makes it will never be reached. */
static int ccs_is_missing(const struct tlsm_state *state)
{
    const uint32_t alerts = TLSM_FACT_CANCEL_MADE | TLSM_FACT_CLOSE_MADE | TLSM_FACT_FATAL_MADE;
    return state->control.write_epoch == TLSM_EPOCH_HANDSHAKE && !tlsm_fact(state, alerts) && tlsm_handshake_lacks_ccs(state);
}

static enum tlsm_code make_alert(struct tlsm_work *work, uint8_t level, uint8_t description)
{
    static const uint8_t ccs[1] = { 1 };
    const struct tlsm_ledger ledger = work->state->ledger;
    const uint8_t alert[ALERT_LENGTH] = { level, description };
    const int leads = ccs_is_missing(work->state);
    const size_t room = tlsm_records_size(work->state, sizeof alert) + (leads ? TLSM_HEADER + sizeof ccs : 0);
    if (work->out->wire.capacity < room) {
        work->out->wire_needed = room;
        return TLSM_MORE_WIRE_ROOM;
    }
    if (leads)
        (void)tlsm_seal_record(work, TLSM_TYPE_CCS, tlsm_slice(ccs, sizeof ccs));   /* in the clear: cannot fail */
    if (tlsm_seal_record(work, TLSM_TYPE_ALERT, tlsm_slice(alert, sizeof alert)) < 0) {
        work->state->ledger = ledger;
        work->out->wire_length = 0;
        return TLSM_LIBRARY_FAILED;
    }
    return TLSM_OK;
}

/* A3, A4: keys exist that the peer may not have yet. */
static void note_keys(struct tlsm_control *control)
{
    if (!(control->facts & TLSM_FACT_COMPLETE) && control->write_epoch != TLSM_EPOCH_NONE)
        control->facts |= TLSM_FACT_EARLY_KEYS_CLOSE;
}

/* A16: an answer is made in a row, without a key update in between: where the key might not do for all of it, a new one comes first. */
static int answer_needs_key(const struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    return state->control.phase == TLSM_PHASE_PC_MAKE_CERTIFICATE && state->write_key.sequence > 0 &&
           tlsm_writes_left(work->config, state) < ANSWER_RECORDS && tlsm_may_update(state);
}

static enum tlsm_code make_owed(struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    const int update = ((control->owes & TLSM_OWES_UPDATE) != 0 || answer_needs_key(work)) && control->tx == TLSM_TX_OPEN;
    const int begun = tlsm_in_flight(control) && control->phase != TLSM_PHASE_PC_MAKE_CERTIFICATE;
    /* RFC 9846 §4.7.2: nothing comes between the messages of an answer, so what is owed goes before the first. */
    if (tlsm_handshake_owes(work->state) && !(update && tlsm_is_late(control->phase) && !begun))
        return tlsm_handshake_produce(work);
    return update && !begun ? tlsm_make_update(work) : TLSM_NOTHING_OWED;
}

static enum tlsm_code make(struct tlsm_work *work, enum tlsm_tx_action action)
{
    struct tlsm_control *control = &work->state->control;
    const uint32_t facts = control->facts;
    enum tlsm_code code = TLSM_NOTHING_OWED;
    uint32_t made = 0;
    switch (action) {
    case TLSM_TX_DO_MAKE_OWED:
        return make_owed(work);
    case TLSM_TX_DO_MAKE_TICKET:
        return tlsm_make_ticket(work);
    case TLSM_TX_DO_MAKE_CANCEL:
        code = make_alert(work, ALERT_WARNING, TLSM_ALERT_USER_CANCELED);
        made = TLSM_FACT_CANCEL_MADE;
        break;
    case TLSM_TX_DO_MAKE_CLOSE:
        code = make_alert(work, ALERT_WARNING, TLSM_ALERT_CLOSE_NOTIFY);   /* E7: level warning, a MUST */
        made = TLSM_FACT_CLOSE_MADE;
        break;
    case TLSM_TX_DO_MAKE_ALERT:
        code = make_alert(work, ALERT_FATAL, control->alert_out);
        made = TLSM_FACT_FATAL_MADE;
        break;
    case TLSM_TX_DO_NONE: case TLSM_TX_DO_SEAL: case TLSM_TX_DO_ALERT: case TLSM_TX_DO_OWE_REPLY:
    case TLSM_TX_DO_OWE_UPDATE: case TLSM_TX_DO_OWE_TICKET: case TLSM_TX_DO_WIPE:
        break;
    }
    if (code == TLSM_OK) {
        control->facts = facts | made | (control->facts & TLSM_FACT_TOUCHED);
        note_keys(control);
    }
    return code;
}

/* A ticket goes after what is owed for the handshake and the keys, and (A7) before a close_notify, but never into the
 * reserve of A16. */
static int ticket_is_due(const struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    const int update = state->control.tx == TLSM_TX_OPEN && (state->control.owes & TLSM_OWES_UPDATE) != 0;
    return state->control.tickets > 0 && !update && tlsm_writes_left(work->config, state) > 0;
}

/* The row says what is made; it is made first (it may not fit), then the event moves the halves. */
enum tlsm_code tlsm_produce(struct tlsm_work *work)
{
    const enum tlsm_event event = ticket_is_due(work) ? TLSM_EV_PRODUCE_TICKET : TLSM_EV_PRODUCE;
    const struct tlsm_cell cell = tlsm_tx_cell(work->state->control.tx, event);
    enum tlsm_code code;
    if (tlsm_refuses((enum tlsm_code)cell.result))
        return tlsm_event(work, event);
    code = make(work, (enum tlsm_tx_action)cell.action);
    if (code >= TLSM_MORE_INPUT)
        return code;
    return tlsm_graver(code, tlsm_event(work, event));
}

/* ------------------------------------------------------------------------------------------------ write */

static enum tlsm_code may_write(const struct tlsm_work *work)
{
    const struct tlsm_state *state = work->state;
    if (state->control.tx != TLSM_TX_OPEN)
        return TLSM_OK;   /* the row refuses, in its own words */
    if (!(state->control.facts & TLSM_FACT_COMPLETE))
        return TLSM_NOT_CONNECTED;
    if (tlsm_in_flight(&state->control))
        return state->control.request != 0 ? TLSM_ANSWER_FIRST : TLSM_PRODUCE_FIRST;   /* RFC 9846 §4.7.2 */
    if (state->control.owes & TLSM_OWES_UPDATE)
        return TLSM_PRODUCE_FIRST;   /* RFC 9846 §4.7.3: the reply goes before the next data; F4 */
    if (tlsm_writes_left(work->config, state) == 0)
        return TLSM_WRITE_EXHAUSTED;
    return TLSM_OK;
}

/* F4: a key update follows; where none is left, nothing but the end of the connection, so no ticket either. */
void tlsm_keep_reserve(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    if (state->record_max != 0 && !tlsm_ticket_fits(work->config, state))
        state->control.tickets = 0;   /* where one takes several records, they are no reason for new keys */
    if (state->control.tx != TLSM_TX_OPEN || tlsm_writes_left(work->config, state) > 0)
        return;
    if (tlsm_may_update(state))
        state->control.owes |= TLSM_OWES_UPDATE;
    else
        state->control.tickets = 0;
}

static size_t write_length(const struct tlsm_work *work)
{
    const size_t limit = work->config->settings->plain_max, given = work->in->bytes.length;
    const size_t peers = work->state->record_max != 0 ? work->state->record_max : (size_t)TLSM_PLAIN_MAX;
    const size_t most = limit != 0 && limit < peers ? limit : peers;
    return given < most ? given : most;
}

static enum tlsm_code seal_data(struct tlsm_work *work, size_t length)
{
    struct tlsm_state *state = work->state;
    const size_t room = tlsm_records_size(state, length);
    if (work->out->wire.capacity < room) {
        work->out->wire_needed = room;
        return TLSM_MORE_WIRE_ROOM;
    }
    if (tlsm_seal_record(work, TLSM_TYPE_DATA, tlsm_slice(work->in->bytes.data, length)) < 0)
        return TLSM_LIBRARY_FAILED;
    work->out->consumed = length;
    state->ledger.plain_out += length;
    tlsm_keep_reserve(work);
    return TLSM_PRODUCED;
}

/* As may_write(), for early data: the row refuses where our Finished was made, or nothing was offered. F4: no key update can follow. */
static enum tlsm_code may_write_early(const struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    if (tlsm_early_offered(work->state) &&
        (control->tx == TLSM_TX_MUTE || (control->tx == TLSM_TX_HANDSHAKE && control->phase == TLSM_PHASE_C_MAKE_EARLY_CCS)))
        return TLSM_PRODUCE_FIRST;
    if (control->tx != TLSM_TX_HANDSHAKE)
        return TLSM_OK;
    return tlsm_early_room(work->config, work->state) == 0 ? TLSM_NO_EARLY_DATA : TLSM_OK;
}

static enum tlsm_code write_early(struct tlsm_work *work)
{
    const size_t given = write_length(work), left = tlsm_early_room(work->config, work->state);
    enum tlsm_code code = may_write_early(work);
    if (code == TLSM_OK && work->state->control.tx == TLSM_TX_HANDSHAKE) {
        code = seal_data(work, given < left ? given : left);
        work->state->ledger.early_out += (uint32_t)work->out->consumed;
    }
    if (code >= TLSM_MORE_INPUT)
        return code;
    return tlsm_graver(code, tlsm_event(work, TLSM_EV_WRITE_EARLY));
}

enum tlsm_code tlsm_write(struct tlsm_work *work)
{
    if (work->in->early)
        return write_early(work);
    enum tlsm_code code = may_write(work);
    if (code == TLSM_OK && work->state->control.tx == TLSM_TX_OPEN)
        code = seal_data(work, write_length(work));
    if (code >= TLSM_MORE_INPUT)
        return code;
    return tlsm_graver(code, tlsm_event(work, TLSM_EV_WRITE));
}
