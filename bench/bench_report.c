/* SPDX-License-Identifier: MIT */
#include "bench_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm.h"

enum { NAME_MAX_LENGTH = 32, LINE_MAX_LENGTH = 1000, WIDTH = 13 };

/* ------------------------------------------------------------------------------------------------ numbers */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct bench_spread spread(double values[], int count)
{
    struct bench_spread of;
    qsort(values, (size_t)count, sizeof *values, compare);
    of.low = values[count / 4];
    of.middle = count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    of.high = values[count - 1 - count / 4];
    return of;
}

struct bench_spread bench_spread_of(const struct bench_results *results, size_t row, size_t library)
{
    double values[BENCH_ROUNDS_MAX];
    memcpy(values, results->sample[row][library], (size_t)results->rounds * sizeof *values);
    return spread(values, results->rounds);
}

struct bench_spread bench_ratio_of(const struct bench_results *results, size_t row, size_t library, size_t to)
{
    double ratios[BENCH_ROUNDS_MAX];
    for (int round = 0; round < results->rounds; round++)
        ratios[round] = results->sample[row][library][round] / results->sample[row][to][round];
    return spread(ratios, results->rounds);
}

size_t bench_index(const struct bench_results *results, const struct bench_library *library)
{
    size_t at = 0;
    while (at < results->libraries && results->library[at] != library)
        at++;
    return at;
}

static int measured(const struct bench_results *results, size_t row, size_t library)
{
    return bench_can(results->library[library], &bench_rows[row]);
}

size_t bench_compared_to(const struct bench_results *results, size_t row)
{
    for (size_t at = 0; at < results->libraries && bench_rows[row].against == BENCH_AGAINST_GNUTLS; at++)
        if (strcmp(results->library[at]->key, "gnutls") == 0)
            return at;
    return bench_rows[row].against == BENCH_AGAINST_GNUTLS ? results->libraries : 0;
}

/* ------------------------------------------------------------------------------------------------ tables */

static void print_head(const struct bench_results *results)
{
    (void)printf("Client and server in one thread, bytes through memory; thread CPU time; medians of %d interleaved rounds, and\n"
                 "the ratio to the floor in the same round: what the bare calls take that nobody can avoid (bench/bench_floor.c).\n"
                 "X25519, ECDSA P-256, AES-128-GCM; a leaf under a trusted CA, of which chain, time, purpose and name are verified\n"
                 "each time; no tickets but where a session is wanted. A handshake runs from making both ends to freeing them.\n",
                 results->rounds);
    for (size_t i = 0; i < results->libraries; i++)
        (void)printf("%s %s", i == 0 ? "" : ";", results->library[i]->release());
    (void)printf("\n\n%-36s", "");
    for (size_t i = 0; i < results->libraries; i++)
        (void)printf(" %*s", WIDTH, results->library[i]->name);
    (void)printf("\n");
}

/* Microseconds from 100 us on. */
static void print_time(double ns)
{
    if (ns >= 100000)
        (void)printf(" %*.1f us", WIDTH - 3, ns / 1000);
    else
        (void)printf(" %*.0f ns", WIDTH - 3, ns);
}

static void print_row(const struct bench_results *results, size_t row)
{
    (void)printf("%-36s", bench_rows[row].name);
    for (size_t i = 0; i < results->libraries; i++)
        if (measured(results, row, i))
            print_time(bench_spread_of(results, row, i).middle);
        else
            (void)printf(" %*s", WIDTH, "-");
    (void)printf("\n%-36s", "");
    for (size_t i = 0; i < results->libraries; i++)
        if (measured(results, row, 0) && measured(results, row, i))
            (void)printf(" %*.2f", WIDTH, bench_ratio_of(results, row, i, 0).middle);
        else
            (void)printf(" %*s", WIDTH, "");
    (void)printf("\n");
}

