/* SPDX-License-Identifier: MIT */
/* One connection of the server: what it reads, what it answers, how it closes. Never waits. */
#ifndef TLSM_SERVE_H
#define TLSM_SERVE_H

#include "endpoint.h"

enum { SERVE_CHUNK = 16384 };

/* What the answer to a request consists of: a head, and a body from a file, a pattern or a text. */
struct page {
    char head[256];
    size_t head_length;
    const char *text;            /* NULL: the pattern, or the file */
    int file;                    /* -1: none */
    uint64_t length;             /* of the body */
    char identity[512];          /* equal for servers that would answer the same, byte for byte */
};

struct service {
    const struct options *options;
    struct endpoint endpoint;
    struct page page;
    uint8_t scratch[SERVE_CHUNK];
};

struct connection {
    struct connection *next, *previous;
    struct service *service;
    struct session session;
    struct tlsm_socket *socket;
    char peer[80];
    uint32_t watched;            /* epoll events in force */
    uint8_t *held;               /* echo: read, not written yet; NULL while there is nothing */
    size_t held_at, held_length;
    uint64_t request_bytes, answered;   /* of the request's head seen; of the answer written, its head included */
    uint32_t asked;              /* request heads that came and are not answered */
    uint8_t newlines;            /* at the end of what was read */
    uint8_t read_ended, closing, said_end, again;
};

/* page_open: from the options. 0, or an exit status, and then said why. */
int page_open(struct page *page, const struct options *options);
void page_close(struct page *page);

/* serve: all that can be done now. 1: over: the transport is closed, the verdict stands. Sets connection->again when it
 * stopped only to let others have their turn. */
int serve(struct connection *connection);

#endif
