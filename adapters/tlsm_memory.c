/* SPDX-License-Identifier: MIT */
/* Two links and two pipes in memory. What a pipe does with each move is a number from a script or a seed. */
#include "tlsm_memory.h"

#include <stdlib.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* ------------------------------------------------------------------------------------------------ how much a move takes */

/* xorshift64*: good enough to choose sizes, and the same everywhere. */
static uint64_t next_random(uint64_t *random)
{
    *random ^= *random >> 12;
    *random ^= *random << 25;
    *random ^= *random >> 27;
    return *random * UINT64_C(2685821657736338717);
}

static uint64_t amount(struct tlsm_pipe_moves *moves)
{
    const struct tlsm_schedule *schedule = &moves->schedule;
    const uint64_t most = schedule->most != 0 ? schedule->most : UINT64_MAX;
    if (schedule->script != NULL)
        return moves->at < schedule->script_length ? schedule->script[moves->at++] : UINT64_MAX;
    if (schedule->seed == 0 || schedule->most == 0)
        return most;
    return 1 + next_random(&moves->random) % most;
}

static void moves_init(struct tlsm_pipe_moves *moves, struct tlsm_schedule schedule)
{
    moves->schedule = schedule;
    moves->at = 0;
    moves->random = schedule.seed;
}

/* ------------------------------------------------------------------------------------------------ pipes */

static int append(uint8_t **data, size_t *length, size_t *capacity, const uint8_t *bytes, size_t count)
{
    if (*capacity - *length < count) {
        const size_t more = *capacity * 2 > *length + count ? *capacity * 2 : *length + count;
        uint8_t *grown = realloc(*data, more);
        if (grown == NULL)
            return 0;
        *data = grown;
        *capacity = more;
    }
    if (count > 0)
        memcpy(*data + *length, bytes, count);
    *length += count;
    return 1;
}

static uint64_t under_way(const struct tlsm_pipe *pipe) { return pipe->taken - pipe->given; }

static int push(struct tlsm_pipe *pipe, const uint8_t *bytes, size_t count)
{
    if (!append(&pipe->buffer.data, &pipe->buffer.end, &pipe->buffer.capacity, bytes, count))
        return 0;
    if (pipe->recording && !append(&pipe->record, &pipe->record_length, &pipe->record_capacity, bytes, count)) {
        pipe->buffer.end -= count;
        return 0;
    }
    pipe->taken += count;
    if (pipe->options.delay == 0)
        pipe->ripe = pipe->taken;
    return 1;
}

/* How many of `fresh` bytes the pipe takes now. */
static size_t accepted(struct tlsm_pipe *pipe, size_t fresh)
{
    uint64_t count = fresh;
    if (fresh == 0 || pipe->blocked)
        return 0;
    if (pipe->options.capacity != 0)
        count = least(count, pipe->options.capacity - least(under_way(pipe), pipe->options.capacity));
    count = least(count, pipe->fail_at - pipe->taken);
    return count > 0 ? (size_t)least(count, amount(&pipe->send)) : 0;
}

static enum tlsm_moved pipe_send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    const struct tlsm_memory_port *port = self;
    struct tlsm_pipe *pipe = &port->memory->pipe[port->end];
    const size_t known = (size_t)pipe->unreported;
    size_t fresh;
    if (pipe->reset_at <= pipe->taken || (pipe->fail_at <= pipe->taken && known == 0))
        return TLSM_MOVED_FAILED;
    fresh = accepted(pipe, bytes.length - known);
    if (!push(pipe, bytes.data + known, fresh))
        return TLSM_MOVED_FAILED;
    pipe->unreported += fresh;
    if (pipe->unreported > 0)
        *count = (size_t)least(pipe->unreported, amount(&pipe->report));
    pipe->unreported -= *count;
    return *count > 0 ? TLSM_MOVED : TLSM_BLOCKED;
}

/* Nothing can be given: what does the far end see? */
static enum tlsm_moved seen_end(const struct tlsm_pipe *pipe)
{
    if (pipe->given >= pipe->reset_at)
        return TLSM_MOVED_FAILED;
    if (pipe->given >= pipe->cut_at || (pipe->shut && pipe->given == pipe->taken))
        return TLSM_MOVED_END;
    return TLSM_BLOCKED;
}

static enum tlsm_moved pipe_receive(void *self, struct tlsm_span room, size_t *count)
{
    const struct tlsm_memory_port *port = self;
    struct tlsm_pipe *pipe = &port->memory->pipe[1 - port->end];
    const uint64_t until = least(least(pipe->taken, pipe->ripe), least(pipe->cut_at, pipe->reset_at));
    uint64_t given;
    if (pipe->stopped)
        return TLSM_BLOCKED;
    if (until <= pipe->given)
        return seen_end(pipe);
    given = least(least(until - pipe->given, room.capacity), amount(&pipe->receive));
    if (given == 0)
        return TLSM_BLOCKED;
    memcpy(room.data, pipe->buffer.data + pipe->buffer.start, (size_t)given);
    pipe->buffer.start += (size_t)given;
    pipe->given += given;
    if (pipe->buffer.start == pipe->buffer.end)
        pipe->buffer.start = pipe->buffer.end = 0;
    *count = (size_t)given;
    return TLSM_MOVED;
}

static void grow_old(struct tlsm_pipe *pipe)
{
    if (pipe->ripe == pipe->taken)
        pipe->age = 0;
    else if (++pipe->age >= pipe->options.delay) {
        pipe->ripe = pipe->taken;
        pipe->age = 0;
    }
}

