/* SPDX-License-Identifier: MIT */
/* A client for measuring a server that it knows nothing of: opens many connections, asks once on each, lets them rest, closes them
 * all two-way; and looks, before and after each of these, at what the server's process has spent and holds. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"
#include "tlsm_socket.h"

enum { WARM_UP = 32, PATIENCE_MS = 60000, QUIET_MS = 20, TRIES = 500, ANSWER_ROOM = 16384 };

struct load {
    const char *host, *port, *anchor, *name, *process;
    size_t connections;
    int tls12;
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_socket **socket;
    size_t answered_close, clean;
};

struct moment {
    double at, spent;                      /* seconds: by the clock; of the server's processor time */
    double resident;                       /* the server's bytes in memory */
};

/* ------------------------------------------------------------------------------------------------ the server's process */

static double spent_of(const char *process)
{
    char path[64];
    unsigned long long nanoseconds = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%s/schedstat", process);
    file = fopen(path, "re");
    if (file == NULL || fscanf(file, "%llu", &nanoseconds) != 1)
        nanoseconds = 0;
    if (file != NULL)
        (void)fclose(file);
    return (double)nanoseconds / 1e9;
}

static double resident_of(const char *process)
{
    char path[64], line[256];
    unsigned long kilobytes = 0;
    FILE *file;

    (void)snprintf(path, sizeof path, "/proc/%s/smaps_rollup", process);
    file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Rss: %lu kB", &kilobytes) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return (double)kilobytes * 1024;
}

/* Once it has done what it was asked to. */
static void wait_until_quiet(const char *process)
{
    const struct timespec while_ = { 0, QUIET_MS * 1000000L };
    double before = -1;

    for (int i = 0; i < TRIES; i++) {
        const double now = spent_of(process);
        if (now <= before + 2e-5)
            return;
        before = now;
        (void)nanosleep(&while_, NULL);
    }
}

static struct moment look(const struct load *load)
{
    struct timespec now;
    struct moment moment;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    moment.at = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    wait_until_quiet(load->process);
    moment.spent = spent_of(load->process);
    moment.resident = resident_of(load->process);
    return moment;
}

static double clock_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------------------------------------ connections */

static int fail(const char *what, const struct load *load)
{
    (void)fprintf(stderr, "load: %s; %s\n", what, load->answerer.why);
    return -1;
}

static struct tlsm_socket *open_one(struct load *load)
{
    const struct tlsm_socket_options how = { .link.hooks = { .answer = tlsm_libcrypto_answer, .context = &load->answerer } };
    int error;
    struct tlsm_socket *socket = tlsm_socket_connect(&load->config, load->host, load->port, PATIENCE_MS, &how, &error);

    if (socket == NULL)
        return NULL;
    if (tlsm_socket_start(socket, NULL, load->name) == TLSM_IO_DONE && tlsm_socket_handshake(socket) == TLSM_IO_DONE)
        return socket;
    tlsm_socket_free(socket);
    return NULL;
}

/* A request, and its answer up to the end of a body whose length the head tells. */
static int ask(struct tlsm_socket *socket)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char answer[ANSWER_ROOM];
    size_t have = 0;

    if (tlsm_socket_write(socket, request, sizeof request - 1) != (ptrdiff_t)sizeof request - 1)
        return -1;
    while (have + 1 < sizeof answer) {
        const ptrdiff_t got = tlsm_socket_read(socket, answer + have, sizeof answer - 1 - have);
        const char *body, *length;

        if (got <= 0)
            return -1;
        have += (size_t)got;
        answer[have] = '\0';
        body = strstr(answer, "\r\n\r\n");
        length = strcasestr(answer, "\r\nContent-Length: ");
        if (body != NULL && length != NULL && have >= (size_t)(body + 4 - answer) + strtoul(length + 18, NULL, 10))
            return 0;
    }
    return -1;
}

static int open_all(struct load *load)
{
    for (size_t i = 0; i < load->connections; i++) {
        load->socket[i] = open_one(load);
        if (load->socket[i] == NULL)
            return fail("a handshake failed", load);
    }
    return 0;
}

static int ask_all(struct load *load)
{
    for (size_t i = 0; i < load->connections; i++)
        if (ask(load->socket[i]) < 0)
            return fail("a request had no whole answer", load);
    return 0;
}

