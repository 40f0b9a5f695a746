/* SPDX-License-Identifier: MIT */
/* tlsm peer: an honest connection up to a chosen place, then an ending that is none, and what the other side does about it.
 *
 *   peer.c            the command: which endings, against whom
 *   peer_ending.c     the list of endings
 *   peer_honest.c     the machine, record by record, up to the place
 *   peer_act.c        the acts of an ending; records that the machine would never make are sealed here, under its key
 *   peer_wire.c       the socket, and what was seen on it
 *   peer_identity.c   a server's certificate, where none is given
 *   peer_run.c        --run: the other side, started for each ending
 *   peer_report.c     words
 *
 * The machine makes no record once an ending has begun, so that no nonce is used twice; it goes on reading, which is how the other
 * side's alerts are understood. */
#ifndef TLSM_PEER_H
#define TLSM_PEER_H

#include "endpoint.h"
#include "tool.h"

enum peer_act {
#define ALERT(name, clear, ...) PEER_ACT_##name,
#define ACT(name) PEER_ACT_##name,
#include "peer_act.def"
    PEER_ACT_NONE
};

/* Where the honest part stops. */
enum peer_place {
    PEER_AT_SILENT,      /* before the first record of ours; a server has read the client's hello */
    PEER_AT_HALF_HELLO,  /* inside it */
    PEER_AT_HELLO,       /* behind our hello */
    PEER_AT_FLIGHT,      /* before our Finished */
    PEER_AT_FINISHED,    /* behind it */
    PEER_AT_DATA         /* the handshake is complete, and something was said */
};

enum { PEER_ACTS = 6, PEER_ANY = 0, PEER_ONLY12 = TLSM_1_2, PEER_ONLY13 = TLSM_1_3, PEER_EITHER = 3, PEER_AS_CLIENT = 1, PEER_AS_SERVER = 2 };

struct peer_ending {
    const char *name, *rule, *sentence;
    enum peer_place place;
    uint16_t version;                 /* enum tlsm_protocol; 0: any */
    int roles;                        /* enum tlsm_role bits */
    enum peer_act acts[PEER_ACTS];    /* NONE behind the last */
};

/* peer_ending_at: number `index` of the list; NULL behind the last. peer_ending_find: NULL: there is none of this name. */
const struct peer_ending *peer_ending_at(size_t index);
const struct peer_ending *peer_ending_find(const char *name);

/* How the other side's transport ended. */
enum peer_end { PEER_WAITS, PEER_FIN, PEER_RESET, PEER_GONE /* we reset it: nothing can be seen */ };

/* What was seen of the other side. Bytes are those of the wire unless said otherwise. */
struct peer_seen {
    uint64_t received, sent;
    uint64_t plain, late_plain;       /* application bytes opened; those since the ending began */
    uint8_t alert, alert_level;       /* the first that ended its half, as the machine read it; TLSM_ALERT_NONE */
    uint8_t alert_clear;              /* 1: it came in the clear */
    uint8_t canceled;                 /* 1: it said user_canceled */
    uint8_t alert_before;             /* 1: the alert came before the ending began */
    enum peer_end end;
    double milliseconds;              /* from our last byte to its end; negative: the end came before it */
};

/* Time is what CLOCK_MONOTONIC says, in milliseconds. */
double peer_now(void);

/* One connection. */
struct peer {
    const struct options *options;
    struct endpoint *endpoint;
    const struct peer_ending *ending;
    int descriptor;                   /* -1: closed */
    double until;                     /* when what goes on now has to be through */
    struct tlsm_state *state;
    size_t capacity;
    uint8_t *in, *out;                /* received and not consumed; produced */
    size_t in_at, in_have;
    /* What its records would be sealed with, once an ending has begun. */
    struct tlsm_key key;
    uint16_t version;
    /* Outside of the machine: record by record, for alerts in the clear. */
    uint8_t header[5];
    size_t header_have, body_have, body_need;
    uint8_t body[2];
    int drip, blind, send_failed, acting, unreadable, reading_failed;
    struct peer_seen seen;
    char why[256];                    /* why it could not be played; "" it was */
};

enum { PEER_ROOM = 131072 };

/* peer_open: over a connected, non-blocking socket, which becomes the peer's. 0, or -1: memory. */
int peer_open(struct peer *peer, struct endpoint *endpoint, const struct options *options, const struct peer_ending *ending, int fd);
/* peer_close: wipes all and closes the socket. */
void peer_close(struct peer *peer);
/* peer_fail: says why the ending could not be played. Returns -1. */
int peer_fail(struct peer *peer, const char *format, ...) TOOL_LIKE_PRINTF(2, 3);

/* peer_honest: carries the connection to the ending's place. 0, or -1 and `why`. */
int peer_honest(struct peer *peer, const char *server_name, struct tlsm_bytes saying);
/* peer_make: steps the machine and sends what it makes: a key update, a ticket. 0, or -1: it makes none. */
int peer_make(struct peer *peer, const struct tlsm_in *in);
/* peer_feed: gives the machine what was received. */
void peer_feed(struct peer *peer);

/* peer_act: one act. 0, or -1 and `why`. */
int peer_act(struct peer *peer, enum peer_act act);

/* peer_send: all of it, reading meanwhile; what cannot be sent because the other side is gone is dropped. */
void peer_send(struct peer *peer, const uint8_t *bytes, size_t length);
/* peer_take: waits until `until` for bytes of the other side and takes them in. 1: something came; 0: its end, or the time is over. */
int peer_take(struct peer *peer);
/* peer_watch: takes what comes until the other side's end or `until`. */
void peer_watch(struct peer *peer);
void peer_fin(struct peer *peer);
void peer_reset(struct peer *peer);

/* peer_identity_make: a certificate of our own for localhost, signed by itself, in memory. 0, or an exit status, and then said why. */
struct peer_identity {
    struct tlsm_libcrypto_credential loaded, *listed[1];
    struct tlsm_bytes certificate;
    uint16_t schemes[4];
};
int peer_identity_make(struct peer_identity *identity, struct endpoint *endpoint);
void peer_identity_free(struct peer_identity *identity);

/* peer_run_start: `command` by sh, with TLSM_PEER=ADDRESS:PORT, TLSM_PEER_PORT and TLSM_PEER_ENDING. ended: a descriptor that becomes
 * readable when it is over. 0, or -1 with errno. peer_run_end: its exit status, 128 and the number of the signal that ended it,
 * or -1: it did not end in time and was killed. */
struct peer_run {
    int pid, ended;
};
int peer_run_start(struct peer_run *run, const char *command, const char *address, const char *ending);
int peer_run_end(struct peer_run *run, int milliseconds);

/* peer_report: one line (with options->json one line of JSON). status: of --run's command; -2: there was none. */
void peer_report_head(const struct options *options);
void peer_report(const struct options *options, const struct peer *peer, int server, int status);
void peer_report_list(const struct options *options);
/* peer_report_matches: 1 when what was seen is one of the words of --expect. */
int peer_report_matches(const struct options *options, const struct peer *peer);

#endif
