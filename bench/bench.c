/* SPDX-License-Identifier: MIT */
/* tlsm beside libssl on the same libcrypto: one program, one run, one thread. Rounds are interleaved, so that whatever
 * else the machine does meets both; ratios are taken within a round. Exits with 1 when tlsm is slower in any row. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tlsm.h"

enum { LIBRARIES = 2, ROUNDS = 40, ROUNDS_MAX = 1000, BATCH = 8 };   /* BATCH: connections closed under one look at the clock */
static const struct bench_library *const libraries[LIBRARIES] = { &bench_tlsm, &bench_libssl };

enum work { HANDSHAKE, HANDSHAKE_COLD, RECORD, CLOSE, CLOSE_FREE };
static const struct row {
    enum work work;
    int count;             /* operations in a sample */
    size_t length;         /* of a record */
    double unit;           /* ns in what is printed */
    char unit_name[4], key[32], name[64];
} rows[] = {
    { HANDSHAKE, 40, 0, 1000, "us", "handshake", "full handshake, certificate cache warm" },
    { HANDSHAKE_COLD, 40, 0, 1000, "us", "handshake_cold", "full handshake, certificate cache emptied" },
    { RECORD, 1000, 16384, 1, "ns", "record_16384", "seal + open a record of 16 KiB" },
    { RECORD, 8000, 64, 1, "ns", "record_64", "seal + open a record of 64 B" },
    { CLOSE, 3 * BATCH, 0, 1, "ns", "close", "two-way close" },
    { CLOSE_FREE, 3 * BATCH, 0, 1, "ns", "close_free", "two-way close, then free both ends" },
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static uint8_t text[16384];
static double samples[ROWS][LIBRARIES][ROUNDS_MAX];   /* ns per operation */
static double clock_cost;                             /* ns of two looks at the clock */

struct options {
    const char *json;
    int rounds;
};

/* ------------------------------------------------------------------------------------------------ numbers */

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct spread {
    double low, middle, high;     /* quartiles */
};

static struct spread spread_of(const double values[], int count)
{
    double sorted[ROUNDS_MAX];
    struct spread spread;

    memcpy(sorted, values, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, compare);
    spread.low = sorted[count / 4];
    spread.middle = count % 2 != 0 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    spread.high = sorted[count - 1 - count / 4];
    return spread;
}

static struct spread ratio_of(size_t row, int rounds)
{
    double ratios[ROUNDS_MAX];

    for (int round = 0; round < rounds; round++)
        ratios[round] = samples[row][0][round] / samples[row][1][round];
    return spread_of(ratios, rounds);
}

static void measure_clock(void)
{
    double looks[99];

    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        const double before = now();
        looks[i] = now() - before;
    }
    clock_cost = spread_of(looks, sizeof looks / sizeof looks[0]).middle;
}

/* ------------------------------------------------------------------------------------------------ samples */

static void give_up(const struct bench_library *library, const char *what)
{
    (void)fprintf(stderr, "bench: %s: %s failed\n", library->name, what);
    exit(2);
}

static void *connect_pair(const struct bench_library *library)
{
    void *pair = library->connect();

    if (pair == NULL)
        give_up(library, "the handshake");
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
        give_up(library, "a record");
}

static double time_handshakes(const struct bench_library *library, int count, int cold)
{
    double spent = 0;

    for (int i = 0; i < count; i++) {
        if (cold && library->forget_certificates != NULL)
            library->forget_certificates();
        const double before = now();
        free_pair(library, connect_pair(library));
        spent += now() - before - clock_cost;
    }
    return spent / count;
}

static double time_records(const struct bench_library *library, int count, size_t length)
{
    void *pair = connect_pair(library);
    double before, spent;

    for (int i = 0; i < 8; i++)
        transfer(library, pair, i % 2 == 0 ? BENCH_CLIENT : BENCH_SERVER, length, 1);
    before = now();
    for (int i = 0; i < count; i++)
        transfer(library, pair, BENCH_CLIENT, length, 0);
    spent = now() - before - clock_cost;
    free_pair(library, pair);
    return spent / count;
}

/* A record each way first: every key is expanded, as on a connection that was used. */
static double time_closes(const struct bench_library *library, int count, int with_free)
{
    void *pairs[BATCH];
    double spent = 0;

    for (int done = 0; done < count; done += BATCH) {
        for (int i = 0; i < BATCH; i++) {
            pairs[i] = connect_pair(library);
            transfer(library, pairs[i], BENCH_CLIENT, 64, 1);
            transfer(library, pairs[i], BENCH_SERVER, 64, 1);
        }
        const double before = now();
        for (int i = 0; i < BATCH; i++) {
            if (library->close(pairs[i]) < 0)
                give_up(library, "a clean close");
            if (with_free)
                free_pair(library, pairs[i]);
        }
        spent += now() - before - clock_cost;
        for (int i = 0; i < BATCH && !with_free; i++)
            free_pair(library, pairs[i]);
    }
    return spent / count;
}

