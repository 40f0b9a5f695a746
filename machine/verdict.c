/* SPDX-License-Identifier: MIT */
/* How it ended (V1), what is needed, and advice for the transport: all computed from the state, never stored twice. */
#include "event.h"

enum { DRAIN_BYTES = 1 << 20 };

static uint8_t has(const struct tlsm_state *state, uint32_t facts) { return (state->control.facts & facts) != 0; }

size_t tlsm_length(const struct tlsm_state *state) { return state->length; }
uint64_t tlsm_outstanding(const struct tlsm_state *state) { return state->ledger.produced - state->ledger.taken; }
int tlsm_resumed(const struct tlsm_state *state) { return has(state, TLSM_FACT_RESUMED); }
int tlsm_peer_shown(const struct tlsm_state *state) { return tlsm_mark(state, TLSM_MARK_PEER_SHOWN); }
int tlsm_connected(const struct tlsm_state *state) { return has(state, TLSM_FACT_COMPLETE); }

int tlsm_is_final(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (control->tx == TLSM_TX_EXPORTED)
        return 1;
    return !tlsm_rx_alive(control->rx) && (control->tx == TLSM_TX_CLOSED || control->tx == TLSM_TX_DEAD);
}

int tlsm_can_write(const struct tlsm_state *state)
{
    return state->control.tx == TLSM_TX_OPEN && has(state, TLSM_FACT_COMPLETE) &&
           !(state->control.owes & TLSM_OWES_UPDATE) && !tlsm_in_flight(&state->control);
}

/* ------------------------------------------------------------------------------------------------ needs */

static int may_receive(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (control->rx == TLSM_RX_UNBORN || !tlsm_rx_alive(control->rx) || control->request != 0 ||
        control->tx == TLSM_TX_EXPORTED)
        return 0;
    if ((control->role == TLSM_CLIENT && control->tx == TLSM_TX_MUTE) || tlsm_in_flight(control))
        return 0;
    return !has(state, TLSM_FACT_ONE_WAY);   /* A12 */
}

static int owes(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    if (tx == TLSM_TX_CANCELLING || tx == TLSM_TX_CLOSING || tx == TLSM_TX_FAILING)
        return 1;
    if (tx != TLSM_TX_MUTE && tx != TLSM_TX_HANDSHAKE && tx != TLSM_TX_OPEN)
        return 0;
    if (tlsm_in_flight(&state->control))
        return tlsm_handshake_owes(state);
    return tlsm_handshake_owes(state) || (tx == TLSM_TX_OPEN && ((state->control.owes & TLSM_OWES_UPDATE) != 0 || state->control.tickets != 0));
}

static int may_send(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;   /* J1: what an exported state carries along is sent elsewhere */
    return tlsm_outstanding(state) != 0 && tx != TLSM_TX_DEAD && tx != TLSM_TX_CLOSED && tx != TLSM_TX_EXPORTED;
}

unsigned tlsm_needs(const struct tlsm_state *state)
{
    unsigned needs = 0;
    if (tlsm_is_final(state))
        return 0;
    needs |= may_receive(state) ? TLSM_NEED_RECEIVE : 0u;
    needs |= owes(state) ? TLSM_NEED_PRODUCE : 0u;
    needs |= may_send(state) ? TLSM_NEED_SEND : 0u;
    needs |= state->control.request != 0 ? TLSM_NEED_ANSWER : 0u;
    if (needs == 0)
        needs = TLSM_NEED_COMMAND;
    return needs | (has(state, TLSM_FACT_DEADLINE) ? TLSM_NEED_DEADLINE : 0u);
}

size_t tlsm_receive_hint(const struct tlsm_state *state)
{
    if (!may_receive(state))
        return 0;
    if (has(state, TLSM_FACT_READ_ELSEWHERE))
        return TLSM_PLAIN_MAX;
    return state->control.header_seen < TLSM_HEADER ? TLSM_HEADER - (size_t)state->control.header_seen
                                                    : state->control.body;
}

/* ------------------------------------------------------------------------------------------------ V1 */

static int fatal_alert_lives(const struct tlsm_state *state)
{
    return state->control.tx == TLSM_TX_FAILING || has(state, TLSM_FACT_FATAL_MADE);
}

