/* SPDX-License-Identifier: MIT */
/* Kernel TLS: data out, and the calls that wait. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "tlsm_ktls_internal.h"
#include "tlsm_link_internal.h"
#include "tlsm_socket_internal.h"

int tlsm_ktls_late(const struct tlsm_ktls *kernel)
{
    return kernel->deadline_ms != UINT64_MAX && tlsm_socket_now() >= kernel->deadline_ms;
}

void tlsm_ktls_tell_deadline(struct tlsm_ktls *kernel)
{
    if (tlsm_ktls_late(kernel))
        (void)tlsm_link_deadline(&kernel->link);
}

static int refuse(struct tlsm_link *link, enum tlsm_code code)
{
    link->code = code;
    return TLSM_IO_REFUSED;
}

/* ------------------------------------------------------------------------------------------------ data out */

/* How much of it becomes the next record, without having become it. */
static enum tlsm_code try_write(const struct tlsm_link *link, const void *from, size_t length, size_t *taken)
{
    struct tlsm_state tried;
    struct tlsm_in in;
    struct tlsm_out out;
    enum tlsm_code code;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_WRITE;
    in.bytes.data = from;
    in.bytes.length = out.wire.capacity = length;
    out.wire.data = (uint8_t *)(uintptr_t)from;   /* where they lie: nothing is moved */
    out.state_capacity = sizeof tried;
    code = tlsm_step(&link->config, link->state, &in, &tried, &out);
    explicit_bzero(&tried, sizeof tried);
    *taken = out.consumed;
    return code;
}

static ptrdiff_t may_write(struct tlsm_ktls *kernel, const void *from, size_t length)
{
    struct tlsm_link *link = &kernel->link;
    size_t taken = 0;
    const int done = tlsm_ktls_push(kernel);
    if (done < 0)
        return done;
    link->code = try_write(link, from, length, &taken);
    if (link->code < 0 || link->code == TLSM_WRITE_FAILED)
        return TLSM_IO_ENDED;
    return link->code == TLSM_PRODUCED ? (ptrdiff_t)taken : TLSM_IO_REFUSED;
}

static int wrote(struct tlsm_ktls *kernel, const void *from, size_t count)
{
    struct tlsm_in in;
    struct tlsm_out out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_WRITE;
    in.bytes.data = from;
    in.bytes.length = out.wire.capacity = count;
    out.wire.data = (uint8_t *)(uintptr_t)from;
    if (tlsm_link_result(tlsm_link_step(&kernel->link, &in, &out)) != TLSM_IO_DONE)
        return TLSM_IO_REFUSED;
    in.kind = TLSM_IN_SENT;
    in.count = out.wire_length;
    return tlsm_link_command(&kernel->link, &in);
}

ptrdiff_t tlsm_ktls_writable(struct tlsm_ktls *kernel, size_t length)
{
    ptrdiff_t leave;
    if (length == 0)
        return refuse(&kernel->link, TLSM_BAD_ARGUMENT);
    tlsm_ktls_tell_deadline(kernel);
    leave = may_write(kernel, NULL, length);
    tlsm_ktls_follow_shut(kernel);
    return leave;
}

int tlsm_ktls_written(struct tlsm_ktls *kernel, size_t count)
{
    size_t taken = 0;
    if (count == 0)
        return TLSM_IO_DONE;
    kernel->link.code = try_write(&kernel->link, NULL, count, &taken);
    if (kernel->link.code != TLSM_PRODUCED || taken < count)
        return refuse(&kernel->link, kernel->link.code == TLSM_PRODUCED ? TLSM_SENT_TOO_MUCH : kernel->link.code);
    return wrote(kernel, NULL, count);
}

