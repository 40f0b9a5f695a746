/* SPDX-License-Identifier: MIT */
/* Heap of a connection, counted by an allocator of our own under libcrypto. It can be put there only before libcrypto has
 * allocated anything, and it costs time: hence a child process. */
#define _DEFAULT_SOURCE
#include "bench.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_UP = 4, PAIRS = 16 };

enum bench_end bench_turn;

/* May be negative: what one end allocated the other may free. */
static long long in_use[2], highest[2];

static void count(long long bytes)
{
    in_use[bench_turn] += bytes;
    if (in_use[bench_turn] > highest[bench_turn])
        highest[bench_turn] = in_use[bench_turn];
}

static void *counted_malloc(size_t length, const char *file, int line)
{
    void *at = malloc(length);

    (void)file;
    (void)line;
    count((long long)malloc_usable_size(at));
    return at;
}

static void counted_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    count(-(long long)malloc_usable_size(at));
    free(at);
}

static void *counted_realloc(void *at, size_t length, const char *file, int line)
{
    const long long before = (long long)malloc_usable_size(at);
    void *moved = realloc(at, length);

    (void)file;
    (void)line;
    if (moved != NULL)
        count((long long)malloc_usable_size(moved) - before);
    return moved;
}

/* A record each way, so that every key is expanded. */
static void *connected_pair(const struct bench_library *library)
{
    static const uint8_t text[64] = { 1 };
    const uint8_t *opened;
    void *pair = library->connect();

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

static int measure(const struct bench_library *library, struct bench_memory *memory)
{
    void *pairs[PAIRS];

    for (int i = 0; i < WARM_UP; i++) {
        void *pair = connected_pair(library);
        if (pair == NULL)
            return -1;
        end_pair(library, pair);
    }
    const long long before[2] = { in_use[0], in_use[1] };
    highest[0] = in_use[0];
    highest[1] = in_use[1];
    for (int i = 0; i < PAIRS; i++) {
        pairs[i] = connected_pair(library);
        if (pairs[i] == NULL)
            return -1;
        for (int end = 0; end < 2 && i == 0; end++)
            memory->peak[end] = (size_t)(highest[end] - before[end]);
    }
    /* What an end gives back is what it had: its peer may have allocated some of it. */
    for (int end = 0; end < 2; end++) {
        const long long with = in_use[0] + in_use[1];
        for (int i = 0; i < PAIRS; i++)
            library->end(pairs[i], (enum bench_end)end);
        memory->idle[end] = (size_t)(with - in_use[0] - in_use[1]) / PAIRS;
    }
    return 0;
}

static int child(const struct bench_library *library, int to)
{
    struct bench_identity identity;
    struct bench_memory memory;
    int good;

    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1 ||
        bench_identity_make(&identity) < 0)
        return 1;
    good = library->open(&identity) == 0 && measure(library, &memory) == 0 &&
           write(to, &memory, sizeof memory) == (ssize_t)sizeof memory;
    bench_identity_remove(&identity);
    return good ? 0 : 1;
}

int bench_measure_memory(const struct bench_library *library, struct bench_memory *memory)
{
    int ends[2], status;
    ssize_t got;
    pid_t process;

    if (pipe(ends) != 0)
        return -1;
    process = fork();
    if (process == 0)
        _exit(child(library, ends[1]));
    (void)close(ends[1]);
    got = process > 0 ? read(ends[0], memory, sizeof *memory) : -1;
    (void)close(ends[0]);
    if (process > 0)
        (void)waitpid(process, &status, 0);
    return got == (ssize_t)sizeof *memory ? 0 : -1;
}
