/* SPDX-License-Identifier: MIT */
/* A link over a transport: the loops behind handshake, read, write, close and shutdown of every adapter. */
#include "tlsm_link.h"

#include <string.h>

/* ------------------------------------------------------------------------------------------------ one movement */

/* Receives once. 1: something came, or the end of it; 0: nothing is wanted; TLSM_IO_WANT_READ: blocked. */
static int receive_once(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    struct tlsm_span room;
    size_t count = 0;
    if (!(tlsm_link_wants(link) & TLSM_WANT_READ))
        return 0;
    room = tlsm_link_room(link);
    if (room.capacity == 0)
        return TLSM_IO_NO_MEMORY;
    switch (transport->receive(transport->self, room, &count)) {
    case TLSM_MOVED:
        tlsm_link_received(link, count);
        return 1;
    case TLSM_MOVED_END:
        tlsm_link_eof(link);
        return 1;
    case TLSM_MOVED_FAILED:
        tlsm_link_receive_failed(link);
        return 1;
    case TLSM_BLOCKED: case TLSM_MOVED_LATE:
        break;
    }
    return TLSM_IO_WANT_READ;
}

/* G3: sending failed; what the peer said before it went is taken in, as far as it has come. */
static void hear_last_words(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    int done;
    do {
        done = tlsm_link_run(link);
        if (done == TLSM_IO_DONE)
            done = receive_once(link, transport);
    } while (done > 0);
}

/* Sends once. 1: something went, or sending failed; 0: nothing is there; TLSM_IO_WANT_WRITE: blocked. */
static int send_once(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    const struct tlsm_bytes pending = tlsm_link_pending(link);
    size_t count = 0;
    if (pending.length == 0)
        return 0;
    switch (transport->send(transport->self, pending, &count)) {
    case TLSM_MOVED:
        return tlsm_link_sent(link, count) == TLSM_IO_DONE ? 1 : TLSM_IO_REFUSED;
    case TLSM_MOVED_END: case TLSM_MOVED_FAILED:
        (void)tlsm_link_send_failed(link);
        hear_last_words(link, transport);
        return 1;
    case TLSM_BLOCKED: case TLSM_MOVED_LATE:
        break;
    }
    return TLSM_IO_WANT_WRITE;
}

/* Nothing can move. 0: it can again (or the deadline passed); else what the caller has to wait for. */
static int await(struct tlsm_link *link, const struct tlsm_transport *transport, unsigned want)
{
    const int blocked = want & TLSM_WANT_WRITE ? TLSM_IO_WANT_WRITE : TLSM_IO_WANT_READ;
    tlsm_link_idle(link);
    if (transport->wait == NULL)
        return blocked;
    switch (transport->wait(transport->self, want)) {
    case TLSM_MOVED:
        return 0;
    case TLSM_MOVED_LATE:
        return tlsm_link_deadline(link) == TLSM_IO_DONE ? 0 : blocked;
    case TLSM_MOVED_FAILED:
        tlsm_link_receive_failed(link);
        (void)tlsm_link_send_failed(link);
        return 0;
    case TLSM_BLOCKED: case TLSM_MOVED_END:
        break;
    }
    return blocked;
}

/* Moves bytes once, waiting if it may. `reading`: the peer's bytes are wanted now. While sending is blocked they are taken
 * too, or two peers with full pipes would wait for each other for ever. 0: something changed; else a result. */
static int advance(struct tlsm_link *link, const struct tlsm_transport *transport, int reading)
{
    const int sent = send_once(link, transport);
    int received = 0;
    unsigned want = 0;
    if (sent != 0 && sent != TLSM_IO_WANT_WRITE)
        return sent > 0 ? 0 : sent;
    if (reading || (sent < 0 && transport->wait != NULL))
        received = receive_once(link, transport);
    if (received != 0 && received != TLSM_IO_WANT_READ)
        return received > 0 ? 0 : received;
    want |= sent < 0 ? TLSM_WANT_WRITE : 0u;
    want |= received < 0 ? TLSM_WANT_READ : 0u;
    return want != 0 ? await(link, transport, want) : TLSM_IO_ENDED;
}

static int refuse(struct tlsm_link *link, enum tlsm_code code)
{
    link->code = code;
    return TLSM_IO_REFUSED;
}

/* ------------------------------------------------------------------------------------------------ the calls */

int tlsm_link_flush(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    for (;;) {
        int done = tlsm_link_run(link);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (tlsm_link_pending(link).length == 0)
            return link->state->control.tx == TLSM_TX_DEAD ? TLSM_IO_ENDED : TLSM_IO_DONE;
        done = advance(link, transport, 0);
        if (done < 0)
            return done;
    }
}

int tlsm_link_handshake(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    for (;;) {
        int done = tlsm_link_run(link);
        const unsigned wants = tlsm_link_wants(link);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (link->state->control.rx == TLSM_RX_UNBORN && !tlsm_is_final(link->state))
            return refuse(link, TLSM_NOT_STARTED);
        if (!(wants & TLSM_WANT_WRITE)) {
            if (tlsm_connected(link->state))
                return TLSM_IO_DONE;
            if (done == TLSM_IO_WANT_ANSWER)
                return done;
            if (!(wants & TLSM_WANT_READ))
                return tlsm_link_unread(link) > 0 ? TLSM_IO_UNREAD : TLSM_IO_ENDED;
        }
        done = advance(link, transport, !tlsm_connected(link->state));
        if (done < 0)
            return done;
    }
}