static ptrdiff_t send_data(struct tlsm_ktls *kernel, const void *from, size_t length)
{
    struct iovec part = { (void *)(uintptr_t)from, length };
    struct msghdr message;
    ptrdiff_t put;
    int interruptions = 0;
    memset(&message, 0, sizeof message);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    do
        put = kernel->calls.sendmsg(kernel->calls.context, kernel->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (tlsm_socket_again(put, &interruptions));
    if (put == 0 || (put < 0 && tlsm_socket_blocked(errno)))
        return TLSM_IO_WANT_WRITE;
    if (put < 0 && tlsm_ktls_short_of_memory(errno))
        return TLSM_IO_NO_MEMORY;
    if (put < 0) {
        tlsm_ktls_fail_sending(kernel, errno);
        return TLSM_IO_ENDED;
    }
    return wrote(kernel, from, (size_t)put) == TLSM_IO_DONE ? put : TLSM_IO_REFUSED;
}

/* Blocked: the peer's bytes are taken in meanwhile, where somebody waits. 0: something changed. */
static int wait_to_write(struct tlsm_ktls *kernel)
{
    size_t count = 0;
    int pulled = 0;
    if (!kernel->non_blocking)
        pulled = tlsm_ktls_pull(kernel, NULL, &count);
    if (pulled > 0)
        return 0;
    if (pulled < 0 && pulled != TLSM_IO_WANT_READ)
        return pulled;
    return tlsm_ktls_await(kernel, TLSM_WANT_WRITE | (pulled == TLSM_IO_WANT_READ ? TLSM_WANT_READ : 0u));
}

/* Exactly what the kernel took is written; nothing of it can be lost or doubled here. */
static ptrdiff_t write_all(struct tlsm_ktls *kernel, const uint8_t *from, size_t length)
{
    size_t written = 0;
    for (;;) {
        ptrdiff_t done = may_write(kernel, from + written, length - written);
        if (done > 0 && tlsm_ktls_late(kernel)) {
            (void)tlsm_link_deadline(&kernel->link);
            done = TLSM_IO_ENDED;
        }
        if (done > 0)
            done = send_data(kernel, from + written, (size_t)done);
        if (done > 0)
            written += (size_t)done;
        if (done == TLSM_IO_WANT_WRITE && !(kernel->non_blocking && written > 0))
            done = wait_to_write(kernel);
        if (done == TLSM_IO_ENDED || (done < 0 && written == 0))
            return done;
        if (done < 0 || written == length)
            return (ptrdiff_t)written;
    }
}

ptrdiff_t tlsm_ktls_write(struct tlsm_ktls *kernel, const void *from, size_t length)
{
    ptrdiff_t put;
    tlsm_ktls_tell_deadline(kernel);
    if (length == 0) {   /* the kernel makes no empty records */
        put = may_write(kernel, from, 0);
        put = put == TLSM_IO_WANT_WRITE ? 0 : put;
    } else
        put = write_all(kernel, from, length);
    if (put > 0 && !kernel->non_blocking)
        (void)tlsm_ktls_flush(kernel);
    tlsm_ktls_follow_shut(kernel);
    return put;
}

/* ------------------------------------------------------------------------------------------------ waiting */

int tlsm_ktls_await(struct tlsm_ktls *kernel, unsigned want)
{
    const int blocked = want & TLSM_WANT_WRITE ? TLSM_IO_WANT_WRITE : TLSM_IO_WANT_READ;
    struct pollfd watched = { kernel->descriptor, 0, 0 };
    int ready;
    watched.events = (short)((want & TLSM_WANT_READ ? POLLIN : 0) | (want & TLSM_WANT_WRITE ? POLLOUT : 0));
    tlsm_ktls_follow_shut(kernel);
    if (want == 0)
        return TLSM_IO_ENDED;
    if (tlsm_ktls_late(kernel))
        return tlsm_link_deadline(&kernel->link) == TLSM_IO_DONE ? 0 : blocked;
    tlsm_link_idle(&kernel->link);
    if (kernel->non_blocking)
        return blocked;
    ready = kernel->calls.poll(kernel->calls.context, &watched, tlsm_socket_left(kernel->deadline_ms));
    if (ready < 0 && tlsm_ktls_short_of_memory(errno))
        return TLSM_IO_NO_MEMORY;
    if (ready < 0 && errno != EINTR && !tlsm_socket_blocked(errno)) {
        tlsm_ktls_receive_failed(kernel, errno);
        (void)tlsm_link_send_failed(&kernel->link);
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the calls */

int tlsm_ktls_deadline(struct tlsm_ktls *kernel, int milliseconds)
{
    kernel->deadline_ms = UINT64_MAX;
    if (milliseconds < 0)
        return TLSM_IO_DONE;
    kernel->deadline_ms = tlsm_socket_now() + (uint64_t)milliseconds;
    return tlsm_link_deadline_set(&kernel->link);
}

/* What a read returns when no plaintext is there; 0: it has to go on. */
static int reading_ended(struct tlsm_ktls *kernel, int *result)
{
    const struct tlsm_control *control = &kernel->link.state->control;
    const int failing = control->tx == TLSM_TX_FAILING || control->tx == TLSM_TX_FAIL_OUT;
    if (control->rx == TLSM_RX_CLOSED) {
        *result = TLSM_IO_END;
        return 1;
    }
    if (control->rx == TLSM_RX_OPEN && (tlsm_needs(kernel->link.state) & TLSM_NEED_RECEIVE))
        return 0;
    if (failing)   /* a fatal alert that is owed still goes first */
        return 0;
    *result = control->rx == TLSM_RX_OPEN ? refuse(&kernel->link, TLSM_READ_ENDED) : TLSM_IO_ENDED;
    return 1;
}

static ptrdiff_t read_some(struct tlsm_ktls *kernel, uint8_t *to, size_t capacity)
{
    for (;;) {
        uint8_t *room = capacity >= TLSM_PLAIN_MAX && tlsm_ktls_read_there(kernel) ? to : NULL;
        size_t count = 0;
        int sent, got, result = 0;
        if (tlsm_link_unread(&kernel->link) > 0)
            return (ptrdiff_t)tlsm_link_take(&kernel->link, to, capacity);
        sent = tlsm_ktls_push(kernel);
        if (sent < 0 && sent != TLSM_IO_WANT_WRITE)
            return sent;
        if (tlsm_link_unread(&kernel->link) > 0)   /* last words of a peer that sending failed to */
            continue;
        if (reading_ended(kernel, &result))
            return result;
        got = tlsm_ktls_pull(kernel, room, &count);
        if (count > 0)
            return (ptrdiff_t)count;
        if (got > 0)
            continue;
        if (got < 0 && got != TLSM_IO_WANT_READ)
            return got;
        result = tlsm_ktls_await(kernel, (got < 0 ? TLSM_WANT_READ : 0u) | (sent < 0 ? TLSM_WANT_WRITE : 0u));
        if (result != 0)
            return result == TLSM_IO_WANT_WRITE && got < 0 ? TLSM_IO_WANT_READ : result;
    }
}

ptrdiff_t tlsm_ktls_read(struct tlsm_ktls *kernel, void *to, size_t capacity)
{
    ptrdiff_t got;
    if (capacity == 0)
        return refuse(&kernel->link, TLSM_BAD_ARGUMENT);
    tlsm_ktls_tell_deadline(kernel);
    got = read_some(kernel, to, capacity);
    tlsm_ktls_follow_shut(kernel);
    return got;
}

int tlsm_ktls_flush(struct tlsm_ktls *kernel)
{
    int done;
    tlsm_ktls_tell_deadline(kernel);
    do {
        done = tlsm_ktls_push(kernel);
        if (done == TLSM_IO_WANT_WRITE)
            done = wait_to_write(kernel) == 0 ? 1 : done;
    } while (done > 0);
    tlsm_ktls_follow_shut(kernel);
    if (done < 0)
        return done;
    return tlsm_ktls_out_is_dead(kernel) ? TLSM_IO_ENDED : TLSM_IO_DONE;
}

int tlsm_ktls_end(struct tlsm_ktls *kernel)
{
    const int done = tlsm_link_end(&kernel->link, 0);
    return done != TLSM_IO_DONE ? done : tlsm_ktls_flush(kernel);
}

/* ------------------------------------------------------------------------------------------------ event loops */

short tlsm_ktls_events(const struct tlsm_ktls *kernel)
{
    const unsigned needs = tlsm_needs(kernel->link.state);
    if (kernel->finished)
        return 0;
    if (kernel->linger_until_ms != UINT64_MAX)
        return kernel->shut ? POLLIN : POLLOUT;
    return (short)((tlsm_ktls_may_pull(kernel) ? POLLIN : 0) | (needs & (TLSM_NEED_PRODUCE | TLSM_NEED_SEND) ? POLLOUT : 0));
}

int tlsm_ktls_timeout(const struct tlsm_ktls *kernel)
{
    const int lingering = kernel->linger_until_ms != UINT64_MAX;
    uint64_t until = tlsm_is_final(kernel->link.state) && !lingering ? UINT64_MAX : kernel->deadline_ms;
    if (kernel->linger_until_ms < until)
        until = kernel->linger_until_ms;
    return kernel->finished ? -1 : tlsm_socket_left(until);
}

int tlsm_ktls_ready(struct tlsm_ktls *kernel)
{
    int done;
    if (kernel->finished)
        return TLSM_IO_ENDED;
    tlsm_ktls_tell_deadline(kernel);
    done = tlsm_ktls_push(kernel);
    tlsm_ktls_follow_shut(kernel);
    if (tlsm_is_final(kernel->link.state))
        return TLSM_IO_ENDED;
    if (done < 0)
        return done;
    return done > 0 || tlsm_link_unread(&kernel->link) > 0 ? TLSM_IO_DONE : TLSM_IO_WANT_READ;
}
