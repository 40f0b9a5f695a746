/* SPDX-License-Identifier: MIT */
/* The socket of one connection, and what can be seen on it from outside. */
#define _GNU_SOURCE

#include "peer.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DRIP_MS = 5, ALERT_TYPE = 21, ALERT_BYTES = 2 };

double peer_now(void)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int peer_fail(struct peer *peer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (peer->why[0] == '\0')
        (void)vsnprintf(peer->why, sizeof peer->why, format, arguments);
    va_end(arguments);
    return -1;
}

int peer_open(struct peer *peer, struct endpoint *endpoint, const struct options *options, const struct peer_ending *ending, int fd)
{
    const int yes = 1;
    memset(peer, 0, sizeof *peer);
    peer->endpoint = endpoint;
    peer->options = options;
    peer->ending = ending;
    peer->descriptor = fd;
    peer->capacity = TLSM_HANDSHAKE_ROOM;
    peer->state = malloc(peer->capacity);
    peer->in = malloc(PEER_ROOM);
    peer->out = malloc(PEER_ROOM);
    peer->seen.alert = TLSM_ALERT_NONE;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);   /* each part of an ending is a packet of its own */
    if (peer->state == NULL || peer->in == NULL || peer->out == NULL)
        return peer_fail(peer, "Out of memory.");
    tlsm_init(peer->state);
    return 0;
}

static void wipe(void *block, size_t length)
{
    if (block != NULL)
        explicit_bzero(block, length);
    free(block);
}

void peer_close(struct peer *peer)
{
    if (peer->descriptor >= 0)
        (void)close(peer->descriptor);
    if (peer->state != NULL)
        tlsm_forget(&peer->endpoint->config, peer->state);
    wipe(peer->state, peer->capacity);
    wipe(peer->in, PEER_ROOM);
    wipe(peer->out, PEER_ROOM);
    explicit_bzero(&peer->key, sizeof peer->key);
    peer->descriptor = -1;
    peer->state = NULL;
    peer->in = peer->out = NULL;
}

/* ------------------------------------------------------------------------------------------------ seeing */

/* An alert in the clear is a record of that type with two bytes; a sealed one is longer. */
static void record_over(struct peer *peer)
{
    if (peer->header[0] == ALERT_TYPE && peer->body_need == ALERT_BYTES && peer->seen.alert == TLSM_ALERT_NONE) {
        peer->seen.alert_level = peer->body[0];
        peer->seen.alert_clear = 1;
        peer->seen.alert_before = !peer->acting;
        peer->seen.canceled |= peer->body[1] == TLSM_ALERT_USER_CANCELED;
        if (peer->body[1] != TLSM_ALERT_USER_CANCELED)
            peer->seen.alert = peer->body[1];
    }
    peer->header_have = peer->body_have = peer->body_need = 0;
}

static void look(struct peer *peer, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (peer->header_have < sizeof peer->header) {
            peer->header[peer->header_have++] = bytes[i];
            if (peer->header_have == sizeof peer->header)
                peer->body_need = (size_t)peer->header[3] << 8 | peer->header[4];
        } else {
            if (peer->body_have < sizeof peer->body)
                peer->body[peer->body_have] = bytes[i];
            peer->body_have++;
        }
        if (peer->header_have == sizeof peer->header && peer->body_have == peer->body_need)
            record_over(peer);
    }
}

static void ended(struct peer *peer, enum peer_end how)
{
    peer->seen.end = how;
    peer->seen.milliseconds = peer_now();   /* made a difference by peer_act() and peer_watch() */
}

