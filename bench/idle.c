/* SPDX-License-Identifier: MIT */
/* Very many established connections in one process, none of which has anything to do: what each of them takes, and that all of them
 * could go on at once. A handshake and a record each way each, in memory; when all are there, a sample of
 * them says something both ways and closes. */
#define _DEFAULT_SOURCE
#include "idle.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECTIONS = 100000, CONNECTIONS_LIBSSL = 10000, SAMPLE = 97, KEYS = 64, TARGET = 1024, WARM_UP = 64, CREDIBLE = 10000 };

struct figures {
    size_t bytes[2], held;                 /* of one end: idle_library.bytes; ends held, those of the sample alone included */
    double share, resident, heap;          /* bytes per end held */
    size_t cache;                          /* bytes of the provider's instances */
    double seconds, microseconds;          /* for all; CPU of one pair's handshake */
    size_t asked, alive;
};

static const struct idle_library *const libraries[] = { &idle_tlsm, &idle_link, &idle_libssl };

/* ------------------------------------------------------------------------------------------------ counting */

static size_t counted;

static void *counted_malloc(size_t length, const char *file, int line)
{
    void *at = malloc(length);

    (void)file;
    (void)line;
    counted += malloc_usable_size(at);
    return at;
}

static void counted_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    counted -= malloc_usable_size(at);
    free(at);
}

static void *counted_realloc(void *at, size_t length, const char *file, int line)
{
    const size_t before = malloc_usable_size(at);
    void *moved = realloc(at, length);

    (void)file;
    (void)line;
    if (moved != NULL)
        counted += malloc_usable_size(moved) - before;
    return moved;
}

size_t idle_counted(void) { return counted; }

/* Of the whole process: bytes in memory. 0: the system does not tell. */
static size_t resident(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    size_t kilobytes = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %zu kB", &kilobytes) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return kilobytes * 1024;
}

