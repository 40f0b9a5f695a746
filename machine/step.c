/* SPDX-License-Identifier: MIT */
/* The one door: check the input, classify it, act, report. Everything works in place on `next`; nothing is changed before
 * every room was checked. */
#include "event.h"

/* ------------------------------------------------------------------------------------------------ inputs */

static enum tlsm_code start(struct tlsm_work *work)
{
    const struct tlsm_settings *settings = work->config->settings;
    const size_t ticket = work->in->session != NULL ? work->in->session->ticket.length : 0;
    const size_t needed = sizeof(struct tlsm_state) + sizeof(struct tlsm_handshake) + TLSM_ROOM_MIN + ticket;
    enum tlsm_code code;
    if (work->state->control.rx != TLSM_RX_UNBORN)
        return TLSM_ALREADY_STARTED;
    if (work->in->entropy == NULL || (settings->role != TLSM_CLIENT && settings->role != TLSM_SERVER) ||
        work->in->server_name.length > TLSM_NAME_MAX)
        return TLSM_BAD_ARGUMENT;
    if (work->out->state_capacity < needed) {
        work->out->state_needed = needed;
        return TLSM_MORE_STATE_ROOM;
    }
    code = tlsm_handshake_start(work);
    if (code != TLSM_OK)
        return code;
    work->state->control.role = settings->role;
    if (settings->keep_transport)
        work->state->control.facts |= TLSM_FACT_KEEP;
    return tlsm_event(work, TLSM_EV_START);
}

enum tlsm_code tlsm_may_receive(const struct tlsm_control *control)
{
    if (control->rx == TLSM_RX_UNBORN)
        return TLSM_NOT_STARTED;
    if (!tlsm_rx_alive(control->rx))
        return control->rx == TLSM_RX_CUT ? TLSM_AFTER_EOF : TLSM_READ_ENDED;
    if (control->request != 0)
        return TLSM_ANSWER_FIRST;
    if ((control->role == TLSM_CLIENT && control->tx == TLSM_TX_MUTE) || tlsm_in_flight(control))
        return TLSM_PRODUCE_FIRST;
    return TLSM_OK;
}

void tlsm_forget_last_ticket(struct tlsm_state *state)
{
    if (!state->control.split && state->spare_have != 0) {
        memset(state->spare, 0, sizeof state->spare);
        state->spare_have = 0;
    }
    state->spare_tail = 0;
}

static enum tlsm_code wire(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    enum tlsm_code code = tlsm_may_receive(&state->control);
    if (code != TLSM_OK)
        return code;
    if (state->control.facts & TLSM_FACT_READ_ELSEWHERE)
        return TLSM_ELSEWHERE;
    work->out->input_needed = state->control.header_seen < TLSM_HEADER ? TLSM_HEADER - (size_t)state->control.header_seen
                                                                       : state->control.body;
    if (work->in->bytes.length == 0)
        return TLSM_MORE_INPUT;
    if (state->control.header_seen < TLSM_HEADER) {
        tlsm_forget_last_ticket(state);
        return tlsm_fold_header(work);
    }
    return tlsm_read_body(work);
}

static enum tlsm_code sent(struct tlsm_work *work)
{
    struct tlsm_ledger *ledger = &work->state->ledger;
    if (work->in->count > ledger->produced - ledger->taken)
        return TLSM_SENT_TOO_MUCH;
    if (work->in->count == 0)
        return TLSM_IGNORED;
    ledger->taken += work->in->count;
    tlsm_count_cut(work);
    return tlsm_event(work, ledger->taken == ledger->produced ? TLSM_EV_SENT_ALL : TLSM_EV_SENT_SOME);
}

static enum tlsm_code close_half(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const int silent = control->tx == TLSM_TX_UNBORN || control->tx == TLSM_TX_MUTE || control->tx == TLSM_TX_HANDSHAKE;
    const int fresh = control->tx == TLSM_TX_OPEN;
    enum tlsm_code code = tlsm_event(work, silent ? TLSM_EV_CANCEL : TLSM_EV_CLOSE);
    if (fresh && work->in->one_way)
        control->facts |= TLSM_FACT_ONE_WAY;
    return code;
}

static enum tlsm_code wait_for_peer(struct tlsm_work *work)
{
    enum tlsm_code code = tlsm_event(work, TLSM_EV_WAIT);
    if (code == TLSM_OK)
        work->state->control.facts &= ~(uint32_t)TLSM_FACT_ONE_WAY;
    return code;
}

