/* SPDX-License-Identifier: MIT */
/* The state block and the bytes around it. Everything here is bookkeeping; what happens next is the machine's to say. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm_cleanse_internal.h"
#include "tlsm_link_internal.h"

enum { STATE_LIMIT = 262144, OUT_LIMIT = 32768, SMALL_RECORD = 256 };

/* ------------------------------------------------------------------------------------------------ buffers */

int tlsm_buffer_reserve(struct tlsm_buffer *buffer, size_t room, size_t dirty)
{
    const size_t kept = tlsm_buffer_live(buffer);
    uint8_t *grown;
    if (buffer->capacity - buffer->end >= room)
        return 1;
    if (buffer->capacity - kept >= room) {
        memmove(buffer->data, buffer->data + buffer->start, kept);
    } else {
        grown = malloc(kept + room);
        if (grown == NULL)
            return 0;
        if (kept > 0)
            memcpy(grown, buffer->data + buffer->start, kept);
        tlsm_cleanse(buffer->data, dirty);
        free(buffer->data);
        buffer->data = grown;
        buffer->capacity = kept + room;
    }
    buffer->start = 0;
    buffer->end = kept;
    return 1;
}

void tlsm_buffer_clean(struct tlsm_buffer *buffer, size_t dirty) { tlsm_cleanse(buffer->data, dirty); }

