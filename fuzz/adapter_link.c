/* SPDX-License-Identifier: MIT */
/* Links over tlsm_memory, whose pipes move and fail as the input says: six bytes for the two (talk.h), then how each pipe splits, joins,
 * delays and blocks (six bytes each), then commands. An adapter has a target of its own, for a corpus that is good for one
 * is of no use to another, and each stands on other libraries. */
#include "talk.h"
#include "tlsm_memory.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct place {
    struct tlsm_memory *memory;
    int who;
    struct tlsm_transport pipes;   /* the memory's, which ours below stands in front of */
};

static struct tlsm_link *link_of(void *self) { const struct place *at = self; return &at->memory->end[at->who]; }
static int handshake(void *self) { const struct place *at = self; return tlsm_memory_handshake(at->memory, at->who); }
static ptrdiff_t read_some(void *self, void *to, size_t capacity)
{
    const struct place *at = self;
    return tlsm_memory_read(at->memory, at->who, to, capacity);
}
static ptrdiff_t write_some(void *self, const void *from, size_t length)
{
    const struct place *at = self;
    return tlsm_memory_write(at->memory, at->who, from, length);
}
static int flush(void *self)
{
    const struct place *at = self;
    return tlsm_link_flush(&at->memory->end[at->who], &at->memory->transport[at->who]);
}
static int close_it(void *self, int one_way) { const struct place *at = self; return tlsm_memory_close(at->memory, at->who, one_way); }
static int ready(void *self) { const struct place *at = self; return tlsm_memory_turn(at->memory, at->who); }
static int deadline(void *self, int milliseconds)
{
    const struct place *at = self;
    struct tlsm_link *link = &at->memory->end[at->who];
    return milliseconds > 0 ? tlsm_link_deadline_set(link) : tlsm_link_deadline(link);
}

static enum tlsm_moved receive(void *self, struct tlsm_span room, size_t *count)
{
    const struct place *at = self;
    const enum tlsm_moved moved = at->pipes.receive(at->pipes.self, room, count);
    adapter_answered(moved == TLSM_MOVED       ? ADAPTER_RECEIVED
                     : moved == TLSM_BLOCKED   ? ADAPTER_RECEIVE_BLOCKED
                     : moved == TLSM_MOVED_END ? ADAPTER_RECEIVE_END
                                               : ADAPTER_RECEIVE_FAILED);
    return moved;
}
static enum tlsm_moved send(void *self, struct tlsm_bytes bytes, size_t *count)
{
    const struct place *at = self;
    const enum tlsm_moved moved = at->pipes.send(at->pipes.self, bytes, count);
    adapter_answered(moved == TLSM_BLOCKED  ? ADAPTER_SEND_BLOCKED
                     : moved != TLSM_MOVED  ? ADAPTER_SEND_FAILED
                     : *count < bytes.length ? ADAPTER_SENT_PART
                                             : ADAPTER_SENT);
    return moved;
}
static void stand_between(struct place *at)
{
    struct tlsm_transport *transport = &at->memory->transport[at->who];
    at->pipes = *transport;
    transport->receive = receive;
    transport->send = send;
    transport->self = at;
}

static uint64_t sort_of_pipes(const struct tlsm_memory *memory)
{
    uint64_t sort = 0;
    for (int who = 0; who < TALK_ENDS; who++) {
        const struct tlsm_pipe *pipe = &memory->pipe[who];
        sort = sort << 10 | (uint64_t)(pipe->cut_at <= pipe->given) << 9 | (uint64_t)(pipe->cut_at != TLSM_PIPE_NEVER) << 8 |
               (uint64_t)(pipe->reset_at != TLSM_PIPE_NEVER) << 7 | (uint64_t)(pipe->reset_at <= pipe->taken) << 6 |
               (uint64_t)(pipe->fail_at != TLSM_PIPE_NEVER) << 5 | (uint64_t)(pipe->fail_at <= pipe->taken) << 4 |
               (uint64_t)(pipe->taken > pipe->given) << 3 | (uint64_t)pipe->blocked << 2 | (uint64_t)pipe->stopped << 1 | pipe->shut;
    }
    return sort;
}

static const struct talk_kind links = { link_of, handshake, read_some, write_some, flush, close_it, deadline, ready, NULL };

static void settle_pipe(struct tlsm_pipe_options *pipe, struct feed *feed)
{
    struct tlsm_schedule *schedules[] = { &pipe->send, &pipe->receive, &pipe->report };
    for (int i = 0; i < 3; i++) {
        schedules[i]->most = feed_take(feed);
        schedules[i]->seed = schedules[i]->most > 0 ? feed->left : 0;
    }
    pipe->capacity = feed_take(feed) * 64u;
    pipe->delay = feed_take(feed) % 4;
}

