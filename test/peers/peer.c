/* SPDX-License-Identifier: MIT */
/* See peer.h. */
#define _DEFAULT_SOURCE

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BLOCK = 4096, LINE = 4096 };
static const uint64_t fnv_start = 0xcbf29ce484222325, fnv_prime = 0x100000001b3;

/* ------------------------------------------------------------------------------------------------ reporting */

void report_end(struct report *report, const char *end, const char *said, ...)
{
    va_list arguments;
    if (strcmp(report->end, "none") != 0)
        return;
    (void)snprintf(report->end, sizeof report->end, "%s", end);
    va_start(arguments, said);
    (void)vsnprintf(report->said, sizeof report->said, said, arguments);
    va_end(arguments);
}

void report_alert(struct report *report, int number, const char *said)
{
    char end[24];
    (void)snprintf(end, sizeof end, "alert:%d", number);
    report_end(report, end, "%s", said);
}

void report_suite(struct report *report, const char *name)
{
    (void)snprintf(report->suite, sizeof report->suite, "%s", name != NULL ? name : "");
}

void report_errno(struct report *report, int error, const char *said)
{
    const char *end = "error";
    if (error == 0)
        end = "eof";
    else if (error == ECONNRESET || error == EPIPE)
        end = "reset";
    else if (error == EAGAIN || error == EWOULDBLOCK)
        end = "timeout";
    report_end(report, end, "%s%s%s", said, error != 0 ? ", " : "", error != 0 ? strerror(error) : "");
}