static double sample(const struct bench_library *library, const struct row *row)
{
    switch (row->work) {
    case HANDSHAKE: return time_handshakes(library, row->count, 0);
    case HANDSHAKE_COLD: return time_handshakes(library, row->count, 1);
    case RECORD: return time_records(library, row->count, row->length);
    case CLOSE: return time_closes(library, row->count, 0);
    case CLOSE_FREE: return time_closes(library, row->count, 1);
    }
    return 0;
}

/* Who comes first alternates. */
static void run_round(int round)
{
    for (size_t row = 0; row < ROWS; row++)
        for (int turn = 0; turn < LIBRARIES; turn++) {
            const int which = (turn + round) % LIBRARIES;
            samples[row][which][round] = sample(libraries[which], &rows[row]);
        }
}

/* On one line of a terminal; elsewhere a line for each quarter. */
static void show_progress(int round, int rounds)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%*s\rround %d of %d ", 24, "", round, rounds);
    else if (round % ((rounds + 3) / 4) == 0)
        (void)fprintf(stderr, "bench: round %d of %d\n", round, rounds);
}

static void run(int rounds)
{
    measure_clock();
    run_round(0);   /* warms caches and allocator; written over */
    for (int round = 0; round < rounds; round++) {
        run_round(round);
        show_progress(round + 1, rounds);
    }
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%*s\r", 24, "");
}

/* ------------------------------------------------------------------------------------------------ reports */

static void print_head(int rounds)
{
    (void)printf("tlsm %s beside libssl, both on the libcrypto of %s\n"
                 "Client and server in one thread, bytes through memory; thread CPU time; medians of %d interleaved rounds.\n"
                 "The same on both sides: TLS 1.3, X25519, ECDSA P-256, AES-128-GCM, compatibility mode; a leaf under a\n"
                 "trusted CA, of which chain, time, purpose and host name are verified each time; no session tickets.\n"
                 "libssl: memory BIOs. tlsm: tlsm_step() with the libcrypto provider, records copied into and out of the\n"
                 "transport's memory, opened in place; it keeps parsed certificates, by default and in the rows that say warm.\n"
                 "A handshake runs from making both ends to freeing them.\n\n",
                 TLSM_VERSION_STRING, OpenSSL_version(OPENSSL_VERSION), rounds);
}

/* Returns how many rows are slower. */
static int print_rows(int rounds)
{
    int slower = 0;

    (void)printf("%-44s %10s %10s    %5s  (quartiles)\n", "", libraries[0]->name, libraries[1]->name, "ratio");
    for (size_t row = 0; row < ROWS; row++) {
        const struct spread ours = spread_of(samples[row][0], rounds), theirs = spread_of(samples[row][1], rounds),
                            ratio = ratio_of(row, rounds);
        const int bad = ratio.middle > 1;
        (void)printf("%-44s %7.*f %s %7.*f %s    %5.3f  (%.3f..%.3f)%s\n", rows[row].name, rows[row].unit > 1 ? 1 : 0,
                     ours.middle / rows[row].unit, rows[row].unit_name, rows[row].unit > 1 ? 1 : 0,
                     theirs.middle / rows[row].unit, rows[row].unit_name, ratio.middle, ratio.low, ratio.high,
                     bad ? "  SLOWER" : "");
        slower += bad;
    }
    return slower;
}

static void print_memory(const struct bench_memory memory[LIBRARIES], const size_t room[2])
{
    static const char *const ends[2] = { "client", "server" };

    (void)printf("\nheap bytes of a connection, with what libcrypto allocates for it\n");
    for (int end = 0; end < 2; end++) {
        (void)printf("  idle, %-36s %10zu %10zu    %5.3f\n", ends[end], memory[0].idle[end], memory[1].idle[end],
                     (double)memory[0].idle[end] / (double)memory[1].idle[end]);
        (void)printf("  peak of the handshake, %-19s %10zu %10zu    %5.3f\n", ends[end], memory[0].peak[end],
                     memory[1].peak[end], (double)memory[0].peak[end] / (double)memory[1].peak[end]);
    }
    (void)printf("tlsm's own part of it: the state, %zu bytes when idle, and in the handshake a block of %d, of which this\n"
                 "client needed %zu and this server %zu. Idle, the rest is expanded keys in the provider's bounded cache, which\n"
                 "may be dropped. Record buffers are the program's, here one set for all connections of a thread; libssl's\n"
                 "buffers are in its numbers, as are its memory BIOs.\n",
                 sizeof(struct tlsm_state), TLSM_HANDSHAKE_ROOM, room[0], room[1]);
}

