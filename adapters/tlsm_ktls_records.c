/* SPDX-License-Identifier: MIT */
/* Kernel TLS: records out and in, and new keys between them. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "tlsm_ktls_internal.h"
#include "tlsm_link_internal.h"
#include "tlsm_socket_internal.h"

union control {
    struct cmsghdr align;
    uint8_t room[CMSG_SPACE(sizeof(uint8_t))];
};

/* One part, and room for a record's type. */
static void prepare(struct msghdr *message, struct iovec *part, union control *control)
{
    memset(message, 0, sizeof *message);
    memset(control, 0, sizeof *control);
    message->msg_iov = part;
    message->msg_iovlen = 1;
    message->msg_control = control->room;
    message->msg_controllen = sizeof control->room;
}

/* ------------------------------------------------------------------------------------------------ new keys */

/* 0, or NO_MEMORY: to be tried again before anything else moves on that side. A kernel that will not take the key it said it
 * could: our half is dead, for the peer waits for records under the new one; or the peer's cannot be read, and hears so. */
static int give_new_key(struct tlsm_ktls *kernel, enum tlsm_side side)
{
    if (!(kernel->rekey & side))
        return 0;
    if (side == TLSM_SIDE_WRITE && tlsm_ktls_out_is_dead(kernel))
        kernel->rekey &= (uint8_t)~TLSM_SIDE_WRITE;
    else if (tlsm_ktls_give_key(&kernel->calls, kernel->descriptor, &kernel->link, side) != 0) {
        if (tlsm_ktls_short_of_memory(errno))
            return TLSM_IO_NO_MEMORY;
        kernel->error = errno;
        if (side == TLSM_SIDE_WRITE)
            tlsm_ktls_fail_sending(kernel, errno);
        else
            (void)tlsm_link_abort(&kernel->link, TLSM_ALERT_INTERNAL_ERROR);
    }
    kernel->rekey &= (uint8_t)~side;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ out */

static ptrdiff_t send_part(struct tlsm_ktls *kernel, const uint8_t *bytes, size_t length)
{
    struct iovec part = { (void *)(uintptr_t)bytes, length };
    struct msghdr message;
    union control control;
    struct cmsghdr *header;
    ptrdiff_t put;
    int interruptions = 0;
    prepare(&message, &part, &control);
    header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = KTLS_SOL_TLS;
    header->cmsg_type = KTLS_SET_RECORD_TYPE;
    header->cmsg_len = CMSG_LEN(sizeof(uint8_t));
    *CMSG_DATA(header) = kernel->control_type;
    do
        put = kernel->calls.sendmsg(kernel->calls.context, kernel->descriptor, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (tlsm_socket_again(put, &interruptions));
    return put;
}

int tlsm_ktls_out_is_dead(const struct tlsm_ktls *kernel) { return kernel->link.state->control.tx == TLSM_TX_DEAD; }

/* G3: what the peer said before it went is taken in, as far as it has come. And it may not have gone: a kernel can fail on its
 * own. Then it must not wait for ever for what will not come (A9: unless a FIN would look like an end). */
void tlsm_ktls_fail_sending(struct tlsm_ktls *kernel, int error)
{
    size_t count;
    kernel->error = error;
    (void)tlsm_link_send_failed(&kernel->link);
    kernel->control_length = kernel->control_sent = 0;
    if (!kernel->shut && !(kernel->link.state->control.facts & TLSM_FACT_HALF_RECORD)) {
        (void)kernel->calls.shutdown(kernel->calls.context, kernel->descriptor, SHUT_WR);
        kernel->shut = 1;
    }
    do
        count = 0;
    while (tlsm_ktls_pull(kernel, NULL, &count) > 0);
}

/* The record at hand that is not data: an alert goes whole or not at all, a message may be cut. */
static int send_control(struct tlsm_ktls *kernel)
{
    struct tlsm_in in;
    const size_t left = kernel->control_length - kernel->control_sent;
    const ptrdiff_t put = send_part(kernel, kernel->control + kernel->control_sent, left);
    if (put < 0 && tlsm_socket_blocked(errno))
        return TLSM_IO_WANT_WRITE;
    if (put < 0 && tlsm_ktls_short_of_memory(errno))
        return TLSM_IO_NO_MEMORY;
    if (put < 0 || (kernel->control_type == TLSM_TYPE_ALERT && (size_t)put < left)) {
        tlsm_ktls_fail_sending(kernel, put < 0 ? errno : EIO);
        return 1;
    }
    if (put == 0)
        return TLSM_IO_WANT_WRITE;
    kernel->control_sent += (uint32_t)put;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_SENT;
    in.count = (size_t)put;
    (void)tlsm_link_command(&kernel->link, &in);
    if (kernel->control_sent == kernel->control_length) {
        kernel->control_length = kernel->control_sent = 0;
        kernel->rekey |= kernel->control_updates ? TLSM_SIDE_WRITE : 0;
    }
    return 1;
}

static int make_control(struct tlsm_ktls *kernel)
{
    struct tlsm_in in;
    struct tlsm_out out;
    int done;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_PRODUCE;
    out.wire.data = kernel->control;
    out.wire.capacity = sizeof kernel->control;
    done = tlsm_link_result(tlsm_link_step(&kernel->link, &in, &out));
    kernel->control_length = (uint32_t)out.wire_length;
    kernel->control_sent = 0;
    kernel->control_type = out.record_type;
    kernel->control_updates = (out.news & TLSM_NEWS_WRITE_KEY) != 0;
    return done == TLSM_IO_DONE ? 1 : done;
}

/* 1: something moved; 0: nothing is left to send. */
static int push_once(struct tlsm_ktls *kernel)
{
    const int done = give_new_key(kernel, TLSM_SIDE_WRITE);
    if (done < 0)
        return done;
    if (tlsm_ktls_out_is_dead(kernel))
        kernel->control_length = kernel->control_sent = 0;
    if (kernel->control_length > 0) {
        if (tlsm_ktls_late(kernel) && tlsm_link_deadline(&kernel->link) == TLSM_IO_DONE)
            return 1;
        return send_control(kernel);
    }
    return tlsm_needs(kernel->link.state) & TLSM_NEED_PRODUCE ? make_control(kernel) : 0;
}

/* One record at a time: what follows a key update is made when the kernel has the key for it. */
int tlsm_ktls_push(struct tlsm_ktls *kernel)
{
    int moved = 0;
    for (;;) {
        const int done = push_once(kernel);
        if (done <= 0)
            return done < 0 ? done : moved;
        moved = 1;
    }
}

/* ------------------------------------------------------------------------------------------------ in */

int tlsm_ktls_read_there(const struct tlsm_ktls *kernel) { return (kernel->sides & TLSM_SIDE_READ) != 0; }

int tlsm_ktls_may_pull(const struct tlsm_ktls *kernel)
{
    return tlsm_link_unread(&kernel->link) == 0 && (tlsm_needs(kernel->link.state) & TLSM_NEED_RECEIVE) != 0;
}

/* The error stays with the socket, where the next send would meet it in place of our alert. */
static void give_failed(struct tlsm_ktls *kernel, uint8_t alert)
{
    struct tlsm_in in;
    int forgotten = 0;
    (void)kernel->calls.pending(kernel->calls.context, kernel->descriptor, &forgotten);
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_RECORD_FAILED;
    in.alert = alert;
    (void)tlsm_link_command(&kernel->link, &in);
}

/* Bytes of a record that is not whole may still lie in the kernel; that there are none proves nothing. */
static void give_end(struct tlsm_ktls *kernel)
{
    struct tlsm_in in;
    int count = 0;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_EOF;
    in.unsure = 1;
    in.vouch = kernel->link.vouch;
    if (kernel->calls.unread(kernel->calls.context, kernel->descriptor, &count) == 0 && count > 0 && count < TLSM_RECORD_MAX)
        in.count = (size_t)count;
    if (tlsm_link_command(&kernel->link, &in) == TLSM_IO_REFUSED && kernel->link.code == TLSM_MAY_NOT_VOUCH) {
        kernel->link.vouch = in.vouch = 0;
        (void)tlsm_link_command(&kernel->link, &in);
    }
}

void tlsm_ktls_receive_failed(struct tlsm_ktls *kernel, int error)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_RECEIVE_FAILED;
    kernel->error = error;
    (void)tlsm_link_command(&kernel->link, &in);
}

/* The machine's rules for what the kernel says: EBADMSG, a record that does not authenticate; EMSGSIZE, one too long; EINVAL, one
 * of another version; all else is the transport's. */
static int after_error(struct tlsm_ktls *kernel, int error)
{
    if (tlsm_socket_blocked(error))
        return TLSM_IO_WANT_READ;
    if (tlsm_ktls_short_of_memory(error))
        return TLSM_IO_NO_MEMORY;
    if (error == EBADMSG)
        give_failed(kernel, TLSM_ALERT_BAD_RECORD_MAC);
    else if (error == EMSGSIZE)
        give_failed(kernel, TLSM_ALERT_RECORD_OVERFLOW);
    else if (error == EINVAL)
        give_failed(kernel, TLSM_ALERT_PROTOCOL_VERSION);
    else
        tlsm_ktls_receive_failed(kernel, error);
    return 1;
}

/* The type of what was received; 0: the kernel did not say. */
static uint8_t type_of(struct msghdr *message)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header == NULL || header->cmsg_level != KTLS_SOL_TLS || header->cmsg_type != KTLS_GET_RECORD_TYPE)
        return 0;
    return *CMSG_DATA(header);
}

