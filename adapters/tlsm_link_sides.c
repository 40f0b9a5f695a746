/* SPDX-License-Identifier: MIT */
/* A link's two sides: bytes of the transport, and commands and plaintext of the application. */
#include <string.h>

#include "tlsm_link_internal.h"

static int command(struct tlsm_link *link, enum tlsm_in_kind kind)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = kind;
    return tlsm_link_command(link, &in);
}

/* ------------------------------------------------------------------------------------------------ towards the transport */

static int reserve_in(struct tlsm_link *link, size_t room)
{
    const uint8_t *before = link->in.data;
    if (!tlsm_buffer_reserve(&link->in, room, link->dirty))
        return 0;
    if (link->in.data != before)
        link->dirty = 0;
    return 1;
}

static int may_receive(const struct tlsm_link *link)
{
    return link->plain_length == 0 && link->transport_end == TLSM_TRANSPORT_RUNS &&
           (tlsm_needs(link->state) & TLSM_NEED_RECEIVE) != 0;
}

/* C4: with another protocol behind this one, never past the end of a record; or because the caller wants it so. */
static size_t exact_room(const struct tlsm_link *link)
{
    if (link->input_needed > 0)
        return link->input_needed;
    return tlsm_buffer_live(&link->in) > 0 ? 0 : tlsm_receive_hint(link->state);
}

struct tlsm_span tlsm_link_room(struct tlsm_link *link)
{
    struct tlsm_span room = { NULL, 0 };
    const size_t held = tlsm_buffer_live(&link->in), most = held < TLSM_RECORD_MAX ? TLSM_RECORD_MAX - held : 0;
    if (!may_receive(link) || most == 0)
        return room;
    if (!(link->held & TLSM_WANT_READ) && !reserve_in(link, most))
        return room;
    room.data = link->in.data + link->in.end;
    room.capacity = link->exact || link->config.settings->keep_transport ? exact_room(link) : most;
    return room;
}

void tlsm_link_received(struct tlsm_link *link, size_t count)
{
    link->in.end += count;
    link->received += count;
    link->input_needed -= count < link->input_needed ? count : link->input_needed;
}

size_t tlsm_link_feed(struct tlsm_link *link, const void *bytes, size_t count)
{
    struct tlsm_span room = { NULL, 0 };
    if (!(link->held & TLSM_WANT_READ))
        room = tlsm_link_room(link);
    if (count > room.capacity)
        count = room.capacity;
    if (count > 0)
        memcpy(room.data, bytes, count);
    tlsm_link_received(link, count);
    return count;
}

struct tlsm_bytes tlsm_link_pending(const struct tlsm_link *link)
{
    struct tlsm_bytes pending = { NULL, 0 };
    if (tlsm_buffer_live(&link->out) > 0 && tlsm_needs(link->state) & TLSM_NEED_SEND) {
        pending.data = link->out.data + link->out.start;
        pending.length = tlsm_buffer_live(&link->out);
    }
    return pending;
}

/* What was produced behind bytes that are all sent now. */
static void bring_up(struct tlsm_link *link)
{
    const struct tlsm_buffer sent = link->out;
    if (link->held & TLSM_WANT_WRITE)
        return;
    tlsm_buffer_rewind(&link->out);
    if (tlsm_buffer_live(&link->out) > 0 || tlsm_buffer_live(&link->behind) == 0)
        return;
    link->out = link->behind;
    link->behind = sent;
    link->behind.start = link->behind.end = 0;
}

int tlsm_link_sent(struct tlsm_link *link, size_t count)
{
    struct tlsm_in in;
    int done;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_SENT;
    in.count = count;
    done = tlsm_link_command(link, &in);
    if (done == TLSM_IO_DONE) {
        link->out.start += count < tlsm_buffer_live(&link->out) ? count : tlsm_buffer_live(&link->out);
        bring_up(link);
    }
    return done;
}

void tlsm_link_eof(struct tlsm_link *link)
{
    if (link->transport_end == TLSM_TRANSPORT_RUNS)
        link->transport_end = TLSM_TRANSPORT_EOF;
}

void tlsm_link_receive_failed(struct tlsm_link *link)
{
    if (link->transport_end == TLSM_TRANSPORT_RUNS)
        link->transport_end = TLSM_TRANSPORT_FAILED;
}

int tlsm_link_send_failed(struct tlsm_link *link)
{
    const int done = command(link, TLSM_IN_SEND_FAILED);
    tlsm_link_drop(link);
    return done;
}

unsigned tlsm_link_wants(const struct tlsm_link *link)
{
    const unsigned needs = tlsm_needs(link->state);
    unsigned wants = may_receive(link) ? TLSM_WANT_READ : 0u;
    wants |= needs & TLSM_NEED_SEND ? TLSM_WANT_WRITE : 0u;
    return wants | (needs & TLSM_NEED_ANSWER ? TLSM_WANT_ANSWER : 0u);
}

