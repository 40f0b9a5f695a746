/* SPDX-License-Identifier: MIT */
/* The other side of a sweep: our own machine over a descriptor, in the test's thread, living by a list of letters. It moves
 * when the code under test waits (fault.idle), and sees whether what it hears is what was said.
 *
 *   h handshake   w write PEER_BYTES   r read PEER_BYTES   R read to the end   u change keys, and ask for it
 *   e end our half   c close both ways and let go   x close the descriptor at once   a fail with an alert
 *   f all that was written leaves   p five bytes of another protocol   s silence */
#ifndef TLSM_TEST_FAULT_PEER_H
#define TLSM_TEST_FAULT_PEER_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter_fixture.h"
#include "fault_sweep.h"

enum { PEER_BYTES = 20000 };

struct peer {
    struct tlsm_link link;
    struct tlsm_transport transport;
    int fd;                    /* -1: it let go */
    const char *acts;
    size_t said, heard;        /* application bytes */
    size_t act_done;           /* of the present act */
    int wrong;                 /* it heard what was not said */
};

/* What either side says: the byte at a place. */
static inline uint8_t peer_byte(size_t at) { return (uint8_t)(at * 13 + at / 257); }

/* Whether `bytes` are what the other side says from `at` on. */
static inline int peer_matches(const uint8_t *bytes, size_t length, size_t at)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != peer_byte(at + i))
            return 0;
    return 1;
}

static inline void peer_fill(uint8_t *bytes, size_t length, size_t at)
{
    for (size_t i = 0; i < length; i++)
        bytes[i] = peer_byte(at + i);
}

static inline enum tlsm_moved peer_moved(ssize_t moved, size_t *count, int end)
{
    if (moved > 0 || (moved == 0 && !end)) {
        *count = (size_t)moved;
        return TLSM_MOVED;
    }
    if (moved == 0)
        return TLSM_MOVED_END;
    return errno == EAGAIN ? TLSM_BLOCKED : TLSM_MOVED_FAILED;
}

static inline enum tlsm_moved peer_receive(void *self, struct tlsm_span room, size_t *count)
{
    const struct peer *peer = self;
    return peer_moved(recv(peer->fd, room.data, room.capacity, MSG_DONTWAIT), count, 1);
}

static inline enum tlsm_moved peer_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    const struct peer *peer = self;
    return peer_moved(send(peer->fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL), count, 0);
}

static inline void peer_let_go(struct peer *peer)
{
    if (peer->fd >= 0)
        (void)close(peer->fd);
    peer->fd = -1;
    peer->acts = "";
}

/* The acts return 1 when they are done, 0 when they wait, -1 when the connection is over. */

static inline int peer_wants(int done)
{
    return done == TLSM_IO_WANT_READ || done == TLSM_IO_WANT_WRITE ? 0 : -1;
}

static inline int peer_write(struct peer *peer)
{
    uint8_t bytes[4096];
    while (peer->act_done < PEER_BYTES) {
        const size_t left = PEER_BYTES - peer->act_done, most = left < sizeof bytes ? left : sizeof bytes;
        ptrdiff_t put;
        peer_fill(bytes, most, peer->said);
        put = tlsm_link_write(&peer->link, &peer->transport, bytes, most);
        if (put <= 0)
            return peer_wants((int)put);
        peer->said += (size_t)put;
        peer->act_done += (size_t)put;
    }
    return 1;
}

static inline int peer_read(struct peer *peer, size_t most)
{
    uint8_t bytes[4096];
    while (peer->act_done < most) {
        const ptrdiff_t got = tlsm_link_read(&peer->link, &peer->transport, bytes, sizeof bytes);
        if (got == TLSM_IO_END)
            return 1;
        if (got < 0)
            return peer_wants((int)got);
        peer->wrong |= !peer_matches(bytes, (size_t)got, peer->heard);
        peer->heard += (size_t)got;
        peer->act_done += (size_t)got;
    }
    return 1;
}

static inline int peer_flush(struct peer *peer)
{
    const int done = tlsm_link_flush(&peer->link, &peer->transport);
    return done == TLSM_IO_DONE ? 1 : peer_wants(done);
}

static inline int peer_close(struct peer *peer)
{
    const int done = tlsm_link_close(&peer->link, &peer->transport, 0);
    if (done == TLSM_IO_UNREAD)
        return peer_read(peer, tlsm_link_unread(&peer->link)) > 0 ? 0 : -1;
    if (done == TLSM_IO_DONE)
        peer_let_go(peer);
    return done == TLSM_IO_DONE ? 1 : peer_wants(done);
}

