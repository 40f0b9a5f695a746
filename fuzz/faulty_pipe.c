/* SPDX-License-Identifier: MIT */
#include "faulty_pipe.h"

#include <errno.h>
#include <string.h>

#include "adapter_slot.h"

enum fault { AS_USUAL, ONE_BYTE, FIVE_BYTES, SOME_BYTES, NOT_NOW, INTERRUPTED, BROKEN, TIMED_OUT, FAULTS };

void faulty_init(struct faulty *faulty, struct feed *feed)
{
    for (int who = 0; who < 2; who++) {
        struct faulty_pipe *pipe = &faulty->pipe[who];
        pipe->start = pipe->end = 0;
        pipe->shut = pipe->reset = pipe->deaf = pipe->error = 0;
    }
    faulty->faults = feed_split(feed, feed_take(feed));
}

uint8_t faulty_take(struct faulty *faulty)
{
    adapter_asked();
    return feed_take(&faulty->faults);
}

/* Cuts *length, or returns -1 with errno. Eight of the sixteen are as usual. */
static int meet_fault(struct faulty *faulty, struct faulty_pipe *pipe, int sends, size_t *length)
{
    const uint8_t byte = faulty_take(faulty);
    const size_t most[] = { SIZE_MAX, 1, 5, byte };
    const enum fault fault = (enum fault)(byte % 16 < FAULTS ? byte % 16 : AS_USUAL);
    if (fault <= SOME_BYTES) {
        *length = *length < most[fault] ? *length : most[fault];
        return 0;
    }
    errno = fault == INTERRUPTED ? EINTR : EAGAIN;
    if (fault != BROKEN && fault != TIMED_OUT)
        return -1;
    errno = pipe->error = fault == TIMED_OUT ? ETIMEDOUT : sends ? EPIPE : ECONNRESET;
    pipe->deaf = 1;
    pipe->reset |= !sends;
    pipe->shut = 1;
    return -1;
}

size_t faulty_held(const struct faulty *faulty, int who) { return faulty->pipe[who].end - faulty->pipe[who].start; }

static ssize_t receive(struct faulty *faulty, int who, void *to, size_t room)
{
    struct faulty_pipe *pipe = &faulty->pipe[1 - who];
    size_t count = faulty_held(faulty, 1 - who);
    if (pipe->reset) {
        errno = pipe->error;
        return -1;
    }
    if (meet_fault(faulty, pipe, 0, &room) != 0)
        return -1;
    count = count < room ? count : room;
    if (count == 0 && !pipe->shut) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(to, pipe->bytes + pipe->start, count);
    pipe->start += count;
    if (pipe->start == pipe->end)
        pipe->start = pipe->end = 0;
    return (ssize_t)count;
}

static ssize_t send_some(struct faulty *faulty, int who, const void *from, size_t length)
{
    struct faulty_pipe *pipe = &faulty->pipe[who];
    const size_t room = sizeof pipe->bytes - pipe->end;
    if (pipe->deaf || pipe->shut) {
        errno = pipe->error != 0 ? pipe->error : EPIPE;
        return -1;
    }
    if (meet_fault(faulty, pipe, 1, &length) != 0)
        return -1;
    length = length < room ? length : room;
    if (length == 0) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(pipe->bytes + pipe->end, from, length);
    pipe->end += length;
    return (ssize_t)length;
}

ssize_t faulty_receive(struct faulty *faulty, int who, void *to, size_t room)
{
    const ssize_t got = receive(faulty, who, to, room);
    adapter_answered(got > 0    ? ADAPTER_RECEIVED
                     : got == 0 ? ADAPTER_RECEIVE_END
                     : errno == EAGAIN ? ADAPTER_RECEIVE_BLOCKED
                     : errno == EINTR  ? ADAPTER_RECEIVE_INTERRUPTED
                                       : ADAPTER_RECEIVE_FAILED);
    return got;
}

ssize_t faulty_send(struct faulty *faulty, int who, const void *from, size_t length)
{
    const ssize_t put = send_some(faulty, who, from, length);
    adapter_answered(put == (ssize_t)length ? ADAPTER_SENT
                     : put >= 0             ? ADAPTER_SENT_PART
                     : errno == EAGAIN      ? ADAPTER_SEND_BLOCKED
                     : errno == EINTR       ? ADAPTER_SEND_INTERRUPTED
                                            : ADAPTER_SEND_FAILED);
    return put;
}

uint64_t faulty_sort(const struct faulty *faulty)
{
    uint64_t sort = 0;
    for (int who = 0; who < 2; who++) {
        const struct faulty_pipe *pipe = &faulty->pipe[who];
        sort = sort << 8 | (uint64_t)(faulty_held(faulty, who) > 0) << 3 | (uint64_t)(pipe->shut != 0) << 2 |
               (uint64_t)(pipe->reset != 0) << 1 | (uint64_t)(pipe->deaf != 0);
    }
    return sort;
}

void faulty_shut(struct faulty *faulty, int who) { faulty->pipe[who].shut = 1; }

void faulty_reset(struct faulty *faulty)
{
    for (int who = 0; who < 2; who++) {
        struct faulty_pipe *pipe = &faulty->pipe[who];
        pipe->start = pipe->end = 0;
        pipe->reset = pipe->deaf = pipe->shut = 1;
        pipe->error = ECONNRESET;
    }
}

void faulty_inject(struct faulty *faulty, int who, struct feed bytes)
{
    struct faulty_pipe *pipe = &faulty->pipe[who];
    if (pipe->shut || bytes.left > sizeof pipe->bytes - pipe->end || bytes.left == 0)
        return;
    memcpy(pipe->bytes + pipe->end, bytes.bytes, bytes.left);
    pipe->end += bytes.left;
}

void faulty_command(struct faulty *faulty, int who, int which, struct feed *feed)
{
    struct faulty_pipe *pipe = &faulty->pipe[who];
    if (which == 1)
        faulty_shut(faulty, who);
    if (which == 2)
        faulty_reset(faulty);
    if (which == 3)
        faulty_inject(faulty, who, feed_split(feed, feed_take(feed)));
    if (which == 4) {
        const size_t lost = feed_take(feed);
        pipe->end -= lost < pipe->end - pipe->start ? lost : pipe->end - pipe->start;
        pipe->shut = 1;
    }
}
