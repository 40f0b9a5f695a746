/* SPDX-License-Identifier: MIT */
/* tlsm server: many connections, one thread, one epoll. What a connection does is serve.c's; here they are accepted, watched,
 * timed, counted and ended. */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "handoff.h"
#include "report.h"
#include "tool.h"

enum { EVENTS = 64, DEADLINE_MS = 30000, GOODBYE_MS = 1000, CROWD = 64, SPARE_DESCRIPTORS = 32, PAUSE_MS = 100 };

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------------------------------------ watching */

int server_watch(struct server *server, int fd, void *tag, uint32_t events, int operation)
{
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = events;
    event.data.ptr = tag;
    return epoll_ctl(server->epoll, operation, fd, &event);
}

/* Short of descriptors or memory: once more in a while, without spinning meanwhile. */
static void take_a_rest(struct server *server)
{
    server->pause = now_ms() + PAUSE_MS;
    if (server->pause < server->due)
        server->due = server->pause;
}

/* At the limit connections wait in the listener's queue. */
static void watch_listener(struct server *server)
{
    const int wanted = !server->ending && server->open < server->limit && server->pause == 0;
    if (wanted == server->accepting)
        return;
    if (server_watch(server, server->listener, &server->listener, EPOLLIN, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL) == 0)
        server->accepting = wanted;
    else
        take_a_rest(server);
}

static void watch_connection(struct server *server, struct connection *connection)
{
    const short wanted = tlsm_socket_events(connection->socket);
    const uint32_t events = (wanted & POLLIN ? (uint32_t)EPOLLIN : 0u) | (wanted & POLLOUT ? (uint32_t)EPOLLOUT : 0u);
    const int timeout = tlsm_socket_timeout(connection->socket);
    if (events == connection->watched || server_watch(server, connection->socket->descriptor, connection, events, EPOLL_CTL_MOD) == 0)
        connection->watched = events;
    else
        take_a_rest(server);
    server->again |= connection->again;
    if (timeout >= 0 && now_ms() + (uint64_t)timeout < server->due)
        server->due = now_ms() + (uint64_t)timeout;
}

/* ------------------------------------------------------------------------------------------------ connections */

void server_forget(struct server *server, struct connection *connection)
{
    connection->previous->next = connection->next;
    connection->next->previous = connection->previous;
    tlsm_socket_free(connection->socket);
    free(connection->held);
    free(connection);
    server->open--;
    server->pause = 0;
#ifdef __GLIBC__
    /* After a crowd, what it needed goes back to the system. */
    if (server->open == 0 && server->most_open >= CROWD) {
        server->most_open = 0;
        (void)malloc_trim(0);
    }
#endif
    watch_listener(server);
}

static void turn(struct server *server, struct connection *connection)
{
    if (!serve(connection)) {
        watch_connection(server, connection);
        return;
    }
    if (server->options->verdict)
        report_json(stderr, &connection->session, server->options, connection->peer);
    server_forget(server, connection);
}

static void name_peer(struct connection *connection, const struct sockaddr_storage *address, socklen_t length)
{
    char host[64], port[8];
    if (getnameinfo((const struct sockaddr *)address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        tool_text(connection->peer, sizeof connection->peer, strchr(host, ':') != NULL ? "[%s]:%s" : "%s:%s", host, port);
}

static struct connection *born(struct server *server, int fd)
{
    const uint64_t deadline = server->options->deadline;
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    connection->service = &server->service;
    connection->socket = session_open(&connection->session, &server->service.endpoint, server->options, fd,
                                      server->accepted + 1);
    if (connection->socket == NULL || tlsm_socket_start(connection->socket, NULL, NULL) != TLSM_IO_DONE) {
        if (connection->socket != NULL)
            connection->socket->keep_descriptor = 1;
        tlsm_socket_free(connection->socket);
        free(connection);
        return NULL;
    }
    (void)tlsm_socket_deadline(connection->socket, deadline != OPTIONS_NEVER ? (int)deadline : DEADLINE_MS);
    return connection;
}

int server_adopt(struct server *server, struct connection *connection)
{
    if (server_watch(server, connection->socket->descriptor, connection, EPOLLIN, EPOLL_CTL_ADD) != 0)
        return -1;
    connection->watched = EPOLLIN;
    connection->previous = &server->first;
    connection->next = server->first.next;
    connection->next->previous = server->first.next = connection;
    if (++server->open > server->most_open)
        server->most_open = server->open;
    watch_connection(server, connection);
    return 0;
}

/* 0: no more is there to be accepted now. */
static int accept_one(struct server *server)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    struct connection *connection;
    const int yes = 1;
    const int fd = accept4(server->listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED)
            take_a_rest(server);
        return 0;
    }
    connection = born(server, fd);
    if (connection == NULL) {
        (void)close(fd);
        return 1;
    }
    server->accepted++;
    name_peer(connection, &address, length);
    /* Records leave as they are made: nothing waits for the peer's acknowledgement of the one before. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (server_adopt(server, connection) != 0) {   /* nobody would ever hear of it */
        tlsm_socket_free(connection->socket);
        free(connection);
        take_a_rest(server);
    }
    if (server->accepted >= server->options->count)
        server->ending = 1;
    return 1;
}

static void accept_some(struct server *server)
{
    while (!server->ending && server->open < server->limit && accept_one(server))
        continue;
    watch_listener(server);
}

/* ------------------------------------------------------------------------------------------------ time */

