/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bench_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_callgrind.h"

enum { BATCH = 8, GARBAGE = 200, LOOKS = 99 };   /* BATCH: connections closed under one look at the clock */

#define FLOOR(ratio) BENCH_AGAINST_FLOOR, ratio
#define GNUTLS(ratio) BENCH_AGAINST_GNUTLS, ratio
#define LIBRARIES BENCH_AGAINST_LIBRARIES, 1.18
const struct bench_row bench_rows[BENCH_ROWS] = {
    { BENCH_HANDSHAKE, BENCH_TLS13, 20, 0, FLOOR(1.20), "full", "full handshake, chain seen before" },
    { BENCH_HANDSHAKE_COLD, BENCH_TLS13, 20, 0, FLOOR(1.80), "full_cold", "full handshake, new chain each time" },
    { BENCH_HANDSHAKE_RESUMED, BENCH_TLS13, 30, 0, FLOOR(1.20), "resumed", "resumed handshake" },
    { BENCH_RECORD, BENCH_TLS13, 500, 16384, FLOOR(1.02), "record_16384", "seal + open, 16 KiB" },
    { BENCH_RECORD, BENCH_TLS13, 4000, 1024, FLOOR(1.10), "record_1024", "seal + open, 1 KiB" },
    { BENCH_RECORD, BENCH_TLS13, 8000, 64, FLOOR(1.18), "record_64", "seal + open, 64 B" },
    { BENCH_CLOSE, BENCH_TLS13, 3 * BATCH, 0, FLOOR(1.20), "close", "two-way close" },
    { BENCH_CLOSE_FREE, BENCH_TLS13, 3 * BATCH, 0, FLOOR(1.60), "close_free", "two-way close, both ends freed" },
    { BENCH_NEW_FREE, BENCH_TLS13, 1000, 0, GNUTLS(0.60), "new_free", "a client made and freed" },
    { BENCH_REFUSE, BENCH_TLS13, 1000, 0, GNUTLS(0.40), "refuse", "garbage for a first flight refused" },
    { BENCH_HANDSHAKE, BENCH_TLS12, 20, 0, LIBRARIES, "full_12", "TLS 1.2: full, chain seen before" },
    { BENCH_HANDSHAKE_COLD, BENCH_TLS12, 20, 0, LIBRARIES, "full_cold_12", "TLS 1.2: full, new chain each time" },
    { BENCH_HANDSHAKE_RESUMED, BENCH_TLS12, 50, 0, LIBRARIES, "resumed_12", "TLS 1.2: resumed" },
    { BENCH_RECORD, BENCH_TLS12, 500, 16384, LIBRARIES, "record_16384_12", "TLS 1.2: seal + open, 16 KiB" },
    { BENCH_RECORD, BENCH_TLS12, 8000, 64, LIBRARIES, "record_64_12", "TLS 1.2: seal + open, 64 B" },
    { BENCH_CLOSE, BENCH_TLS12, 3 * BATCH, 0, LIBRARIES, "close_12", "TLS 1.2: two-way close" },
};

static uint8_t text[16385];         /* a byte more than a record: the floor seals the type with it */
static uint8_t garbage[GARBAGE];
static double clock_cost;           /* ns of two looks at the clock */

