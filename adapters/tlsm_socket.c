/* SPDX-License-Identifier: MIT */
/* A link over a stream socket. Every send and receive is non-blocking; waiting is poll(2)'s, in one place. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_socket_internal.h"

/* ------------------------------------------------------------------------------------------------ transport */

static int is_late(const struct tlsm_socket *socket)
{
    return socket->deadline_ms != UINT64_MAX && tlsm_socket_now() >= socket->deadline_ms;
}

static enum tlsm_moved after_error(struct tlsm_socket *socket, int error)
{
    if (tlsm_socket_blocked(error))
        return TLSM_BLOCKED;
    socket->error = error;
    return TLSM_MOVED_FAILED;
}

static enum tlsm_moved socket_receive(void *self, struct tlsm_span room, size_t *count)
{
    struct tlsm_socket *socket = self;
    int interruptions = 0;
    ssize_t got;
    if (is_late(socket))   /* a peer that never stops sending must not hide the deadline */
        return TLSM_MOVED_LATE;
    do
        got = recv(socket->descriptor, room.data, room.capacity, MSG_DONTWAIT);
    while (tlsm_socket_again(got, &interruptions));
    if (got == 0)
        return TLSM_MOVED_END;
    if (got < 0)
        return after_error(socket, errno);
    *count = (size_t)got;
    return TLSM_MOVED;
}

static enum tlsm_moved socket_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    struct tlsm_socket *socket = self;
    int interruptions = 0;
    ssize_t put;
    if (is_late(socket))
        return TLSM_MOVED_LATE;
    do
        put = send(socket->descriptor, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (tlsm_socket_again(put, &interruptions));
    if (put < 0)
        return after_error(socket, errno);
    *count = (size_t)put;
    return put > 0 ? TLSM_MOVED : TLSM_BLOCKED;
}

/* Ends our sending half when the machine says so: after close_notify is taken, while the peer may still be talking. */
static void follow_shut(struct tlsm_socket *socket)
{
    if (socket->shut || socket->descriptor < 0 || !tlsm_socket_should_shut(socket->link.state))
        return;
    (void)shutdown(socket->descriptor, SHUT_WR);
    socket->shut = 1;
}

static enum tlsm_moved poll_until(int descriptor, short events, uint64_t until_ms)
{
    struct pollfd watched = { descriptor, events, 0 };
    for (;;) {
        const int ready = poll(&watched, 1, tlsm_socket_left(until_ms));
        if (ready > 0)
            return TLSM_MOVED;
        if (ready < 0 && errno != EINTR)
            return TLSM_MOVED_FAILED;
        if (until_ms != UINT64_MAX && tlsm_socket_now() >= until_ms)
            return TLSM_MOVED_LATE;
    }
}

static enum tlsm_moved socket_wait(void *self, unsigned want)
{
    struct tlsm_socket *socket = self;
    const int events = (want & TLSM_WANT_READ ? POLLIN : 0) | (want & TLSM_WANT_WRITE ? POLLOUT : 0);
    enum tlsm_moved waited;
    follow_shut(socket);
    if (is_late(socket))
        return TLSM_MOVED_LATE;
    if (socket->non_blocking)
        return TLSM_BLOCKED;
    waited = poll_until(socket->descriptor, (short)events, socket->deadline_ms);
    if (waited == TLSM_MOVED_FAILED)
        socket->error = errno;
    return waited;
}

/* ------------------------------------------------------------------------------------------------ birth and death */

struct tlsm_socket *tlsm_socket_new(const struct tlsm_config *config, int descriptor,
                                    const struct tlsm_socket_options *options)
{
    static const struct tlsm_socket_options none;
    struct tlsm_socket *made = calloc(1, sizeof *made);
    if (options == NULL)
        options = &none;
    if (made == NULL || tlsm_link_init(&made->link, config, &options->link) != TLSM_IO_DONE) {
        free(made);
        return NULL;
    }
    made->descriptor = descriptor;
    made->deadline_ms = made->linger_until_ms = UINT64_MAX;
    made->linger_ms = options->linger_ms != 0 ? options->linger_ms : TLSM_LINGER_MS;
    made->non_blocking = options->non_blocking != 0;
    made->keep_descriptor = options->keep_descriptor != 0;
    made->transport.receive = socket_receive;
    made->transport.send = socket_send;
    made->transport.wait = socket_wait;
    made->transport.self = made;
    return made;
}