static void print_memory_row(const struct bench_results *results, const char *name, enum bench_version version,
                             size_t (*figure)(const struct bench_memory *memory))
{
    (void)printf("%-36s", name);
    for (size_t i = 0; i < results->libraries; i++)
        if (i > 0 && results->library[i]->versions >> version & 1u)
            (void)printf(" %*zu", WIDTH, figure(&results->memory[i][version]));
        else
            (void)printf(" %*s", WIDTH, "-");
    (void)printf("\n");
}

static size_t idle_client(const struct bench_memory *memory) { return memory->idle[0]; }
static size_t idle_server(const struct bench_memory *memory) { return memory->idle[1]; }
static size_t peak_client(const struct bench_memory *memory) { return memory->peak[0]; }
static size_t peak_server(const struct bench_memory *memory) { return memory->peak[1]; }
static size_t calls_client(const struct bench_memory *memory) { return memory->allocations[0]; }
static size_t calls_server(const struct bench_memory *memory) { return memory->allocations[1]; }
static size_t per_record(const struct bench_memory *memory) { return memory->per_record; }

static void print_memory(const struct bench_results *results)
{
    (void)printf("\nheap, whoever allocates it, TLS 1.3\n");
    print_memory_row(results, "idle, client, bytes", BENCH_TLS13, idle_client);
    print_memory_row(results, "idle, server, bytes", BENCH_TLS13, idle_server);
    print_memory_row(results, "peak of the handshake, client, bytes", BENCH_TLS13, peak_client);
    print_memory_row(results, "peak of the handshake, server, bytes", BENCH_TLS13, peak_server);
    print_memory_row(results, "allocations in a handshake, client", BENCH_TLS13, calls_client);
    print_memory_row(results, "allocations in a handshake, server", BENCH_TLS13, calls_server);
    print_memory_row(results, "allocations for a record, both ends", BENCH_TLS13, per_record);
    (void)printf("Of tlsm's the state is %zu bytes when idle; in the handshake a block of %d, of which this client needed %zu and this\n"
                 "server %zu. The rest is libcrypto's, and expanded keys in the provider's bounded cache, which may be dropped. Record\n"
                 "buffers are the program's, one set for a thread; libssl's are in its numbers, as are its BIOs.\n",
                 sizeof(struct tlsm_state), TLSM_HANDSHAKE_ROOM, results->room[0], results->room[1]);
}

void bench_print(const struct bench_results *results)
{
    print_head(results);
    for (size_t row = 0; row < BENCH_ROWS; row++)
        print_row(results, row);
    print_memory(results);
}

/* ------------------------------------------------------------------------------------------------ JSON */

static void write_row(FILE *file, const struct bench_results *results, size_t row)
{
    const struct bench_row *what = &bench_rows[row];
    (void)fprintf(file, "    {\"key\": \"%s\", \"name\": \"%s\"", what->key, what->name);
    if (what->against != BENCH_NOTHING)
        (void)fprintf(file, ", \"target\": %.2f, \"to\": \"%s\"", what->target, what->against == BENCH_AGAINST_FLOOR ? "floor" : "gnutls");
    (void)fprintf(file, ", \"ns\": {");
    for (size_t i = 0, written = 0; i < results->libraries; i++)
        if (measured(results, row, i)) {
            const struct bench_spread of = bench_spread_of(results, row, i);
            (void)fprintf(file, "%s\"%s\": [%.1f, %.1f, %.1f]", written++ > 0 ? ", " : "", results->library[i]->key, of.low, of.middle, of.high);
        }
    (void)fprintf(file, "}, \"to_floor\": {");
    for (size_t i = 1, written = 0; i < results->libraries && measured(results, row, 0); i++)
        if (measured(results, row, i)) {
            const struct bench_spread of = bench_ratio_of(results, row, i, 0);
            (void)fprintf(file, "%s\"%s\": [%.3f, %.3f, %.3f]", written++ > 0 ? ", " : "", results->library[i]->key, of.low, of.middle, of.high);
        }
    (void)fprintf(file, "}}%s\n", row + 1 < BENCH_ROWS ? "," : "");
}

