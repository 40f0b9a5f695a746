/* SPDX-License-Identifier: MIT */
#include "check_shutdown.h"

#include <string.h>

#include "statecov.h"

enum { CALL_STEPS = 64 };

static int has(const struct tlsm_state *state, uint32_t facts) { return (state->control.facts & facts) != 0; }

static int ended_by_eof(const struct tlsm_state *state)
{
    return state->control.cause == TLSM_CAUSE_EOF || state->control.cause == TLSM_CAUSE_EOF_VOUCHED;
}

static const char *judge_one(const struct tlsm_shutdown *shutdown, const struct tlsm_state *state)
{
    const int ours = state->control.tx == TLSM_TX_CLOSED || shutdown->preset & TLSM_SENT_SHUTDOWN;
    const int theirs = state->control.rx == TLSM_RX_CLOSED || shutdown->preset & TLSM_RECEIVED_SHUTDOWN;
    return shutdown->quiet || (ours && theirs) ? NULL : "K3: 1 without both close_notifies";
}

static const char *judge_zero(const struct tlsm_shutdown *shutdown, const struct tlsm_shutdown_next *next,
                              const struct tlsm_state *state)
{
    if (shutdown->contract == TLSM_SHUTDOWN_ONE_CALL)
        return next->error == TLSM_SHUTDOWN_UNEXPECTED_EOF && ended_by_eof(state) ? NULL : "K3: 0 and no end of the transport";
    if (shutdown->told || !next->state.told)
        return "K4: 0 is said twice";
    return next->error == TLSM_SHUTDOWN_WANT_READ && state->control.tx == TLSM_TX_CLOSED ? NULL : "K4: 0 before ours is taken";
}

static const char *judge_error(const struct tlsm_shutdown_next *next, enum tlsm_shutdown_seen seen,
                               const struct tlsm_state *state)
{
    const unsigned needs = tlsm_needs(state);
    switch ((enum tlsm_shutdown_error)next->error) {
    case TLSM_SHUTDOWN_NONE:
        return "K3: -1 without an error";
    case TLSM_SHUTDOWN_WANT_READ:
        return seen == TLSM_SAW_BLOCKED_READ && state->control.rx == TLSM_RX_OPEN ? NULL : "K5: WANT_READ that nothing follows";
    case TLSM_SHUTDOWN_WANT_WRITE:
        return seen == TLSM_SAW_BLOCKED_WRITE && needs & (TLSM_NEED_PRODUCE | TLSM_NEED_SEND) ? NULL
                                                                                              : "K5: WANT_WRITE of nothing";
    case TLSM_SHUTDOWN_SYSCALL:
        return state->control.tx == TLSM_TX_DEAD || state->control.rx == TLSM_RX_CUT || state->control.rx == TLSM_RX_DEAD ||
                       state->control.tx == TLSM_TX_EXPORTED ? NULL : "K3: a transport failed that did not";
    case TLSM_SHUTDOWN_PROTOCOL:
        return has(state, TLSM_FACT_ERROR | TLSM_FACT_ABORTED | TLSM_FACT_PEER_ALERT) ||
                       state->control.cause == TLSM_CAUSE_BUDGET ? NULL : "K3: a protocol error that was none";
    case TLSM_SHUTDOWN_UNEXPECTED_EOF:
        return ended_by_eof(state) ? NULL : "K3: an end of the transport that was none";
    case TLSM_SHUTDOWN_DATA_PENDING:
        return next->state.held ? NULL : "K1: no data is pending";
    case TLSM_SHUTDOWN_FAILURE:
        return "no step failed";
    case TLSM_SHUTDOWN_IN_INIT:
        return next->state.in_init ? NULL : "K6: not in init";
    }
    return "an unknown error";
}

static const char *judge_return(const struct tlsm_shutdown *shutdown, enum tlsm_shutdown_seen seen,
                                const struct tlsm_state *state, const struct tlsm_shutdown_next *next)
{
    if (next->returns == 1)
        return judge_one(shutdown, state);
    if (next->returns == 0)
        return judge_zero(shutdown, next, state);
    return next->returns == -1 ? judge_error(next, seen, state) : "an unknown return";
}

