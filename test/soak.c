/* SPDX-License-Identifier: MIT */
/* soak TLSM FOLDER [KB]: `tlsm server` serves 10,000 connections one after another, 1,000 at once, and a few hundred that are
 * abandoned or hostile. Afterwards its descriptors and its resident memory are as after the first 100. */
#define _GNU_SOURCE

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver.h"
#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"
#include "tlsm_socket.h"

enum { FIRST = 100, ONE_BY_ONE = 10000, AT_ONCE = 1000, HOSTILE = 300 };
enum { ALLOWED_KB = 512 };   /* unless KB is given: what an allocator may keep in another shape */

struct soak {
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto_answerer answerer;
    pid_t server;
    uint16_t port;
    int verdicts;            /* the server's stderr: one line for each connection that is over */
    uint64_t begun, over;
};

/* ------------------------------------------------------------------------------------------------ the server from outside */

static size_t descriptors(pid_t pid)
{
    char path[64];
    size_t count = 0;
    DIR *folder;
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    if (folder == NULL)
        driver_fail("the server is gone");
    while (readdir(folder) != NULL)
        count++;
    (void)closedir(folder);
    return count - 2;
}

static long resident_kb(pid_t pid)
{
    char path[64], line[256];
    long kb = -1;
    FILE *file;
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %ld", &kb) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    return kb;
}

/* Reads the server's lines until it is done with all connections that were begun. */
static void await_over(struct soak *soak, uint64_t most_open)
{
    char bytes[65536];
    struct pollfd watched = { soak->verdicts, POLLIN, 0 };
    while (soak->begun - soak->over > most_open) {
        ssize_t got;
        if (poll(&watched, 1, DRIVER_PATIENCE_MS) <= 0)
            driver_fail("the server still has %llu connections", (unsigned long long)(soak->begun - soak->over));
        got = read(soak->verdicts, bytes, sizeof bytes);
        if (got <= 0)
            driver_fail("the server is gone");
        for (ssize_t i = 0; i < got; i++)
            soak->over += bytes[i] == '\n';
    }
}

/* ------------------------------------------------------------------------------------------------ connections */

static struct tlsm_socket *open_one(struct soak *soak)
{
    struct tlsm_socket_options options;
    struct tlsm_socket *connection;
    memset(&options, 0, sizeof options);
    options.link.hooks.answer = tlsm_libcrypto_answer;
    options.link.hooks.context = &soak->answerer;
    connection = tlsm_socket_new(&soak->config, driver_connect(soak->port), &options);
    soak->begun++;
    if (connection == NULL || tlsm_socket_deadline(connection, DRIVER_PATIENCE_MS) != TLSM_IO_DONE ||
        tlsm_socket_handshake(connection) != TLSM_IO_DONE)
        driver_fail("the handshake of connection %llu failed", (unsigned long long)soak->begun);
    return connection;
}

static void use_one(struct tlsm_socket *connection)
{
    static const char request[] = "GET / HTTP/1.0\r\n\r\n";
    struct tlsm_verdict verdict;
    char bytes[4096];
    ptrdiff_t got;
    if (tlsm_socket_write(connection, request, sizeof request - 1) != (ptrdiff_t)sizeof request - 1)
        driver_fail("a request could not be sent");
    do
        got = tlsm_socket_read(connection, bytes, sizeof bytes);
    while (got > 0);
    if (got != TLSM_IO_END || tlsm_socket_close(connection, &verdict) != TLSM_IO_DONE ||
        verdict.how != TLSM_CLEAN_BOTH_VERDICT)
        driver_fail("a connection did not end cleanly");
    tlsm_socket_free(connection);
}

static void one_after_another(struct soak *soak, int count)
{
    for (int i = 0; i < count; i++) {
        use_one(open_one(soak));
        await_over(soak, 16);
    }
    await_over(soak, 0);
}

static void all_at_once(struct soak *soak)
{
    static struct tlsm_socket *connections[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++)
        connections[i] = open_one(soak);
    if (descriptors(soak->server) < AT_ONCE)
        driver_fail("the server does not hold %d connections at once", AT_ONCE);
    for (uint64_t left = AT_ONCE; left-- > 0;) {
        use_one(connections[left]);
        await_over(soak, left + 16);   /* the server's lines are read on, or it would wait for us */
    }
    await_over(soak, 0);
}

