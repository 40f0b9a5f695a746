/* SPDX-License-Identifier: MIT */
/* The server's connections, for the two files that move them. */
#ifndef TLSM_SERVER_H
#define TLSM_SERVER_H

#include "serve.h"

struct server {
    struct service service;
    const struct options *options;
    int epoll, listener, signals;
    int handoff;                     /* where the next server calls; -1 */
    int accepting;                   /* the listener is watched */
    int ending;                      /* a signal came, or the last connection was accepted, or another server accepts now */
    uint64_t accepted, limit, open, most_open;
    uint64_t due;                    /* no connection's time is up before this; CLOCK_MONOTONIC, ms */
    uint64_t pause;                  /* what the system could not bear is not tried again before this; 0: nothing */
    int signalled, called;
    int again;                       /* some connection stopped only to let others have their turn */
    struct connection first;         /* the head of the ring; no connection itself */
};

/* server_adopt: a connection is one of ours from now on, and watched. 0, or -1: it is not. */
int server_adopt(struct server *server, struct connection *connection);
/* server_watch: a descriptor whose events carry `tag`; `operation` and result are epoll_ctl(2)'s. */
int server_watch(struct server *server, int fd, void *tag, uint32_t events, int operation);
/* server_forget: ends it, and frees it. */
void server_forget(struct server *server, struct connection *connection);

#endif