static double clock_seconds(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------------------------------------ who keeps what */

static int in_sample(const struct idle_options *options, size_t number) { return number % options->sample == 0 || number == options->connections; }

int idle_keeps(const struct idle_options *options, size_t number, enum bench_end end)
{
    return options->held[end] || in_sample(options, number);
}

size_t idle_places(const struct idle_options *options, enum bench_end end)
{
    return options->held[end] ? options->connections + 1 : (options->connections - 1) / options->sample + 2;
}

size_t idle_place(const struct idle_options *options, size_t number, enum bench_end end)
{
    if (number == options->connections)
        return idle_places(options, end) - 1;
    return options->held[end] ? number : number / options->sample;
}

static size_t samples(const struct idle_options *options) { return (options->connections - 1) / options->sample + 1; }

static size_t ends_held(const struct idle_options *options)
{
    size_t held = 0;

    for (int end = 0; end < 2; end++)
        held += options->held[end] ? options->connections : samples(options);
    return held;
}

/* ------------------------------------------------------------------------------------------------ measuring */

/* Code and tables that the first connections bring into memory are nobody's share. */
static int warm_up(const struct idle_library *library, const struct idle_options *options)
{
    for (int i = 0; i < WARM_UP; i++) {
        if (library->connect(options->connections) < 0 || library->prove(options->connections) < 0)
            return -1;
        library->drop(options->connections);
    }
    return 0;
}

static void tell_progress(const struct idle_options *options, size_t number)
{
    const size_t tenth = options->connections / 10;

    if (tenth >= 1000 && number % tenth == 0)
        (void)fprintf(stderr, "idle: %zu of %zu connections\n", number, options->connections);
}

static int fill(const struct idle_library *library, const struct idle_options *options, struct figures *figures)
{
    const double since = clock_seconds(CLOCK_MONOTONIC), spent = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

    for (size_t number = 0; number < options->connections; number++) {
        if (library->connect(number) < 0) {
            (void)fprintf(stderr, "idle: the handshake of connection %zu failed\n", number);
            return -1;
        }
        tell_progress(options, number + 1);
    }
    figures->seconds = clock_seconds(CLOCK_MONOTONIC) - since;
    figures->microseconds = (clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - spent) * 1e6 / (double)options->connections;
    return 0;
}

static void prove_sample(const struct idle_library *library, const struct idle_options *options, struct figures *figures)
{
    for (size_t number = 0; number < options->connections; number += options->sample) {
        figures->asked++;
        figures->alive += library->prove(number) == 0;
    }
}

static int measure(const struct idle_library *library, const struct idle_options *options, struct figures *figures)
{
    size_t before, counted_before;

    memset(figures, 0, sizeof *figures);
    if (warm_up(library, options) < 0)
        return -1;
    library->settle(1);
    (void)malloc_trim(0);
    before = resident();
    counted_before = counted;
    if (fill(library, options, figures) < 0)
        return -1;
    library->settle(0);
    (void)malloc_trim(0);
    figures->held = ends_held(options);
    figures->resident = ((double)resident() - (double)before) / (double)figures->held;
    figures->heap = ((double)counted - (double)counted_before) / (double)figures->held;
    figures->cache = library->fixed() == 0 ? 0 : library->fixed() + counted - counted_before;
    figures->share = (double)figures->cache / (double)figures->held;
    library->bytes(figures->bytes);
    prove_sample(library, options, figures);
    for (size_t number = 0; number < options->connections; number++)
        library->drop(number);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ telling */

static double state_and_share(const struct figures *figures)
{
    return (double)figures->bytes[0] + figures->share;
}

/* Of few connections, what is resident says more about the process than about them. */
static int resident_counts(const struct figures *figures) { return figures->held >= CREDIBLE; }

static int met(const struct idle_library *library, const struct figures *figures)
{
    return !library->has_target ||
           (state_and_share(figures) <= TARGET && (!resident_counts(figures) || figures->resident <= TARGET));
}

static void tell(const struct idle_library *library, const struct idle_options *options, const struct figures *figures)
{
    (void)printf("%zu connections of TLS %s, %s; %zu ends are held by %s\n", options->connections, options->version,
                 strcmp(options->ends, "both") == 0 ? "both ends kept"
                 : strcmp(options->ends, "server") == 0 ? "the servers' ends kept; clients were dropped, but those of the sample"
                                                        : "the clients' ends kept; servers were dropped, but those of the sample",
                 figures->held, library->words);
    if (figures->bytes[0] != 0)
        (void)printf("  %-16s %9zu bytes each\n", "state", figures->bytes[0]);
    if (figures->bytes[1] != 0)
        (void)printf("  %-16s %9zu bytes each\n", "link", figures->bytes[1]);
    if (figures->cache != 0)
        (void)printf("  %-16s %9.1f bytes each: the provider's instance with %zu keys at most, %zu bytes, shared by all\n", "share of keys",
                     figures->share, options->keys, figures->cache);
    else
        (void)printf("  %-16s %9.1f bytes each\n", "heap", figures->heap);
    if (library->has_target)
        (void)printf("  %-16s %9.1f bytes each, at most %d: %s\n", "state and share", state_and_share(figures), TARGET,
                     state_and_share(figures) <= TARGET ? "met" : "MISSED");
    (void)printf("  %-16s %9.1f bytes each%s\n", "resident", figures->resident,
                 !library->has_target ? "" : !resident_counts(figures) ? ", of too few to judge it"
                                         : figures->resident <= TARGET ? ", target met" : ", target MISSED");
    (void)printf("  %-16s %9.1f s, %.0f us of CPU for both ends of one\n", "handshakes", figures->seconds, figures->microseconds);
    (void)printf("  %-16s %zu of %zu: a record each way, a two-way close, clean at both ends\n", "alive", figures->alive, figures->asked);
}

static int write_json(const struct idle_library *library, const struct idle_options *options, const struct figures *figures)
{
    FILE *file = fopen(options->json, "we");
    int written = file != NULL;

    if (file != NULL) {
        written = fprintf(file,
                          "{\"library\":\"%s\",\"version\":\"%s\",\"ends\":\"%s\",\"connections\":%zu,\"held\":%zu,\"state_bytes\":%zu,"
                          "\"link_bytes\":%zu,\"keys_cached\":%zu,\"cache_bytes\":%zu,\"share_bytes\":%.2f,\"heap_bytes\":%.1f,"
                          "\"resident_bytes\":%.1f,\"target_bytes\":%d,\"met\":%s,\"sample\":%zu,\"alive\":%zu,\"seconds\":%.2f,"
                          "\"handshake_us\":%.1f}\n",
                          library->name, options->version, options->ends, options->connections, figures->held, figures->bytes[0],
                          figures->bytes[1], options->keys, figures->cache, figures->share, figures->heap, figures->resident, TARGET,
                          library->has_target ? met(library, figures) ? "true" : "false" : "null", figures->asked, figures->alive,
                          figures->seconds, figures->microseconds) > 0;
        written &= fclose(file) == 0;
    }
    if (!written)
        (void)fprintf(stderr, "idle: %s cannot be written\n", options->json);
    return written ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ the command line */

static const char usage[] =
    "bench_idle [--connections NUMBER] [--library NAME] [--version 1.3|1.2] [--ends server|client|both]\n"
    "           [--sample NUMBER] [--keys NUMBER] [--json FILE]\n\n"
    "Holds many established connections at once and tells what each of them takes. Every connection has a whole handshake, in\n"
    "memory, and a record each way; then all wait. Then every 97th has another record each way and a two-way close, and both\n"
    "ends must call that clean.\n\n"
    "  --connections NUMBER  how many, else 100000 (openssl: 10000); 1 to 10000000\n"
    "  --library NAME        what holds them\n"
    "                          tlsm     a state each, driven by tlsm_step() (the default); has the target\n"
    "                          link     tlsm_link.h, as the adapters for sockets, BIOs and io_uring have it\n"
    "                          openssl  libssl with SSL_MODE_RELEASE_BUFFERS, an SSL each\n"
    "  --version VERSION     1.3 (the default) or 1.2\n"
    "  --ends WHICH          server (the default): clients are dropped after the handshake, but those of the sample, without\n"
    "                        whom it could not be carried on; client: likewise; both: both ends stay\n"
    "  --sample NUMBER       every so many connections is carried on, else 97\n"
    "  --keys NUMBER         expanded keys that the provider keeps, else 64, its default. An idle connection needs none: its\n"
    "                        state has the keys, and they are expanded again when it wakes\n"
    "  --json FILE           the same figures as one line of JSON\n\n"
    "\"state\" is what tlsm_length() says. \"share of keys\" is all that the provider's instance has allocated, by the number\n"
    "of connections. \"resident\" is what /proc/self/smaps_rollup says before the first handshake and after the last one, by the\n"
    "number of ends that are held.\n\n"
    "The exit status is 0; 1 where state and share, or from 10000 on what is resident, is above 1024 bytes, or where a\n"
    "connection was not alive; 2 where the command line is not understood.\n";

static int number_of(const char *text, size_t least, size_t most, size_t *to)
{
    char *end = NULL;
    const unsigned long long read = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || read < least || read > most)
        return -1;
    *to = (size_t)read;
    return 0;
}

static int one_of(const char *text, const char *const words[], const char **to)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(text, words[i]) == 0) {
            *to = words[i];
            return 0;
        }
    return -1;
}

