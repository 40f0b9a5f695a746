/* SPDX-License-Identifier: MIT */
/* A connection that another library runs: what it was seen to do, made into the same events, for the same table. */
#include "tlsm_observe.h"

#include "event.h"

enum { LEVEL_WARNING = 1, LEVEL_FATAL = 2, ALERT_LENGTH = 2, SSL2_LONG = 0x80 };

void tlsm_observe_init(struct tlsm_observed *observed)
{
    memset(observed, 0, sizeof *observed);
    tlsm_init(&observed->state);
    observed->state.control.facts = TLSM_FACT_OBSERVED;
}

static int complete(const struct tlsm_work *work) { return (work->state->control.facts & TLSM_FACT_COMPLETE) != 0; }

/* What the library would have to make, and cannot be asked for. */
static void give_up_making(struct tlsm_work *work)
{
    const uint8_t tx = work->state->control.tx;
    if (tx != TLSM_TX_CLOSED && tx != TLSM_TX_CLOSE_OUT && tx != TLSM_TX_FAIL_OUT && tx != TLSM_TX_DEAD)
        (void)tlsm_event(work, TLSM_EV_ABANDON);
}

/* ------------------------------------------------------------------------------------------------ framing */

/* A whole header without a body: how much of the record is missing, nobody knows. */
static int lost_in(const struct tlsm_control *control)
{
    return control->header_seen == TLSM_HEADER && control->body == 0;
}

static void lose_in(struct tlsm_control *control)
{
    tlsm_clear_header(control);
    control->header_seen = TLSM_HEADER;
}

static void fold_in(struct tlsm_control *control, uint8_t byte)
{
    switch (control->header_seen++) {
    case 0:
        control->record_type = byte;
        if (byte & SSL2_LONG)   /* a hello in the framing of SSL 2 */
            lose_in(control);
        return;
    case 3:
        control->body = (uint16_t)(byte << 8);
        return;
    case 4:
        control->body = (uint16_t)(control->body | byte);
        if (control->body == 0)
            tlsm_clear_header(control);
        return;
    }
}

static enum tlsm_code input(struct tlsm_work *work, struct tlsm_observed *observed, struct tlsm_bytes bytes)
{
    struct tlsm_control *control = &observed->state.control;
    size_t at = 0;
    if (!tlsm_rx_alive(control->rx))
        return control->rx == TLSM_RX_CUT ? TLSM_AFTER_EOF : TLSM_READ_ENDED;
    while (at < bytes.length && !lost_in(control)) {
        const size_t left = bytes.length - at, missing = (size_t)control->body - observed->body_have;
        if (control->header_seen < TLSM_HEADER) {
            fold_in(control, bytes.data[at++]);
            continue;
        }
        at += left < missing ? left : missing;
        observed->body_have += (uint32_t)(left < missing ? left : missing);
        if (observed->body_have == control->body) {
            observed->body_have = 0;
            tlsm_clear_header(control);
        }
    }
    control->facts |= TLSM_FACT_TOUCHED;
    work->out->consumed = bytes.length;
    return TLSM_OK;
}

static enum tlsm_code record(struct tlsm_observed *observed, const struct tlsm_seen *seen)
{
    struct tlsm_control *control = &observed->state.control;
    if (!lost_in(control) || !tlsm_rx_alive(control->rx) || seen->count > UINT16_MAX)
        return TLSM_IGNORED;
    observed->body_have = 0;
    control->record_type = seen->type;
    control->body = (uint16_t)seen->count;
    if (control->body == 0)
        tlsm_clear_header(control);
    return TLSM_OK;
}

size_t tlsm_observe_hint(const struct tlsm_observed *observed)
{
    const struct tlsm_control *control = &observed->state.control;
    if (control->header_seen < TLSM_HEADER)
        return TLSM_HEADER - (size_t)control->header_seen;
    return lost_in(control) ? 1 : (size_t)control->body - observed->body_have;
}

/* One byte of a header of ours. */
static void fold_out(struct tlsm_observed *observed, uint8_t byte)
{
    struct tlsm_ledger *ledger = &observed->state.ledger;
    if (observed->made_seen == 0) {
        ledger->record_start = ledger->produced;
        if (ledger->taken == ledger->produced)
            ledger->batch_start = ledger->produced;
    }
    if (++observed->made_seen == TLSM_HEADER - 1)
        observed->made_left = (uint32_t)byte << 8;
    if (observed->made_seen == TLSM_HEADER)
        observed->made_left |= byte;
}