static int give_record(struct tlsm_ktls *kernel, uint8_t type, uint8_t *bytes, size_t length, size_t *count)
{
    struct tlsm_in in;
    struct tlsm_out out;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_RECORD;
    in.record_type = type;
    in.bytes.data = out.plain.data = bytes;
    in.bytes.length = length;
    (void)tlsm_link_step(&kernel->link, &in, &out);
    if (out.news & TLSM_NEWS_DATA)
        *count = out.plain_length;
    else
        explicit_bzero(bytes, length);   /* tickets, and what was discarded */
    if (out.news & TLSM_NEWS_KEYS_CHANGED)
        kernel->rekey |= TLSM_SIDE_READ;
    return 1;
}

static int pull_record(struct tlsm_ktls *kernel, uint8_t *room, size_t *count)
{
    struct iovec part = { room, TLSM_PLAIN_MAX };
    struct msghdr message;
    union control control;
    ptrdiff_t got;
    int interruptions = 0;
    uint8_t type;
    do {
        prepare(&message, &part, &control);
        got = kernel->calls.recvmsg(kernel->calls.context, kernel->descriptor, &message, MSG_DONTWAIT);
    } while (tlsm_socket_again(got, &interruptions));
    if (got < 0)
        return after_error(kernel, errno);
    type = type_of(&message);
    if (got == 0 && type == 0)
        give_end(kernel);
    else if (type == 0)
        tlsm_ktls_receive_failed(kernel, EPROTO);   /* not what the kernel was asked to be */
    else
        return give_record(kernel, type, room, (size_t)got, count);
    return 1;
}

