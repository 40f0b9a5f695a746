/* SPDX-License-Identifier: MIT */
/* Both directions of the ring: what a connection wants done, and what was done. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "tlsm_uring_internal.h"

enum { OPERATION_MASK = 7, SCRATCH = 4096 };

static uint8_t bit(unsigned operation) { return (uint8_t)(1u << operation); }

static int is_flying(const struct tlsm_uring *connection, unsigned operation)
{
    return (connection->in_flight & bit(operation)) != 0;
}

static int is_final(const struct tlsm_uring *connection) { return tlsm_is_final(connection->link.state); }

int tlsm_uring_halting(const struct tlsm_uring *connection)
{
    return connection->abandoning || connection->releasing || connection->late || is_final(connection);
}

void tlsm_uring_heed(struct tlsm_uring *connection)
{
    if (is_flying(connection, TLSM_URING_SEND) || is_final(connection))
        return;
    if (connection->abandoning)
        (void)tlsm_link_abandon(&connection->link);
    else if (connection->late)
        (void)tlsm_link_deadline(&connection->link);
}

/* ------------------------------------------------------------------------------------------------ submissions
 * Each returns TLSM_IO_DONE, TLSM_URING_FULL or TLSM_IO_NO_MEMORY. */

/* The submission was prepared: whose it is, and that it is on its way. */
static int submitted(struct tlsm_uring *connection, struct io_uring_sqe *sqe, unsigned operation)
{
    io_uring_sqe_set_data64(sqe, (uint64_t)(uintptr_t)connection | operation);
    connection->in_flight |= bit(operation);
    return TLSM_IO_DONE;
}

static int recall(struct tlsm_uring *connection, struct io_uring *ring, unsigned operation, unsigned with)
{
    struct io_uring_sqe *sqe;
    if (!is_flying(connection, operation) || is_flying(connection, with) || (connection->recalled & bit(operation)))
        return TLSM_IO_DONE;
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)connection | operation, 0);
    connection->recalled |= bit(operation);
    return submitted(connection, sqe, with);
}

/* Waits until the operation can be done, and holds no memory meanwhile. */
static int wait_first(struct tlsm_uring *connection, struct io_uring_sqe *sqe, unsigned operation, unsigned events)
{
    io_uring_prep_poll_add(sqe, connection->descriptor, events);
    connection->poll_next &= (uint8_t)~bit(operation);
    connection->polling |= bit(operation);
    return submitted(connection, sqe, operation);
}

static int receive_into(struct tlsm_uring *connection, struct io_uring_sqe *sqe, struct tlsm_span room)
{
    io_uring_prep_recv(sqe, connection->descriptor, room.data, room.capacity, 0);
    if (connection->expects_nothing && !connection->plain)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    return submitted(connection, sqe, TLSM_URING_RECEIVE);
}

/* Who waits for the next record needs no memory for it, if the caller wants it so. */
static int waits_without_memory(const struct tlsm_uring *connection)
{
    return connection->thrifty && connection->expects_nothing && tlsm_link_rest(&connection->link).length == 0;
}

static int arm_receive(struct tlsm_uring *connection, struct io_uring *ring)
{
    struct io_uring_sqe *sqe;
    struct tlsm_span room = { NULL, 0 };
    const int poll = (connection->poll_next & bit(TLSM_URING_RECEIVE)) || waits_without_memory(connection);
    if (is_flying(connection, TLSM_URING_RECEIVE) || !(tlsm_link_wants(&connection->link) & TLSM_WANT_READ))
        return TLSM_IO_DONE;
    if (!poll) {
        room = tlsm_link_room(&connection->link);
        if (room.capacity == 0)
            return TLSM_IO_NO_MEMORY;
    }
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    if (poll) {
        tlsm_link_idle(&connection->link);
        return wait_first(connection, sqe, TLSM_URING_RECEIVE, POLLIN);
    }
    tlsm_link_hold(&connection->link, TLSM_WANT_READ);
    return receive_into(connection, sqe, room);
}