static const char *judge_act(const struct tlsm_shutdown *shutdown, enum tlsm_shutdown_seen seen,
                             const struct tlsm_state *state, const struct tlsm_shutdown_next *next)
{
    const unsigned needs = tlsm_needs(state);
    if (shutdown->quiet && next->act != TLSM_DO_RETURN)
        return "K2: quiet, and does something";
    switch ((enum tlsm_shutdown_act)next->act) {
    case TLSM_DO_CLOSE:
        return shutdown->called ? "K: closes twice" : NULL;
    case TLSM_DO_FLUSH:
        if (seen == TLSM_SAW_BLOCKED_WRITE)
            return "K5: writes into what is blocked";
        /* What is there to flush may be nothing: then the next step goes on. */
        return needs & (TLSM_NEED_PRODUCE | TLSM_NEED_SEND) || !shutdown->called ? NULL : "I13: flushes nothing";
    case TLSM_DO_READ:
        if (seen == TLSM_SAW_BLOCKED_READ)
            return "K5: reads from what is blocked";
        return state->control.rx == TLSM_RX_OPEN && !next->state.held ? NULL : "K: reads where there is nothing to read";
    case TLSM_DO_RETURN:
        return judge_return(shutdown, seen, state, next);
    }
    return "an unknown action";
}

const char *check_shutdown(struct tlsm_shutdown shutdown, enum tlsm_shutdown_seen seen, const struct tlsm_state *state,
                           struct tlsm_shutdown_next *next)
{
    struct tlsm_shutdown_next twin = tlsm_shutdown_step(shutdown, seen, state);
    *next = tlsm_shutdown_step(shutdown, seen, state);
    if (memcmp(&twin, next, sizeof twin) != 0)
        return "I7: two steps of the procedure differ";
    if (next->state.contract != shutdown.contract || next->state.quiet != shutdown.quiet ||
        next->state.preset != shutdown.preset || (shutdown.flags & ~next->state.flags) != 0)
        return "K: the procedure forgot what it was told";
    return judge_act(&shutdown, seen, state, next);
}

/* ------------------------------------------------------------------------------------------------ carrying out */

static const char *apply(struct node *node, unsigned operation, struct operation_result *result)
{
    static struct node after;
    const char *broken = operation_apply(node, operation, &after, result);
    if (broken == NULL && result->applied)
        node_copy(node, &after);
    return broken;
}

const char *shutdown_do(struct node *node, unsigned operation, enum tlsm_shutdown_seen *seen)
{
    struct operation_result result;
    const char *broken = apply(node, operation, &result);
    *seen = TLSM_SAW_PROGRESS;
    if (!result.applied || result.code >= TLSM_MORE_INPUT)
        *seen = TLSM_SAW_BLOCKED_READ;
    else if (result.step.out.news & TLSM_NEWS_DATA)
        *seen = TLSM_SAW_DATA;
    return broken;
}

const char *shutdown_flush(struct node *node, enum flush how, enum tlsm_shutdown_seen *seen)
{
    struct operation_result result;
    const char *broken = NULL;
    *seen = TLSM_SAW_PROGRESS;
    for (int i = 0; i < 16 && broken == NULL && tlsm_needs(&node->at.state) & TLSM_NEED_PRODUCE; i++)
        broken = apply(node, OP_PRODUCE, &result);
    if (broken != NULL || !(tlsm_needs(&node->at.state) & TLSM_NEED_SEND))
        return broken;
    if (how == FLUSH_BLOCKED)
        *seen = TLSM_SAW_BLOCKED_WRITE;
    return apply(node, how == FLUSH_ALL ? OP_SENT_ALL : how == FLUSH_BLOCKED ? OP_SENT_ONE : OP_SEND_FAILED, &result);
}

const char *shutdown_call(struct node *node, struct tlsm_shutdown *shutdown, enum flush how, const uint8_t *read,
                          size_t reads, struct tlsm_shutdown_next *next)
{
    enum tlsm_shutdown_seen seen = TLSM_SAW_CALL;
    const char *broken = NULL;
    for (int steps = 0; steps < CALL_STEPS && broken == NULL; steps++) {
        broken = check_shutdown(*shutdown, seen, &node->at.state, next);
        statecov_hit(statecov_of_step(shutdown->contract, seen, next));
        *shutdown = next->state;
        if (broken != NULL || next->act == TLSM_DO_RETURN)
            return broken;
        if (next->act == TLSM_DO_CLOSE)
            broken = shutdown_do(node, OP_CLOSE, &seen);
        else if (next->act == TLSM_DO_FLUSH)
            broken = shutdown_flush(node, how, &seen);
        else if (reads > 0) {
            broken = shutdown_do(node, *read % OPERATIONS, &seen);
            read++;
            reads--;
        } else
            seen = TLSM_SAW_BLOCKED_READ;
        if (next->act == TLSM_DO_CLOSE)
            seen = TLSM_SAW_PROGRESS;
    }
    return broken != NULL ? broken : "I13: a call of the procedure does not return";
}