static double now(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* What is between these two is timed, or counted (bench_count.h). */
static double begin(void)
{
    const double time = now();
    CALLGRIND_TOGGLE_COLLECT;
    return time;
}

static double since(double begun)
{
    CALLGRIND_TOGGLE_COLLECT;
    return now() - begun;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_work_prepare(void)
{
    double looks[LOOKS];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 + 7);
    for (size_t i = 0; i < sizeof garbage; i++)
        garbage[i] = (uint8_t)(i * 97 + 71);
    for (size_t i = 0; i < LOOKS; i++) {
        const double before = begin();
        looks[i] = since(before);
    }
    qsort(looks, LOOKS, sizeof *looks, compare);
    clock_cost = looks[LOOKS / 2];
}

void bench_give_up(const struct bench_library *library, const char *what)
{
    (void)fprintf(stderr, "bench: %s: %s failed\n", library->name, what);
    exit(2);
}

/* ------------------------------------------------------------------------------------------------ pairs */

static void *connect_pair(const struct bench_library *library, enum bench_kind kind)
{
    void *pair = library->connect(kind);
    if (pair == NULL)
        bench_give_up(library, kind == BENCH_FULL ? "a handshake" : "a resumed handshake");
    return pair;
}

static void free_pair(const struct bench_library *library, void *pair)
{
    library->end(pair, BENCH_CLIENT);
    library->end(pair, BENCH_SERVER);
}

static void transfer(const struct bench_library *library, void *pair, enum bench_end from, size_t length, int check)
{
    const uint8_t *opened;
    if (library->transfer(pair, from, text, length, &opened) < 0 || (check && memcmp(opened, text, length) != 0))
        bench_give_up(library, "a record");
}

/* ------------------------------------------------------------------------------------------------ samples */

static double time_handshakes(const struct bench_library *library, const struct bench_row *row)
{
    const enum bench_kind kind = row->work == BENCH_HANDSHAKE_RESUMED ? BENCH_RESUMED : BENCH_FULL;
    double spent = 0;
    if (kind == BENCH_RESUMED && library->prime() < 0)
        bench_give_up(library, "a handshake that leaves a session");
    for (int i = 0; i < row->count; i++) {
        if (row->work == BENCH_HANDSHAKE_COLD && library->forget_certificates != NULL)
            library->forget_certificates();
        const double before = begin();
        free_pair(library, connect_pair(library, kind));
        spent += since(before) - clock_cost;
    }
    return spent;
}

static double time_records(const struct bench_library *library, const struct bench_row *row)
{
    void *pair = connect_pair(library, BENCH_FULL);
    for (int i = 0; i < 8; i++)
        transfer(library, pair, i % 2 == 0 ? BENCH_CLIENT : BENCH_SERVER, row->length, 1);
    const double before = begin();
    for (int i = 0; i < row->count; i++)
        transfer(library, pair, BENCH_CLIENT, row->length, 0);
    const double spent = since(before) - clock_cost;
    free_pair(library, pair);
    return spent;
}

/* A record each way first: every key is expanded, as on a connection that was used. */
static double time_closes(const struct bench_library *library, const struct bench_row *row)
{
    const int with_free = row->work == BENCH_CLOSE_FREE;
    void *pairs[BATCH];
    double spent = 0;
    for (int done = 0; done < row->count; done += BATCH) {
        const int batch = row->count - done < BATCH ? row->count - done : BATCH;
        for (int i = 0; i < batch; i++) {
            pairs[i] = connect_pair(library, BENCH_FULL);
            transfer(library, pairs[i], BENCH_CLIENT, 64, 1);
            transfer(library, pairs[i], BENCH_SERVER, 64, 1);
        }
        const double before = begin();
        for (int i = 0; i < batch; i++) {
            if (library->close(pairs[i]) < 0)
                bench_give_up(library, "a clean close");
            if (with_free)
                free_pair(library, pairs[i]);
        }
        spent += since(before) - clock_cost;
        for (int i = 0; i < batch && !with_free; i++)
            free_pair(library, pairs[i]);
    }
    return spent;
}

static double time_ends(const struct bench_library *library, const struct bench_row *row)
{
    const double before = begin();
    for (int i = 0; i < row->count; i++)
        if ((row->work == BENCH_NEW_FREE ? library->make() : library->refuse(garbage, sizeof garbage)) < 0)
            bench_give_up(library, row->name);
    return since(before) - clock_cost;
}

int bench_can(const struct bench_library *library, const struct bench_row *row)
{
    if (!(library->versions >> row->version & 1u))
        return 0;
    switch (row->work) {
    case BENCH_HANDSHAKE_RESUMED: return library->prime != NULL;
    case BENCH_NEW_FREE: return library->make != NULL;
    case BENCH_REFUSE: return library->refuse != NULL;
    case BENCH_HANDSHAKE: case BENCH_HANDSHAKE_COLD: case BENCH_RECORD: case BENCH_CLOSE: case BENCH_CLOSE_FREE: break;
    }
    return 1;
}

double bench_sample(const struct bench_library *library, const struct bench_row *row)
{
    double spent = 0;
    switch (row->work) {
    case BENCH_HANDSHAKE: case BENCH_HANDSHAKE_COLD: case BENCH_HANDSHAKE_RESUMED: spent = time_handshakes(library, row); break;
    case BENCH_RECORD: spent = time_records(library, row); break;
    case BENCH_CLOSE: case BENCH_CLOSE_FREE: spent = time_closes(library, row); break;
    case BENCH_NEW_FREE: case BENCH_REFUSE: spent = time_ends(library, row); break;
    }
    return spent / row->count;
}