static uint8_t how_by_error(const struct tlsm_state *state)
{
    if (fatal_alert_lives(state))
        return TLSM_LOCAL_ALERT_VERDICT;
    return has(state, TLSM_FACT_ERROR) ? TLSM_PROTOCOL_ERROR_VERDICT : TLSM_ABANDONED_VERDICT;
}

static uint8_t how_by_eof(const struct tlsm_state *state)
{
    const int boundary = state->control.place == TLSM_PLACE_BOUNDARY;
    if (boundary && state->control.tx == TLSM_TX_CLOSED && has(state, TLSM_FACT_EOF_AFTER_CLOSE))
        return TLSM_CLOSED_INCOMPLETE_VERDICT;
    return TLSM_TRUNCATED_VERDICT;
}

/* Line 7: the earliest event stays. */
static uint8_t how_by_cause(const struct tlsm_state *state)
{
    switch ((enum tlsm_cause)state->control.cause) {
    case TLSM_CAUSE_BUDGET: return TLSM_LIMIT_EXCEEDED_VERDICT;
    case TLSM_CAUSE_DEADLINE: return TLSM_TIMED_OUT_VERDICT;
    case TLSM_CAUSE_ABANDON:
        return state->control.tx == TLSM_TX_CLOSED ? TLSM_CLOSED_INCOMPLETE_VERDICT : TLSM_ABANDONED_VERDICT;
    case TLSM_CAUSE_RECEIVE_FAILED: case TLSM_CAUSE_SEND_FAILED: return TLSM_TRANSPORT_FAILED_VERDICT;
    case TLSM_CAUSE_EOF: return how_by_eof(state);
    case TLSM_CAUSE_EOF_VOUCHED: return TLSM_FRAMED_END_VERDICT;
    case TLSM_CAUSE_NONE: case TLSM_CAUSE_PEER_ALERT: case TLSM_CAUSE_LOCAL_ALERT: case TLSM_CAUSE_PROTOCOL_ERROR:
    case TLSM_CAUSE_ABORT: case TLSM_CAUSE_PEER_CLOSED: break;
    }
    return TLSM_OPEN;
}

uint8_t tlsm_how_now(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (tlsm_rx_alive(control->rx) && !tlsm_is_final(state))
        return TLSM_OPEN;                                                        /* 0 */
    if (control->tx == TLSM_TX_EXPORTED)
        return TLSM_HANDED_OFF_VERDICT;                                          /* 1 */
    if (!has(state, TLSM_FACT_TOUCHED))
        return TLSM_NEVER_OPENED_VERDICT;                                        /* 2 */
    if (!has(state, TLSM_FACT_COMPLETE))
        return has(state, TLSM_FACT_CANCELLED) ? TLSM_CANCELLED_IN_HANDSHAKE_VERDICT : TLSM_HANDSHAKE_FAILED_VERDICT;   /* 3 */
    if (has(state, TLSM_FACT_PEER_ALERT))
        return TLSM_PEER_ALERT_VERDICT;                                          /* 4 */
    if (has(state, TLSM_FACT_ERROR | TLSM_FACT_ABORTED))
        return how_by_error(state);                                              /* 5 */
    if (control->rx == TLSM_RX_CLOSED)
        return control->tx == TLSM_TX_CLOSED ? TLSM_CLEAN_BOTH_VERDICT : TLSM_CLEAN_RECEIVED_VERDICT;   /* 6 */
    return how_by_cause(state);                                                  /* 7 */
}

/* For line 3: the line below that would apply. */
static uint8_t cause(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    if (has(state, TLSM_FACT_PEER_ALERT))
        return TLSM_CAUSE_PEER_ALERT;
    if (has(state, TLSM_FACT_ERROR | TLSM_FACT_ABORTED)) {
        if (fatal_alert_lives(state))
            return TLSM_CAUSE_LOCAL_ALERT;
        return has(state, TLSM_FACT_ERROR) ? TLSM_CAUSE_PROTOCOL_ERROR : TLSM_CAUSE_ABORT;
    }
    if (has(state, TLSM_FACT_PEER_CLOSED_EARLY) || (control->rx == TLSM_RX_CLOSED && !has(state, TLSM_FACT_COMPLETE)))
        return TLSM_CAUSE_PEER_CLOSED;
    return control->cause;
}