struct tlsm_bytes tlsm_link_rest(const struct tlsm_link *link)
{
    struct tlsm_bytes rest = { NULL, 0 };
    if (tlsm_buffer_live(&link->in) > 0) {
        rest.data = link->in.data + link->in.start;
        rest.length = tlsm_buffer_live(&link->in);
    }
    return rest;
}

void tlsm_link_rest_taken(struct tlsm_link *link, size_t count)
{
    link->in.start += count < tlsm_buffer_live(&link->in) ? count : tlsm_buffer_live(&link->in);
    if (link->plain_length == 0)
        tlsm_link_rewind(link);
}

void tlsm_link_idle(struct tlsm_link *link)
{
    const int reading = (link->held & TLSM_WANT_READ) != 0, writing = (link->held & TLSM_WANT_WRITE) != 0;
    if (!reading && link->plain_length == 0 && tlsm_buffer_live(&link->in) == 0 && link->in.data != NULL) {
        if (link->warm)
            tlsm_buffer_clean(&link->in, link->dirty);
        else
            tlsm_buffer_release(&link->in, link->dirty);
        link->dirty = 0;
    }
    if (!writing && tlsm_buffer_live(&link->out) == 0 && link->out.data != NULL)
        tlsm_buffer_release(&link->out, 0);
    if (tlsm_buffer_live(&link->behind) == 0 && link->behind.data != NULL)
        tlsm_buffer_release(&link->behind, 0);
}

/* ------------------------------------------------------------------------------------------------ what the transport holds */

void tlsm_link_hold(struct tlsm_link *link, unsigned what) { link->held |= (uint8_t)what; }

void tlsm_link_let_go(struct tlsm_link *link, unsigned what)
{
    link->held &= (uint8_t)~what;
    bring_up(link);
}

struct tlsm_buffer *tlsm_link_tail(struct tlsm_link *link)
{
    const int waiting = (link->held & TLSM_WANT_WRITE) || tlsm_buffer_live(&link->behind) > 0;
    return waiting ? &link->behind : &link->out;
}

size_t tlsm_link_produced(const struct tlsm_link *link)
{
    return tlsm_buffer_live(&link->out) + tlsm_buffer_live(&link->behind);
}

void tlsm_link_drop(struct tlsm_link *link)
{
    struct tlsm_advice advice;
    if (tlsm_link_produced(link) == 0)
        return;
    tlsm_advice(link->state, &advice);
    if (advice.drop == 0)
        return;
    link->out.start = link->out.end = 0;
    link->behind.start = link->behind.end = 0;
}

void tlsm_link_rewind(struct tlsm_link *link)
{
    if (!(link->held & TLSM_WANT_READ))
        tlsm_buffer_rewind(&link->in);
}

/* ------------------------------------------------------------------------------------------------ towards the application */

size_t tlsm_link_unread(const struct tlsm_link *link) { return link->plain_length; }

struct tlsm_bytes tlsm_link_peek(const struct tlsm_link *link)
{
    struct tlsm_bytes plain = { NULL, link->plain_length };
    if (plain.length > 0)
        plain.data = link->in.data + link->plain_at;
    return plain;
}

static void plain_gone(struct tlsm_link *link, size_t count)
{
    link->plain_at += count;
    link->plain_length -= count;
    if (link->plain_length == 0) {
        tlsm_link_rewind(link);
        tlsm_link_idle(link);
    }
}

size_t tlsm_link_copy(const struct tlsm_link *link, void *to, size_t capacity)
{
    const size_t count = capacity < link->plain_length ? capacity : link->plain_length;
    if (count > 0)
        memcpy(to, link->in.data + link->plain_at, count);
    return count;
}

size_t tlsm_link_take(struct tlsm_link *link, void *to, size_t capacity)
{
    const size_t count = tlsm_link_copy(link, to, capacity);
    if (count > 0)
        plain_gone(link, count);
    return count;
}

size_t tlsm_link_discard(struct tlsm_link *link)
{
    const size_t count = link->plain_length;
    if (count > 0)
        plain_gone(link, count);
    link->plain_discarded += count;
    return count;
}