static int may_be_sent(uint8_t alert)
{
    return alert != TLSM_ALERT_CLOSE_NOTIFY && alert != TLSM_ALERT_USER_CANCELED && alert != TLSM_ALERT_NONE &&
           tlsm_alert_name(alert)[0] != '(';
}

static enum tlsm_code abort_with(struct tlsm_work *work)
{
    return may_be_sent(work->in->alert) ? tlsm_abort(work, work->in->alert) : TLSM_BAD_ARGUMENT;
}

/* The layer holds so many bytes of a record, its header included; how long it would have become only that layer knows. */
static void place_elsewhere(struct tlsm_control *control, struct tlsm_ledger *ledger, size_t held)
{
    control->place = held < TLSM_HEADER ? TLSM_PLACE_HEADER : TLSM_PLACE_BODY;
    ledger->eof_have = (uint32_t)(held < TLSM_HEADER ? held : held - TLSM_HEADER);
    ledger->eof_need = held < TLSM_HEADER ? TLSM_HEADER : 0;
}

/* T1: the place is exact. */
static void note_place(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    struct tlsm_ledger *ledger = &work->state->ledger;
    control->place = control->split ? TLSM_PLACE_MESSAGE : TLSM_PLACE_BOUNDARY;
    if (control->header_seen == TLSM_HEADER) {
        control->place = TLSM_PLACE_BODY;
        ledger->eof_have = (uint32_t)work->in->count;
        ledger->eof_need = control->body;
    } else if (control->header_seen > 0) {
        control->place = TLSM_PLACE_HEADER;
        ledger->eof_have = control->header_seen;
        ledger->eof_need = TLSM_HEADER;
    } else if (work->in->count > 0)
        place_elsewhere(control, ledger, work->in->count);
    else if (work->in->unsure && control->facts & TLSM_FACT_READ_ELSEWHERE)
        control->place = TLSM_PLACE_UNKNOWN;
    if (control->facts & TLSM_FACT_CLOSE_MADE)
        control->facts |= TLSM_FACT_EOF_AFTER_CLOSE;
}

static enum tlsm_code may_end(const struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    const size_t held = work->in->count;
    const int elsewhere = (control->facts & TLSM_FACT_READ_ELSEWHERE) != 0;
    if (control->request != 0)
        return TLSM_ANSWER_FIRST;   /* T2 */
    if (elsewhere && held >= TLSM_RECORD_MAX)
        return TLSM_BAD_ARGUMENT;
    if (held > 0 && !elsewhere && (control->header_seen < TLSM_HEADER || held >= control->body))
        return TLSM_FEED_FIRST;     /* T5 */
    if (work->in->vouch && work->config->settings->eof != TLSM_EOF_FRAMED)
        return TLSM_MAY_NOT_VOUCH;
    return TLSM_OK;
}

static enum tlsm_code transport_ended(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    enum tlsm_code code;
    if (control->rx == TLSM_RX_UNBORN || !tlsm_rx_alive(control->rx))
        return tlsm_event(work, TLSM_EV_EOF);
    code = may_end(work);
    if (code != TLSM_OK)
        return code;
    note_place(work);
    if (!(control->facts & TLSM_FACT_COMPLETE))
        return tlsm_event(work, TLSM_EV_EOF_EARLY);
    if (work->in->vouch && control->place == TLSM_PLACE_BOUNDARY)
        return tlsm_event(work, TLSM_EV_EOF_VOUCHED);
    return tlsm_event(work, TLSM_EV_EOF);
}

static enum tlsm_code receive_failed(struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    const int early = !(control->facts & TLSM_FACT_COMPLETE) && tlsm_rx_alive(control->rx);
    return tlsm_event(work, early ? TLSM_EV_RECEIVE_EARLY : TLSM_EV_RECEIVE_FAILED);
}

static enum tlsm_code set_deadline(struct tlsm_work *work)
{
    work->state->control.facts |= TLSM_FACT_DEADLINE;
    return tlsm_event(work, TLSM_EV_DEADLINE_SET);
}

static enum tlsm_code deadline(struct tlsm_work *work)
{
    if (!(work->state->control.facts & TLSM_FACT_DEADLINE))
        return TLSM_NO_DEADLINE;
    return tlsm_event(work, TLSM_EV_DEADLINE);
}