/* G6. In TLS 1.2 a session is one connection's, and those that descend from it: a fatal alert, or a close_notify that was one (C5), ends it. */
static uint8_t resumable(const struct tlsm_state *state)
{
    const uint32_t ends = TLSM_FACT_ERROR | TLSM_FACT_PEER_ALERT;
    if (!has(state, TLSM_FACT_COMPLETE))
        return 0;
    if (!tlsm_is_12(state))
        return has(state, TLSM_FACT_TICKETS);
    return has(state, TLSM_FACT_TICKETS | TLSM_FACT_RESUMED) && !has(state, ends) && !fatal_alert_lives(state) &&
           !tlsm_mark(state, TLSM_MARK_UNRESUMABLE);
}

static void fill_alerts(const struct tlsm_state *state, struct tlsm_verdict *verdict)
{
    const struct tlsm_control *control = &state->control;
    verdict->alert_sent = TLSM_ALERT_NONE;
    if (has(state, TLSM_FACT_FATAL_MADE)) {
        verdict->alert_sent = control->alert_out;
        verdict->alert_delivered = has(state, TLSM_FACT_FATAL_TAKEN);
    } else if (has(state, TLSM_FACT_CLOSE_MADE)) {
        verdict->alert_sent = TLSM_ALERT_CLOSE_NOTIFY;
        verdict->alert_delivered = control->tx == TLSM_TX_CLOSED;
    }
    verdict->alert_received = control->alert_in;
    verdict->alert_received_level = control->alert_in_level;
    verdict->alert_authenticated = has(state, TLSM_FACT_ALERT_AUTHENTIC);
    verdict->peer_canceled = has(state, TLSM_FACT_PEER_CANCELED);
}

void tlsm_verdict(const struct tlsm_state *state, struct tlsm_verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->how = tlsm_how_now(state);
    verdict->cause = cause(state);
    verdict->phase = state->control.phase;
    verdict->first_mover = state->control.first_mover;
    verdict->place = state->control.place;
    verdict->eof_have = state->ledger.eof_have;
    verdict->eof_need = state->ledger.eof_need;
    fill_alerts(state, verdict);
    verdict->resumable = resumable(state);
    verdict->plain_in = state->ledger.plain_in;
    verdict->plain_out = state->ledger.plain_out;
    verdict->discarded = state->ledger.discarded;
    verdict->untaken = tlsm_outstanding(state);
    verdict->skipped = state->ledger.skipped;
    verdict->early = (uint8_t)tlsm_early_data(state);
    verdict->resumed = has(state, TLSM_FACT_RESUMED);
    verdict->peer_may_not_read = has(state, TLSM_FACT_EARLY_KEYS_CLOSE);
}

/* ------------------------------------------------------------------------------------------------ advice */

/* TX ended with all its last bytes taken: close_notify, or a fatal alert. */
static int said_all(const struct tlsm_state *state)
{
    return state->control.tx == TLSM_TX_CLOSED ||
           (state->control.tx == TLSM_TX_DEAD && has(state, TLSM_FACT_FATAL_TAKEN));
}

void tlsm_advice(const struct tlsm_state *state, struct tlsm_advice *advice)
{
    const struct tlsm_control *control = &state->control;
    const int final = tlsm_is_final(state), keep = has(state, TLSM_FACT_KEEP) || control->tx == TLSM_TX_EXPORTED;
    memset(advice, 0, sizeof *advice);
    if (may_send(state))
        advice->flags |= TLSM_ADVICE_FLUSH;
    if (control->tx == TLSM_TX_DEAD)
        advice->drop = tlsm_outstanding(state);
    if (keep) {
        advice->flags |= TLSM_ADVICE_KEEP;
        return;
    }
    if (control->tx == TLSM_TX_DEAD && has(state, TLSM_FACT_HALF_RECORD)) {   /* A9 */
        advice->flags |= final ? TLSM_ADVICE_RESET : 0u;
        return;
    }
    if (said_all(state))
        advice->flags |= TLSM_ADVICE_SHUT_WR;
    if (!final)
        return;
    advice->flags |= TLSM_ADVICE_CLOSE;
    if (said_all(state) && control->rx != TLSM_RX_CUT && control->cause != TLSM_CAUSE_DEADLINE) {   /* H3 */
        advice->flags |= TLSM_ADVICE_DRAIN;
        advice->drain_bytes = DRAIN_BYTES;
    }
}
