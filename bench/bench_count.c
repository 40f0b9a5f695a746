/* SPDX-License-Identifier: MIT */
#include "bench_count.h"

#include <gnu/libc-version.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_callgrind.h"
#include "bench_work.h"

struct selection {
    const char *library, *row;     /* keys; NULL: every one */
    int times;                     /* 0: as many as times_of() says */
};

static const char help[] =
    "usage: valgrind --tool=callgrind --instr-atstart=no --collect-atstart=no \\\n"
    "           build/bench --count [--library KEY] [--row KEY] [--times N]\n\n"
    "Does the work of each row a few times. Callgrind adds up what is executed where bench looks at\n"
    "the clock, and writes a file for each row and library: its trigger is \"count LIBRARY ROW TIMES\",\n"
    "and other files are of no interest.\n\n"
    "  --library KEY   this one alone: floor, tlsm, libssl, gnutls and so on, as in the JSON\n"
    "  --row KEY       this one alone: full, record_64, close and so on\n"
    "  --times N       how often; else as often as a mean needs to be within half a percent\n\n"
    "exit status: 0 it is counted; 2 something failed\n\n"
    "All of it in a table:                     make counts\n"
    "One row, and whose instructions they are: sh bench/count.sh build/bench --row close\n"
    "Where in the code they are:               the first command, then callgrind_annotate on a file\n";

static void usage(int status)
{
    (void)fputs(help, status == 0 ? stdout : stderr);
    exit(status);
}

static struct selection read_selection(int count, char **arguments)
{
    struct selection selection = { NULL, NULL, 0 };
    for (int i = 0; i < count; i += 2) {
        if (strcmp(arguments[i], "--help") == 0)
            usage(0);
        if (i + 1 == count)
            usage(2);
        if (strcmp(arguments[i], "--library") == 0)
            selection.library = arguments[i + 1];
        else if (strcmp(arguments[i], "--row") == 0)
            selection.row = arguments[i + 1];
        else if (strcmp(arguments[i], "--times") != 0 || (selection.times = atoi(arguments[i + 1])) < 1)
            usage(2);
    }
    return selection;
}

/* Lengths of signatures, and what inverting a nonce takes, differ from one handshake to the next, and where a key lies in a cache from
 * one connection to the next: by thousandths. */
static int times_of(const struct bench_row *row)
{
    switch (row->work) {
    case BENCH_HANDSHAKE: case BENCH_HANDSHAKE_COLD: case BENCH_HANDSHAKE_RESUMED: return 4;
    case BENCH_RECORD: return row->length > 1024 ? 4 : 16;
    case BENCH_CLOSE: case BENCH_CLOSE_FREE: return 8;
    case BENCH_NEW_FREE: case BENCH_REFUSE: break;
    }
    return 16;
}

static void count_row(const struct bench_library *library, const struct bench_row *row, int times)
{
    char label[64];
    struct bench_row few = *row;
    few.count = 2;
    (void)bench_sample(library, &few);   /* warms caches and allocator */
    few.count = times != 0 ? times : times_of(row);
    CALLGRIND_DUMP_STATS;                /* callgrind 3.19 does not forget all when it is told to zero; after a dump it does */
    (void)bench_sample(library, &few);
    (void)snprintf(label, sizeof label, "count %s %s %d", library->key, row->key, few.count);
    CALLGRIND_DUMP_STATS_AT(label);
}

static int picked(const char *key, const char *wanted) { return wanted == NULL || strcmp(key, wanted) == 0; }

/* Returns how many rows were counted, or a negative number. */
static int count_version(const struct bench_library *library, const struct bench_identity *identity, enum bench_version version,
                         const struct selection *selection)
{
    int counted = 0;
    if (!(library->versions >> version & 1u))
        return 0;
    if (library->open(identity, version) < 0)
        return -1;
    CALLGRIND_START_INSTRUMENTATION;
    for (size_t row = 0; row < BENCH_ROWS; row++)
        if (bench_rows[row].version == version && picked(bench_rows[row].key, selection->row) && bench_can(library, &bench_rows[row])) {
            count_row(library, &bench_rows[row], selection->times);
            counted++;
        }
    CALLGRIND_STOP_INSTRUMENTATION;
    library->shut();
    return counted;
}

/* What the counts of others' code depend on. */
static void print_surroundings(void)
{
    (void)printf("libcrypto %s, %s, glibc %s\n", OpenSSL_version(OPENSSL_VERSION), OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS),
                 gnu_get_libc_version());
}

int bench_count(const struct bench_library *const libraries[], size_t library_count, int count, char **arguments)
{
    const struct selection selection = read_selection(count, arguments);
    struct bench_identity identity;
    int counted = 0, failed = 0;

    if (!RUNNING_ON_VALGRIND) {
        (void)fprintf(stderr, BENCH_CALLGRIND ? "bench: --count is for callgrind: sh bench/count.sh build/bench runs it\n"
                                              : "bench: built without valgrind's header (Debian: valgrind)\n");
        return 2;
    }
    if (bench_identity_make(&identity) < 0)
        return 2;
    bench_work_prepare();
    print_surroundings();
    for (size_t i = 0; i < library_count; i++)
        for (int version = 0; version < BENCH_VERSIONS && picked(libraries[i]->key, selection.library); version++) {
            const int rows = count_version(libraries[i], &identity, (enum bench_version)version, &selection);
            failed |= rows < 0;
            counted += rows;
        }
    bench_identity_remove(&identity);
    if (!failed && counted == 0)
        (void)fprintf(stderr, "bench: no library and row are called so, or the one does not do the other\n");
    return failed || counted == 0 ? 2 : 0;
}