/* Into the link, where unread plaintext lies. */
static int pull_into_link(struct tlsm_ktls *kernel)
{
    struct tlsm_link *link = &kernel->link;
    size_t count = 0;
    int done;
    if (!tlsm_buffer_reserve(&link->in, TLSM_PLAIN_MAX, link->dirty))
        return TLSM_IO_NO_MEMORY;
    done = pull_record(kernel, link->in.data + link->in.end, &count);
    if (count > 0) {
        link->plain_at = link->in.end;
        link->plain_length = count;
        link->dirty = link->dirty > link->in.end + count ? link->dirty : link->in.end + count;
    }
    return done;
}

/* The peer's records are opened here; what the transport brings is the link's to sort out. */
static int pull_bytes(struct tlsm_ktls *kernel)
{
    struct tlsm_link *link = &kernel->link;
    struct iovec part;
    struct msghdr message;
    struct tlsm_span room;
    ptrdiff_t got;
    int interruptions = 0, done = tlsm_link_run(link);
    if (done != TLSM_IO_DONE)
        return done;
    if (!(tlsm_link_wants(link) & TLSM_WANT_READ))
        return 1;   /* plaintext, or an end, came out of what lay here */
    room = tlsm_link_room(link);
    if (room.capacity == 0)
        return TLSM_IO_NO_MEMORY;
    do {
        part = (struct iovec){ room.data, room.capacity };
        memset(&message, 0, sizeof message);
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        got = kernel->calls.recvmsg(kernel->calls.context, kernel->descriptor, &message, MSG_DONTWAIT);
    } while (tlsm_socket_again(got, &interruptions));
    if (got < 0 && tlsm_socket_blocked(errno))
        return TLSM_IO_WANT_READ;
    if (got > 0)
        tlsm_link_received(link, (size_t)got);
    else if (got == 0)
        tlsm_link_eof(link);
    else {
        kernel->error = errno;
        tlsm_link_receive_failed(link);
    }
    done = tlsm_link_run(link);
    return done == TLSM_IO_DONE ? 1 : done;
}

int tlsm_ktls_pull(struct tlsm_ktls *kernel, uint8_t *room, size_t *count)
{
    int done;
    if (!tlsm_ktls_may_pull(kernel))
        return 0;
    if (tlsm_ktls_late(kernel)) {   /* a peer that never stops sending must not hide the deadline */
        (void)tlsm_link_deadline(&kernel->link);
        return 1;
    }
    if (!tlsm_ktls_read_there(kernel))
        return pull_bytes(kernel);
    done = give_new_key(kernel, TLSM_SIDE_READ);
    if (done != 0)
        return done;
    if (!tlsm_ktls_may_pull(kernel))
        return 1;
    done = room != NULL ? pull_record(kernel, room, count) : pull_into_link(kernel);
    if (done > 0 && give_new_key(kernel, TLSM_SIDE_READ) != 0)   /* before anybody polls: the next record needs it */
        return TLSM_IO_NO_MEMORY;
    return done;
}