/* A third says garbage, a third half of a handshake and a reset, a third completes the handshake and is gone. */
static void hostile(struct soak *soak)
{
    static const char garbage[] = "GET / HTTP/1.0\r\n\r\n", half[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    const struct linger reset = { 1, 0 };
    for (int i = 0; i < HOSTILE; i++) {
        if (i % 3 == 2) {
            tlsm_socket_free(open_one(soak));
        } else {
            const int fd = driver_connect(soak->port);
            soak->begun++;
            (void)send(fd, i % 3 == 0 ? garbage : half, (i % 3 == 0 ? sizeof garbage : sizeof half) - 1, MSG_NOSIGNAL);
            if (i % 3 == 1)
                (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            (void)close(fd);
        }
        await_over(soak, 16);
    }
    await_over(soak, 0);
}

/* ------------------------------------------------------------------------------------------------ comparing */

struct weight {
    size_t descriptors;
    long kb;
};

/* One connection more: once the server has served it, it has tidied up after those before. */
static struct weight weigh(struct soak *soak, const char *when)
{
    struct weight weight;
    one_after_another(soak, 1);
    weight.descriptors = descriptors(soak->server);
    weight.kb = resident_kb(soak->server);
    (void)printf("%-28s %zu descriptors, %ld kB\n", when, weight.descriptors, weight.kb);
    (void)fflush(stdout);
    return weight;
}

static int heavier(struct weight now, struct weight first, long allowed_kb)
{
    return now.descriptors != first.descriptors || now.kb > first.kb + allowed_kb;
}

static void prepare(struct soak *soak, const char *program, const char *folder)
{
    char cert[300], key[300], address[64];
    const char *argv[] = { program, "server", "--cert", cert, "--key", key, "--listen", "127.0.0.1:0", "--http", "--verdict",
                           NULL };
    int out;
    struct rlimit limit;
    (void)snprintf(cert, sizeof cert, "%s/leaf.pem", folder);
    (void)snprintf(key, sizeof key, "%s/leaf.key", folder);
    soak->server = driver_spawn(argv, NULL, &out, &soak->verdicts);
    driver_address(out, address);
    soak->port = driver_port(address);
    soak->settings.role = TLSM_CLIENT;
    soak->answerer.instance = tlsm_libcrypto_new(NULL);
    soak->answerer.judge = tlsm_judge_insecurely_trust_anyone();
    soak->config.settings = &soak->settings;
    soak->config.crypto = &tlsm_libcrypto_table;
    soak->config.self = soak->answerer.instance;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max < AT_ONCE + 64)
        driver_fail("this system allows too few descriptors");
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    static struct soak soak;
    struct weight first;
    const long allowed = argc == 4 ? strtol(argv[3], NULL, 10) : ALLOWED_KB;
    int failed = 0, status;
    if (argc < 3 || argc > 4)
        driver_fail("usage: soak TLSM FOLDER [KB]");
    prepare(&soak, argv[1], argv[2]);
    one_after_another(&soak, FIRST);
    first = weigh(&soak, "after the first 100");
    one_after_another(&soak, ONE_BY_ONE - FIRST);
    failed |= heavier(weigh(&soak, "after 10000, one by one"), first, allowed);
    all_at_once(&soak);
    failed |= heavier(weigh(&soak, "after 1000 at once"), first, allowed);
    hostile(&soak);
    failed |= heavier(weigh(&soak, "after 300 hostile ones"), first, allowed);
    (void)kill(soak.server, SIGTERM);
    status = driver_wait(soak.server);
    tlsm_judge_free(soak.answerer.judge);
    tlsm_libcrypto_free(soak.answerer.instance);
    (void)printf("soak: %llu connections; the server ended with status %d: %s\n", (unsigned long long)soak.over, status,
                 failed || status != 0 ? "FAILED" : "ok");
    return failed || status != 0;
}