/* What has come already. 1: bytes; 0: none now, or the end. */
static int receive(struct peer *peer)
{
    uint8_t *const to = peer->in + peer->in_at + peer->in_have;
    uint8_t dropped[16384];
    const size_t room = PEER_ROOM - peer->in_at - peer->in_have;
    const int drop = peer->unreadable || room == 0;
    const ssize_t got = recv(peer->descriptor, drop ? dropped : to, drop ? sizeof dropped : room, MSG_DONTWAIT);
    if (got == 0)
        ended(peer, PEER_FIN);
    else if (got < 0 && errno != EAGAIN && errno != EINTR)
        ended(peer, PEER_RESET);
    if (got <= 0)
        return 0;
    peer->seen.received += (uint64_t)got;
    look(peer, drop ? dropped : to, (size_t)got);
    if (!drop) {
        peer->in_have += (size_t)got;
        peer_feed(peer);
    }
    return 1;
}

/* ------------------------------------------------------------------------------------------------ moving */

static int left(double until)
{
    const double rest = until - peer_now();
    return rest <= 0 ? 0 : (int)rest + 1;
}

/* 1: what is wanted can be done, or the socket has failed; 0: the time is over. */
static int await(const struct peer *peer, short events, double until)
{
    struct pollfd watched = { peer->descriptor, events, 0 };
    int found;
    do
        found = poll(&watched, 1, left(until));
    while (found < 0 && errno == EINTR);
    return found > 0;
}

int peer_take(struct peer *peer)
{
    if (peer->descriptor < 0 || peer->seen.end != PEER_WAITS || !await(peer, POLLIN, peer->until))
        return 0;
    return receive(peer) || (peer->seen.end == PEER_WAITS && peer_now() < peer->until);
}

void peer_watch(struct peer *peer)
{
    if (peer->blind && peer->descriptor >= 0) {   /* the transport's end shows without reading */
        struct pollfd watched = { peer->descriptor, POLLRDHUP, 0 };
        while (poll(&watched, 1, left(peer->until)) < 0 && errno == EINTR)
            ;
        peer->blind = 0;
        peer->until = peer_now();   /* what has come meanwhile is counted */
        while (peer->seen.end == PEER_WAITS && receive(peer))
            ;
        return;
    }
    while (peer_take(peer))
        ;
}

/* Into a socket that takes nothing it is not written: the other side's bytes are taken meanwhile, so that two that write do not
 * wait for each other. */
static ssize_t put(struct peer *peer, const uint8_t *bytes, size_t length)
{
    const ssize_t sent = send(peer->descriptor, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    const short reading = peer->blind || peer->seen.end != PEER_WAITS ? 0 : POLLIN;
    if (sent >= 0)
        return sent;
    if ((errno != EAGAIN && errno != EINTR) || !await(peer, (short)(POLLOUT | reading), peer->until))
        return -1;
    if (reading != 0)
        (void)receive(peer);
    return 0;
}

static void pause_between(struct peer *peer)
{
    const double until = peer_now() + DRIP_MS;
    while (peer_now() < until && await(peer, peer->seen.end == PEER_WAITS && !peer->blind ? POLLIN : 0, until))
        if (!receive(peer) && peer->seen.end != PEER_WAITS)
            break;
}

void peer_send(struct peer *peer, const uint8_t *bytes, size_t length)
{
    while (length > 0 && !peer->send_failed && peer->descriptor >= 0) {
        const ssize_t sent = put(peer, bytes, peer->drip ? 1 : length);
        peer->send_failed = sent < 0;
        if (sent <= 0)
            continue;
        bytes += sent;
        length -= (size_t)sent;
        peer->seen.sent += (uint64_t)sent;
        if (peer->drip)
            pause_between(peer);
    }
}

void peer_fin(struct peer *peer)
{
    if (peer->descriptor >= 0)
        (void)shutdown(peer->descriptor, SHUT_WR);
}

void peer_reset(struct peer *peer)
{
    const struct linger at_once = { 1, 0 };
    if (peer->descriptor < 0)
        return;
    (void)setsockopt(peer->descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(peer->descriptor);
    peer->descriptor = -1;
    if (peer->seen.end == PEER_WAITS)
        ended(peer, PEER_GONE);
}
