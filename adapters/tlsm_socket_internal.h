/* SPDX-License-Identifier: MIT */
/* What the adapters of sockets share and nobody else sees. Inline, for they are in several libraries. */
#ifndef TLSM_SOCKET_INTERNAL_H
#define TLSM_SOCKET_INTERNAL_H

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <time.h>

#include "tlsm_socket.h"

enum { TLSM_LINGER_MS = 2000 };

/* So often a call that never waits is repeated when a signal interrupts it; then it counts as one that cannot go on now, so
 * that the deadline is looked at. */
enum { TLSM_SOCKET_INTERRUPTIONS = 64 };
/* tlsm_socket_again: `moved` is what such a call returned; 1: it was interrupted, and is to be repeated. */
static inline int tlsm_socket_again(ssize_t moved, int *interruptions)
{
    return moved < 0 && errno == EINTR && ++*interruptions <= TLSM_SOCKET_INTERRUPTIONS;
}
/* tlsm_socket_blocked: nothing can move now, or signals did not let it. */
static inline int tlsm_socket_blocked(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

/* tlsm_socket_now: milliseconds of CLOCK_MONOTONIC. */
static inline uint64_t tlsm_socket_now(void)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* tlsm_socket_left: milliseconds until then, as poll(2) wants them: -1 for UINT64_MAX, 0 when it has passed. One more than the
 * difference: the clock may be late in its millisecond, and poll must not return early again and again. */
static inline int tlsm_socket_left(uint64_t until_ms)
{
    uint64_t now;
    if (until_ms == UINT64_MAX)
        return -1;
    now = tlsm_socket_now();
    if (now >= until_ms)
        return 0;
    return until_ms - now < INT_MAX ? (int)(until_ms - now) + 1 : INT_MAX;
}

/* tlsm_socket_should_shut: the sending half is to be ended now: after close_notify is taken, while the peer may be talking. */
static inline int tlsm_socket_should_shut(const struct tlsm_state *state)
{
    struct tlsm_advice advice;
    tlsm_advice(state, &advice);
    return (advice.flags & TLSM_ADVICE_SHUT_WR) && !(advice.flags & TLSM_ADVICE_FLUSH);
}

/* tlsm_socket_reset_on_close: the peer will see a failure, never a FIN. */
static inline void tlsm_socket_reset_on_close(int descriptor)
{
    const struct linger now = { 1, 0 };
    (void)setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* tlsm_socket_drain: H3: reads and drops what has come, so that unread input does not become a reset that destroys our last
 * bytes. 1: nothing more will come, or `most` bytes did; 0: not yet. */
static inline int tlsm_socket_drain(int descriptor, uint64_t *drained, uint32_t most)
{
    uint8_t scratch[4096];
    int interruptions = 0;
    while (*drained < most) {
        const ssize_t got = recv(descriptor, scratch, sizeof scratch, MSG_DONTWAIT);
        if (got > 0)
            *drained += (uint64_t)got;
        else if (got == 0 || !tlsm_socket_blocked(errno))
            return 1;
        else if (!tlsm_socket_again(got, &interruptions))
            return 0;
    }
    return 1;
}

#endif
