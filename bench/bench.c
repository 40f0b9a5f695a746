/* SPDX-License-Identifier: MIT */
/* TLS libraries beside each other and beside the floor, the bare calls of libcrypto that nobody can avoid: one program, one run, one
 * thread. Rounds are interleaved, so that whatever else the machine does meets all; ratios are taken within a round. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench_count.h"
#include "bench_report.h"

enum { ROUNDS = 12 };

static const struct bench_library *const all[] = {
    &bench_floor, &bench_tlsm, &bench_link, &bench_libssl, &bench_libssl_pair,
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
    const char *json, *svg, *missed, *rows;
    int rounds;
};

/* ------------------------------------------------------------------------------------------------ rounds */

/* On one line of a terminal; elsewhere a line for each quarter. */
static void show_progress(const char *what, int step, int steps)
{
    if (isatty(STDERR_FILENO))
        (void)fprintf(stderr, "\r%*s\r%s: %d of %d%s", 60, "", what, step, steps, step == steps ? "\n" : "");
    else if (step % ((steps + 3) / 4) == 0 || step == steps)
        (void)fprintf(stderr, "bench: %s: %d of %d\n", what, step, steps);
}

/* Who comes first alternates. */
static void run_round(enum bench_version version, int round)
{
    for (size_t row = 0; row < BENCH_ROWS; row++)
        for (size_t turn = 0; turn < results.libraries && bench_rows[row].version == version; turn++) {
            const size_t which = (turn + (size_t)round) % results.libraries;
            if (bench_measured(&results, row, which))
                results.sample[row][which][round] = bench_sample(results.library[which], &bench_rows[row]);
        }
}

static int speaks(const struct bench_library *library, enum bench_version version) { return library->versions >> version & 1; }

static int is_asked_for(enum bench_version version)
{
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (bench_rows[row].version == version && !results.left_out[row])
            return 1;
    return 0;
}

static int run_version(enum bench_version version, const struct bench_identity *identity)
{
    static const char *const names[BENCH_VERSIONS] = { "TLS 1.3, rounds", "TLS 1.2, rounds" };
    for (size_t i = 0; i < results.libraries; i++)
        if (speaks(results.library[i], version) && results.library[i]->open(identity, version) < 0)
            return -1;
    run_round(version, 0);   /* warms caches and allocator; written over */
    for (int round = 0; round < results.rounds; round++) {
        run_round(version, round);
        show_progress(names[version], round + 1, results.rounds);
    }
    if (version == BENCH_TLS13 && bench_tlsm_room(identity, &results.room) < 0)
        return -1;
    for (size_t i = 0; i < results.libraries; i++)
        if (speaks(results.library[i], version))
            results.library[i]->shut();
    return 0;
}

static int measure_memory(const struct bench_identity *identity)
{
    for (size_t i = 1; i < results.libraries; i++) {
        const struct bench_library *library = results.library[i];
        show_progress("memory, libraries", (int)i, (int)results.libraries - 1);
        for (int version = 0; version < BENCH_VERSIONS; version++)
            if (speaks(library, (enum bench_version)version) &&
                bench_measure_memory(library, identity, (enum bench_version)version, &results.memory[i][version]) < 0) {
                (void)fprintf(stderr, "bench: %s: measuring the memory failed\n", library->name);
                return -1;
            }
    }
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the program */

static const char help[] =
    "usage: bench [--rounds N] [--rows KEY,KEY] [--json FILE] [--svg FILE] [--missed FILE]\n"
    "       bench --count --help: instructions instead of time\n\n"
    "Measures what TLS libraries take for the same work, beside each other and beside the floor:\n"
    "the bare calls of libcrypto that no TLS on it can avoid. Client and server in one thread,\n"
    "bytes through memory, this thread's CPU time. Every round takes a sample of each row from\n"
    "each library; ratios are taken within a round, so that what slows the machine slows both.\n\n"
    "  --rounds N      how many rounds, 1 to 200 (12); more when the quartiles are far apart\n"
    "  --rows KEYS     these alone, without the memory; their keys are full, full_cold, resumed,\n"
    "                  record_16384 (or 1024, 64), close, close_free, new_free, refuse; and full_12\n"
    "                  and so on for TLS 1.2\n"
    "  --json FILE     all figures: [lower quartile, median, upper quartile], in ns\n"
    "  --svg FILE      a chart of the ratios to the floor\n"
    "  --missed FILE   targets that are known to be missed, each line \"key: reason\"; without it\n"
    "                  every missed target fails\n\n"
    "A row has two lines: the median, and how many times the floor that is. \"-\": the library does\n"
    "not do such work. Then the targets, by their keys: tlsm's median ratio, its quartiles, what it\n"
    "is a ratio to, the most it may be.\n\n"
    "exit status: 0 every target is met, or its miss is known; 1 one is missed; 2 something failed\n\n"
    "A first look:           build/bench --rounds 2\n"
    "Two rows, quickly:      build/bench --rounds 5 --rows full,record_64\n"
    "What is judged:         make bench\n"
    "What each row is:       docs/bench.md\n";

static void usage(int status)
{
    (void)fputs(help, status == 0 ? stdout : stderr);
    exit(status);
}

static void refuse(const char *what, const char *why)
{
    (void)fprintf(stderr, "bench: %s: %s; bench --help says what there is\n", what, why);
    exit(2);
}

static int read_rounds(const char *text)
{
    char *end;
    const long rounds = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || rounds < 1 || rounds > BENCH_ROUNDS_MAX)
        refuse(text, "--rounds takes a number from 1 to 200");
    return (int)rounds;
}

