/* SPDX-License-Identifier: MIT */
/* Kernel TLS: the hand-over, and the end of the transport. */
#define _DEFAULT_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tlsm_ktls_internal.h"
#include "tlsm_link_internal.h"
#include "tlsm_socket_internal.h"

enum { SCRATCH = 4096 };

/* ------------------------------------------------------------------------------------------------ the system */

static int system_setsockopt(void *context, int descriptor, int level, int name, const void *value, unsigned length)
{
    (void)context;
#if defined(__linux__)
    return setsockopt(descriptor, level, name, value, (socklen_t)length);
#else
    if (level == SOL_SOCKET)
        return setsockopt(descriptor, level, name, value, (socklen_t)length);
    errno = ENOSYS;
    return -1;
#endif
}

static ptrdiff_t system_sendmsg(void *context, int descriptor, const struct msghdr *message, int flags)
{
    (void)context;
    return sendmsg(descriptor, message, flags);
}

static ptrdiff_t system_recvmsg(void *context, int descriptor, struct msghdr *message, int flags)
{
    (void)context;
    return recvmsg(descriptor, message, flags);
}

static int system_poll(void *context, struct pollfd *watched, int timeout_ms)
{
    (void)context;
    return poll(watched, 1, timeout_ms);
}

static int system_unread(void *context, int descriptor, int *count)
{
    (void)context;
    return ioctl(descriptor, FIONREAD, count);
}

static int system_pending(void *context, int descriptor, int *error)
{
    socklen_t length = sizeof *error;
    (void)context;
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, error, &length);
}

static int system_shutdown(void *context, int descriptor, int how)
{
    (void)context;
    return shutdown(descriptor, how);
}

static int system_close(void *context, int descriptor)
{
    (void)context;
    return close(descriptor);
}

const struct tlsm_ktls_calls tlsm_ktls_system = {
    system_setsockopt, system_sendmsg, system_recvmsg, system_poll, system_unread, system_pending, system_shutdown, system_close, NULL
};

/* ------------------------------------------------------------------------------------------------ keys */

struct info {
    uint8_t bytes[KTLS_INFO_MAX];
    unsigned length;
};

static void put(struct info *info, const void *bytes, size_t length)
{
    memcpy(info->bytes + info->length, bytes, length);
    info->length += (unsigned)length;
}

/* struct tls12_crypto_info_…: version and cipher in the machine's byte order; iv, key, salt, record number in the network's. For
 * GCM the first four bytes of the IV are the salt (RFC 9846 §5.3 counts on all twelve). */
static int fill_info(const struct tlsm_key *key, struct info *info)
{
    const int chacha = key->suite == TLSM_CHACHA20_POLY1305_SHA256, short_key = key->suite == TLSM_AES_128_GCM_SHA256;
    const uint16_t version = TLSM_1_3;
    const uint16_t cipher = chacha ? KTLS_CHACHA20_POLY1305 : short_key ? KTLS_AES_GCM_128 : KTLS_AES_GCM_256;
    const size_t salt = chacha ? 0 : 4;
    uint8_t sequence[8];
    for (size_t i = 0; i < sizeof sequence; i++)
        sequence[i] = (uint8_t)(key->sequence >> (56 - 8 * i));
    info->length = 0;
    put(info, &version, sizeof version);
    put(info, &cipher, sizeof cipher);
    put(info, key->iv + salt, TLSM_IV - salt);
    put(info, key->key, short_key ? 16 : 32);
    put(info, key->iv, salt);
    put(info, sequence, sizeof sequence);
    return key->suite != 0 ? 0 : -1;
}

int tlsm_ktls_give_key(const struct tlsm_ktls_calls *calls, int descriptor, const struct tlsm_link *link, enum tlsm_side side)
{
    const int name = side == TLSM_SIDE_READ ? KTLS_RX : KTLS_TX;
    struct tlsm_key key;
    struct info info;
    int failed = -1, error = EINVAL, interruptions = 0;
    if (tlsm_record_keys(&link->config, link->state, side, &key) == 0 && fill_info(&key, &info) == 0) {
        do
            failed = calls->setsockopt(calls->context, descriptor, KTLS_SOL_TLS, name, info.bytes, info.length);
        while (tlsm_socket_again(failed, &interruptions));
        error = errno;
    }
    explicit_bzero(&key, sizeof key);
    explicit_bzero(&info, sizeof info);
    errno = error;
    return failed;
}