static int arm_send(struct tlsm_uring *connection, struct io_uring *ring)
{
    const struct tlsm_bytes pending = tlsm_link_pending(&connection->link);
    struct io_uring_sqe *sqe;
    if (is_flying(connection, TLSM_URING_SEND) || pending.length == 0)
        return TLSM_IO_DONE;
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    if (connection->poll_next & bit(TLSM_URING_SEND))
        return wait_first(connection, sqe, TLSM_URING_SEND, POLLOUT);
    io_uring_prep_send(sqe, connection->descriptor, pending.data, pending.length, MSG_NOSIGNAL);
    tlsm_link_hold(&connection->link, TLSM_WANT_WRITE);
    return submitted(connection, sqe, TLSM_URING_SEND);
}

/* All was said, and the peer may wait to see that. */
static int must_shut(const struct tlsm_uring *connection)
{
    return !connection->shut && !tlsm_can_write(connection->link.state) && tlsm_socket_should_shut(connection->link.state);
}

static int arm_shut(struct tlsm_uring *connection, struct io_uring *ring)
{
    const uint8_t after = bit(TLSM_URING_SEND) | bit(TLSM_URING_SHUT) | bit(TLSM_URING_CLOSE);
    struct io_uring_sqe *sqe;
    if (connection->releasing || (connection->in_flight & after) || !must_shut(connection))
        return TLSM_IO_DONE;
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    io_uring_prep_shutdown(sqe, connection->descriptor, SHUT_WR);
    return submitted(connection, sqe, TLSM_URING_SHUT);
}

/* ------------------------------------------------------------------------------------------------ the end of the transport */

/* H3: what comes is read and dropped for a while. */
static int must_drain(struct tlsm_uring *connection, const struct tlsm_advice *advice)
{
    uint64_t until;
    if (!(advice->flags & TLSM_ADVICE_DRAIN) || connection->ended || connection->drained >= advice->drain_bytes)
        return 0;
    if (connection->linger_until_ms == UINT64_MAX)
        connection->linger_until_ms = tlsm_socket_now() + connection->linger_ms;
    until = connection->linger_until_ms < connection->deadline_ms ? connection->linger_until_ms : connection->deadline_ms;
    return tlsm_socket_now() < until;
}

static int drain(struct tlsm_uring *connection, struct io_uring *ring)
{
    struct io_uring_sqe *sqe;
    if (connection->scratch == NULL && (connection->scratch = malloc(SCRATCH)) == NULL)
        return TLSM_IO_NO_MEMORY;
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    if (connection->poll_next & bit(TLSM_URING_RECEIVE))
        return wait_first(connection, sqe, TLSM_URING_RECEIVE, POLLIN);
    connection->into_scratch = 1;
    return receive_into(connection, sqe, (struct tlsm_span){ connection->scratch, SCRATCH });
}

static int is_kept(const struct tlsm_uring *connection, const struct tlsm_advice *advice)
{
    return connection->keep_descriptor || (advice->flags & TLSM_ADVICE_KEEP);
}

static void reset_if_advised(struct tlsm_uring *connection, const struct tlsm_advice *advice)
{
    connection->linger_until_ms = UINT64_MAX;
    if ((advice->flags & TLSM_ADVICE_RESET) || connection->strayed)
        tlsm_socket_reset_on_close(connection->descriptor);
}

void tlsm_uring_finish_kept(struct tlsm_uring *connection)
{
    const int unshut = !connection->shut && tlsm_socket_should_shut(connection->link.state);
    struct tlsm_advice advice;
    tlsm_advice(connection->link.state, &advice);
    if (!connection->closing || connection->finished || connection->in_flight != 0 || unshut ||
        !is_kept(connection, &advice) || must_drain(connection, &advice))
        return;
    reset_if_advised(connection, &advice);
    connection->finished = 1;
}

