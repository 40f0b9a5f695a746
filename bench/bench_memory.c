/* SPDX-License-Identifier: MIT */
/* Heap of a connection: malloc() and its kin are this program's own, over the C library's, so that every library is counted, whoever
 * allocates. It counts in a child process alone; elsewhere it costs a look at a flag. */
#define _DEFAULT_SOURCE
#include "bench.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 4, RECORD = 1024 };

void *__libc_malloc(size_t length);
void *__libc_calloc(size_t count, size_t length);
void *__libc_realloc(void *at, size_t length);
void *__libc_memalign(size_t alignment, size_t length);
void __libc_free(void *at);

enum bench_end bench_turn;

/* Bytes may be negative: what one end allocated the other may free. */
static int counting;
static long long in_use[2], highest[2];
static size_t calls[2];

static void count(void *at, size_t before)
{
    if (!counting || at == NULL)
        return;
    in_use[bench_turn] += (long long)malloc_usable_size(at) - (long long)before;
    calls[bench_turn]++;
    if (in_use[bench_turn] > highest[bench_turn])
        highest[bench_turn] = in_use[bench_turn];
}

void *malloc(size_t length)
{
    void *at = __libc_malloc(length);
    count(at, 0);
    return at;
}

void *calloc(size_t number, size_t length)
{
    void *at = __libc_calloc(number, length);
    count(at, 0);
    return at;
}

void *realloc(void *at, size_t length)
{
    const size_t before = counting && at != NULL ? malloc_usable_size(at) : 0;
    void *moved = __libc_realloc(at, length);
    count(moved, before);
    return moved;
}

void *memalign(size_t alignment, size_t length)
{
    void *at = __libc_memalign(alignment, length);
    count(at, 0);
    return at;
}

void *aligned_alloc(size_t alignment, size_t length) { return memalign(alignment, length); }

int posix_memalign(void **to, size_t alignment, size_t length)
{
    *to = memalign(alignment, length);
    return *to != NULL ? 0 : ENOMEM;
}

void free(void *at)
{
    if (counting && at != NULL)
        in_use[bench_turn] -= (long long)malloc_usable_size(at);
    __libc_free(at);
}

/* ------------------------------------------------------------------------------------------------ one library */

/* A record each way, so that every key is expanded. */
static void *connected_pair(const struct bench_library *library)
{
    static const uint8_t text[64] = { 1 };
    const uint8_t *opened;
    void *pair = library->connect(BENCH_FULL);
    for (int end = 0; end < 2 && pair != NULL; end++)
        if (library->transfer(pair, (enum bench_end)end, text, sizeof text, &opened) < 0)
            return NULL;
    return pair;
}

static void end_pair(const struct bench_library *library, void *pair)
{
    for (int end = 0; end < 2; end++) {
        bench_turn = (enum bench_end)end;
        library->end(pair, bench_turn);
    }
}

/* The transport's own, which libssl's memory BIOs are, count with what is sealed. */
static int count_records(const struct bench_library *library, void *pair, struct bench_memory *memory)
{
    static const uint8_t text[RECORD] = { 1 };
    const uint8_t *opened;
    if (library->busy != NULL)
        library->busy(pair);
    if (library->transfer(pair, BENCH_CLIENT, text, sizeof text, &opened) < 0)
        return -1;
    const size_t before = calls[0] + calls[1];
    if (library->transfer(pair, BENCH_CLIENT, text, sizeof text, &opened) < 0)
        return -1;
    memory->per_record = calls[0] + calls[1] - before;
    return 0;
}

static int measure(const struct bench_library *library, struct bench_memory *memory)
{
    static void *pairs[BENCH_HELD];
    memset(memory, 0, sizeof *memory);
    for (int i = 0; i < WARM_UP; i++) {
        void *pair = connected_pair(library);
        if (pair == NULL)
            return -1;
        end_pair(library, pair);
    }
    counting = 1;
    for (int i = 0; i < BENCH_HELD; i++) {
        pairs[i] = connected_pair(library);
        if (pairs[i] == NULL)
            return -1;
        for (int end = 0; end < 2 && i == 0; end++) {
            memory->peak[end] = (size_t)highest[end];
            memory->allocations[end] = calls[end];
        }
    }
    /* What an end gives back is what it had: its peer may have allocated some of it. */
    for (int end = 0; end < 2; end++) {
        const long long with = in_use[0] + in_use[1];
        for (int i = 0; i < BENCH_HELD; i++)
            library->end(pairs[i], (enum bench_end)end);
        memory->idle[end] = (size_t)(with - in_use[0] - in_use[1]) / BENCH_HELD;
    }
    pairs[0] = connected_pair(library);
    if (pairs[0] == NULL || count_records(library, pairs[0], memory) < 0)
        return -1;
    end_pair(library, pairs[0]);
    counting = 0;
    return 0;
}

static int child(const struct bench_library *library, const struct bench_identity *identity, enum bench_version version, int to)
{
    struct bench_memory memory;
    return library->open(identity, version) == 0 && measure(library, &memory) == 0 &&
                   write(to, &memory, sizeof memory) == (ssize_t)sizeof memory
               ? 0 : 1;
}

int bench_measure_memory(const struct bench_library *library, const struct bench_identity *identity, enum bench_version version,
                         struct bench_memory *memory)
{
    int ends[2], status;
    ssize_t got;
    if (pipe(ends) != 0)
        return -1;
    const pid_t process = fork();
    if (process == 0)
        _exit(child(library, identity, version, ends[1]));
    (void)close(ends[1]);
    got = process > 0 ? read(ends[0], memory, sizeof *memory) : -1;
    (void)close(ends[0]);
    if (process > 0)
        (void)waitpid(process, &status, 0);
    return got == (ssize_t)sizeof *memory ? 0 : -1;
}