static inline int peer_act(struct peer *peer, char act)
{
    int done = 1;
    switch (act) {
    case 'h':
        done = tlsm_link_handshake(&peer->link, &peer->transport);
        return done == TLSM_IO_DONE ? 1 : peer_wants(done);
    case 'w':
        return peer_write(peer);
    case 'r':
        return peer_read(peer, PEER_BYTES);
    case 'R':
        return peer_read(peer, SIZE_MAX);
    case 'u':
        if (peer->act_done++ == 0)
            (void)tlsm_link_key_update(&peer->link, 1);
        return peer_flush(peer);
    case 'e':
        if (peer->act_done++ == 0)
            (void)tlsm_link_end(&peer->link, 0);
        done = peer_flush(peer);
        if (done == 1 && !peer->link.config.settings->keep_transport)
            (void)shutdown(peer->fd, SHUT_WR);
        return done;
    case 'c':
        return peer_close(peer);
    case 'f':
        return peer_flush(peer);
    case 'x':
        peer_let_go(peer);
        return 1;
    case 'a':
        if (peer->act_done++ == 0)
            (void)tlsm_link_abort(&peer->link, TLSM_ALERT_ACCESS_DENIED);
        return peer_flush(peer);
    case 'p':
        return send(peer->fd, "plain", 5, MSG_NOSIGNAL) == 5 ? 1 : -1;
    }
    return 0;
}

/* fault.idle: what the peer can do now. 1: it did something. A connection that is over is let go. */
static inline int peer_turn(void *context)
{
    struct peer *peer = context;
    const char *const acts = peer->acts;
    const size_t before = peer->said + peer->heard;
    const uint64_t received = peer->link.received, taken = peer->link.state->ledger.taken;
    int done = 1;
    while (done > 0 && *peer->acts != 0) {
        const char *const act = peer->acts;
        done = peer_act(peer, *act);
        if (done < 0)
            peer_let_go(peer);
        if (done > 0) {
            peer->act_done = 0;
            peer->acts += *peer->acts != 0;
        }
    }
    return peer->acts != acts || peer->said + peer->heard != before || peer->link.received != received ||
           peer->link.state->ledger.taken != taken;
}

static inline void peer_begin(struct peer *peer, struct two *two, int end, int fd, const char *acts)
{
    const struct tlsm_link_options options = two_options(two);
    memset(peer, 0, sizeof *peer);
    peer->fd = fd;
    peer->acts = acts;
    peer->transport.receive = peer_receive;
    peer->transport.send = peer_send;
    peer->transport.self = peer;
    assert_int_equal(tlsm_link_init(&peer->link, &two->config[end], &options), TLSM_IO_DONE);
    assert_int_equal(tlsm_link_start(&peer->link, &two->entropy[end], NULL), TLSM_IO_DONE);
    fault.idle = peer_turn;
    fault.idle_context = peer;
}

static inline void peer_end(struct peer *peer)
{
    peer_let_go(peer);
    tlsm_link_free(&peer->link);
}

/* 1: its close_notify left. */
static inline int peer_closed(const struct peer *peer)
{
    return (peer->link.state->control.facts & TLSM_FACT_CLOSE_MADE) != 0;
}

static inline int is_clean(uint8_t how) { return how == TLSM_CLEAN_BOTH_VERDICT || how == TLSM_CLEAN_RECEIVED_VERDICT; }

/* Never a false clean end, on either side, and nothing heard that was not said (I2). `said`, `heard`: ours; `tried`: said, or
 * given to a write that ended. */
static inline void peer_judges(const struct peer *peer, const struct tlsm_verdict *ours, size_t said, size_t tried, size_t heard)
{
    const struct tlsm_verdict theirs = link_verdict(&peer->link);
    assert_int_equal(peer->wrong, 0);
    assert_true(heard <= peer->said);
    assert_true(peer->heard <= tried);
    if (ours->how == TLSM_FRAMED_END_VERDICT)   /* for tests that vouch after all was read */
        assert_int_equal(heard, peer->said);
    if (is_clean(ours->how)) {
        assert_true(peer_closed(peer));
        assert_int_equal(heard, peer->said);
    }
    if (is_clean(theirs.how))
        assert_int_equal(peer->heard, said);
}

#endif