static void put_text(const char *name, const char *text)
{
    printf(",\"%s\":\"", name);
    for (; *text != '\0'; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar((unsigned char)*text < ' ' ? ' ' : *text);
    putchar('"');
}

static void put_report(const struct report *report)
{
    printf("{\"handshake\":%s,\"resumed\":%s", report->handshake ? "true" : "false", report->resumed ? "true" : "false");
    put_text("version", report->version);
    put_text("suite", report->suite);
    put_text("group", report->group);
    put_text("peer", report->peer);
    if (report->early > 0)
        printf(",\"early\":%" PRIu64 ",\"early_digest\":\"%016" PRIx64 "\"", report->early, report->early_digest);
    printf(",\"in\":%" PRIu64 ",\"digest\":\"%016" PRIx64 "\",\"out\":%" PRIu64, report->in, report->digest, report->out);
    put_text("end", report->end);
    put_text("said", report->said);
    put_text("did", report->did);
    printf("%s}\n", report->more);
    (void)fflush(stdout);
}

static void start_report(struct report *report)
{
    memset(report, 0, sizeof *report);
    memcpy(report->end, "none", sizeof "none");
    report->digest = report->early_digest = fnv_start;
    report->did = "";
}

/* ------------------------------------------------------------------------------------------------ transport */

static struct sockaddr_in here(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int listen_here(void)
{
    struct sockaddr_in address = here(0);
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 8) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return -1;
    printf("{\"port\":%d}\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    return fd;
}

/* A peer that is stuck must say so itself. */
static void limit(int fd)
{
    const struct timeval most = { PEER_LIMIT_SECONDS, 0 };
    const int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static int transport(const struct plan *plan, int listener)
{
    struct sockaddr_in address = here(plan->port);
    int fd;
    if (!plan->client) {
        limit(listener);   /* of accept() too */
        fd = accept(listener, NULL, NULL);
    } else {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        limit(fd);
    return fd;
}

static void close_transport(int *fd, int with_reset)
{
    const struct linger at_once = { 1, 0 };
    if (*fd < 0)
        return;
    if (with_reset)
        (void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(*fd);
    *fd = -1;
}

static int hello(struct peer *peer, int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    int done;
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    done = peer_hello(peer);
    (void)fcntl(fd, F_SETFL, flags);
    return done;
}

/* What was refused is read to its end: a reset would overtake the alert that says why. */
static int linger(int fd)
{
    char block[BLOCK];
    if (shutdown(fd, SHUT_WR) != 0)
        return 0;
    while (recv(fd, block, sizeof block, 0) > 0)
        continue;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ script */

static void digest(uint64_t *sum, const unsigned char *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        *sum = (*sum ^ from[i]) * fnv_prime;
}

static int write_pattern(struct peer *peer, struct report *report, uint64_t count)
{
    unsigned char block[BLOCK];
    while (count > 0) {
        const size_t length = count < BLOCK ? (size_t)count : BLOCK;
        for (size_t i = 0; i < length; i++)
            block[i] = (unsigned char)((report->out + i) * 31 + ((report->out + i) >> 8));
        if (!peer_write(peer, block, length))
            return 0;
        report->out += length;
        count -= length;
    }
    return 1;
}

static int read_count(struct peer *peer, struct report *report, uint64_t count)
{
    unsigned char block[BLOCK];
    while (count > 0) {
        const long got = peer_read(peer, block, count < BLOCK ? (size_t)count : BLOCK);
        if (got <= 0)
            return 0;
        digest(&report->digest, block, (size_t)got);
        report->in += (uint64_t)got;
        count -= (uint64_t)got;
    }
    return 1;
}

/* The client's: few enough for one call. What became of them is known after the handshake. */
static int write_early(struct peer *peer, struct report *report, uint64_t count)
{
    unsigned char block[BLOCK];
    for (size_t i = 0; i < count && i < BLOCK; i++)
        block[i] = (unsigned char)(i * 31 + (i >> 8));
    digest(&report->early_digest, block, (size_t)count);
    report->early = count;
    return count <= BLOCK && peer_early_write(peer, block, (size_t)count);
}

static int read_early(struct peer *peer, struct report *report)
{
    unsigned char block[BLOCK];
    long got;
    while ((got = peer_early_read(peer, block, sizeof block)) > 0) {
        digest(&report->early_digest, block, (size_t)got);
        report->early += (uint64_t)got;
    }
    return 1;
}

static int act(struct peer *peer, struct report *report, const char *action, int *fd)
{
    const char *const colon = strchr(action, ':');
    const uint64_t count = colon != NULL ? strtoull(colon + 1, NULL, 10) : 0;
    char line[8];
    if (strncmp(action, "write:", 6) == 0)
        return write_pattern(peer, report, count);
    if (strncmp(action, "read:", 5) == 0)
        return read_count(peer, report, count);
    if (strncmp(action, "early:", 6) == 0)
        return write_early(peer, report, count);
    if (strcmp(action, "early") == 0)
        return read_early(peer, report);
    if (strcmp(action, "hello") == 0)
        return hello(peer, *fd);
    if (strcmp(action, "handshake") == 0)
        return report->handshake = peer_handshake(peer);
    if (strcmp(action, "drain") == 0)
        return (void)read_count(peer, report, UINT64_MAX), 1;
    if (strcmp(action, "end") == 0)
        return peer_end(peer);
    if (strcmp(action, "cancel") == 0)
        return peer_cancel(peer);
    if (strcmp(action, "abort") == 0)
        return peer_abort(peer);
    if (strcmp(action, "update") == 0)
        return peer_update(peer);
    if (strcmp(action, "demand") == 0)
        return peer_demand(peer);
    if (strcmp(action, "signal") == 0)
        return puts("{\"signal\":true}") != EOF && fflush(stdout) == 0;
    if (strcmp(action, "await") == 0)
        return fgets(line, sizeof line, stdin) != NULL;
    if (strcmp(action, "fin") == 0)
        return shutdown(*fd, SHUT_WR) == 0;
    if (strcmp(action, "linger") == 0)
        return linger(*fd);
    if (strcmp(action, "close") == 0)
        peer_close(peer);
    else
        peer_leave(peer);
    close_transport(fd, strcmp(action, "reset") == 0);
    return 1;
}

static int ends_transport(const char *action, size_t length)
{
    static const char *const names[] = { "linger", "close", "drop", "reset" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (length == strlen(names[i]) && strncmp(action, names[i], length) == 0)
            return 1;
    return 0;
}

/* Whatever an action meets, the script goes on to what ends the transport: a program that closes closes. */
static void play(const struct plan *plan, struct peer *peer, struct report *report, const char *script, int fd)
{
    static char action[32];
    int fine = 1;
    report->did = action;
    while (*script != '\0') {
        const size_t length = strcspn(script, ",");
        const char *const name = script;
        script += length + (script[length] == ',');
        if (!fine && !ends_transport(name, length))
            continue;
        (void)snprintf(action, sizeof action, "%.*s", (int)length, name);
        fine = act(peer, report, action, &fd) && fine;
        if (report->handshake && (report->suite[0] == '\0' || plan->late)) {
            peer_facts(peer);
            report->early = report->early_taken || !plan->client ? report->early : 0;
        }
    }
    peer_leave(peer);
    close_transport(&fd, 0);
}

static void connection(const struct plan *plan, struct peer *peer, struct report *report, const char *script, int listener)
{
    const int fd = transport(plan, listener);
    start_report(report);
    if (fd < 0) {
        report_end(report, "error", "no connection: %s", strerror(errno));
        return;
    }
    if (peer_open(peer, fd))
        play(plan, peer, report, script, fd);
    else
        (void)close(fd);
    peer_forget(peer);
}

static void run(const struct plan *plan)
{
    static const char *const priming[2] = { "handshake,read:1,write:1,drain,close", "handshake,write:1,read:1,end,drain,close" };
    struct report report;
    struct peer *peer;
    int listener = -1;
    start_report(&report);
    if (plan->tell_version) {
        printf("{\"library\":\"%s\"}\n", peer_version());
        (void)fflush(stdout);
        return;
    }
    peer = peer_prepare(plan, &report);
    if (peer == NULL) {
        put_report(&report);
        return;
    }
    if (!plan->client)
        listener = listen_here();
    if (plan->prime)
        connection(plan, peer, &report, priming[plan->client], listener);
    connection(plan, peer, &report, plan->script, listener);
    if (listener >= 0)
        (void)close(listener);
    peer_dispose(peer);
    put_report(&report);
}

/* ------------------------------------------------------------------------------------------------ cases */

int next_word(const char **at, char *word, size_t room)
{
    size_t length;
    if (*at == NULL || **at == '\0')
        return 0;
    length = strcspn(*at, ":");
    (void)snprintf(word, room, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] == ':');
    return 1;
}

static void take_word(struct plan *plan, const char *word)
{
    const struct { const char *key; const char **value; } texts[] = {
        { "cert=", &plan->cert }, { "key=", &plan->key }, { "ca=", &plan->ca }, { "name=", &plan->name },
        { "suite=", &plan->suite }, { "groups=", &plan->groups }, { "scheme=", &plan->scheme }, { "script=", &plan->script } };
    const struct { const char *key; int *value; } numbers[] = {
        { "port=", &plan->port }, { "prime=", &plan->prime }, { "tickets=", &plan->tickets },
        { "early=", &plan->early }, { "late=", &plan->late }, { "ems=", &plan->ems },
        { "half=", &plan->half } };
    const char *const value = strchr(word, '=');
    if (value == NULL)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (strncmp(word, texts[i].key, strlen(texts[i].key)) == 0)
            *texts[i].value = value + 1;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (strncmp(word, numbers[i].key, strlen(numbers[i].key)) == 0)
            *numbers[i].value = atoi(value + 1);
    if (strcmp(word, "role=client") == 0)
        plan->client = 1;
    if (strcmp(word, "role=version") == 0)
        plan->tell_version = 1;
    if (strncmp(word, "version=", 8) == 0) {
        plan->tls12 = strstr(value, "1.2") != NULL;
        plan->tls13 = strstr(value, "1.3") != NULL;
    }
    if (strncmp(word, "ask=", 4) == 0) {
        plan->ask = 1;
        plan->require = strcmp(value, "=require") == 0;
    }
}

static const struct plan nothing = { .script = "handshake,close", .tls12 = 1, .tls13 = 1, .tickets = 1, .ems = 1 };

int main(int count, char **argument)
{
    static char line[LINE];
    struct plan plan = nothing;
    (void)signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < count; i++)
        take_word(&plan, argument[i]);
    if (count > 1) {
        run(&plan);
        return 0;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        char *rest = NULL;
        plan = nothing;
        for (char *word = strtok_r(line, " \n", &rest); word != NULL; word = strtok_r(NULL, " \n", &rest))
            take_word(&plan, word);
        run(&plan);
    }
    return 0;
}