static int arm_end(struct tlsm_uring *connection, struct io_uring *ring)
{
    struct io_uring_sqe *sqe;
    struct tlsm_advice advice;
    int drains;
    if (!connection->closing || (connection->in_flight & ~(unsigned)bit(TLSM_URING_RECEIVE)))
        return TLSM_IO_DONE;
    tlsm_advice(connection->link.state, &advice);
    drains = must_drain(connection, &advice);
    if (is_flying(connection, TLSM_URING_RECEIVE))
        return drains ? TLSM_IO_DONE : recall(connection, ring, TLSM_URING_RECEIVE, TLSM_URING_RECALL_RECEIVE);
    if (drains)
        return drain(connection, ring);
    if (is_kept(connection, &advice))
        return tlsm_uring_finish_kept(connection), TLSM_IO_DONE;
    sqe = io_uring_get_sqe(ring);
    if (sqe == NULL)
        return TLSM_URING_FULL;
    reset_if_advised(connection, &advice);
    io_uring_prep_close(sqe, connection->descriptor);
    return submitted(connection, sqe, TLSM_URING_CLOSE);
}

/* ------------------------------------------------------------------------------------------------ arming */

static int arm_all(struct tlsm_uring *connection, struct io_uring *ring)
{
    int done;
    if (tlsm_uring_halting(connection)) {
        done = recall(connection, ring, TLSM_URING_SEND, TLSM_URING_RECALL_SEND);
        if (done == TLSM_IO_DONE && connection->releasing)
            done = recall(connection, ring, TLSM_URING_RECEIVE, TLSM_URING_RECALL_RECEIVE);
    } else {
        done = arm_send(connection, ring);
        if (done == TLSM_IO_DONE)
            done = arm_receive(connection, ring);
    }
    if (done == TLSM_IO_DONE)
        done = arm_shut(connection, ring);
    return done == TLSM_IO_DONE ? arm_end(connection, ring) : done;
}

int tlsm_uring_arm(struct tlsm_uring *connection, struct io_uring *ring)
{
    int ran, done;
    if (connection->finished)
        return TLSM_IO_DONE;
    if (connection->deadline_ms != UINT64_MAX && !connection->late)
        connection->late = tlsm_socket_now() >= connection->deadline_ms;
    tlsm_uring_heed(connection);
    ran = tlsm_link_run(&connection->link);
    done = arm_all(connection, ring);
    if (done != TLSM_IO_DONE)
        return done;
    if (is_final(connection))
        return connection->closing ? TLSM_IO_DONE : TLSM_IO_ENDED;
    return ran == TLSM_IO_WANT_ANSWER ? TLSM_IO_DONE : ran;
}

struct tlsm_uring *tlsm_uring_of(const struct io_uring_cqe *cqe)
{
    const uint64_t address = cqe->user_data & ~(uint64_t)OPERATION_MASK;
    const unsigned operation = cqe->user_data & OPERATION_MASK;   /* all bits set: liburing's own timeouts */
    return operation != 0 && operation != OPERATION_MASK ? (struct tlsm_uring *)(uintptr_t)address : NULL;
}

/* ------------------------------------------------------------------------------------------------ completions */

/* What the kernel said of a receive or a send: 1: it is to be taken; 0: the operation is to be repeated, or was called back. */
static int counts(struct tlsm_uring *connection, unsigned operation, int result)
{
    const uint8_t mask = bit(operation);
    const int polled = (connection->polling & mask) != 0, recalled = (connection->recalled & mask) != 0;
    connection->polling &= (uint8_t)~mask;
    connection->recalled &= (uint8_t)~mask;
    if (result == -EINTR || (result == -ECANCELED && recalled))
        return 0;
    if (result == -EAGAIN || result == -EWOULDBLOCK || (result == 0 && operation == TLSM_URING_SEND)) {
        connection->poll_next |= mask;   /* a descriptor that does not block */
        return 0;
    }
    if (result == -EINVAL && connection->expects_nothing && !connection->plain && !polled) {
        connection->plain = 1;
        return 0;
    }
    if (result < 0 && connection->error == 0)
        connection->error = -result;
    return !polled || result < 0;
}

/* The machine takes no more from the transport: what comes is only to be drained. */
static int is_dropping(const struct tlsm_uring *connection)
{
    const uint8_t rx = connection->link.state->control.rx;
    return connection->into_scratch || rx == TLSM_RX_DEAD || rx == TLSM_RX_CUT;
}