static void close_all(struct load *load)
{
    load->answered_close = load->clean = 0;
    for (size_t i = 0; i < load->connections; i++)
        (void)tlsm_socket_end(load->socket[i]);
    for (size_t i = 0; i < load->connections; i++) {
        struct tlsm_verdict verdict = { 0 };

        (void)tlsm_socket_close(load->socket[i], &verdict);
        load->clean += verdict.how == TLSM_CLEAN_BOTH_VERDICT;
        load->answered_close += verdict.alert_received == TLSM_ALERT_CLOSE_NOTIFY;
        tlsm_socket_free(load->socket[i]);
    }
}

/* ------------------------------------------------------------------------------------------------ the whole */

static int measure(struct load *load)
{
    const size_t many = load->connections;
    const double each = 1e6 / (double)many;
    struct moment begin, opened, asked, closed;
    double from[3], to[3];

    load->connections = many < WARM_UP ? many : WARM_UP;
    if (open_all(load) < 0 || ask_all(load) < 0)
        return -1;
    close_all(load);
    load->connections = many;
    begin = look(load);
    from[0] = clock_now();
    if (open_all(load) < 0)
        return -1;
    opened = look(load);
    to[0] = opened.at;
    from[1] = clock_now();
    if (ask_all(load) < 0)
        return -1;
    asked = look(load);
    to[1] = asked.at;
    from[2] = clock_now();
    close_all(load);
    closed = look(load);
    to[2] = closed.at;
    (void)printf("handshake|%.1f|%.2f\n", (double)many / (to[0] - from[0]), (opened.spent - begin.spent) * each);
    (void)printf("first request|%.1f|%.2f\n", (double)many / (to[1] - from[1]), (asked.spent - opened.spent) * each);
    (void)printf("close|%.1f|%.2f\n", (double)many / (to[2] - from[2]), (closed.spent - asked.spent) * each);
    (void)printf("memory|%.0f|%.0f\n", begin.resident, (asked.resident - begin.resident) / (double)many);
    (void)printf("close_notify|%zu|%zu\n", load->answered_close, many);
    return 0;
}

static int prepare(struct load *load)
{
    static const uint16_t suites[] = { TLSM_AES_128_GCM_SHA256 }, suites12[] = { TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 },
                          groups[] = { TLSM_X25519, TLSM_SECP256R1 };
    struct tlsm_settings *settings = &load->settings;

    load->answerer.instance = tlsm_libcrypto_new(NULL);
    load->answerer.judge = tlsm_judge_new_path(load->anchor, load->answerer.why, sizeof load->answerer.why);
    load->socket = calloc(load->connections, sizeof(struct tlsm_socket *));
    if (load->answerer.instance == NULL || load->answerer.judge == NULL || load->socket == NULL)
        return fail("cannot begin", load);
    settings->role = TLSM_CLIENT;
    settings->version_min = settings->version_max = load->tls12 ? TLSM_1_2 : TLSM_1_3;
    settings->suites = suites;
    settings->suites12 = suites12;
    settings->groups = groups;
    settings->suite_count = settings->suite12_count = 1;
    settings->group_count = 2;             /* the second is the certificate's, which TLS 1.2 asks for */
    load->config.settings = settings;
    load->config.crypto = &tlsm_libcrypto_table;
    load->config.self = load->answerer.instance;
    return 0;
}

static const char usage[] =
    "bench_load HOST PORT ANCHOR.PEM NAME CONNECTIONS PROCESS [1.2]\n\n"
    "Opens so many connections to an HTTP server, one after the other, asks for / once on each, closes them all two-way, and\n"
    "tells what the server's process (its number) spent on each of these, as lines WHAT|EACH SECOND|MICROSECONDS OF THE SERVER'S\n"
    "PROCESSOR; then memory|BYTES OF THE PROCESS WITHOUT THEM|BYTES OF EACH CONNECTION AT REST, and how many close_notify alerts\n"
    "it answered.\n";

int main(int argc, char **argv)
{
    struct load load;

    memset(&load, 0, sizeof load);
    load.connections = argc >= 7 ? strtoul(argv[5], NULL, 10) : 0;
    if (load.connections == 0 || load.connections > 1000000) {
        (void)fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
    }
    load.host = argv[1];
    load.port = argv[2];
    load.anchor = argv[3];
    load.name = argv[4];
    load.process = argv[6];
    load.tls12 = argc > 7 && strcmp(argv[7], "1.2") == 0;
    if (prepare(&load) < 0 || measure(&load) < 0)
        return 1;
    free(load.socket);
    tlsm_judge_free(load.answerer.judge);
    tlsm_libcrypto_free(load.answerer.instance);
    return 0;
}
