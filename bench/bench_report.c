/* SPDX-License-Identifier: MIT */
#include "bench_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tlsm.h"

enum { WIDTH = 12 };

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

size_t bench_index(const struct bench_results *results, const char *key)
{
    size_t at = 0;
    while (at < results->libraries && strcmp(results->library[at]->key, key) != 0)
        at++;
    return at;
}

int bench_measured(const struct bench_results *results, size_t row, size_t library)
{
    return library < results->libraries && !results->left_out[row] && bench_can(results->library[library], &bench_rows[row]);
}

/* ------------------------------------------------------------------------------------------------ tables */

static void print_head(const struct bench_results *results)
{
    (void)printf("Client and server in one thread, bytes through memory; thread CPU time; medians of %d interleaved rounds, and\n"
                 "the ratio to the floor in the same round: what the bare calls take that nobody can avoid (bench/bench_floor.c).\n"
                 "X25519, ECDSA P-256, AES-128-GCM; a leaf under a trusted CA, of which chain, time and name are verified\n"
                 "each time; no tickets but where a session is wanted. A handshake runs from making both ends to freeing them.\n",
                 results->rounds);
    for (size_t i = 0; i < results->libraries; i++)
        if (i == 0 || (strcmp(results->library[i]->release(), results->library[0]->release()) != 0 &&
                       strcmp(results->library[i]->release(), results->library[i - 1]->release()) != 0))
            (void)printf("%s%s", i == 0 ? "" : "; ", results->library[i]->release());
    (void)printf(".\n%s, %s.\n\n%-36s", results->machine, results->day, "");
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

/* There is no floor of what needs no cryptography. */
static void print_row(const struct bench_results *results, size_t row)
{
    const size_t base = bench_measured(results, row, 0) ? 0 : bench_index(results, "gnutls");
    (void)printf("%-36s", bench_rows[row].name);
    for (size_t i = 0; i < results->libraries; i++)
        if (bench_measured(results, row, i))
            print_time(bench_spread_of(results, row, i).middle);
        else
            (void)printf(" %*s", WIDTH, "-");
    (void)printf("\n%-36s", base == 0 || base == results->libraries ? "" : "    to GnuTLS");
    for (size_t i = 0; i < results->libraries; i++)
        if (bench_measured(results, row, base) && bench_measured(results, row, i))
            (void)printf(" %*.2f", WIDTH, bench_ratio_of(results, row, i, base).middle);
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
    const struct bench_room *room = &results->room;
    (void)printf("\nheap, whoever allocates it, TLS 1.3\n");
    print_memory_row(results, "idle, client, bytes", BENCH_TLS13, idle_client);
    print_memory_row(results, "idle, server, bytes", BENCH_TLS13, idle_server);
    print_memory_row(results, "peak of the handshake, client, bytes", BENCH_TLS13, peak_client);
    print_memory_row(results, "peak of the handshake, server, bytes", BENCH_TLS13, peak_server);
    print_memory_row(results, "allocations in a handshake, client", BENCH_TLS13, calls_client);
    print_memory_row(results, "allocations in a handshake, server", BENCH_TLS13, calls_server);
    print_memory_row(results, "allocations for a record, both ends", BENCH_TLS13, per_record);
    (void)printf("Of tlsm's idle bytes the state is %zu; the rest is this connection's share of a bounded cache of expanded keys, which all\n"
                 "connections of a provider have together and which may be dropped at any time: here %d were held on one. In the\n"
                 "handshake the state is %zu bytes (client) and %zu (server); with a chain of 5 KB %zu and %zu, and %zu for the largest\n"
                 "records of both sides, which is what a program's buffers hold, one pair of them for a thread. What else the peak\n"
                 "shows is libcrypto's. The buffers of libraries that have their own are in their numbers.\n",
                 sizeof(struct tlsm_state), BENCH_HELD, room->state[0], room->state[1], room->long_state[0], room->long_state[1],
                 room->long_buffers);
}

void bench_print(const struct bench_results *results)
{
    print_head(results);
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (!results->left_out[row])
            print_row(results, row);
    if (results->with_memory)
        print_memory(results);
}

/* ------------------------------------------------------------------------------------------------ JSON */

static void write_row(FILE *file, const struct bench_results *results, size_t row)
{
    static const char *const against[] = { "floor", "gnutls", "libraries" };   /* in the order of enum bench_against */
    const struct bench_row *what = &bench_rows[row];
    (void)fprintf(file, "    {\"key\": \"%s\", \"name\": \"%s\"", what->key, what->name);
    (void)fprintf(file, ", \"target\": %.2f, \"to\": \"%s\"", what->target, against[what->against]);
    (void)fprintf(file, ", \"ns\": {");
    for (size_t i = 0, written = 0; i < results->libraries; i++)
        if (bench_measured(results, row, i)) {
            const struct bench_spread of = bench_spread_of(results, row, i);
            (void)fprintf(file, "%s\"%s\": [%.1f, %.1f, %.1f]", written++ > 0 ? ", " : "", results->library[i]->key, of.low, of.middle, of.high);
        }
    (void)fprintf(file, "}, \"to_floor\": {");
    for (size_t i = 1, written = 0; i < results->libraries && bench_measured(results, row, 0); i++)
        if (bench_measured(results, row, i)) {
            const struct bench_spread of = bench_ratio_of(results, row, i, 0);
            (void)fprintf(file, "%s\"%s\": [%.3f, %.3f, %.3f]", written++ > 0 ? ", " : "", results->library[i]->key, of.low, of.middle, of.high);
        }
    (void)fprintf(file, "}}");
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
    const struct bench_room *room = &results->room;
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    (void)fprintf(file, "{\n  \"rounds\": %d,\n  \"machine\": \"%s\",\n  \"day\": \"%s\",\n  \"releases\": {", results->rounds, results->machine,
                  results->day);
    for (size_t i = 0; i < results->libraries; i++)
        (void)fprintf(file, "%s\"%s\": \"%s\"", i > 0 ? ", " : "", results->library[i]->key, results->library[i]->release());
    (void)fprintf(file, "},\n  \"rows\": [\n");
    for (size_t row = 0, written = 0; row < BENCH_ROWS; row++)
        if (!results->left_out[row]) {
            (void)fputs(written++ > 0 ? ",\n" : "", file);
            write_row(file, results, row);
        }
    (void)fprintf(file, "\n  ],\n  \"state_bytes\": %zu,\n  \"connections_held\": %d,\n  \"handshake_room\": [%zu, %zu],\n"
                        "  \"handshake_room_long_chain\": [%zu, %zu],\n  \"buffers_long_chain\": %zu,\n  \"memory\": {",
                  sizeof(struct tlsm_state), BENCH_HELD, room->state[0], room->state[1], room->long_state[0], room->long_state[1],
                  room->long_buffers);
    for (size_t i = 1; i < results->libraries && results->with_memory; i++)
        write_memory(file, results, i);
    (void)fprintf(file, "\n  }\n}\n");
    if (fclose(file) != 0) {
        perror(path);
        return -1;
    }
    return 0;
}