/* Whoever is late, or has to go on, gets a turn. The earliest time is found anew. */
static void sweep(struct server *server)
{
    struct connection *next;
    if (server->pause <= now_ms())
        server->pause = 0;
    server->due = server->pause != 0 ? server->pause : UINT64_MAX;
    server->again = 0;
    for (struct connection *at = server->first.next; at != &server->first; at = next) {
        next = at->next;
        if (at->again || tlsm_socket_timeout(at->socket) == 0)
            turn(server, at);
        else
            watch_connection(server, at);
    }
    watch_listener(server);
}

static int patience(const struct server *server)
{
    const uint64_t now = now_ms();
    if (server->again || server->due <= now)
        return 0;
    return server->due - now < 3600000 ? (int)(server->due - now) : 3600000;
}

/* A signal: everybody gets a close_notify and a second to take it; at the next one nobody waits. */
static void say_goodbye(struct server *server)
{
    struct signalfd_siginfo info;
    struct connection *next;
    server->signalled = 0;
    if (read(server->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    server->ending = server->ending == 2 ? 3 : 2;
    watch_listener(server);
    for (struct connection *at = server->first.next; at != &server->first; at = next) {
        next = at->next;
        at->closing = 1;
        (void)tlsm_socket_deadline(at->socket, GOODBYE_MS);
        turn(server, at);
    }
}

/* ------------------------------------------------------------------------------------------------ the whole */

static void handle(struct server *server, const struct epoll_event *event)
{
    if (event->data.ptr == &server->listener)
        accept_some(server);
    else if (event->data.ptr == &server->handoff)
        server->called = 1;      /* likewise: it moves connections away */
    else if (event->data.ptr == &server->signals)
        server->signalled = 1;   /* heard after the others: it may end connections that have events in this batch */
    else
        turn(server, event->data.ptr);
}

static int run(struct server *server)
{
    struct epoll_event events[EVENTS];
    while (server->ending != 3 && (!server->ending || server->open > 0)) {
        const int count = epoll_wait(server->epoll, events, EVENTS, patience(server));
        if (count < 0 && errno != EINTR)
            return tool_say("Waiting for events failed: %s.", strerror(errno)), TOOL_INTERNAL;
        server->signalled |= count < 0;   /* what interrupts it may be what ends it */
        for (int i = 0; i < count; i++)
            handle(server, &events[i]);
        if (server->called)
            handoff_give(server);
        if (server->signalled)
            say_goodbye(server);
        if (server->again || server->due <= now_ms())
            sweep(server);
    }
    return TOOL_FINE;
}

static int open_signals(struct server *server)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    server->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (server->signals < 0 || server->epoll < 0)
        return tool_say("Cannot watch for events: %s.", strerror(errno)), TOOL_INTERNAL;
    if (server_watch(server, server->signals, &server->signals, EPOLLIN, EPOLL_CTL_ADD) != 0)
        return tool_say("Cannot watch for signals: %s.", strerror(errno)), TOOL_INTERNAL;
    return 0;
}

/* Taken over from the server before, or our own. When the line is printed, the next server may come. */
static int open_address(struct server *server)
{
    const char *handoff = server->options->handoff;
    const int taken = handoff != NULL ? handoff_take(server) : 0;
    if (taken == 0)
        server->listener = tool_bind(server->options->listen);
    /* The file only with the address: of two servers that begin at once the one without must not take it from the other. */
    if (taken < 0 || server->listener < 0 || (handoff != NULL && taken == 0 && handoff_open(server) < 0))
        return TOOL_SETUP;
    if (tool_announce(server->listener) != 0)   /* no reason to lose connections */
        tool_say("Cannot write the listening line to stdout: %s.", strerror(errno));
    if (handoff != NULL && server_watch(server, server->handoff, &server->handoff, EPOLLIN, EPOLL_CTL_ADD) != 0)
        return tool_say("Cannot watch %s: %s.", handoff, strerror(errno)), TOOL_INTERNAL;
    server->ending = server->accepted >= server->options->count;
    watch_listener(server);
    return 0;
}

static int prepare(struct server *server)
{
    const size_t descriptors = tool_raise_descriptors();
    int status = endpoint_open(&server->service.endpoint, server->options, TLSM_SERVER);
    server->limit = server->options->limit;
    if (server->limit > descriptors - SPARE_DESCRIPTORS)
        server->limit = descriptors - SPARE_DESCRIPTORS;
    if (status == 0)
        status = page_open(&server->service.page, server->options);
    if (status == 0)
        status = open_signals(server);
    if (status != 0)
        return status;
    return open_address(server);
}

static void shut_down(struct server *server)
{
    while (server->first.next != &server->first)
        server_forget(server, server->first.next);
    handoff_close(server);
    page_close(&server->service.page);
    endpoint_close(&server->service.endpoint);
    if (server->listener >= 0)
        (void)close(server->listener);
    if (server->signals >= 0)
        (void)close(server->signals);
    if (server->epoll >= 0)
        (void)close(server->epoll);
}

int tool_server(const struct options *options)
{
    struct server *server = calloc(1, sizeof *server);
    int status;
    if (server == NULL)
        return tool_say("Out of memory."), TOOL_INTERNAL;
    server->options = server->service.options = options;
    server->service.page.file = server->epoll = server->listener = server->signals = server->handoff = -1;
    server->first.next = server->first.previous = &server->first;
    server->due = UINT64_MAX;
    status = prepare(server);
    if (status == 0)
        status = run(server);
    shut_down(server);
    free(server);
    return status;
}