void tlsm_buffer_release(struct tlsm_buffer *buffer, size_t dirty)
{
    tlsm_cleanse(buffer->data, dirty);
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

/* ------------------------------------------------------------------------------------------------ the state's block */

static int move_state(struct tlsm_link *link, void *block, size_t capacity)
{
    if (block == NULL)
        return 0;
    memcpy(block, link->state, tlsm_length(link->state));
    tlsm_cleanse(link->state, link->state_capacity);
    if ((void *)link->state != link->caller_block)
        free(link->state);
    link->state = block;
    link->state_capacity = capacity;
    return 1;
}

int tlsm_link_grow(struct tlsm_link *link, size_t needed)
{
    size_t capacity = link->state_capacity * 2;
    if (needed > link->state_limit || needed <= link->state_capacity)
        return 0;
    if (capacity < needed)
        capacity = needed;
    if (capacity > link->state_limit)
        capacity = link->state_limit;
    return move_state(link, malloc(capacity), capacity);
}

static int waits_for_request(const struct tlsm_link *link)
{
    const struct tlsm_settings *settings = link->config.settings;
    return settings->role == TLSM_CLIENT && settings->late_auth;
}

/* An established connection is small, but that of a client who may be asked for a certificate: its next record may need the room
 * again. A failed allocation leaves it in the larger block, which is no harm. */
void tlsm_link_shrink(struct tlsm_link *link)
{
    const int small = tlsm_length(link->state) <= TLSM_ESTABLISHED_MAX && (!waits_for_request(link) || tlsm_is_final(link->state));
    if ((void *)link->state == link->caller_block || link->state_capacity <= TLSM_ESTABLISHED_MAX || !small)
        return;
    if (!tlsm_connected(link->state) && !tlsm_is_final(link->state))
        return;
    if (link->caller_block != NULL)
        (void)move_state(link, link->caller_block, link->caller_capacity);
    else
        (void)move_state(link, malloc(TLSM_ESTABLISHED_MAX), TLSM_ESTABLISHED_MAX);
}

/* ------------------------------------------------------------------------------------------------ stepping */

static void tell_tickets(struct tlsm_link *link, const struct tlsm_out *out)
{
    const struct tlsm_bytes plain = { out->plain.data, out->plain_length };
    struct tlsm_session session;
    size_t offset = 0;
    while (tlsm_ticket_next(&link->config, link->state, plain, &offset, &session)) {
        link->hooks.ticket(link->hooks.context, link->state, &session);
        tlsm_cleanse(&session, sizeof session);
    }
}

static void tell_issued(struct tlsm_link *link)
{
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session session;
    if (link->hooks.issued == NULL || !tlsm_ticket_issued(&link->config, link->state, room, &session))
        return;
    link->hooks.issued(link->hooks.context, link->state, &session);
    tlsm_cleanse(&session, sizeof session);
}

static void tell_news(struct tlsm_link *link, const struct tlsm_out *out)
{
    link->news |= out->news;
    if ((out->news & TLSM_NEWS_KEYS) && link->hooks.keys != NULL)
        link->hooks.keys(link->hooks.context, link->state);
    if ((out->news & TLSM_NEWS_TICKET) && link->state->control.role == TLSM_SERVER)
        tell_issued(link);
    else if ((out->news & TLSM_NEWS_TICKET) && link->hooks.ticket != NULL)
        tell_tickets(link, out);
}

/* Checked builds look at the state after every step; it would double the cost of a small record in the others. */
static void check(const struct tlsm_link *link)
{
#ifdef TLSM_DEBUG
    assert(tlsm_invariant(link->state) == 0);
#else
    (void)link;
#endif
}

enum tlsm_code tlsm_link_step(struct tlsm_link *link, const struct tlsm_in *in, struct tlsm_out *out)
{
    do {
        out->state_capacity = link->state_capacity;
        link->code = tlsm_step(&link->config, link->state, in, link->state, out);
        if (link->hooks.stepped != NULL)
            link->hooks.stepped(link->hooks.context, link->state, in, link->code, out);
        check(link);
    } while (link->code == TLSM_MORE_STATE_ROOM && tlsm_link_grow(link, out->state_needed));
    if (link->violation == 0)
        link->violation = out->violation;
    tell_news(link, out);
    tlsm_link_shrink(link);
    return link->code;
}

int tlsm_link_result(enum tlsm_code code)
{
    if (code == TLSM_MORE_STATE_ROOM)
        return TLSM_IO_NO_MEMORY;
    return code >= TLSM_MORE_INPUT ? TLSM_IO_REFUSED : TLSM_IO_DONE;
}

int tlsm_link_command(struct tlsm_link *link, const struct tlsm_in *in)
{
    struct tlsm_out out;
    memset(&out, 0, sizeof out);
    return tlsm_link_result(tlsm_link_step(link, in, &out));
}

/* Opens one unit of what was received, in place. 1: something was consumed; 0: more input is needed; negative: a result. */
static int absorb(struct tlsm_link *link)
{
    struct tlsm_buffer *in = &link->in;
    const size_t at = in->start;
    struct tlsm_in input;
    struct tlsm_out out;
    if (tlsm_buffer_live(in) == 0 || link->input_needed > 0)
        return 0;
    memset(&input, 0, sizeof input);
    memset(&out, 0, sizeof out);
    input.kind = TLSM_IN_WIRE;
    input.bytes.data = out.plain.data = in->data + at;
    input.bytes.length = tlsm_buffer_live(in);
    out.plain.capacity = in->capacity - at;
    if (tlsm_link_step(link, &input, &out) == TLSM_MORE_INPUT)
        link->input_needed = out.input_needed;
    else if (tlsm_link_result(link->code) != TLSM_IO_DONE)
        return tlsm_link_result(link->code);
    in->start += out.consumed;
    if (out.consumed > 0 && link->dirty < in->start)
        link->dirty = in->start;
    if (out.news & TLSM_NEWS_DATA) {
        link->plain_at = at;
        link->plain_length = out.plain_length;
    } else {
        tlsm_link_rewind(link);
    }
    return out.consumed > 0 || link->input_needed == 0;
}

int tlsm_link_produce(struct tlsm_link *link)
{
    struct tlsm_buffer *buffer = tlsm_link_tail(link);
    size_t room = SMALL_RECORD;
    struct tlsm_in in;
    struct tlsm_out out;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_PRODUCE;
    do {
        if (!tlsm_buffer_reserve(buffer, room, 0))
            return TLSM_IO_NO_MEMORY;
        memset(&out, 0, sizeof out);
        out.wire.data = buffer->data + buffer->end;
        out.wire.capacity = buffer->capacity - buffer->end;
        room = 0;
        if (tlsm_link_step(link, &in, &out) == TLSM_MORE_WIRE_ROOM)
            room = out.wire_needed;
    } while (room > 0);
    buffer->end += out.wire_length;
    return tlsm_link_result(link->code) == TLSM_IO_DONE ? 1 : tlsm_link_result(link->code);
}

/* The transport ended, and nothing received before is left to open. 1: the machine was told. */
static int tell_end(struct tlsm_link *link)
{
    struct tlsm_in in;
    if (link->transport_end == TLSM_TRANSPORT_RUNS)
        return 0;
    memset(&in, 0, sizeof in);
    in.kind = link->transport_end == TLSM_TRANSPORT_EOF ? TLSM_IN_EOF : TLSM_IN_RECEIVE_FAILED;
    in.count = tlsm_buffer_live(&link->in);
    in.vouch = link->vouch;
    if (tlsm_link_command(link, &in) == TLSM_IO_REFUSED && link->code == TLSM_MAY_NOT_VOUCH) {
        link->vouch = in.vouch = 0;
        (void)tlsm_link_command(link, &in);
    }
    if (tlsm_link_result(link->code) != TLSM_IO_DONE)
        return tlsm_link_result(link->code);
    link->transport_end = TLSM_TRANSPORT_RUNS;
    return 1;
}

int tlsm_link_ask_hook(struct tlsm_link *link)
{
    struct tlsm_answer answer;
    struct tlsm_request request;
    int done;
    if (link->hooks.answer == NULL || tlsm_link_request(link, &request) == 0)
        return 0;
    memset(&answer, 0, sizeof answer);
    answer.id = request.id;
    if (!link->hooks.answer(link->hooks.context, &link->config, link->state, &answer))
        return 0;
    done = tlsm_link_answer(link, &answer);
    return done == TLSM_IO_DONE ? 1 : done;
}

/* One step that needs nobody. 1, 0 when there is none, or a negative result. */
static int run_once(struct tlsm_link *link)
{
    const unsigned needs = tlsm_needs(link->state);
    int done = 0;
    if (needs & TLSM_NEED_ANSWER)
        done = tlsm_link_ask_hook(link);
    if (done == 0 && (needs & TLSM_NEED_PRODUCE) && tlsm_link_produced(link) < link->out_limit)
        done = tlsm_link_produce(link);
    if (done == 0 && (needs & TLSM_NEED_RECEIVE) && link->plain_length == 0) {
        done = absorb(link);
        if (done == 0)
            done = tell_end(link);
    }
    /* H1: a transport that failed is told at once; an EOF waits for the answer (T2). */
    if (done == 0 && (needs & TLSM_NEED_ANSWER) && link->transport_end == TLSM_TRANSPORT_FAILED)
        done = tell_end(link);
    return done;
}

int tlsm_link_run(struct tlsm_link *link)
{
    int done;
    do
        done = run_once(link);
    while (done > 0);
    tlsm_link_drop(link);
    if (done < 0)
        return done;
    return tlsm_needs(link->state) & TLSM_NEED_ANSWER ? TLSM_IO_WANT_ANSWER : TLSM_IO_DONE;
}

/* ------------------------------------------------------------------------------------------------ birth and death */

static int take_block(struct tlsm_link *link, const struct tlsm_link_options *options)
{
    link->state_limit = options->state_limit != 0 ? options->state_limit : STATE_LIMIT;
    link->state = options->block;
    link->state_capacity = options->block_capacity;
    if (options->block == NULL) {
        link->state_capacity = TLSM_HANDSHAKE_ROOM < link->state_limit ? TLSM_HANDSHAKE_ROOM : link->state_limit;
        if (link->state_capacity < TLSM_ESTABLISHED_MAX)
            return TLSM_IO_REFUSED;
        link->state = malloc(link->state_capacity);
        return link->state != NULL ? TLSM_IO_DONE : TLSM_IO_NO_MEMORY;
    }
    link->caller_block = options->block;
    link->caller_capacity = options->block_capacity;
    return options->block_capacity >= TLSM_ESTABLISHED_MAX ? TLSM_IO_DONE : TLSM_IO_REFUSED;
}

int tlsm_link_init(struct tlsm_link *link, const struct tlsm_config *config, const struct tlsm_link_options *options)
{
    static const struct tlsm_link_options none;
    int taken;
    memset(link, 0, sizeof *link);
    if (options == NULL)
        options = &none;
    taken = take_block(link, options);
    if (taken != TLSM_IO_DONE) {
        link->state = NULL;
        link->code = TLSM_BAD_ARGUMENT;
        return taken;
    }
    link->config = *config;
    link->hooks = options->hooks;
    link->out_limit = options->out_limit != 0 ? options->out_limit : OUT_LIMIT;
    link->exact = options->exact;
    link->warm = options->warm;
    tlsm_init(link->state);
    return TLSM_IO_DONE;
}

void tlsm_link_free(struct tlsm_link *link)
{
    if (link->state != NULL) {
        tlsm_forget(&link->config, link->state);
        tlsm_cleanse(link->state, link->state_capacity);
        if ((void *)link->state != link->caller_block)
            free(link->state);
    }
    tlsm_buffer_release(&link->in, link->in.capacity);
    tlsm_buffer_release(&link->out, 0);
    tlsm_buffer_release(&link->behind, 0);
    tlsm_cleanse(link, sizeof *link);
}

int tlsm_link_begin(struct tlsm_link *link, const struct tlsm_start *start)
{
    struct tlsm_in in;
    memset(&in, 0, sizeof in);
    in.kind = TLSM_IN_START;
    in.entropy = start->entropy;
    in.session = start->session;
    in.now_ms = start->now_ms;
    if (start->server_name != NULL) {
        in.server_name.data = (const uint8_t *)start->server_name;
        in.server_name.length = strlen(start->server_name);
    }
    return tlsm_link_command(link, &in);
}

int tlsm_link_start(struct tlsm_link *link, const struct tlsm_entropy *entropy, const char *server_name)
{
    const struct tlsm_start start = { entropy, server_name, NULL, 0 };
    return tlsm_link_begin(link, &start);
}
