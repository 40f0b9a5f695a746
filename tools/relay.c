/* SPDX-License-Identifier: MIT */
/* tlsm relay: one TCP connection after the other, tampered with at a chosen record. */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "filter.h"
#include "tlsm_socket.h"
#include "tool.h"

enum { CHUNK = 16384, PATIENCE_MS = 30000, CLIENT = 0, SERVER = 1 };

/* One direction: from fd[side] to fd[1 - side]. */
struct flow {
    uint8_t bytes[CHUNK];
    size_t at, have;
    int ended;               /* the source's end came */
    int passed_on;           /* and was passed on */
    struct filter filter;
};
struct relay {
    int fd[2];
    struct flow flow[2];     /* flow[i] comes from fd[i] */
    int cut;                 /* it has been cut: what still comes is dropped */
};

/* -1: the connection broke. */
static int fill(struct relay *relay, int side)
{
    struct flow *flow = &relay->flow[side];
    const ssize_t got = recv(relay->fd[side], flow->bytes, CHUNK, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    flow->ended = got == 0;
    flow->at = 0;
    flow->have = filter_pass(&flow->filter, flow->bytes, (size_t)got);
    relay->cut |= flow->filter.act == ACT_CUT && flow->filter.done;
    return 0;
}

static int empty(struct relay *relay, int side)
{
    struct flow *flow = &relay->flow[side];
    const ssize_t put = send(relay->fd[1 - side], flow->bytes + flow->at, flow->have, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    flow->at += (size_t)put;
    flow->have -= (size_t)put;
    return 0;
}

static void pass_end(struct relay *relay, int side)
{
    struct flow *flow = &relay->flow[side];
    if (!flow->ended || flow->have > 0 || flow->passed_on)
        return;
    flow->passed_on = 1;
    (void)shutdown(relay->fd[1 - side], SHUT_WR);
}

/* The one side sees an end at once; its own words are read and dropped, so that no reset overtakes what it has to read. */
static void end_after_cut(struct relay *relay)
{
    const int toward = relay->flow[CLIENT].filter.act == ACT_CUT ? SERVER : CLIENT;
    struct flow *last = &relay->flow[1 - toward];
    struct pollfd watched = { relay->fd[toward], POLLOUT, 0 };
    while (last->have > 0 && poll(&watched, 1, PATIENCE_MS) > 0 && empty(relay, 1 - toward) == 0)
        continue;
    (void)shutdown(relay->fd[toward], SHUT_WR);
    watched.events = POLLIN;
    while (poll(&watched, 1, PATIENCE_MS) > 0 && recv(relay->fd[toward], last->bytes, CHUNK, 0) > 0)
        continue;
}

static void pump(struct relay *relay)
{
    while (!relay->cut && !(relay->flow[CLIENT].passed_on && relay->flow[SERVER].passed_on)) {
        struct pollfd watched[2] = { { relay->fd[CLIENT], 0, 0 }, { relay->fd[SERVER], 0, 0 } };
        for (int side = 0; side < 2; side++) {
            if (!relay->flow[side].ended && relay->flow[side].have == 0)
                watched[side].events |= POLLIN;
            if (relay->flow[side].have > 0)
                watched[1 - side].events |= POLLOUT;
        }
        if (poll(watched, 2, PATIENCE_MS) <= 0)
            return;
        for (int side = 0; side < 2; side++) {
            struct flow *flow = &relay->flow[side];
            if (watched[side].revents != 0 && !flow->ended && flow->have == 0 && fill(relay, side) < 0)
                return;
            if (flow->have > 0 && empty(relay, side) < 0)
                return;
            pass_end(relay, side);
        }
    }
    if (relay->cut)
        end_after_cut(relay);
}

static void choose_filter(struct relay *relay, const struct options *options)
{
    const int from = options->toward != NULL && strcmp(options->toward, "server") == 0 ? CLIENT : SERVER;
    struct filter *filter = &relay->flow[from].filter;
    filter->act = options->act;
    filter->record = options->record;
    filter->inside = options->inside;
}

static int serve_one(const struct options *options, int client)
{
    struct relay *relay = calloc(1, sizeof *relay);
    char host[256], port[32];
    int error = 0;
    if (relay == NULL || tool_split(options->to, host, port) < 0) {
        free(relay);
        return tool_say("\"%s\" is not HOST:PORT.", options->to), TOOL_USAGE;
    }
    choose_filter(relay, options);
    relay->fd[CLIENT] = client;
    relay->fd[SERVER] = tlsm_socket_dial(host, port, PATIENCE_MS, &error);
    if (relay->fd[SERVER] >= 0) {
        pump(relay);
        (void)close(relay->fd[SERVER]);
    } else {
        tool_say("Cannot connect to %s: %s.", options->to, error > 0 ? strerror(error) : "the name is unknown");
    }
    free(relay);
    return 0;
}

int tool_relay(const struct options *options)
{
    struct pollfd watched = { tool_listen(options->listen), POLLIN, 0 };
    int status = watched.fd < 0 ? TOOL_SETUP : TOOL_FINE;
    for (uint64_t served = 0; status == TOOL_FINE && served < options->count;) {
        const int client = poll(&watched, 1, -1) > 0 ? accept4(watched.fd, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (client < 0)
            continue;
        served++;
        status = serve_one(options, client);
        (void)close(client);
    }
    if (watched.fd >= 0)
        (void)close(watched.fd);
    return status;
}