/* The transport ended for reading, and what waits to be sent cannot change that: who reads is told now (T4). A fatal alert
 * that is owed still goes first. */
static int cut_behind_writing(const struct tlsm_link *link)
{
    const struct tlsm_control *control = &link->state->control;
    return control->rx == TLSM_RX_CUT && control->tx != TLSM_TX_FAILING && control->tx != TLSM_TX_FAIL_OUT;
}

/* What a read returns when no plaintext is there; 0: it has to go on. */
static int reading_ended(struct tlsm_link *link, const struct tlsm_transport *transport, int *result)
{
    const uint8_t rx = link->state->control.rx;
    if (rx == TLSM_RX_CLOSED) {
        (void)send_once(link, transport);
        *result = TLSM_IO_END;
        return 1;
    }
    if (tlsm_link_wants(link) != 0 && !cut_behind_writing(link))
        return 0;
    if (rx == TLSM_RX_CUT || rx == TLSM_RX_DEAD)
        *result = TLSM_IO_ENDED;
    else
        *result = refuse(link, rx == TLSM_RX_UNBORN ? TLSM_NOT_STARTED : TLSM_READ_ENDED);
    return 1;
}

/* An established connection reads without a word of ours: what it waits for is the peer, whatever else is blocked. */
static int waits_for(const struct tlsm_link *link, int done)
{
    const int reading = tlsm_connected(link->state) && (tlsm_link_wants(link) & TLSM_WANT_READ) != 0;
    return done == TLSM_IO_WANT_WRITE && reading ? TLSM_IO_WANT_READ : done;
}

int tlsm_link_fill(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    for (;;) {
        int done = TLSM_IO_DONE, result = 0;
        if (tlsm_link_unread(link) == 0)
            done = tlsm_link_run(link);
        if (tlsm_link_unread(link) > 0)
            return TLSM_IO_DONE;
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (reading_ended(link, transport, &result))
            return result;
        if (done == TLSM_IO_WANT_ANSWER && tlsm_link_pending(link).length == 0)
            return done;
        done = advance(link, transport, 1);
        if (done < 0)
            return waits_for(link, done);
    }
}

ptrdiff_t tlsm_link_read(struct tlsm_link *link, const struct tlsm_transport *transport, void *to, size_t capacity)
{
    int done;
    if (capacity == 0)
        return refuse(link, TLSM_BAD_ARGUMENT);
    done = tlsm_link_fill(link, transport);
    return done == TLSM_IO_DONE ? (ptrdiff_t)tlsm_link_take(link, to, capacity) : done;
}

static ptrdiff_t either(size_t written, ptrdiff_t result)
{
    return written > 0 ? (ptrdiff_t)written : result;
}

ptrdiff_t tlsm_link_write(struct tlsm_link *link, const struct tlsm_transport *transport, const void *from, size_t length)
{
    const uint8_t *bytes = from;
    size_t written = 0;
    for (;;) {
        const ptrdiff_t sealed = tlsm_link_seal(link, length > 0 ? bytes + written : bytes, length - written);
        int done;
        if (sealed == TLSM_IO_REFUSED && link->code == TLSM_NOT_CONNECTED) {
            done = tlsm_link_handshake(link, transport);
            if (done != TLSM_IO_DONE)
                return done;
            continue;
        }
        if (sealed < 0 && sealed != TLSM_IO_WANT_WRITE)
            return either(written, sealed);
        written += sealed > 0 ? (size_t)sealed : 0;
        done = tlsm_link_flush(link, transport);
        if (done == TLSM_IO_ENDED)
            return done;
        if (written == length || done < 0)
            return length > 0 ? either(written, done) : 0;
    }
}

ptrdiff_t tlsm_link_write_early(struct tlsm_link *link, const struct tlsm_transport *transport, const void *from, size_t length)
{
    const uint8_t *bytes = from;
    size_t written = 0;
    do {
        const ptrdiff_t sealed = tlsm_link_seal_early(link, bytes + written, length - written);
        if (sealed < 0 && sealed != TLSM_IO_WANT_WRITE)
            return either(written, sealed);
        written += sealed > 0 ? (size_t)sealed : 0;
        const int done = tlsm_link_flush(link, transport);
        if (done == TLSM_IO_ENDED)
            return done;
        if (done < 0)
            return either(written, done);
    } while (written < length);
    return (ptrdiff_t)written;
}