/* ------------------------------------------------------------------------------------------------ the hand-over */

/* The longest of our records that are no data have room (TLSM_KTLS_CONTROL), but for certificates, which the handshake has shown;
 * where one may be asked for later, more lies behind the state. */
static int has_more_to_show(const struct tlsm_link *link) { return tlsm_length(link->state) > sizeof(struct tlsm_state); }

/* Asks the machine on a copy: the kernel may still refuse. */
static enum tlsm_code would_offload(const struct tlsm_link *link, unsigned sides)
{
    const size_t length = tlsm_length(link->state);
    struct tlsm_state *const copy = malloc(length);
    struct tlsm_in in;
    struct tlsm_out out;
    enum tlsm_code code;
    if (copy == NULL)
        return TLSM_MORE_STATE_ROOM;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_OFFLOAD;
    in.sides = (uint8_t)sides;
    out.state_capacity = length;
    code = tlsm_step(&link->config, link->state, &in, copy, &out);
    explicit_bzero(copy, length);
    free(copy);
    return code;
}

static int may_read_there(const struct tlsm_link *link)
{
    return tlsm_buffer_live(&link->in) == 0 && link->transport_end == TLSM_TRANSPORT_RUNS &&
           would_offload(link, TLSM_SIDE_READ) == TLSM_OK;
}

static int install(const struct tlsm_ktls_calls *calls, int descriptor)
{
    static const char name[] = "tls";
    int failed, interruptions = 0;
    do
        failed = calls->setsockopt(calls->context, descriptor, KTLS_SOL_TCP, KTLS_TCP_ULP, name, sizeof name);
    while (tlsm_socket_again(failed, &interruptions));
    return failed != 0 && errno == EEXIST ? 0 : failed;   /* an earlier attempt got so far */
}

/* The same key once more, before anything is sealed with it, changes nothing where keys can be changed, and is refused where not. */
static int keys_stay(const struct tlsm_ktls_calls *calls, const struct tlsm_socket *socket)
{
    int failed, tries = 0;
    do
        failed = tlsm_ktls_give_key(calls, socket->descriptor, &socket->link, TLSM_SIDE_WRITE);
    while (failed != 0 && tlsm_ktls_short_of_memory(errno) && ++tries < 3);
    return failed != 0;
}

/* Which sides the kernel has taken, 0 none. From the first that it took on there is no way back. */
static unsigned hand_over(struct tlsm_socket *socket, const struct tlsm_ktls_calls *calls, unsigned sides, int *fixed)
{
    if (install(calls, socket->descriptor) != 0 ||
        tlsm_ktls_give_key(calls, socket->descriptor, &socket->link, TLSM_SIDE_WRITE) != 0) {
        socket->error = errno;
        return 0;
    }
    *fixed = keys_stay(calls, socket);
    if (sides & TLSM_SIDE_READ && tlsm_ktls_give_key(calls, socket->descriptor, &socket->link, TLSM_SIDE_READ) != 0)
        sides = TLSM_SIDE_WRITE;
    return sides;
}

static void move_in(struct tlsm_ktls *kernel, struct tlsm_socket *socket, const struct tlsm_ktls_calls *calls)
{
    kernel->calls = *calls;
    kernel->link = socket->link;
    kernel->descriptor = socket->descriptor;
    kernel->deadline_ms = socket->deadline_ms;
    kernel->linger_until_ms = UINT64_MAX;
    kernel->linger_ms = socket->linger_ms;
    kernel->non_blocking = socket->non_blocking;
    kernel->keep_descriptor = socket->keep_descriptor;
    kernel->shut = socket->shut;
    kernel->link.out_limit = 0;   /* the link makes no records any more: their types would be lost */
    memset(&socket->link, 0, sizeof socket->link);
    socket->descriptor = -1;
    socket->finished = 1;
    tlsm_socket_free(socket);
}

static int refuse(struct tlsm_socket *socket, enum tlsm_code code)
{
    socket->link.code = code;
    return TLSM_IO_REFUSED;
}

static int take_over(struct tlsm_ktls *kernel, struct tlsm_socket *socket, const struct tlsm_ktls_calls *calls, unsigned sides)
{
    struct tlsm_in in;
    int fixed = 0;
    memset(&in, 0, sizeof in);
    sides = hand_over(socket, calls, sides, &fixed);
    if (sides == 0)
        return TLSM_IO_REFUSED;
    move_in(kernel, socket, calls);
    in.kind = TLSM_IN_OFFLOAD;
    in.sides = kernel->sides = (uint8_t)sides;
    in.fixed = kernel->fixed = (uint8_t)fixed;
    return tlsm_link_command(&kernel->link, &in);
}

