/* SPDX-License-Identifier: MIT */
/* Memory between two ends, for libraries that call out for bytes. One pair of pipes does for all connections: none has bytes under way
 * between two calls. */
#ifndef TLSM_BENCH_PIPE_H
#define TLSM_BENCH_PIPE_H

#include <string.h>

#include "bench.h"

struct bench_pipe {
    uint8_t bytes[BENCH_WIRE];
    size_t begin, end;
};

/* bench_pipe_put: all of them, or 0 when there is no room. bench_pipe_take: what there is, at most `room`. */
static inline size_t bench_pipe_put(struct bench_pipe *pipe, const void *from, size_t length)
{
    if (pipe->begin == pipe->end)
        pipe->begin = pipe->end = 0;
    if (length > sizeof pipe->bytes - pipe->end)
        return 0;
    memcpy(pipe->bytes + pipe->end, from, length);
    pipe->end += length;
    return length;
}

static inline size_t bench_pipe_take(struct bench_pipe *pipe, void *to, size_t room)
{
    const size_t there = pipe->end - pipe->begin, length = there < room ? there : room;
    memcpy(to, pipe->bytes + pipe->begin, length);
    pipe->begin += length;
    return length;
}

static inline void bench_pipe_clear(struct bench_pipe *pipe) { pipe->begin = pipe->end = 0; }

#endif