static void pipe_init(struct tlsm_pipe *pipe, const struct tlsm_pipe_options *options)
{
    memset(pipe, 0, sizeof *pipe);
    pipe->cut_at = pipe->reset_at = pipe->fail_at = TLSM_PIPE_NEVER;
    pipe->options = *options;
    moves_init(&pipe->send, options->send);
    moves_init(&pipe->receive, options->receive);
    moves_init(&pipe->report, options->report);
}

/* ------------------------------------------------------------------------------------------------ both ends */

int tlsm_memory_init(struct tlsm_memory *memory, const struct tlsm_config config[2],
                     const struct tlsm_memory_options *options)
{
    static const struct tlsm_memory_options none;
    int end, done = TLSM_IO_DONE;
    memset(memory, 0, sizeof *memory);
    if (options == NULL)
        options = &none;
    for (end = 0; end < 2 && done == TLSM_IO_DONE; end++) {
        memory->port[end].memory = memory;
        memory->port[end].end = end;
        memory->transport[end].receive = pipe_receive;
        memory->transport[end].send = pipe_send;
        memory->transport[end].self = &memory->port[end];
        pipe_init(&memory->pipe[end], &options->pipe[end]);
        done = tlsm_link_init(&memory->end[end], &config[end], &options->link[end]);
    }
    if (done != TLSM_IO_DONE)
        tlsm_memory_free(memory);
    return done;
}

void tlsm_memory_free(struct tlsm_memory *memory)
{
    int end;
    for (end = 0; end < 2; end++) {
        tlsm_link_free(&memory->end[end]);
        free(memory->pipe[end].buffer.data);
        free(memory->pipe[end].record);
    }
    memset(memory, 0, sizeof *memory);
}

int tlsm_memory_start(struct tlsm_memory *memory, const struct tlsm_entropy entropy[2], const char *server_name)
{
    int end, done = TLSM_IO_DONE;
    for (end = 0; end < 2 && done == TLSM_IO_DONE; end++) {
        const int client = memory->end[end].config.settings->role == TLSM_CLIENT;
        done = tlsm_link_start(&memory->end[end], &entropy[end], client ? server_name : NULL);
    }
    return done;
}

static uint64_t mix(uint64_t mark, uint64_t number) { return (mark ^ number) * UINT64_C(1099511628211); }

/* Everything a turn can move, in one number. */
static uint64_t mark_of(const struct tlsm_memory *memory)
{
    uint64_t mark = UINT64_C(14695981039346656037);
    int end;
    for (end = 0; end < 2; end++) {
        const struct tlsm_pipe *pipe = &memory->pipe[end];
        const struct tlsm_state *state = memory->end[end].state;
        mark = mix(mix(mix(mark, pipe->taken), pipe->given), pipe->ripe + pipe->age);
        mark = mix(mix(mix(mark, pipe->send.at), pipe->receive.at), pipe->report.at);
        mark = mix(mix(mark, state->ledger.produced), state->ledger.taken);
        mark = mix(mix(mark, state->control.rx), state->control.tx);
        mark = mix(mix(mark, state->control.phase), state->request_id);
    }
    return mark;
}

int tlsm_memory_turn(struct tlsm_memory *memory, int which)
{
    const uint64_t before = mark_of(memory);
    grow_old(&memory->pipe[1 - which]);
    (void)tlsm_link_pump(&memory->end[which], &memory->transport[which], TLSM_WANT_READ | TLSM_WANT_WRITE);
    return mark_of(memory) != before;
}

size_t tlsm_memory_run(struct tlsm_memory *memory)
{
    size_t turns = 0;
    int moved;
    do {
        moved = tlsm_memory_turn(memory, 0);
        moved += tlsm_memory_turn(memory, 1);
        turns += (size_t)moved;
    } while (moved > 0);
    return turns;
}

int tlsm_memory_connect(struct tlsm_memory *memory)
{
    (void)tlsm_memory_run(memory);
    return tlsm_connected(memory->end[0].state) && tlsm_connected(memory->end[1].state) ? TLSM_IO_DONE : TLSM_IO_ENDED;
}

int tlsm_memory_handshake(struct tlsm_memory *memory, int which)
{
    return tlsm_link_handshake(&memory->end[which], &memory->transport[which]);
}

ptrdiff_t tlsm_memory_read(struct tlsm_memory *memory, int which, void *to, size_t capacity)
{
    return tlsm_link_read(&memory->end[which], &memory->transport[which], to, capacity);
}

ptrdiff_t tlsm_memory_write(struct tlsm_memory *memory, int which, const void *from, size_t length)
{
    return tlsm_link_write(&memory->end[which], &memory->transport[which], from, length);
}

int tlsm_memory_close(struct tlsm_memory *memory, int which, int one_way)
{
    return tlsm_link_close(&memory->end[which], &memory->transport[which], one_way);
}

/* ------------------------------------------------------------------------------------------------ faults */

void tlsm_memory_shut(struct tlsm_memory *memory, int which) { memory->pipe[which].shut = 1; }

void tlsm_memory_reset(struct tlsm_memory *memory, int which)
{
    memory->pipe[which].reset_at = memory->pipe[which].given;
    memory->pipe[1 - which].reset_at = memory->pipe[1 - which].given;
}

void tlsm_memory_vanish(struct tlsm_memory *memory, int which)
{
    memory->pipe[which].shut = 1;
    memory->pipe[1 - which].fail_at = memory->pipe[1 - which].taken;
}

int tlsm_memory_inject(struct tlsm_memory *memory, int which, const void *bytes, size_t length)
{
    return push(&memory->pipe[which], bytes, length) ? TLSM_IO_DONE : TLSM_IO_NO_MEMORY;
}

void tlsm_memory_record(struct tlsm_memory *memory, int which) { memory->pipe[which].recording = 1; }
