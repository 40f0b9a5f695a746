/* SPDX-License-Identifier: MIT */
/* TLS libraries beside each other and beside the floor, the bare calls of libcrypto that nobody can avoid: one program, one run, one
 * thread. Rounds are interleaved, so that whatever else the machine does meets all; ratios are taken within a round. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_count.h"
#include "bench_report.h"

enum { ROUNDS = 12 };

static const struct bench_library *const all[] = {
    &bench_floor, &bench_tlsm, &bench_libssl, &bench_libssl_pair,
#ifdef BENCH_GNUTLS
    &bench_gnutls,
#endif
#ifdef BENCH_MBEDTLS
    &bench_mbedtls,
#endif
#ifdef BENCH_WOLFSSL
    &bench_wolfssl,
#endif
#ifdef BENCH_BEARSSL
    &bench_bearssl,
#endif
};
enum { ALL = sizeof all / sizeof all[0] };

static struct bench_results results;

struct options {
    const char *json, *svg, *missed;
    int rounds;
};

/* ------------------------------------------------------------------------------------------------ rounds */

/* On one line of a terminal; elsewhere a line for each quarter. */
static void show_progress(const char *version, int round, int rounds)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%*s\r%s: round %d of %d ", 40, "", version, round, rounds);
    else if (round % ((rounds + 3) / 4) == 0)
        (void)fprintf(stderr, "bench: %s: round %d of %d\n", version, round, rounds);
}

/* Who comes first alternates. */
static void run_round(enum bench_version version, int round)
{
    for (size_t row = 0; row < BENCH_ROWS; row++)
        for (size_t turn = 0; turn < results.libraries && bench_rows[row].version == version; turn++) {
            const size_t which = (turn + (size_t)round) % results.libraries;
            if (bench_can(results.library[which], &bench_rows[row]))
                results.sample[row][which][round] = bench_sample(results.library[which], &bench_rows[row]);
        }
}

static int speaks(const struct bench_library *library, enum bench_version version) { return library->versions >> version & 1; }

static int run_version(enum bench_version version, const struct bench_identity *identity)
{
    static const char *const names[BENCH_VERSIONS] = { "TLS 1.3", "TLS 1.2" };
    for (size_t i = 0; i < results.libraries; i++)
        if (speaks(results.library[i], version) && results.library[i]->open(identity, version) < 0)
            return -1;
    run_round(version, 0);   /* warms caches and allocator; written over */
    for (int round = 0; round < results.rounds; round++) {
        run_round(version, round);
        show_progress(names[version], round + 1, results.rounds);
    }
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%*s\r", 40, "");
    if (version == BENCH_TLS13 && bench_tlsm_room(identity, &results.room) < 0)
        return -1;
    for (size_t i = 0; i < results.libraries; i++)
        if (speaks(results.library[i], version))
            results.library[i]->shut();
    return 0;
}

static int measure_memory(const struct bench_identity *identity)
{
    for (size_t i = 0; i < results.libraries; i++)
        for (int version = 0; version < BENCH_VERSIONS; version++)
            if (speaks(results.library[i], (enum bench_version)version) && results.library[i] != &bench_floor &&
                bench_measure_memory(results.library[i], identity, (enum bench_version)version, &results.memory[i][version]) < 0) {
                (void)fprintf(stderr, "bench: %s: measuring the memory failed\n", results.library[i]->name);
                return -1;
            }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the program */

static void usage(int status)
{
    (void)fprintf(status == 0 ? stdout : stderr,
                  "usage: bench [--rounds 1..%d] [--json FILE] [--svg FILE] [--missed FILE]\n"
                  "       bench --count --help\n\n"
                  "Measures TLS libraries beside each other, and beside what libcrypto alone takes.\n\n"
                  "  --rounds N      how often everything is measured (%d)\n"
                  "  --json FILE     all figures, with their quartiles\n"
                  "  --svg FILE      a chart of them\n"
                  "  --missed FILE   targets that are known to be missed: a key, then why; others fail\n\n"
                  "Exit status: 0 every target is met, or is known to be missed; 1 one is not; 2 something failed.\n",
                  BENCH_ROUNDS_MAX, ROUNDS);
    exit(status);
}

static struct options read_options(int count, char **arguments)
{
    struct options options = { NULL, NULL, NULL, ROUNDS };
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (strcmp(name, "--help") == 0)
            usage(0);
        if (i + 1 == count)
            usage(2);
        if (strcmp(name, "--json") == 0)
            options.json = arguments[++i];
        else if (strcmp(name, "--svg") == 0)
            options.svg = arguments[++i];
        else if (strcmp(name, "--missed") == 0)
            options.missed = arguments[++i];
        else if (strcmp(name, "--rounds") == 0)
            options.rounds = atoi(arguments[++i]);
        else
            usage(2);
    }
    if (options.rounds < 1 || options.rounds > BENCH_ROUNDS_MAX)
        usage(2);
    return options;
}

static int measure(const struct bench_identity *identity)
{
    if (measure_memory(identity) < 0)
        return -1;
    bench_work_prepare();
    for (int version = 0; version < BENCH_VERSIONS; version++)
        if (run_version((enum bench_version)version, identity) < 0)
            return -1;
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 1 && strcmp(arguments[1], "--count") == 0)
        return bench_count(all, ALL, count - 2, arguments + 2);
    const struct options options = read_options(count, arguments);
    struct bench_identity identity;
    results.rounds = options.rounds;
    results.libraries = ALL;
    memcpy(results.library, all, sizeof all);
    if (bench_identity_make(&identity) < 0)
        return 2;
    const int failed = measure(&identity);
    bench_identity_remove(&identity);
    if (failed < 0)
        return 2;
    bench_print(&results);
    if ((options.json != NULL && bench_write_json(&results, options.json) < 0) ||
        (options.svg != NULL && bench_write_svg(&results, options.svg) < 0))
        return 2;
    return bench_judge(&results, options.missed);
}