/* I3, A13: whatever the library makes behind its last word is not to be sent. */
static enum tlsm_code may_follow(const struct tlsm_control *control)
{
    if (control->facts & TLSM_FACT_CLOSE_MADE)
        return TLSM_WRITE_CLOSED;
    return (control->facts & TLSM_FACT_FATAL_MADE) || control->tx == TLSM_TX_DEAD ? TLSM_WRITE_FAILED : TLSM_OK;
}

static enum tlsm_code output(struct tlsm_work *work, struct tlsm_observed *observed, struct tlsm_bytes bytes)
{
    struct tlsm_ledger *ledger = &observed->state.ledger;
    const enum tlsm_code may = may_follow(&observed->state.control);
    size_t at = 0;
    if (may != TLSM_OK)
        return may;
    if (observed->state.control.tx == TLSM_TX_MUTE)
        (void)tlsm_event(work, TLSM_EV_SPEAK);
    while (at < bytes.length) {
        size_t part = bytes.length - at;
        if (!observed->lost_out && observed->made_seen < TLSM_HEADER) {
            fold_out(observed, bytes.data[at]);
            part = 1;
        } else if (!observed->lost_out) {
            part = part < observed->made_left ? part : observed->made_left;
            observed->made_left -= (uint32_t)part;
        }
        if (observed->made_seen == TLSM_HEADER && observed->made_left == 0)
            observed->made_seen = 0;
        ledger->produced += part;
        at += part;
    }
    observed->state.control.facts |= TLSM_FACT_TOUCHED;
    return TLSM_OK;
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static enum tlsm_code start(struct tlsm_work *work, struct tlsm_observed *observed, const struct tlsm_seen *seen)
{
    const struct tlsm_settings *settings = work->config->settings;
    struct tlsm_control *control = &observed->state.control;
    if (control->rx != TLSM_RX_UNBORN)
        return TLSM_ALREADY_STARTED;
    if (settings->role != TLSM_CLIENT && settings->role != TLSM_SERVER)
        return TLSM_BAD_ARGUMENT;
    control->role = settings->role;
    if (settings->keep_transport)
        control->facts |= TLSM_FACT_KEEP;
    (void)tlsm_event(work, TLSM_EV_START);
    if (seen->lost_in || seen->lost_out || seen->count != 0)
        control->facts |= TLSM_FACT_TOUCHED;
    if (seen->lost_in)
        lose_in(control);
    if (seen->lost_out) {   /* one byte stands for what is on the wire already: no record boundary lies behind it (A9) */
        (void)tlsm_event(work, TLSM_EV_SPEAK);
        observed->lost_out = 1;
        observed->state.ledger.produced = observed->state.ledger.taken = 1;
    }
    return TLSM_OK;
}

static enum tlsm_code connected(struct tlsm_work *work, struct tlsm_observed *observed, const struct tlsm_seen *seen)
{
    struct tlsm_control *control = &observed->state.control;
    if (complete(work))
        return TLSM_IGNORED;
    if (control->rx != TLSM_RX_HANDSHAKE)
        return TLSM_READ_ENDED;
    if (control->tx == TLSM_TX_MUTE)
        (void)tlsm_event(work, TLSM_EV_SPEAK);
    (void)tlsm_event(work, TLSM_EV_FINISH_OUT);
    (void)tlsm_event(work, TLSM_EV_FINISH_IN);
    control->phase = TLSM_PHASE_DATA;
    control->version = seen->version;
    control->facts |= TLSM_FACT_TOUCHED | TLSM_FACT_COMPLETE | TLSM_FACT_OPENED | (seen->resumed ? TLSM_FACT_RESUMED : 0u) |
                      (seen->tickets ? TLSM_FACT_TICKETS : 0u);
    observed->lost_out = 0;
    work->out->news |= TLSM_NEWS_CONNECTED;
    return TLSM_CONNECTED;
}

/* ------------------------------------------------------------------------------------------------ records */

static enum tlsm_code message(struct tlsm_work *work, const struct tlsm_seen *seen)
{
    struct tlsm_control *control = &work->state->control;
    control->split = 0;
    if (!tlsm_rx_alive(control->rx))
        return TLSM_IGNORED;
    if (complete(work) && tlsm_over_record_budget(work, TLSM_TYPE_HANDSHAKE))
        return tlsm_event(work, TLSM_EV_BUDGET);
    if (!seen->tickets)
        return tlsm_event(work, TLSM_EV_MESSAGE);
    control->facts |= TLSM_FACT_TICKETS;
    return tlsm_event(work, complete(work) ? TLSM_EV_TICKET : TLSM_EV_MESSAGE);
}

/* (12) A session that ended with a fatal alert must not be resumed (G6). */
static void judge_session(struct tlsm_control *control)
{
    const uint32_t fatal = TLSM_FACT_ERROR | TLSM_FACT_PEER_ALERT;
    if ((control->facts & fatal) != 0 && control->version < TLSM_1_3)
        control->facts &= ~(uint32_t)TLSM_FACT_TICKETS;
}

static enum tlsm_code alert_in(struct tlsm_work *work, const struct tlsm_seen *seen)
{
    struct tlsm_control *control = &work->state->control;
    const struct tlsm_bytes alert = seen->bytes;
    enum tlsm_code code;
    if (alert.length != ALERT_LENGTH)
        return TLSM_BAD_ARGUMENT;
    if (!tlsm_rx_alive(control->rx))
        return TLSM_READ_ENDED;
    control->split = 0;   /* the library would not have opened it between fragments */
    if (control->rx == TLSM_RX_OPEN && !seen->authentic)   /* F1: never believed, whatever the library makes of it */
        return tlsm_fail(work, TLSM_ALERT_UNEXPECTED_MESSAGE);
    if (seen->version < TLSM_1_3 && alert.data[0] == LEVEL_WARNING && alert.data[1] != TLSM_ALERT_CLOSE_NOTIFY &&
        alert.data[1] != TLSM_ALERT_USER_CANCELED)
        return tlsm_event(work, TLSM_EV_SKIPPED);   /* E3; the library counts them */
    code = tlsm_content(work, TLSM_TYPE_ALERT, alert, seen->authentic);
    if (!complete(work) && !tlsm_rx_alive(control->rx))
        give_up_making(work);   /* C6: no close_notify in answer */
    judge_session(control);
    return code;
}

static enum tlsm_code close_made(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    if (control->tx == TLSM_TX_OPEN)   /* nobody asked: the library was closed behind our back */
        (void)tlsm_event(work, TLSM_EV_CLOSE);
    if (control->tx != TLSM_TX_CLOSING)
        return TLSM_IGNORED;
    control->facts |= TLSM_FACT_CLOSE_MADE;
    return tlsm_event(work, TLSM_EV_PRODUCE);
}

static enum tlsm_code fatal_made(struct tlsm_work *work, uint8_t description)
{
    struct tlsm_control *control = &work->state->control;
    if (tlsm_rx_alive(control->rx))
        (void)tlsm_fail(work, description);
    judge_session(control);
    if (control->tx != TLSM_TX_FAILING)
        return TLSM_IGNORED;
    control->facts |= TLSM_FACT_FATAL_MADE;
    return tlsm_event(work, TLSM_EV_PRODUCE);
}

static enum tlsm_code alert_out(struct tlsm_work *work, struct tlsm_bytes alert)
{
    const struct tlsm_ledger *ledger = &work->state->ledger;
    enum tlsm_code code;
    if (alert.length != ALERT_LENGTH)
        return TLSM_BAD_ARGUMENT;
    if (alert.data[1] == TLSM_ALERT_CLOSE_NOTIFY)
        code = close_made(work);
    else if (alert.data[0] == LEVEL_FATAL)
        code = fatal_made(work, alert.data[1]);
    else
        return TLSM_IGNORED;
    if (ledger->taken == ledger->produced)   /* it left before we heard of it */
        (void)tlsm_event(work, TLSM_EV_SENT_ALL);
    return code;
}

static enum tlsm_code failed(struct tlsm_work *work)
{
    struct tlsm_control *control = &work->state->control;
    enum tlsm_code code = TLSM_OK;
    if (tlsm_rx_alive(control->rx))
        code = tlsm_fail(work, TLSM_ALERT_NONE);
    judge_session(control);
    give_up_making(work);
    return code;
}

static enum tlsm_code wrote(struct tlsm_work *work, size_t count)
{
    const enum tlsm_code code = tlsm_event(work, TLSM_EV_WRITE);
    if (!tlsm_refuses(code))
        work->state->ledger.plain_out += count;
    return code;
}

/* ------------------------------------------------------------------------------------------------ the doors */

static void clear(struct tlsm_out *out) { memset(out, 0, sizeof *out); }

static enum tlsm_code dispatch(struct tlsm_work *work, struct tlsm_observed *observed, const struct tlsm_seen *seen)
{
    const struct tlsm_bytes data = { NULL, seen->count };
    if (observed->state.control.rx == TLSM_RX_UNBORN && seen->kind != TLSM_SEEN_START)
        return TLSM_NOT_STARTED;
    switch (seen->kind) {
    case TLSM_SEEN_START: return start(work, observed, seen);
    case TLSM_SEEN_INPUT: return input(work, observed, seen->bytes);
    case TLSM_SEEN_RECORD: return record(observed, seen);
    case TLSM_SEEN_OUTPUT: return output(work, observed, seen->bytes);
    case TLSM_SEEN_CONNECTED: return connected(work, observed, seen);
    case TLSM_SEEN_DATA:
        observed->state.control.split = 0;
        return tlsm_rx_alive(observed->state.control.rx) ? tlsm_content(work, TLSM_TYPE_DATA, data, 1) : TLSM_READ_ENDED;
    case TLSM_SEEN_WROTE: return wrote(work, seen->count);
    case TLSM_SEEN_FRAGMENT:
        observed->state.control.split = tlsm_rx_alive(observed->state.control.rx) ? 1 : 0;
        return TLSM_OK;
    case TLSM_SEEN_MESSAGE: return message(work, seen);
    case TLSM_SEEN_ALERT_IN: return alert_in(work, seen);
    case TLSM_SEEN_ALERT_OUT: return alert_out(work, seen->bytes);
    case TLSM_SEEN_FAILED: return failed(work);
    case TLSM_SEEN_COUNT: break;
    }
    return TLSM_BAD_ARGUMENT;
}

static enum tlsm_code verdict_code(const struct tlsm_state *state)
{
    struct tlsm_verdict verdict;
    tlsm_verdict(state, &verdict);
    return tlsm_how_code(verdict.how);
}

static enum tlsm_code finish(struct tlsm_observed *observed, enum tlsm_code code, struct tlsm_out *out)
{
    if (!tlsm_rx_alive(observed->state.control.rx))
        observed->body_have = 0;
    if (tlsm_refuses(code) || !tlsm_is_final(&observed->state))
        return code;
    out->news |= TLSM_NEWS_ENDED;
    return verdict_code(&observed->state);
}

enum tlsm_code tlsm_observe(const struct tlsm_settings *settings, struct tlsm_observed *observed,
                            const struct tlsm_seen *seen, struct tlsm_out *out)
{
    const struct tlsm_config config = { settings, NULL, NULL };
    const struct tlsm_in nothing = { .kind = TLSM_IN_COUNT };
    struct tlsm_work work = { &config, &nothing, &observed->state, out };
    clear(out);
    if (tlsm_is_final(&observed->state))   /* I4 */
        return finish(observed, TLSM_OK, out);
    return finish(observed, dispatch(&work, observed, seen), out);
}

static int may_come(enum tlsm_in_kind kind)
{
    const unsigned kinds = 1u << TLSM_IN_SENT | 1u << TLSM_IN_CLOSE | 1u << TLSM_IN_WAIT | 1u << TLSM_IN_ABANDON |
                           1u << TLSM_IN_EOF | 1u << TLSM_IN_RECEIVE_FAILED | 1u << TLSM_IN_SEND_FAILED |
                           1u << TLSM_IN_DEADLINE_SET | 1u << TLSM_IN_DEADLINE;
    return kind < TLSM_IN_COUNT && (kinds >> kind & 1u) != 0;
}

enum tlsm_code tlsm_observe_in(const struct tlsm_settings *settings, struct tlsm_observed *observed,
                               const struct tlsm_in *in, struct tlsm_out *out)
{
    const struct tlsm_config config = { settings, NULL, NULL };
    struct tlsm_in whole = *in;
    struct tlsm_work work = { &config, in, &observed->state, out };
    enum tlsm_code code;
    clear(out);
    if (!may_come(in->kind))
        return TLSM_BAD_ARGUMENT;
    if (in->kind == TLSM_IN_EOF)
        whole.count = observed->body_have;
    out->state_capacity = sizeof observed->state;
    code = tlsm_step(&config, &observed->state, &whole, &observed->state, out);
    if (in->kind == TLSM_IN_CLOSE && !complete(&work) && !tlsm_is_final(&observed->state))
        give_up_making(&work);
    return finish(observed, code, out);
}
