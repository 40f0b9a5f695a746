/* SPDX-License-Identifier: MIT */
/* From a decoded record to one event: what its content is, and whether it may come now. Sections B, C, E, F of
 * docs/closing.md; RFC 9846 §5, §6. */
#include "event.h"
#include "handshake.h"

/* E6: after our close_notify was produced, an excess ends the wait without an alert. */
enum tlsm_code tlsm_fail_excess(struct tlsm_work *work)
{
    if (work->state->control.facts & TLSM_FACT_CLOSE_MADE)
        return tlsm_event(work, TLSM_EV_BUDGET);
    return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* B3. Whole records count, also those of which the application sees nothing; alerts have limits of their own, and the
 * close_notify we wait for must not exceed a budget. */
int tlsm_over_record_budget(struct tlsm_work *work, uint8_t type)
{
    const uint32_t budget = work->config->settings->budget_records;
    if (!tlsm_close_asked(&work->state->control) || type == TLSM_TYPE_ALERT)
        return 0;
    if (work->state->ledger.closing_records != UINT32_MAX)
        work->state->ledger.closing_records++;
    return budget != 0 && work->state->ledger.closing_records > budget;
}

/* ------------------------------------------------------------------------------------------------ application data */

static enum tlsm_event classify_data(struct tlsm_work *work, size_t length)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_ledger *ledger = &work->state->ledger;
    if (!tlsm_close_asked(&work->state->control))
        return TLSM_EV_DATA;
    ledger->closing_bytes += length;
    if (settings->data_while_closing == TLSM_CLOSING_FAIL ||
        (settings->budget_bytes != 0 && ledger->closing_bytes > settings->budget_bytes))
        return TLSM_EV_BUDGET;
    return settings->data_while_closing == TLSM_CLOSING_DISCARD ? TLSM_EV_DATA_DISCARDED : TLSM_EV_DATA;
}

static void account_data(struct tlsm_work *work, uint8_t action, struct tlsm_bytes content)
{
    if (action == TLSM_RX_DO_DELIVER) {
        work->state->ledger.plain_in += content.length;
        work->out->plain_length = content.length;
        work->out->news |= TLSM_NEWS_DATA;
    } else {   /* discarded by policy, or beyond the budget: opened, and never delivered */
        work->state->ledger.discarded += content.length;
        work->out->news |= TLSM_NEWS_DISCARDED;
    }
}

/* RFC 9846 §4.7.1: "A server receiving more than max_early_data_size bytes of 0-RTT data SHOULD terminate the connection with an
 * "unexpected_message" alert." */
static int count_early(struct tlsm_work *work, size_t length)
{
    struct tlsm_ledger *ledger = &work->state->ledger;
    if (length > tlsm_hs_const(work->state)->early_max - ledger->early_in)
        return 0;
    ledger->early_in += (uint32_t)length;
    work->out->news |= TLSM_NEWS_EARLY;
    return 1;
}

static enum tlsm_event early_of(enum tlsm_event event)
{
    if (event == TLSM_EV_DATA)
        return TLSM_EV_EARLY_DATA;
    return event == TLSM_EV_DATA_DISCARDED ? TLSM_EV_EARLY_DISCARDED : event;
}

static enum tlsm_code data_content(struct tlsm_work *work, struct tlsm_bytes content)
{
    struct tlsm_control *control = &work->state->control;
    enum tlsm_event event;
    uint8_t action;
    const int early = control->read_epoch == TLSM_EPOCH_EARLY;
    if ((control->rx != TLSM_RX_OPEN && !early) || control->split || tlsm_late_began(work->state))
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (content.length == 0) {   /* E4 */
        if (control->empties >= TLSM_EMPTIES_MAX)
            return tlsm_fail_excess(work);
        control->empties++;
        return tlsm_event(work, TLSM_EV_EMPTY);
    }
    control->empties = control->cancels = control->warnings = control->key_updates = 0;   /* E6 */
    if (early && !count_early(work, content.length))
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    event = early ? early_of(classify_data(work, content.length)) : classify_data(work, content.length);
    action = tlsm_rx_cell(control->rx, event).action;
    account_data(work, action, content);
    return tlsm_event(work, event);
}

/* ------------------------------------------------------------------------------------------------ alerts */

enum { LEVEL_WARNING = 1, LEVEL_FATAL = 2 };

/* E0: TLS 1.2's rules hold also before ServerHello is sent or processed, where that version is allowed. A HelloRetryRequest is a
 * ServerHello of TLS 1.3. */