static void fault(struct talk *talk, struct tlsm_memory *memory, int who, int which, struct feed *feed)
{
    struct tlsm_pipe *pipe = &memory->pipe[who];
    const struct feed junk = which == 8 ? feed_split(feed, feed_take(feed)) : (struct feed){ NULL, 0 };
    switch (which) {
    case 1: tlsm_memory_shut(memory, who); break;
    case 2: tlsm_memory_reset(memory, who); break;
    case 3: tlsm_memory_vanish(memory, who); break;
    case 4: pipe->cut_at = pipe->given + feed_take(feed); break;
    case 5: pipe->reset_at = pipe->taken + feed_take(feed); break;
    case 6: pipe->fail_at = pipe->taken + feed_take(feed); break;
    case 7: pipe->blocked ^= 1; break;
    case 8: (void)tlsm_memory_inject(memory, who, junk.bytes, junk.left); break;
    case 9: pipe->stopped ^= 1; break;
    case 10: (void)tlsm_memory_run(memory); break;
    default: break;
    }
    talk_look(talk);
}

/* Behind six bytes for the two, five for each pipe: sends, receives and reports at most so many at once, holds so many times 64, delays. */
#define PIPES(bytes) bytes bytes
const struct enumeration *adapter_enumeration(void)
{
    static const struct enumeration links_in_memory = {
        .head = { ADAPTER_BYTES("\0\0\0\0\0\0" PIPES("\0\0\0\0\0")), ADAPTER_BYTES("\1\0\0\0\0\0" PIPES("\0\0\0\0\0")),
                  ADAPTER_BYTES("\16\0\0\0\0\0" PIPES("\0\0\0\0\0")), ADAPTER_BYTES("\20\100\0\0\0\0" PIPES("\0\0\0\4\0")),
                  ADAPTER_BYTES("\0\0\0\2\0\0" PIPES("\5\0\0\0\0")), ADAPTER_BYTES("\0\20\0\0\52\0" PIPES("\0\7\7\0\0")),
                  ADAPTER_BYTES("\0\0\0\0\0\1" PIPES("\0\0\0\0\1")) },
        .start = { TALK_STARTS },
        .both = 1,
        .deep = 2,
        .depth = 2,
        .move = { TALK_CALL_MOVES, TALK_LINK_MOVES, ADAPTER_BYTES("\x14"), ADAPTER_BYTES("\x15"), ADAPTER_BYTES("\x16"), ADAPTER_BYTES("\x17\x05"),
                  ADAPTER_BYTES("\x17\x00"), ADAPTER_BYTES("\x18\x00"), ADAPTER_BYTES("\x18\x05"), ADAPTER_BYTES("\x19\x00"), ADAPTER_BYTES("\x19\x05"),
                  ADAPTER_BYTES("\x1a"), ADAPTER_BYTES("\x1b\x01\x99"), ADAPTER_BYTES("\x1c"), ADAPTER_BYTES("\x1d") }
    };
    return &links_in_memory;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    adapter_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct talk talk;
    static struct tlsm_memory memory;
    struct place place[TALK_ENDS] = { { .memory = &memory, .who = 0 }, { .memory = &memory, .who = 1 } };
    struct tlsm_memory_options options = { .pipe = { { .capacity = 0 } } };
    struct feed feed = { data, size };
    talk_init(&talk, &links, &feed);
    for (int who = 0; who < TALK_ENDS; who++) {
        options.link[who] = talk.options;
        settle_pipe(&options.pipe[who], &feed);
    }
    talk_must(tlsm_memory_init(&memory, talk.config, &options) == TLSM_IO_DONE, "two links are not made");
    for (int who = 0; who < TALK_ENDS; who++) {
        talk.self[who] = &place[who];
        stand_between(&place[who]);
        talk_start(&talk, who);
    }
    for (int steps = 0; steps < TALK_STEPS && feed.left > 0; steps++) {
        const uint8_t choice = feed_take(&feed);
        const int which = talk_step(&talk, choice, &feed);
        if (which > 0)
            fault(&talk, &memory, choice >> 7, which, &feed);
    }
    talk_place(&talk, sort_of_pipes(&memory));
    for (int who = 0; who < TALK_ENDS; who++)
        memory.pipe[who].blocked = memory.pipe[who].stopped = 0;
    talk_until_quiet(&talk);
    tlsm_memory_free(&memory);
    return 0;
}