int tlsm_link_close(struct tlsm_link *link, const struct tlsm_transport *transport, int one_way)
{
    const unsigned movable = TLSM_NEED_RECEIVE | TLSM_NEED_PRODUCE | TLSM_NEED_SEND;
    int done = tlsm_link_end(link, one_way);
    if (!one_way)
        (void)tlsm_link_wait(link);
    if (done == TLSM_IO_NO_MEMORY)
        return done;
    for (;;) {
        done = tlsm_link_run(link);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        if (!(tlsm_needs(link->state) & movable))   /* two-way, the peer's half goes on behind the answer (H1) */
            return !one_way && done == TLSM_IO_WANT_ANSWER ? TLSM_IO_WANT_ANSWER : TLSM_IO_DONE;
        if (tlsm_link_unread(link) > 0 && tlsm_link_pending(link).length == 0)
            return TLSM_IO_UNREAD;
        done = advance(link, transport, 1);
        if (done < 0)
            return done;
    }
}

int tlsm_link_pump(struct tlsm_link *link, const struct tlsm_transport *transport, unsigned able)
{
    int sent = able & TLSM_WANT_WRITE ? 1 : 0, received = able & TLSM_WANT_READ ? 1 : 0, moved = 0;
    for (;;) {
        const int done = tlsm_link_run(link);
        if (done < 0 && done != TLSM_IO_WANT_ANSWER)
            return done;
        sent = sent >= 0 && (able & TLSM_WANT_WRITE) ? send_once(link, transport) : sent;
        received = received >= 0 && (able & TLSM_WANT_READ) ? receive_once(link, transport) : received;
        if (sent <= 0 && received <= 0)
            break;
        moved = 1;
    }
    tlsm_link_idle(link);
    if (tlsm_is_final(link->state))
        return TLSM_IO_ENDED;
    if (received == TLSM_IO_NO_MEMORY)
        return received;
    if (moved)
        return TLSM_IO_DONE;
    if (tlsm_link_wants(link) & TLSM_WANT_ANSWER)
        return TLSM_IO_WANT_ANSWER;
    return tlsm_link_wants(link) & TLSM_WANT_WRITE ? TLSM_IO_WANT_WRITE : TLSM_IO_WANT_READ;
}

/* ------------------------------------------------------------------------------------------------ shutdown */

/* Nothing that the transport could help with. */
static int failed(int done) { return done == TLSM_IO_NO_MEMORY || done == TLSM_IO_REFUSED; }

/* `taking`: what the peer sends is taken in while sending is blocked, so that two closing peers with full pipes do not wait
 * for each other for ever. The two-step contract has a call of its own for that (K4, O5). */
static enum tlsm_shutdown_seen seen_flush(struct tlsm_link *link, const struct tlsm_transport *transport, int taking)
{
    int done;
    do
        done = tlsm_link_flush(link, transport);
    while (done == TLSM_IO_WANT_WRITE && taking && receive_once(link, transport) > 0);
    if (failed(done))
        return TLSM_SAW_FAILURE;
    return done == TLSM_IO_DONE || done == TLSM_IO_ENDED ? TLSM_SAW_PROGRESS : TLSM_SAW_BLOCKED_WRITE;
}

/* What came is unread, or nothing is read as long as an answer is missing (H1): then reading cannot go on. */
static enum tlsm_shutdown_seen seen_read(struct tlsm_link *link, const struct tlsm_transport *transport)
{
    int done = tlsm_link_run(link);
    if (failed(done))
        return TLSM_SAW_FAILURE;
    if (tlsm_link_unread(link) > 0)
        return TLSM_SAW_DATA;
    if (tlsm_needs(link->state) & TLSM_NEED_COMMAND)
        (void)tlsm_link_wait(link);   /* A12: whoever waits for theirs makes a one-way close two-way */
    if (!(tlsm_link_wants(link) & TLSM_WANT_READ))
        return TLSM_SAW_BLOCKED_READ;
    done = advance(link, transport, 1);
    if (done < 0 && done != TLSM_IO_ENDED)
        return failed(done) ? TLSM_SAW_FAILURE : TLSM_SAW_BLOCKED_READ;
    if (failed(tlsm_link_run(link)))
        return TLSM_SAW_FAILURE;
    return tlsm_link_unread(link) > 0 ? TLSM_SAW_DATA : TLSM_SAW_PROGRESS;
}

int tlsm_link_shutdown(struct tlsm_link *link, const struct tlsm_transport *transport, struct tlsm_shutdown *procedure,
                       enum tlsm_shutdown_error *error)
{
    enum tlsm_shutdown_seen seen = TLSM_SAW_CALL;
    procedure->held = tlsm_link_unread(link) > 0;
    for (;;) {
        const struct tlsm_shutdown_next next = tlsm_shutdown_step(*procedure, seen, link->state);
        *procedure = next.state;
        switch ((enum tlsm_shutdown_act)next.act) {
        case TLSM_DO_CLOSE:
            (void)tlsm_link_end(link, 0);
            seen = TLSM_SAW_PROGRESS;
            break;
        case TLSM_DO_FLUSH:
            seen = seen_flush(link, transport, procedure->contract == TLSM_SHUTDOWN_ONE_CALL);
            break;
        case TLSM_DO_READ:
            seen = seen_read(link, transport);
            break;
        case TLSM_DO_RETURN:
            *error = (enum tlsm_shutdown_error)next.error;
            return next.returns;
        }
    }
}