static int take(struct idle_options *options, const char *name, const char *value)
{
    static const char *const names[] = { "tlsm", "link", "openssl", NULL }, *const versions[] = { "1.3", "1.2", NULL },
                      *const ends[] = { "server", "client", "both", NULL };

    if (strcmp(name, "--connections") == 0)
        return number_of(value, 1, 10000000, &options->connections);
    if (strcmp(name, "--library") == 0)
        return one_of(value, names, &options->library);
    if (strcmp(name, "--version") == 0)
        return one_of(value, versions, &options->version);
    if (strcmp(name, "--ends") == 0)
        return one_of(value, ends, &options->ends);
    if (strcmp(name, "--sample") == 0)
        return number_of(value, 1, 10000000, &options->sample);
    if (strcmp(name, "--keys") == 0)
        return number_of(value, 1, 1 << 20, &options->keys);
    if (strcmp(name, "--json") == 0) {
        options->json = value;
        return 0;
    }
    return -1;
}

static int parse(struct idle_options *options, int argc, char **argv)
{
    *options = (struct idle_options){ .library = "tlsm", .version = "1.3", .ends = "server", .sample = SAMPLE, .keys = KEYS };
    for (int i = 1; i < argc; i += 2)
        if (i + 1 == argc || take(options, argv[i], argv[i + 1]) < 0) {
            (void)fprintf(stderr, "idle: \"%s%s%s\" is not understood. See: bench_idle --help\n", argv[i], i + 1 < argc ? " " : "",
                          i + 1 < argc ? argv[i + 1] : "");
            return -1;
        }
    if (options->connections == 0)
        options->connections = strcmp(options->library, "openssl") == 0 ? CONNECTIONS_LIBSSL : CONNECTIONS;
    options->tls12 = strcmp(options->version, "1.2") == 0;
    options->held[BENCH_CLIENT] = strcmp(options->ends, "server") != 0;
    options->held[BENCH_SERVER] = strcmp(options->ends, "client") != 0;
    return 0;
}

static int run(const struct idle_library *library, const struct idle_options *options)
{
    struct bench_identity identity;
    struct figures figures;
    int failed;

    if (bench_identity_make(&identity) < 0)
        return -1;
    failed = library->open(options, &identity) < 0 || measure(library, options, &figures) < 0;
    bench_identity_remove(&identity);
    library->shut();
    if (failed) {
        (void)fputs("idle: nothing was measured\n", stderr);
        return -1;
    }
    tell(library, options, &figures);
    if (options->json != NULL && write_json(library, options, &figures) < 0)
        return -1;
    return met(library, &figures) && figures.alive == figures.asked ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct idle_options options;

    if (CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) != 1)
        return 1;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return fputs(usage, stdout) < 0;
    if (parse(&options, argc, argv) < 0)
        return 2;
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++)
        if (strcmp(options.library, libraries[i]->name) == 0)
            return run(libraries[i], &options) < 0;
    return 2;
}