static int rules_of_12(const struct tlsm_work *work)
{
    const struct tlsm_control *control = &work->state->control;
    if (tlsm_is_12(work->state))
        return 1;
    return control->rx == TLSM_RX_HANDSHAKE && control->read_epoch == TLSM_EPOCH_NONE && !tlsm_fact(work->state, TLSM_FACT_RETRIED) &&
           tlsm_speaks(work->config->settings, TLSM_1_2);
}

static enum tlsm_code closed_by_peer(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    const int older = tlsm_is_12(work->state);
    if (control->rx != TLSM_RX_OPEN)
        return tlsm_event(work, TLSM_EV_CLOSE_EARLY);
    control->facts |= TLSM_FACT_ALERT_AUTHENTIC;
    if (older && control->alert_in_level == LEVEL_FATAL)   /* C5: RFC 5246 §7.2.2: "forget any session-identifiers" */
        tlsm_set_mark(work->state, TLSM_MARK_UNRESUMABLE);
    work->out->news |= TLSM_NEWS_PEER_CLOSED;
    /* C3; when another library replies is its own affair */
    const int replies = older && work->config->settings->close12 == TLSM_CLOSE12_REPLY && !tlsm_fact(work->state, TLSM_FACT_OBSERVED);
    return tlsm_event(work, replies ? TLSM_EV_CLOSE_REPLY : TLSM_EV_CLOSE_NOTIFY);
}

/* E3, E5, E6: an alert that is ignored counts. */
static enum tlsm_code ignored_alert(struct tlsm_work *work, enum tlsm_event event)
{
    if (work->state->control.cancels >= TLSM_CANCELS_MAX)
        return tlsm_fail_excess(work);
    work->state->control.cancels++;
    return tlsm_event(work, event);
}

static enum tlsm_code cancelled_by_peer(struct tlsm_work *work)
{
    work->state->control.facts |= TLSM_FACT_PEER_CANCELED;
    return ignored_alert(work, TLSM_EV_USER_CANCELED);
}

static enum tlsm_code alert_content(struct tlsm_work *work, struct tlsm_bytes content, int authentic)
{
    struct tlsm_control *control = &work->state->control;
    const int older = rules_of_12(work);
    if (content.length != 2)   /* E1 */
        return tlsm_fail(work, content.length == 0 ? TLSM_ALERT_UNEXPECTED_MESSAGE : TLSM_ALERT_DECODE_ERROR);
    if (control->split)        /* E7 */
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (content.data[0] != LEVEL_WARNING && content.data[0] != LEVEL_FATAL)   /* E2, E3 */
        return tlsm_fail(work, TLSM_ALERT_ILLEGAL_PARAMETER);
    if (content.data[1] == TLSM_ALERT_USER_CANCELED && !(older && content.data[0] == LEVEL_FATAL))
        return cancelled_by_peer(work);
    control->alert_in = content.data[1];
    control->alert_in_level = content.data[0];
    if (authentic)
        control->facts |= TLSM_FACT_ALERT_AUTHENTIC;
    if (content.data[1] == TLSM_ALERT_CLOSE_NOTIFY)
        return closed_by_peer(work);
    if (older && content.data[0] == LEVEL_WARNING)
        return ignored_alert(work, TLSM_EV_WARNING);
    return tlsm_event(work, authentic ? TLSM_EV_PEER_ALERT : TLSM_EV_PLAIN_ALERT);
}

/* ------------------------------------------------------------------------------------------------ handshake messages */

static void remove_message(struct tlsm_state *state, size_t length)
{
    struct tlsm_handshake *hs = tlsm_hs(state);
    uint8_t *room = tlsm_room(state);
    memmove(room + hs->kept, room + hs->kept + length, hs->used - hs->kept - length);
    hs->used -= (uint32_t)length;
    tlsm_wipe(room + hs->used, length);
    state->length -= (uint32_t)length;
}

/* One whole message at the start of what is not kept; `left` bytes follow it. Returns an alert, or 0. */
static uint8_t one_message(struct tlsm_work *work, size_t length, size_t left)
{
    struct tlsm_state *state = work->state;
    const uint32_t kept = tlsm_hs(state)->kept;
    const uint8_t epoch = state->control.read_epoch, request = state->control.request;
    uint8_t alert = tlsm_handshake_message(work, tlsm_slice(tlsm_room(state) + kept, length));
    if (alert != 0)
        return alert;
    /* §5.1: "Handshake messages MUST NOT span key changes." And nothing follows the end of a flight. */
    if (left > 0 && (!tlsm_in_handshake(state) || state->control.read_epoch != epoch ||
                     state->control.request != request || tlsm_handshake_owes(state)))
        return TLSM_ALERT_UNEXPECTED_MESSAGE;
    /* A handler that keeps the message moves `kept` past it; one that drops what was kept moves it down. */
    if (tlsm_in_handshake(state) && tlsm_hs(state)->kept <= kept)
        remove_message(state, length);
    return 0;
}