static void received(struct tlsm_uring *connection, const struct io_uring_cqe *cqe)
{
    const int dropping = is_dropping(connection), polled = (connection->polling & bit(TLSM_URING_RECEIVE)) != 0;
    connection->into_scratch = 0;
    tlsm_link_let_go(&connection->link, TLSM_WANT_READ);
    if (!counts(connection, TLSM_URING_RECEIVE, cqe->res)) {
        connection->expects_nothing &= !polled;
        return;
    }
    connection->ended |= cqe->res <= 0;
    connection->expects_nothing = !(cqe->flags & IORING_CQE_F_SOCK_NONEMPTY);
    if (dropping)
        connection->drained += cqe->res > 0 ? (uint64_t)cqe->res : 0;
    else if (cqe->res > 0)
        tlsm_link_received(&connection->link, (size_t)cqe->res);
    else if (cqe->res == 0)
        tlsm_link_eof(&connection->link);
    else
        tlsm_link_receive_failed(&connection->link);
}

static void sent(struct tlsm_uring *connection, int result)
{
    const struct tlsm_link *link = &connection->link;
    tlsm_link_let_go(&connection->link, TLSM_WANT_WRITE);
    if (!counts(connection, TLSM_URING_SEND, result))
        return;
    if (result < 0) {
        (void)tlsm_link_send_failed(&connection->link);
        return;
    }
    /* Where in a record they end nobody knows now: the machine has counted without them. */
    connection->strayed |= link->state->control.tx == TLSM_TX_DEAD;
    (void)tlsm_link_sent(&connection->link, (size_t)result);
}

static void closed(struct tlsm_uring *connection, int result)
{
    /* Of these alone the descriptor is still open. */
    if (result == -ECANCELED || result == -EAGAIN || result == -EINVAL || result == -ENOMEM)
        (void)close(connection->descriptor);
    connection->descriptor = -1;
    connection->finished = 1;
}

/* A call that failed for want of anything but its object is made again. */
static void recall_said(struct tlsm_uring *connection, unsigned operation, int result)
{
    if (result < 0 && result != -ENOENT && result != -EALREADY)
        connection->recalled &= (uint8_t)~bit(operation);
}

static void take(struct tlsm_uring *connection, const struct io_uring_cqe *cqe, enum tlsm_uring_operation operation)
{
    switch (operation) {
    case TLSM_URING_RECEIVE: received(connection, cqe); break;
    case TLSM_URING_SEND: sent(connection, cqe->res); break;
    case TLSM_URING_SHUT: connection->shut = 1; break;
    case TLSM_URING_CLOSE: closed(connection, cqe->res); break;
    case TLSM_URING_RECALL_RECEIVE: recall_said(connection, TLSM_URING_RECEIVE, cqe->res); break;
    case TLSM_URING_RECALL_SEND: recall_said(connection, TLSM_URING_SEND, cqe->res); break;
    }
}

/* All that was written has left and nothing else happened: the next thing to come is a completion of the receive. */
static int is_only_sent(const struct tlsm_uring *connection, unsigned operation)
{
    const int sent = operation == TLSM_URING_SEND || operation == TLSM_URING_SHUT;
    return sent && is_flying(connection, TLSM_URING_RECEIVE) && !tlsm_uring_halting(connection) && !must_shut(connection) &&
           (tlsm_needs(connection->link.state) & ~(unsigned)TLSM_NEED_DEADLINE) == TLSM_NEED_RECEIVE;
}

int tlsm_uring_complete(struct tlsm_uring *connection, const struct io_uring_cqe *cqe)
{
    const unsigned operation = cqe->user_data & OPERATION_MASK;
    int done;
    if (operation == 0 || !is_flying(connection, operation)) {
        connection->link.code = TLSM_BAD_ARGUMENT;
        return TLSM_IO_REFUSED;
    }
    connection->in_flight &= (uint8_t)~bit(operation);
    take(connection, cqe, (enum tlsm_uring_operation)operation);
    done = tlsm_link_run(&connection->link);
    tlsm_uring_heed(connection);
    if (is_final(connection))
        return TLSM_IO_ENDED;
    return done == TLSM_IO_DONE && is_only_sent(connection, operation) ? TLSM_IO_WANT_READ : done;
}
