/* SPDX-License-Identifier: MIT */
/* The procedure behind a call like SSL_shutdown(3): from what it is, what the transport just did, and the connection, to
 * the next action. It decides nothing about TLS: the machine does, this only puts its state into the terms of the call.
 *
 *      call → [CLOSE] → [FLUSH until taken] → [READ until the peer's close_notify] → RETURN
 */
#include "event.h"

enum { BOTH = TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN };

void tlsm_shutdown_preset(struct tlsm_shutdown *shutdown, unsigned flags)
{
    /* A flag that an attempt of ours has set already says no more when it is set again, as by a program that adds one to what
     * SSL_get_shutdown() gave: it does not stand in for an alert that was not sent. */
    shutdown->preset |= (uint8_t)(flags & BOTH & ~(unsigned)shutdown->flags);
    shutdown->flags |= (uint8_t)(flags & BOTH);
}

static struct tlsm_shutdown_next act(struct tlsm_shutdown shutdown, enum tlsm_shutdown_act action)
{
    struct tlsm_shutdown_next next = { shutdown, (uint8_t)action, 0, TLSM_SHUTDOWN_NONE, 0 };
    return next;
}

static struct tlsm_shutdown_next give(struct tlsm_shutdown shutdown, int returns, enum tlsm_shutdown_error error)
{
    struct tlsm_shutdown_next next = { shutdown, TLSM_DO_RETURN, (int8_t)returns, (uint8_t)error, 0 };
    return next;
}

/* Ours stands as sent: by the wire, or by SSL_set_shutdown (K2). */
static int ours_done(const struct tlsm_shutdown *shutdown, const struct tlsm_state *state)
{
    return state->control.tx == TLSM_TX_CLOSED || (shutdown->preset & TLSM_SENT_SHUTDOWN);
}

static int theirs_done(const struct tlsm_shutdown *shutdown, const struct tlsm_state *state)
{
    return state->control.rx == TLSM_RX_CLOSED || (shutdown->preset & TLSM_RECEIVED_SHUTDOWN);
}

/* The transport, or we, ended it without an alert. */
static struct tlsm_shutdown_next give_end(struct tlsm_shutdown shutdown, const struct tlsm_state *state)
{
    const uint8_t cause = state->control.cause;
    if (cause == TLSM_CAUSE_BUDGET)
        return give(shutdown, -1, TLSM_SHUTDOWN_PROTOCOL);
    if (cause == TLSM_CAUSE_EOF || cause == TLSM_CAUSE_EOF_VOUCHED)
        return give(shutdown, shutdown.contract == TLSM_SHUTDOWN_ONE_CALL ? 0 : -1, TLSM_SHUTDOWN_UNEXPECTED_EOF);
    return give(shutdown, -1, TLSM_SHUTDOWN_SYSCALL);
}

/* Ours is out; what about theirs? */
static struct tlsm_shutdown_next wait_for_theirs(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen,
                                                 const struct tlsm_state *state)
{
    if (theirs_done(&shutdown, state)) {
        shutdown.flags = BOTH;
        return give(shutdown, 1, TLSM_SHUTDOWN_NONE);
    }
    if (!tlsm_rx_alive(state->control.rx))
        return give_end(shutdown, state);
    if (shutdown.contract == TLSM_SHUTDOWN_TWO_STEP && !shutdown.told) {
        shutdown.told = 1;
        return give(shutdown, 0, TLSM_SHUTDOWN_WANT_READ);   /* K4 */
    }
    if (shutdown.held)
        return give(shutdown, -1, TLSM_SHUTDOWN_DATA_PENDING);   /* K1 */
    if (seen == TLSM_SAW_BLOCKED_READ)
        return give(shutdown, -1, TLSM_SHUTDOWN_WANT_READ);
    return act(shutdown, TLSM_DO_READ);
}

/* Nothing is owed or outstanding any more, or the peer's alert or the transport took it from us. */
static struct tlsm_shutdown_next after_flush(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen,
                                             const struct tlsm_state *state)
{
    if (shutdown.in_init)
        return give(shutdown, -1, TLSM_SHUTDOWN_IN_INIT);   /* K6 */
    if (tlsm_fact(state, TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT))
        return give(shutdown, -1, TLSM_SHUTDOWN_PROTOCOL);
    if (ours_done(&shutdown, state))
        return wait_for_theirs(shutdown, seen, state);
    return give_end(shutdown, state);   /* B10: ours could not be sent */
}

static int must_flush(const struct tlsm_shutdown *shutdown, const struct tlsm_state *state)
{
    const unsigned owed = TLSM_NEED_PRODUCE | TLSM_NEED_SEND;
    if (shutdown->preset & TLSM_SENT_SHUTDOWN && !tlsm_fact(state, TLSM_FACT_ERROR | TLSM_FACT_ABORTED))
        return 0;   /* L5, L8: nothing is sent */
    return (tlsm_needs(state) & owed) != 0;
}

static int may_close(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    return tx == TLSM_TX_UNBORN || tx == TLSM_TX_MUTE || tx == TLSM_TX_HANDSHAKE || tx == TLSM_TX_OPEN;
}

/* The first call: is there anything to close at all? */
static struct tlsm_shutdown_next begin(struct tlsm_shutdown shutdown, const struct tlsm_state *state)
{
    const int preset = shutdown.preset & TLSM_SENT_SHUTDOWN;
    shutdown.called = 1;
    shutdown.flags |= TLSM_SENT_SHUTDOWN;   /* K2: attempted */
    shutdown.in_init = !tlsm_connected(state) && !tlsm_fact(state, TLSM_FACT_ERROR | TLSM_FACT_PEER_ALERT | TLSM_FACT_ABORTED);
    if (preset)
        shutdown.told = 1;
    return act(shutdown, may_close(state) && !preset ? TLSM_DO_CLOSE : TLSM_DO_FLUSH);
}

struct tlsm_shutdown_next tlsm_shutdown_step(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen,
                                             const struct tlsm_state *state)
{
    if (shutdown.quiet || shutdown.preset == BOTH) {   /* K2, L4, L10 */
        shutdown.flags = BOTH;
        return give(shutdown, 1, TLSM_SHUTDOWN_NONE);
    }
    if (seen == TLSM_SAW_FAILURE)
        return give(shutdown, -1, TLSM_SHUTDOWN_FAILURE);
    if (seen == TLSM_SAW_DATA)
        shutdown.held = 1;
    if (state->control.rx == TLSM_RX_CLOSED)
        shutdown.flags |= TLSM_RECEIVED_SHUTDOWN;
    if (!shutdown.called) {
        struct tlsm_shutdown_next next = begin(shutdown, state);
        if (next.act == TLSM_DO_CLOSE)
            return next;
        shutdown = next.state;
    }
    if (must_flush(&shutdown, state)) {
        if (seen == TLSM_SAW_BLOCKED_WRITE)
            return give(shutdown, -1, TLSM_SHUTDOWN_WANT_WRITE);
        return act(shutdown, TLSM_DO_FLUSH);
    }
    return after_flush(shutdown, seen, state);
}