/* RFC 5246 §7.4.1.1: a HelloRequest "will be ignored by the client if the client is currently negotiating a session", and is in no hash. */
static int is_stray_request(const struct tlsm_work *work, size_t length)
{
    const struct tlsm_state *state = work->state;
    return state->control.role == TLSM_CLIENT && length == 4 && tlsm_room_const(state)[tlsm_hs_const(state)->kept] == TLSM_MSG_HELLO_REQUEST &&
           rules_of_12(work);
}

static uint8_t pass_request(struct tlsm_work *work, size_t length)
{
    if (work->state->control.warnings >= TLSM_REQUESTS_MAX)
        return TLSM_ALERT_UNEXPECTED_MESSAGE;
    work->state->control.warnings++;
    remove_message(work->state, length);
    return 0;
}

size_t tlsm_message_limit(const struct tlsm_work *work)
{
    const size_t limit = work->config->settings->message_max;
    return limit != 0 ? limit : TLSM_MESSAGE_MAX;
}

uint8_t tlsm_take_one(struct tlsm_work *work, size_t length) { return one_message(work, length, 0); }

/* Length of the first message that is not kept, header included; 0 when its header is not whole. */
static size_t message_length(const struct tlsm_state *state)
{
    const struct tlsm_handshake *hs = tlsm_hs_const(state);
    struct tlsm_reader reader = tlsm_reader(tlsm_slice(tlsm_room_const(state) + hs->kept, hs->used - hs->kept));
    size_t length;
    (void)tlsm_take_number(&reader, 1);
    length = 4 + (size_t)tlsm_take_number(&reader, 3);
    return reader.bad ? 0 : length;
}

static uint8_t all_messages(struct tlsm_work *work)
{
    struct tlsm_state *state = work->state;
    while (tlsm_in_handshake(state) && tlsm_hs(state)->used > tlsm_hs(state)->kept) {
        const size_t have = tlsm_hs(state)->used - tlsm_hs(state)->kept, length = message_length(state);
        uint8_t alert;
        if (length > tlsm_message_limit(work))
            return TLSM_ALERT_ILLEGAL_PARAMETER;
        if (length == 0 || length > have)
            break;
        alert = is_stray_request(work, length) ? pass_request(work, length) : one_message(work, length, have - length);
        if (alert != 0)
            return alert;
    }
    state->control.split = tlsm_in_handshake(state) && tlsm_hs(state)->used > tlsm_hs(state)->kept;
    return 0;
}

static enum tlsm_code news_code(const struct tlsm_work *work)
{
    const uint32_t news = work->out->news;
    if (news & TLSM_NEWS_CONNECTED)
        return TLSM_CONNECTED;
    if (news & TLSM_NEWS_REQUEST)
        return TLSM_REQUEST;
    return news & TLSM_NEWS_KEYS ? TLSM_KEYS : TLSM_OK;
}

static enum tlsm_code handshake_content(struct tlsm_work *work, struct tlsm_bytes content)
{
    struct tlsm_state *state = work->state;
    struct tlsm_handshake *hs = tlsm_hs(state);
    enum tlsm_code code;
    uint8_t alert;
    /* It is our turn: nothing may come, not even a piece, which would span the change of keys that follows (§5.1). */
    if (tlsm_handshake_owes(state) ||
        (state->control.read_epoch == TLSM_EPOCH_EARLY && content.length > TLSM_EARLY_MESSAGE_MAX))
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    memcpy(tlsm_room(state) + hs->used, content.data, content.length);
    hs->used += (uint32_t)content.length;
    state->length += (uint32_t)content.length;
    code = tlsm_event(work, TLSM_EV_MESSAGE);
    alert = all_messages(work);
    if (alert != 0)
        return tlsm_fail(work, alert);
    return tlsm_graver(code, news_code(work));
}

enum tlsm_code tlsm_content(struct tlsm_work *work, uint8_t type, struct tlsm_bytes content, int authentic)
{
    if (tlsm_over_record_budget(work, type))
        return tlsm_event(work, TLSM_EV_BUDGET);
    if (type == TLSM_TYPE_DATA)
        return data_content(work, content);
    if (type == TLSM_TYPE_ALERT)
        return alert_content(work, content, authentic);
    if (type != TLSM_TYPE_HANDSHAKE || content.length == 0)   /* F3, E1 */
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (work->state->control.rx == TLSM_RX_HANDSHAKE)
        return handshake_content(work, content);
    return tlsm_post_content(work, content);
}