int tlsm_ktls_new(struct tlsm_socket *socket, const struct tlsm_ktls_options *options, struct tlsm_ktls **made)
{
    static const struct tlsm_ktls_options none;
    const struct tlsm_ktls_calls *calls;
    struct tlsm_ktls *kernel;
    enum tlsm_code code;
    unsigned sides = TLSM_SIDE_WRITE;
    int done;
    *made = NULL;
    options = options != NULL ? options : &none;
    calls = options->calls != NULL ? options->calls : &tlsm_ktls_system;
    socket->error = 0;
    if (!tlsm_connected(socket->link.state))
        return refuse(socket, TLSM_NOT_CONNECTED);
    done = tlsm_socket_flush(socket);
    if (done != TLSM_IO_DONE)
        return done;
    code = would_offload(&socket->link, TLSM_SIDE_WRITE);
    if (code == TLSM_OK && has_more_to_show(&socket->link))
        code = TLSM_RECORDS_LIMITED;
    if (code != TLSM_OK)
        return refuse(socket, code);
    if (options->sides != TLSM_SIDE_WRITE && may_read_there(&socket->link))
        sides |= TLSM_SIDE_READ;
    kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL)
        return TLSM_IO_NO_MEMORY;
    done = take_over(kernel, socket, calls, sides);
    if (done == TLSM_IO_DONE)
        *made = kernel;
    else
        free(kernel);
    return done;
}

/* ------------------------------------------------------------------------------------------------ the end of the transport */

/* A record that the kernel has sealed and could not queue yet would be cut off by a FIN. While there is one, it takes no more. */
static int holds_back(const struct tlsm_ktls *kernel)
{
    struct pollfd watched = { kernel->descriptor, POLLOUT, 0 };
    const int ready = kernel->calls.poll(kernel->calls.context, &watched, 0);
    return ready == 0 || (ready < 0 && errno == EINTR);
}

static int shall_shut(const struct tlsm_ktls *kernel)
{
    return !kernel->shut && kernel->descriptor >= 0 && tlsm_socket_should_shut(kernel->link.state);
}

void tlsm_ktls_follow_shut(struct tlsm_ktls *kernel)
{
    if (!shall_shut(kernel) || holds_back(kernel))
        return;
    (void)kernel->calls.shutdown(kernel->calls.context, kernel->descriptor, SHUT_WR);
    kernel->shut = 1;
}

/* H3. 1: done. Records that fail to open by now are dropped like any. */
static int drain_some(struct tlsm_ktls *kernel, uint32_t most)
{
    union { struct cmsghdr align; uint8_t room[CMSG_SPACE(1)]; } control;
    uint8_t scratch[SCRATCH];
    int interruptions = 0;
    while (kernel->drained < most) {
        struct iovec part = { scratch, sizeof scratch };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room };
        const ptrdiff_t got = kernel->calls.recvmsg(kernel->calls.context, kernel->descriptor, &message, MSG_DONTWAIT);
        if (got > 0)
            kernel->drained += (uint64_t)got;
        else if (got == 0 || !tlsm_socket_blocked(errno))
            return 1;
        else if (!tlsm_socket_again(got, &interruptions))
            return 0;
    }
    return 1;
}

/* Once more, or `blocked`, or that the time is up: TLSM_IO_DONE. */
static int linger(struct tlsm_ktls *kernel, short events, int blocked)
{
    struct pollfd watched = { kernel->descriptor, events, 0 };
    const uint64_t until = kernel->linger_until_ms < kernel->deadline_ms ? kernel->linger_until_ms : kernel->deadline_ms;
    if (tlsm_socket_now() >= until)
        return TLSM_IO_DONE;
    if (kernel->non_blocking)
        return blocked;
    if (kernel->calls.poll(kernel->calls.context, &watched, tlsm_socket_left(until)) < 0 && errno != EINTR)
        return TLSM_IO_DONE;
    return 0;
}