static enum tlsm_code answer(struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    enum tlsm_code code;
    if (work->in->answer == NULL)
        return TLSM_BAD_ARGUMENT;
    if (control->request == 0 || work->in->answer->id != work->state->request_id)
        return tlsm_event(work, TLSM_EV_LATE_ANSWER);   /* H1 */
    if (work->in->answer->alert != 0 && !may_be_sent(work->in->answer->alert))
        return TLSM_BAD_ARGUMENT;
    code = tlsm_handshake_answer(work);
    if (code >= TLSM_MORE_INPUT || !tlsm_rx_alive(control->rx))
        return code;
    return tlsm_graver(code, tlsm_event(work, TLSM_EV_ANSWER));
}

static enum tlsm_code update_key(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    enum tlsm_code code;
    if (control->tx == TLSM_TX_OPEN && !(control->facts & TLSM_FACT_COMPLETE))
        return TLSM_NOT_CONNECTED;
    if (control->tx == TLSM_TX_OPEN && tlsm_is_12(work->state))
        return TLSM_NOT_IN_VERSION;
    if (control->tx == TLSM_TX_OPEN &&
        (!tlsm_may_update(work->state) || (work->in->ask && !tlsm_can_follow(work->state, 0))))
        return TLSM_WRITE_EXHAUSTED;
    code = tlsm_event(work, TLSM_EV_UPDATE);
    if (!tlsm_refuses(code) && control->tx == TLSM_TX_OPEN && work->in->ask)
        control->owes |= TLSM_OWES_UPDATE_ASK;
    return code;
}

/* Where no ticket can be made (the client wants none, or the session's time is up) the command changes nothing. */
static enum tlsm_code issue_ticket(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    const struct tlsm_settings *settings = work->config->settings;
    const uint64_t before_ms = state->now_ms;
    if (state->control.tx != TLSM_TX_OPEN)
        return tlsm_event(work, TLSM_EV_ISSUE);
    if (!tlsm_connected(state))
        return TLSM_NOT_CONNECTED;
    if (tlsm_is_12(state))
        return TLSM_NOT_IN_VERSION;   /* RFC 5077 §3.3: its ticket comes before its Finished */
    if (state->control.role != TLSM_SERVER ||
        (settings->ticket_key_count == 0 && !(settings->ask & TLSM_ASK_SESSION_BIT)))
        return TLSM_BAD_ARGUMENT;
    if (work->in->now_ms != 0)
        state->now_ms = work->in->now_ms;
    if (state->control.tickets < UINT8_MAX && tlsm_may_issue(work->config, state))
        return tlsm_event(work, TLSM_EV_ISSUE);
    state->now_ms = before_ms;
    return TLSM_IGNORED;
}

static enum tlsm_code export_state(struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    if (control->request != 0)
        return TLSM_ANSWER_FIRST;   /* J1 */
    if (tlsm_outstanding(work->state) != 0 && !work->in->carry)
        return TLSM_SEND_FIRST;
    return tlsm_event(work, TLSM_EV_EXPORT);
}

static enum tlsm_code dispatch(struct tlsm_work *work)
{
    switch (work->in->kind) {
    case TLSM_IN_START: return start(work);
    case TLSM_IN_WIRE: return wire(work);
    case TLSM_IN_PRODUCE: return tlsm_produce(work);
    case TLSM_IN_WRITE: return tlsm_write(work);
    case TLSM_IN_SENT: return sent(work);
    case TLSM_IN_CLOSE: return close_half(work);
    case TLSM_IN_WAIT: return wait_for_peer(work);
    case TLSM_IN_ABORT: return abort_with(work);
    case TLSM_IN_ABANDON: return tlsm_event(work, TLSM_EV_ABANDON);
    case TLSM_IN_EOF: return transport_ended(work);
    case TLSM_IN_RECEIVE_FAILED: return receive_failed(work);
    case TLSM_IN_SEND_FAILED: return tlsm_event(work, TLSM_EV_SEND_FAILED);
    case TLSM_IN_DEADLINE_SET: return set_deadline(work);
    case TLSM_IN_DEADLINE: return deadline(work);
    case TLSM_IN_ANSWER: return answer(work);
    case TLSM_IN_KEY_UPDATE: return update_key(work);
    case TLSM_IN_EXPORT: return export_state(work);
    case TLSM_IN_TICKET: return issue_ticket(work);
    case TLSM_IN_OFFLOAD: return tlsm_offload(work);
    case TLSM_IN_RECORD: return tlsm_read_elsewhere(work);
    case TLSM_IN_RECORD_FAILED: return tlsm_failed_elsewhere(work);
    case TLSM_IN_ASK_CERTIFICATE: return tlsm_ask_certificate(work);
    case TLSM_IN_COUNT: break;
    }
    return TLSM_BAD_ARGUMENT;
}