static void write_memory(FILE *file, const struct bench_results *results, size_t library)
{
    static const char *const versions[BENCH_VERSIONS] = { "1.3", "1.2" };
    int written = 0;
    (void)fprintf(file, "%s\n    \"%s\": {", library == 1 ? "" : ",", results->library[library]->key);
    for (int version = 0; version < BENCH_VERSIONS; version++) {
        const struct bench_memory *of = &results->memory[library][version];
        if (!(results->library[library]->versions >> version & 1u))
            continue;
        (void)fprintf(file, "%s\"%s\": {\"idle\": [%zu, %zu], \"peak\": [%zu, %zu], \"allocations\": [%zu, %zu], \"record_allocations\": %zu}",
                      written++ > 0 ? ", " : "", versions[version], of->idle[0], of->idle[1], of->peak[0], of->peak[1], of->allocations[0],
                      of->allocations[1], of->per_record);
    }
    (void)fprintf(file, "}");
}

/* Times are [lower quartile, median, upper quartile]; pairs are [client, server]. */
int bench_write_json(const struct bench_results *results, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    (void)fprintf(file, "{\n  \"rounds\": %d,\n  \"releases\": {", results->rounds);
    for (size_t i = 0; i < results->libraries; i++)
        (void)fprintf(file, "%s\"%s\": \"%s\"", i > 0 ? ", " : "", results->library[i]->key, results->library[i]->release());
    (void)fprintf(file, "},\n  \"rows\": [\n");
    for (size_t row = 0; row < BENCH_ROWS; row++)
        write_row(file, results, row);
    (void)fprintf(file, "  ],\n  \"state_bytes\": %zu,\n  \"handshake_room\": [%zu, %zu],\n  \"memory\": {", sizeof(struct tlsm_state),
                  results->room[0], results->room[1]);
    for (size_t i = 1; i < results->libraries; i++)
        write_memory(file, results, i);
    (void)fprintf(file, "\n  }\n}\n");
    if (fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ targets */

/* 1 when `key` stands at the beginning of a line of the file. */
static int is_known(FILE *file, const char *key)
{
    char line[LINE_MAX_LENGTH];
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, key, strlen(key)) == 0 && strchr(": \t\n", line[strlen(key)]) != NULL)
            return 1;
    return 0;
}

/* 1: the target is missed. */
static int judge_row(const struct bench_results *results, size_t row)
{
    const struct bench_row *what = &bench_rows[row];
    const size_t to = bench_compared_to(results, row);
    if (what->against == BENCH_NOTHING)
        return 0;
    if (to == results->libraries) {
        (void)printf("%s: not judged, GnuTLS is not here\n", what->name);
        return 0;
    }
    const struct bench_spread ratio = bench_ratio_of(results, row, 1, to);
    const int missed = ratio.middle > what->target;
    (void)printf("%-36s %.3f (%.3f..%.3f) of %-8s at most %.2f  %s\n", what->name, ratio.middle, ratio.low, ratio.high,
                 results->library[to]->name, what->target, missed ? "MISSED" : "met");
    return missed;
}

int bench_judge(const struct bench_results *results, const char *missed)
{
    FILE *known = missed != NULL ? fopen(missed, "r") : NULL;
    int unknown = 0;
    if (missed != NULL && known == NULL) {
        perror(missed);
        return 2;
    }
    (void)printf("\ntargets\n");
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (judge_row(results, row) && (known == NULL || !is_known(known, bench_rows[row].key))) {
            (void)printf("    %s is missed, and %s does not say why\n", bench_rows[row].key, missed != NULL ? missed : "nothing");
            unknown++;
        }
    if (known != NULL)
        (void)fclose(known);
    return unknown > 0;
}