static void write_row(FILE *file, size_t row, int rounds)
{
    const struct spread ratio = ratio_of(row, rounds);

    (void)fprintf(file, "    {\"name\": \"%s\", \"ratio\": %.4f, \"ratio_low\": %.4f, \"ratio_high\": %.4f", rows[row].key,
                  ratio.middle, ratio.low, ratio.high);
    for (int which = 0; which < LIBRARIES; which++) {
        const struct spread spread = spread_of(samples[row][which], rounds);
        (void)fprintf(file, ", \"%s_ns\": [%.1f, %.1f, %.1f]", libraries[which]->name, spread.low, spread.middle,
                      spread.high);
    }
    (void)fprintf(file, "}%s\n", row + 1 < ROWS ? "," : "");
}

/* Times are [lower quartile, median, upper quartile]. */
static int write_json(const char *path, int rounds, const struct bench_memory memory[LIBRARIES], const size_t room[2])
{
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        perror(path);
        return -1;
    }
    (void)fprintf(file, "{\n  \"tlsm\": \"%s\",\n  \"libcrypto\": \"%s\",\n  \"rounds\": %d,\n  \"rows\": [\n", TLSM_VERSION_STRING,
                  OpenSSL_version(OPENSSL_VERSION), rounds);
    for (size_t row = 0; row < ROWS; row++)
        write_row(file, row, rounds);
    (void)fprintf(file, "  ],\n  \"state_bytes\": %zu,\n  \"handshake_room\": [%zu, %zu],\n  \"memory\": {",
                  sizeof(struct tlsm_state), room[0], room[1]);
    for (int which = 0; which < LIBRARIES; which++)
        (void)fprintf(file,
                      "%s\n    \"%s\": {\"client_idle\": %zu, \"server_idle\": %zu, \"client_peak\": %zu, "
                      "\"server_peak\": %zu}",
                      which == 0 ? "" : ",", libraries[which]->name, memory[which].idle[0], memory[which].idle[1],
                      memory[which].peak[0], memory[which].peak[1]);
    (void)fprintf(file, "\n  }\n}\n");
    if (fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the program */

static struct options read_options(int count, char **arguments)
{
    struct options options = { NULL, ROUNDS };

    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0 && i + 1 < count)
            options.json = arguments[++i];
        else if (strcmp(arguments[i], "--rounds") == 0 && i + 1 < count)
            options.rounds = atoi(arguments[++i]);
        else
            options.rounds = 0;
    }
    if (options.rounds >= 1 && options.rounds <= ROUNDS_MAX)
        return options;
    (void)fprintf(stderr, "usage: bench [--json FILE] [--rounds 1..%d]\n", ROUNDS_MAX);
    exit(2);
}

static int open_all(const struct bench_identity *identity)
{
    for (int which = 0; which < LIBRARIES; which++)
        if (libraries[which]->open(identity) < 0)
            return -1;
    return 0;
}

static int report(const struct options *options, const struct bench_memory memory[LIBRARIES])
{
    const int slower = print_rows(options->rounds);
    size_t room[2];

    if (bench_tlsm_room(room) < 0)
        give_up(&bench_tlsm, "the handshake");
    print_memory(memory, room);
    (void)printf("\n%s\n", slower == 0 ? "Nowhere slower." : "tlsm is slower in a row above.");
    if (options->json != NULL && write_json(options->json, options->rounds, memory, room) < 0)
        return 2;
    return slower == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    const struct options options = read_options(count, arguments);
    struct bench_memory memory[LIBRARIES];
    struct bench_identity identity;

    /* First, while this process has not used libcrypto: the children inherit that. */
    for (int which = 0; which < LIBRARIES; which++)
        if (bench_measure_memory(libraries[which], &memory[which]) < 0)
            give_up(libraries[which], "measuring the memory");
    print_head(options.rounds);
    (void)fflush(stdout);
    if (bench_identity_make(&identity) < 0)
        return 2;
    if (open_all(&identity) < 0) {
        bench_identity_remove(&identity);
        return 2;
    }
    bench_identity_remove(&identity);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i * 31 + 7);
    run(options.rounds);
    const int status = report(&options, memory);
    for (int which = 0; which < LIBRARIES; which++)
        libraries[which]->shut();
    return status;
}