static void choose_rows(const char *keys)
{
    size_t length = 0;
    for (size_t row = 0; row < BENCH_ROWS; row++)
        results.left_out[row] = 1;
    for (const char *at = keys; *at != '\0'; at += length + (at[length] == ',')) {
        size_t row = 0;
        length = strcspn(at, ",");
        while (row < BENCH_ROWS && (strncmp(bench_rows[row].key, at, length) != 0 || bench_rows[row].key[length] != '\0'))
            row++;
        if (row == BENCH_ROWS) {
            (void)fputs("bench: rows are", stderr);
            for (row = 0; row < BENCH_ROWS; row++)
                (void)fprintf(stderr, " %s", bench_rows[row].key);
            (void)fputs("\n", stderr);
            refuse(at, "no such row");
        }
        results.left_out[row] = 0;
    }
}

static void name_machine(void)
{
    char line[256];
    struct utsname system;
    const time_t now = time(NULL);
    struct tm date;
    FILE *file = fopen("/proc/cpuinfo", "r");
    (void)strftime(results.day, sizeof results.day, "%Y-%m-%d", gmtime_r(&now, &date));
    (void)snprintf(results.machine, sizeof results.machine, "%s", uname(&system) >= 0 ? system.machine : "an unknown machine");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "model name", strlen("model name")) == 0 && strchr(line, ':') != NULL) {
            line[strcspn(line, "\n\"\\")] = '\0';
            (void)snprintf(results.machine, sizeof results.machine, "%.100s", strchr(line, ':') + 2);
            break;
        }
    if (file != NULL)
        (void)fclose(file);
}

static struct options read_options(int count, char **arguments)
{
    const char *rounds = NULL;
    struct options options = { NULL, NULL, NULL, NULL, ROUNDS };
    for (int i = 1; i < count; i++) {
        const char *name = arguments[i];
        if (strcmp(name, "--help") == 0)
            usage(0);
        const struct { const char *name, **to; } all_options[] = {
            { "--json", &options.json }, { "--svg", &options.svg }, { "--missed", &options.missed }, { "--rows", &options.rows },
            { "--rounds", &rounds } };
        size_t at = 0;
        while (at < sizeof all_options / sizeof all_options[0] && strcmp(name, all_options[at].name) != 0)
            at++;
        if (at == sizeof all_options / sizeof all_options[0])
            refuse(name, "no such option");
        if (i + 1 == count)
            refuse(name, "needs a value");
        *all_options[at].to = arguments[++i];
    }
    if (rounds != NULL)
        options.rounds = read_rounds(rounds);
    if (options.rows != NULL)
        choose_rows(options.rows);
    return options;
}

static int measure(const struct bench_identity *identity)
{
    if (results.with_memory && measure_memory(identity) < 0)
        return -1;
    bench_work_prepare();
    for (int version = 0; version < BENCH_VERSIONS; version++)
        if (is_asked_for((enum bench_version)version) && run_version((enum bench_version)version, identity) < 0)
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
    results.with_memory = options.rows == NULL;
    name_machine();
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
