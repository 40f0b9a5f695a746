/* SPDX-License-Identifier: MIT */
/* Our end of connections: settings, provider, trust and keys from the command line; and what each connection adds. */
#ifndef TLSM_ENDPOINT_H
#define TLSM_ENDPOINT_H

#include <stdio.h>

#include "options.h"
#include "resume.h"
#include "tlsm_judge.h"
#include "tlsm_libcrypto.h"
#include "tlsm_replay.h"
#include "tlsm_socket.h"
#include "tlsm_socket_export.h"

enum { ENDPOINT_NAMES = 16 };

/* Shared by all connections of the process. */
struct endpoint {
    struct tlsm_settings settings;
    struct tlsm_config config;
    struct tlsm_libcrypto *instance;
    struct tlsm_judge *judge;
    struct tlsm_libcrypto_answerer answerer;
    struct tlsm_libcrypto_credential *loaded[OPTIONS_PAIRS];
    struct tlsm_credential credentials[OPTIONS_PAIRS];
    struct tlsm_bytes alpn[ENDPOINT_NAMES];
    uint16_t suites[ENDPOINT_NAMES], suites12[ENDPOINT_NAMES], groups[ENDPOINT_NAMES];
    struct tlsm_ticket_key ticket_key;       /* server: lives as long as the process */
    uint8_t context[32];                     /* what it trusts, and asks for */
    struct resume *resume;                   /* client: where its session is kept; NULL: nowhere */
    struct tlsm_replay *replay;              /* server: early data that came; NULL: none is read */
    FILE *keylog;
    int trace;
};

/* endpoint_watch_replays: a server that reads early data remembers from now on which came; `keys_are_new`: no ticket that it opens is
 * older than the process. 0, or an exit status, and then said why. */
int endpoint_watch_replays(struct endpoint *endpoint, int keys_are_new);

/* One connection's share: the context of its hooks. */
struct session {
    struct endpoint *endpoint;
    uint64_t id;                       /* in traces and verdicts; 0: there is only one */
    unsigned logged;                   /* secrets in the key log already, bits by enum tlsm_secret_label */
    int refused;                       /* the server's certificate was refused; `why` says so */
    char why[TLSM_WHY_ROOM];
    char client[128];                  /* server: whom the client's certificate names; "" nobody was judged */
    /* Between the machine and the socket, for tests: one byte at a time, and a peer that is gone. */
    struct tlsm_transport under;
    struct tlsm_socket *socket;
    int one_byte;
    int gone;                          /* the cut has come: nothing leaves any more, and what arrives is dropped */
    uint64_t cut, sent;                /* wire bytes */
};

/* endpoint_lists: versions, suites, groups and protocols of the settings. 0, or an exit status, and then said why. */
int endpoint_lists(struct endpoint *endpoint, const struct options *options);

/* endpoint_open: from the options. 0, or an exit status, and then said why. endpoint_close() in any case. */
int endpoint_open(struct endpoint *endpoint, const struct options *options, enum tlsm_role role);
void endpoint_close(struct endpoint *endpoint);

/* session_open: makes a connection of this endpoint over a connected socket, for an event loop. The session must not move.
 * NULL: out of memory. */
struct tlsm_socket *session_open(struct session *session, struct endpoint *endpoint, const struct options *options, int fd,
                                 uint64_t id);
/* session_import: the same of a connection that was exported (tlsm_socket_import()). NULL: *code says why. */
struct tlsm_socket *session_import(struct session *session, struct endpoint *endpoint, const struct options *options, int fd,
                                   uint64_t id, struct tlsm_bytes bytes, enum tlsm_code *code);

#endif