/* One data record. Positive: 1 + bytes sealed; 0: what has to go first went, a record or an answer; negative: a result. */
static ptrdiff_t seal_once(struct tlsm_link *link, const uint8_t *bytes, size_t length, int early)
{
    const size_t most = length < TLSM_PLAIN_MAX ? length : TLSM_PLAIN_MAX;
    struct tlsm_buffer *tail = tlsm_link_tail(link);
    struct tlsm_in in;
    struct tlsm_out out;
    int done;
    if (!tlsm_buffer_reserve(tail, most + TLSM_OVERHEAD_MAX, 0))
        return TLSM_IO_NO_MEMORY;
    memset(&in, 0, sizeof in);
    memset(&out, 0, sizeof out);
    in.kind = TLSM_IN_WRITE;
    in.early = early != 0;
    in.bytes.data = bytes;
    in.bytes.length = length;
    out.wire.data = tail->data + tail->end;
    out.wire.capacity = tail->capacity - tail->end;
    if (tlsm_link_step(link, &in, &out) == TLSM_PRODUCE_FIRST) {
        done = tlsm_link_produce(link);
        return done > 0 ? 0 : done;
    }
    if (link->code == TLSM_ANSWER_FIRST) {
        done = tlsm_link_ask_hook(link);
        return done > 0 ? 0 : done == 0 ? TLSM_IO_WANT_ANSWER : done;
    }
    tail->end += out.wire_length;
    if (link->code < 0 || link->code == TLSM_WRITE_FAILED)
        return TLSM_IO_ENDED;
    return tlsm_link_result(link->code) == TLSM_IO_DONE ? (ptrdiff_t)out.consumed + 1 : tlsm_link_result(link->code);
}

static ptrdiff_t seal(struct tlsm_link *link, const void *bytes, size_t length, int early)
{
    const uint8_t *from = bytes;
    size_t sealed = 0;
    ptrdiff_t count = 0;
    do {
        if (tlsm_link_produced(link) >= link->out_limit)
            return sealed > 0 ? (ptrdiff_t)sealed : TLSM_IO_WANT_WRITE;
        count = seal_once(link, length > 0 ? from + sealed : from, length - sealed, early);
        if (count < 0)
            return sealed > 0 ? (ptrdiff_t)sealed : count;
        sealed += count > 0 ? (size_t)count - 1 : 0;
    } while (count == 0 || sealed < length);
    return (ptrdiff_t)sealed;
}

ptrdiff_t tlsm_link_seal(struct tlsm_link *link, const void *bytes, size_t length) { return seal(link, bytes, length, 0); }
ptrdiff_t tlsm_link_seal_early(struct tlsm_link *link, const void *bytes, size_t length) { return seal(link, bytes, length, 1); }

size_t tlsm_link_early_room(const struct tlsm_link *link) { return tlsm_early_room(&link->config, link->state); }
int tlsm_link_early(const struct tlsm_link *link) { return tlsm_early_data(link->state); }

/* Nothing is received while plaintext is unread: what lies here came before the handshake was complete, or after. */
/* Not what a client of TLS 1.2 sends right behind its Finished. */
int tlsm_link_is_early(const struct tlsm_link *link)
{
    return link->plain_length > 0 && !tlsm_connected(link->state) && tlsm_early_data(link->state) == TLSM_EARLY_ACCEPTED;
}

int tlsm_link_end(struct tlsm_link *link, int one_way)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_CLOSE;
    in.one_way = one_way != 0;
    return tlsm_link_command(link, &in);
}

int tlsm_link_abort(struct tlsm_link *link, uint8_t alert)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_ABORT;
    in.alert = alert;
    return tlsm_link_command(link, &in);
}

int tlsm_link_key_update(struct tlsm_link *link, int ask)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_KEY_UPDATE;
    in.ask = ask != 0;
    return tlsm_link_command(link, &in);
}

int tlsm_link_ticket(struct tlsm_link *link, uint64_t now_ms)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_TICKET;
    in.now_ms = now_ms;
    return tlsm_link_command(link, &in);
}

int tlsm_link_ask_certificate(struct tlsm_link *link) { return command(link, TLSM_IN_ASK_CERTIFICATE); }
int tlsm_link_wait(struct tlsm_link *link) { return command(link, TLSM_IN_WAIT); }
int tlsm_link_abandon(struct tlsm_link *link) { return command(link, TLSM_IN_ABANDON); }
int tlsm_link_deadline_set(struct tlsm_link *link) { return command(link, TLSM_IN_DEADLINE_SET); }
int tlsm_link_deadline(struct tlsm_link *link) { return command(link, TLSM_IN_DEADLINE); }

void tlsm_link_vouch(struct tlsm_link *link) { link->vouch = 1; }

int tlsm_link_request(const struct tlsm_link *link, struct tlsm_request *request)
{
    return tlsm_request(&link->config, link->state, request);
}

int tlsm_link_answer(struct tlsm_link *link, const struct tlsm_answer *answer)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_ANSWER;
    in.answer = answer;
    return tlsm_link_command(link, &in);
}

uint32_t tlsm_link_news(struct tlsm_link *link)
{
    const uint32_t news = link->news;
    link->news = 0;
    return news;
}