/* ------------------------------------------------------------------------------------------------ before and after */

static void clear_out(struct tlsm_out *out)
{
    out->consumed = out->wire_length = out->plain_length = out->input_needed = 0;
    out->wire_needed = out->plain_needed = out->state_needed = 0;
    out->news = 0;
    out->cells = out->row = out->violation = out->record_type = 0;
    memset(out->cell, 0, sizeof out->cell);
}

void tlsm_drop_behind(struct tlsm_state *state)
{
    const size_t length = state->length;
    state->length = sizeof *state;
    state->control.behind = TLSM_BEHIND_NOTHING;
    state->control.request = 0;
    tlsm_wipe(state + 1, length - sizeof *state);
}

/* RFC 9846 §6: a failed connection forgets its secrets, though the write key may still have an alert to seal. */
static void forget_main_secrets(struct tlsm_state *state)
{
    tlsm_wipe(state->exporter, sizeof state->exporter);
    tlsm_wipe(state->resumption, sizeof state->resumption);
}

static void wipe_final(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    tlsm_wipe_read(work);
    tlsm_wipe_write(work);
    forget_main_secrets(state);
    tlsm_wipe(state->client_random, sizeof state->client_random);
    state->control.request = 0;
}

static enum tlsm_code verdict_code(const struct tlsm_state *state)
{
    return tlsm_how_code(tlsm_how_now(state));
}

static enum tlsm_code finish(struct tlsm_work *work, enum tlsm_code code)
{
    struct tlsm_state *state = work->state;
    tlsm_late_settle(state);
    if (state->control.behind != TLSM_BEHIND_NOTHING && tlsm_handshake_over(&state->control))
        tlsm_drop_behind(state);
    if (state->control.facts & (TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT))
        forget_main_secrets(state);
    if (!tlsm_is_final(state))
        return code;
    if (state->control.behind != TLSM_BEHIND_NOTHING)
        tlsm_drop_behind(state);
    wipe_final(work);
    work->out->news |= TLSM_NEWS_ENDED;
    return verdict_code(state);
}

static int place_next(const struct tlsm_state *state, struct tlsm_state *next, struct tlsm_out *out)
{
    const size_t length = state->length;
    if (next == state)
        return 1;
    if (out->state_capacity < length) {
        out->state_needed = length;
        return 0;
    }
    memcpy(next, state, length);
    return 1;
}

enum tlsm_code tlsm_step(const struct tlsm_config *config, const struct tlsm_state *state, const struct tlsm_in *in,
                         struct tlsm_state *next, struct tlsm_out *out)
{
    struct tlsm_work work = { config, in, next, out };
    const int ticket = state->control.behind == TLSM_BEHIND_TICKET;
    enum tlsm_code code;
    clear_out(out);
    if (!place_next(state, next, out))
        return TLSM_MORE_STATE_ROOM;
    if (tlsm_is_final(next)) {   /* I4 */
        out->news = TLSM_NEWS_ENDED;
        return verdict_code(next);
    }
    code = dispatch(&work);
    if (code >= TLSM_MORE_INPUT)
        return code;
    if (ticket)
        tlsm_drop_behind(next);
    return finish(&work, code);
}

/* What is not zero in a state that nothing has happened to. */
static void set_unborn(struct tlsm_state *state)
{
    state->length = sizeof *state;
    state->control.alert_in = state->control.alert_out = TLSM_ALERT_NONE;
}

void tlsm_init(struct tlsm_state *state)
{
    memset(state, 0, sizeof *state);
    set_unborn(state);
}

void tlsm_forget(const struct tlsm_config *config, struct tlsm_state *state)
{
    struct tlsm_in nothing;
    struct tlsm_out out;
    struct tlsm_work work = { config, &nothing, state, &out };
    tlsm_wipe_read(&work);
    tlsm_wipe_write(&work);
    tlsm_wipe(state, state->length);
    set_unborn(state);
}