static int shut_and_drain(struct tlsm_ktls *kernel, uint32_t most)
{
    int done = 0;
    if (kernel->linger_until_ms == UINT64_MAX)
        kernel->linger_until_ms = tlsm_socket_now() + kernel->linger_ms;
    for (tlsm_ktls_follow_shut(kernel); done == 0 && shall_shut(kernel); tlsm_ktls_follow_shut(kernel))
        done = linger(kernel, POLLOUT, TLSM_IO_WANT_WRITE);
    if (done < 0)
        return done;
    for (done = 0; done == 0 && !drain_some(kernel, most);)
        done = linger(kernel, POLLIN, TLSM_IO_WANT_READ);
    return done < 0 ? done : TLSM_IO_DONE;
}

static void let_go(struct tlsm_ktls *kernel, const struct tlsm_advice *advice)
{
    const struct linger now = { 1, 0 };
    kernel->finished = 1;
    kernel->linger_until_ms = UINT64_MAX;
    if (advice->flags & TLSM_ADVICE_RESET)
        (void)kernel->calls.setsockopt(kernel->calls.context, kernel->descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (kernel->keep_descriptor || (advice->flags & TLSM_ADVICE_KEEP))
        return;
    (void)kernel->calls.close(kernel->calls.context, kernel->descriptor);
    kernel->descriptor = -1;
}

/* While our last words wait to be sent the peer's are taken in too, or two peers with full pipes would wait for ever. */
static int close_both(struct tlsm_ktls *kernel)
{
    const unsigned movable = TLSM_NEED_RECEIVE | TLSM_NEED_PRODUCE | TLSM_NEED_SEND;
    struct tlsm_link *link = &kernel->link;
    for (;;) {
        const int sent = tlsm_ktls_push(kernel);
        unsigned want = sent == TLSM_IO_WANT_WRITE ? TLSM_WANT_WRITE : 0u;
        size_t count = 0;
        int done;
        if (sent < 0 && sent != TLSM_IO_WANT_WRITE)
            return sent;
        if (!(tlsm_needs(link->state) & movable))
            return TLSM_IO_DONE;
        if (tlsm_link_unread(link) > 0 && want == 0)
            return TLSM_IO_UNREAD;
        done = tlsm_ktls_pull(kernel, NULL, &count);
        if (done > 0)
            continue;
        if (done < 0 && done != TLSM_IO_WANT_READ)
            return done;
        want |= done == TLSM_IO_WANT_READ ? TLSM_WANT_READ : 0u;
        done = tlsm_ktls_await(kernel, want);
        if (done != 0)
            return done;
    }
}

int tlsm_ktls_close(struct tlsm_ktls *kernel, struct tlsm_verdict *verdict)
{
    struct tlsm_advice advice;
    int done;
    if (!kernel->finished) {
        tlsm_ktls_tell_deadline(kernel);
        (void)tlsm_link_end(&kernel->link, 0);
        (void)tlsm_link_wait(&kernel->link);
        done = close_both(kernel);
        tlsm_ktls_follow_shut(kernel);
        if (done != TLSM_IO_DONE)
            return done;
        tlsm_advice(kernel->link.state, &advice);
        if (advice.flags & (TLSM_ADVICE_DRAIN | TLSM_ADVICE_SHUT_WR))
            done = shut_and_drain(kernel, advice.flags & TLSM_ADVICE_DRAIN ? advice.drain_bytes : 0);
        if (done != TLSM_IO_DONE)
            return done;
        let_go(kernel, &advice);
    }
    if (verdict != NULL)
        tlsm_verdict(kernel->link.state, verdict);
    return TLSM_IO_DONE;
}

int tlsm_ktls_release(struct tlsm_ktls *kernel)
{
    const int descriptor = kernel->descriptor;
    kernel->descriptor = -1;
    kernel->finished = 1;
    return descriptor;
}

void tlsm_ktls_free(struct tlsm_ktls *kernel)
{
    struct tlsm_advice advice;
    if (kernel == NULL)
        return;
    if (!kernel->finished) {
        if (!tlsm_is_final(kernel->link.state))
            (void)tlsm_link_abandon(&kernel->link);
        tlsm_ktls_follow_shut(kernel);
        tlsm_advice(kernel->link.state, &advice);
        if (advice.flags & TLSM_ADVICE_DRAIN)
            (void)drain_some(kernel, advice.drain_bytes);
        let_go(kernel, &advice);
    }
    if (kernel->descriptor >= 0 && !kernel->keep_descriptor)
        (void)kernel->calls.close(kernel->calls.context, kernel->descriptor);
    tlsm_link_free(&kernel->link);
    explicit_bzero(kernel->control, sizeof kernel->control);
    free(kernel);
}
