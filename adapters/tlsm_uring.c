/* SPDX-License-Identifier: MIT */
/* A connection for io_uring: birth, death, and the calls of the application. What goes into the ring is tlsm_uring_arm.c's. */
#define _DEFAULT_SOURCE

#include <stdlib.h>
#include <unistd.h>

#include "tlsm_uring_internal.h"

/* The calls of a link over a transport on which nothing can be done now: the ring does it. */
static enum tlsm_moved receive_later(void *self, struct tlsm_span room, size_t *count)
{
    (void)self, (void)room, (void)count;
    return TLSM_BLOCKED;
}

static enum tlsm_moved send_later(void *self, struct tlsm_bytes bytes, size_t *count)
{
    (void)self, (void)bytes, (void)count;
    return TLSM_BLOCKED;
}

static const struct tlsm_transport later = { receive_later, send_later, NULL, NULL };

/* ------------------------------------------------------------------------------------------------ birth and death */

struct tlsm_uring *tlsm_uring_new(const struct tlsm_config *config, int descriptor, const struct tlsm_uring_options *options)
{
    static const struct tlsm_uring_options none;
    struct tlsm_uring *made = calloc(1, sizeof *made);
    if (options == NULL)
        options = &none;
    if (made == NULL || tlsm_link_init(&made->link, config, &options->link) != TLSM_IO_DONE) {
        free(made);
        return NULL;
    }
    made->owner = options->owner;
    made->descriptor = descriptor;
    made->deadline_ms = made->linger_until_ms = UINT64_MAX;
    made->linger_ms = options->linger_ms != 0 ? options->linger_ms : TLSM_LINGER_MS;
    made->keep_descriptor = options->keep_descriptor != 0;
    made->thrifty = made->expects_nothing = options->thrifty != 0;
    made->link.warm = !made->thrifty;   /* a receive that waits has its buffer anyway */
    return made;
}

/* The transport, without the ring: nothing is in flight. */
static void close_now(struct tlsm_uring *connection)
{
    struct tlsm_advice advice;
    if (!tlsm_is_final(connection->link.state))
        (void)tlsm_link_abandon(&connection->link);
    tlsm_advice(connection->link.state, &advice);
    if (!connection->shut && tlsm_socket_should_shut(connection->link.state))
        (void)shutdown(connection->descriptor, SHUT_WR);
    if (advice.flags & TLSM_ADVICE_DRAIN)
        (void)tlsm_socket_drain(connection->descriptor, &connection->drained, advice.drain_bytes);
    if ((advice.flags & TLSM_ADVICE_RESET) || connection->strayed)
        tlsm_socket_reset_on_close(connection->descriptor);
    if (!connection->keep_descriptor && !(advice.flags & TLSM_ADVICE_KEEP))
        (void)close(connection->descriptor);
}

int tlsm_uring_free(struct tlsm_uring *connection)
{
    if (connection == NULL)
        return TLSM_IO_DONE;
    if (connection->in_flight != 0)
        return TLSM_IO_WANT_READ;
    if (!connection->finished)
        close_now(connection);
    free(connection->scratch);
    tlsm_link_free(&connection->link);
    free(connection);
    return TLSM_IO_DONE;
}

int tlsm_uring_begin(struct tlsm_uring *connection, const struct tlsm_start *start)
{
    return tlsm_socket_begin_link(&connection->link, start, &connection->error);
}

int tlsm_uring_start(struct tlsm_uring *connection, const struct tlsm_entropy *entropy, const char *server_name)
{
    const struct tlsm_start start = { entropy, server_name, NULL, 0 };
    return tlsm_uring_begin(connection, &start);
}

/* ------------------------------------------------------------------------------------------------ time */

int tlsm_uring_deadline(struct tlsm_uring *connection, int milliseconds)
{
    connection->deadline_ms = UINT64_MAX;
    connection->late = 0;
    if (milliseconds < 0)
        return TLSM_IO_DONE;
    connection->deadline_ms = tlsm_socket_now() + (uint64_t)milliseconds;
    return tlsm_link_deadline_set(&connection->link);
}

int tlsm_uring_timeout(const struct tlsm_uring *connection)
{
    const int lingering = connection->linger_until_ms != UINT64_MAX;
    uint64_t until = tlsm_is_final(connection->link.state) && !lingering ? UINT64_MAX : connection->deadline_ms;
    if (connection->linger_until_ms < until)
        until = connection->linger_until_ms;
    return connection->finished ? -1 : tlsm_socket_left(until);
}

/* ------------------------------------------------------------------------------------------------ the calls */

ptrdiff_t tlsm_uring_read(struct tlsm_uring *connection, void *to, size_t capacity)
{
    struct tlsm_link *link = &connection->link;
    tlsm_uring_heed(connection);
    if (tlsm_link_unread(link) == 0 && tlsm_link_run(link) == TLSM_IO_DONE && tlsm_link_unread(link) == 0 &&
        tlsm_connected(link->state) && (tlsm_link_wants(link) & TLSM_WANT_READ))
        return TLSM_IO_WANT_READ;   /* as the call below would say, after making room and giving it back */
    return tlsm_link_read(link, &later, to, capacity);
}

ptrdiff_t tlsm_uring_write(struct tlsm_uring *connection, const void *from, size_t length)
{
    tlsm_uring_heed(connection);
    return tlsm_link_write(&connection->link, &later, from, length);
}

int tlsm_uring_end(struct tlsm_uring *connection) { return tlsm_link_end(&connection->link, 0); }

void tlsm_uring_abandon(struct tlsm_uring *connection)
{
    connection->abandoning = 1;
    tlsm_uring_heed(connection);
}

int tlsm_uring_close(struct tlsm_uring *connection, struct tlsm_verdict *verdict)
{
    int done;
    tlsm_uring_heed(connection);
    if (!connection->finished) {
        if (tlsm_uring_halting(connection) && !tlsm_is_final(connection->link.state))
            return TLSM_IO_WANT_WRITE;
        done = tlsm_link_close(&connection->link, &later, 0);
        if (done != TLSM_IO_DONE)
            return done;
        connection->closing = 1;
        tlsm_uring_finish_kept(connection);
    }
    if (!connection->finished)
        return TLSM_IO_WANT_READ;
    if (verdict != NULL)
        tlsm_verdict(connection->link.state, verdict);
    return TLSM_IO_DONE;
}

int tlsm_uring_release(struct tlsm_uring *connection, int *descriptor)
{
    connection->releasing = 1;
    if (connection->in_flight != 0)
        return TLSM_IO_WANT_READ;
    *descriptor = connection->descriptor;
    connection->descriptor = -1;
    connection->finished = 1;
    return TLSM_IO_DONE;
}