uint64_t tlsm_socket_time(void)
{
    struct timespec now = { 0, 0 };   /* not known */
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int tlsm_socket_begin_link(struct tlsm_link *link, const struct tlsm_start *start, int *error)
{
    struct tlsm_start whole = *start;
    struct tlsm_entropy own;
    int done;
    if (whole.now_ms == 0)
        whole.now_ms = tlsm_socket_time();
    if (whole.entropy != NULL)
        return tlsm_link_begin(link, &whole);
    if (tlsm_socket_entropy(&own) < 0) {
        *error = errno;
        link->code = TLSM_LIBRARY_FAILED;
        return TLSM_IO_REFUSED;
    }
    whole.entropy = &own;
    done = tlsm_link_begin(link, &whole);
    explicit_bzero(&own, sizeof own);
    return done;
}

int tlsm_socket_begin(struct tlsm_socket *socket, const struct tlsm_start *start)
{
    return tlsm_socket_begin_link(&socket->link, start, &socket->error);
}

int tlsm_socket_start(struct tlsm_socket *socket, const struct tlsm_entropy *entropy, const char *server_name)
{
    const struct tlsm_start start = { entropy, server_name, NULL, 0 };
    return tlsm_socket_begin(socket, &start);
}

/* ------------------------------------------------------------------------------------------------ the calls */

static void tell_deadline(struct tlsm_socket *socket)
{
    if (is_late(socket))
        (void)tlsm_link_deadline(&socket->link);
}

int tlsm_socket_deadline(struct tlsm_socket *socket, int milliseconds)
{
    socket->deadline_ms = UINT64_MAX;
    if (milliseconds < 0)
        return TLSM_IO_DONE;
    socket->deadline_ms = tlsm_socket_now() + (uint64_t)milliseconds;
    return tlsm_link_deadline_set(&socket->link);
}

int tlsm_socket_handshake(struct tlsm_socket *socket)
{
    int done = TLSM_IO_DONE;
    if (socket->link.state->control.rx == TLSM_RX_UNBORN && !tlsm_is_final(socket->link.state))
        done = tlsm_socket_start(socket, NULL, NULL);
    if (done != TLSM_IO_DONE)
        return done;
    tell_deadline(socket);
    done = tlsm_link_handshake(&socket->link, &socket->transport);
    follow_shut(socket);
    return done;
}

ptrdiff_t tlsm_socket_read(struct tlsm_socket *socket, void *to, size_t capacity)
{
    ptrdiff_t got;
    tell_deadline(socket);
    got = tlsm_link_read(&socket->link, &socket->transport, to, capacity);
    follow_shut(socket);
    return got;
}

ptrdiff_t tlsm_socket_write(struct tlsm_socket *socket, const void *from, size_t length)
{
    ptrdiff_t put;
    tell_deadline(socket);
    put = tlsm_link_write(&socket->link, &socket->transport, from, length);
    follow_shut(socket);
    return put;
}

ptrdiff_t tlsm_socket_write_early(struct tlsm_socket *socket, const void *from, size_t length)
{
    ptrdiff_t put;
    tell_deadline(socket);
    put = tlsm_link_write_early(&socket->link, &socket->transport, from, length);
    follow_shut(socket);
    return put;
}

int tlsm_socket_flush(struct tlsm_socket *socket)
{
    int done;
    tell_deadline(socket);
    done = tlsm_link_flush(&socket->link, &socket->transport);
    follow_shut(socket);
    return done;
}

int tlsm_socket_end(struct tlsm_socket *socket)
{
    const int done = tlsm_link_end(&socket->link, 0);
    if (done != TLSM_IO_DONE)
        return done;
    return tlsm_socket_flush(socket);
}

/* ------------------------------------------------------------------------------------------------ the end of the transport */

/* TLSM_IO_DONE, or WANT_READ when it may not wait. */
static int drain(struct tlsm_socket *socket, uint32_t most)
{
    if (socket->linger_until_ms == UINT64_MAX)
        socket->linger_until_ms = tlsm_socket_now() + socket->linger_ms;
    while (!tlsm_socket_drain(socket->descriptor, &socket->drained, most)) {
        const uint64_t until = socket->linger_until_ms < socket->deadline_ms ? socket->linger_until_ms : socket->deadline_ms;
        if (tlsm_socket_now() >= until)
            return TLSM_IO_DONE;
        if (socket->non_blocking)
            return TLSM_IO_WANT_READ;
        if (poll_until(socket->descriptor, POLLIN, until) != TLSM_MOVED)
            return TLSM_IO_DONE;
    }
    return TLSM_IO_DONE;
}

/* What is left of the advice once the drain is over. */
static void let_go(struct tlsm_socket *socket, const struct tlsm_advice *advice)
{
    socket->finished = 1;
    socket->linger_until_ms = UINT64_MAX;
    if (advice->flags & TLSM_ADVICE_RESET)
        tlsm_socket_reset_on_close(socket->descriptor);
    if (socket->keep_descriptor || (advice->flags & TLSM_ADVICE_KEEP))
        return;
    (void)close(socket->descriptor);
    socket->descriptor = -1;
}

int tlsm_socket_close(struct tlsm_socket *socket, struct tlsm_verdict *verdict)
{
    struct tlsm_advice advice;
    int done;
    if (!socket->finished) {
        tell_deadline(socket);
        done = tlsm_link_close(&socket->link, &socket->transport, 0);
        follow_shut(socket);
        if (done != TLSM_IO_DONE)
            return done;
        tlsm_advice(socket->link.state, &advice);
        if ((advice.flags & TLSM_ADVICE_DRAIN) && drain(socket, advice.drain_bytes) != TLSM_IO_DONE)
            return TLSM_IO_WANT_READ;
        let_go(socket, &advice);
    }
    if (verdict != NULL)
        tlsm_verdict(socket->link.state, verdict);
    return TLSM_IO_DONE;
}

int tlsm_socket_release(struct tlsm_socket *socket)
{
    const int descriptor = socket->descriptor;
    socket->descriptor = -1;
    socket->finished = 1;
    return descriptor;
}

void tlsm_socket_free(struct tlsm_socket *socket)
{
    struct tlsm_advice advice;
    if (socket == NULL)
        return;
    if (!socket->finished) {
        if (!tlsm_is_final(socket->link.state))
            (void)tlsm_link_abandon(&socket->link);
        follow_shut(socket);
        tlsm_advice(socket->link.state, &advice);
        if (advice.flags & TLSM_ADVICE_DRAIN)
            (void)tlsm_socket_drain(socket->descriptor, &socket->drained, advice.drain_bytes);
        let_go(socket, &advice);
    }
    if (socket->descriptor >= 0 && !socket->keep_descriptor)
        (void)close(socket->descriptor);
    tlsm_link_free(&socket->link);
    free(socket);
}

/* ------------------------------------------------------------------------------------------------ event loops */

short tlsm_socket_events(const struct tlsm_socket *socket)
{
    const unsigned wants = tlsm_link_wants(&socket->link);
    if (socket->finished)
        return 0;
    if (socket->linger_until_ms != UINT64_MAX)
        return POLLIN;
    return (short)((wants & TLSM_WANT_READ ? POLLIN : 0) | (wants & TLSM_WANT_WRITE ? POLLOUT : 0));
}

int tlsm_socket_timeout(const struct tlsm_socket *socket)
{
    const int lingering = socket->linger_until_ms != UINT64_MAX;
    uint64_t until = tlsm_is_final(socket->link.state) && !lingering ? UINT64_MAX : socket->deadline_ms;
    if (socket->linger_until_ms < until)
        until = socket->linger_until_ms;
    return socket->finished ? -1 : tlsm_socket_left(until);
}

int tlsm_socket_ready(struct tlsm_socket *socket, int readable, int writable)
{
    const unsigned able = (readable ? TLSM_WANT_READ : 0u) | (writable ? TLSM_WANT_WRITE : 0u);
    int done;
    if (socket->finished)
        return TLSM_IO_ENDED;
    tell_deadline(socket);
    done = tlsm_link_pump(&socket->link, &socket->transport, able);
    follow_shut(socket);
    return done;
}
