/* SPDX-License-Identifier: MIT */
/* One script of calls and transport events, run by two parties that are already connected, each to a libssl of its own; what
 * came of it is compared. Any bytes are a script: byte 0 says how the two are connected (bit 0 server, 1 a ticket is
 * unread, 2 partial writes, 3 and 4 how much its BIO takes, 5 to 7, all of them, TLS 1.2 instead of 1.3), every further byte is a call or an
 * event: its low five bits say which (enum duel_call), the upper three with what. */
#ifndef TLSM_DUEL_H
#define TLSM_DUEL_H

#include "duel_wire.h"
#include "party.h"

enum duel_call {
    /* of the party under test */
    DUEL_READ, DUEL_PEEK, DUEL_WRITE, DUEL_WRITE_THROUGH, DUEL_SHUTDOWN, DUEL_SHUTDOWN_THROUGH, DUEL_SET_SHUTDOWN,
    DUEL_SET_QUIET, DUEL_ASK_KEY_UPDATE, DUEL_CALL_HANDSHAKE, DUEL_CLEAR,
    /* of its peer, the far side */
    DUEL_FAR_WRITE, DUEL_FAR_SHUTDOWN, DUEL_FAR_READ, DUEL_FAR_KEY_UPDATE, DUEL_FORGE_ALERT, DUEL_FORGE_RECORD,
    /* of the transport */
    DUEL_DELIVER, DUEL_DELIVER_ALL, DUEL_TAKE, DUEL_TAKE_ALL, DUEL_EOF, DUEL_CUT, DUEL_RESET_READ, DUEL_RESET_WRITE,
    /* often wanted in one */
    DUEL_FAR_SEND, DUEL_FAR_CLOSE,
    DUEL_CALLS
};

enum { DUEL_STEPS = 64, DUEL_RECORDS = 512, DUEL_ARGUMENTS = 8, DUEL_EMPTY = 7 /* writes and peeks 0 bytes */ };

/* How the two are connected: byte 0. */
struct duel_scene {
    int server;             /* the party under test */
    int tickets;            /* the server's ticket is still unread */
    int partial_write;
    int older;              /* TLS 1.2, where no ticket comes behind the handshake */
    size_t room;            /* what the party's BIO takes before it blocks */
};

/* After one step. */
struct duel_outcome {
    uint8_t call, argument;     /* enum duel_call */
    int result, error;          /* SSL_get_error's, where the result is not positive; else 0 */
    int flags, pending;
    uint32_t repeats;           /* calls until it went through, or until it was given up */
    uint32_t digest;            /* of what was read */
    uint64_t taken;             /* bytes of the party that its BIO took so far */
    size_t records;             /* complete ones among what was taken from its BIO */
};

struct duel_log {
    struct duel_scene scene;
    size_t steps, record_count;
    struct duel_outcome outcome[DUEL_STEPS];
    struct duel_record record[DUEL_RECORDS];   /* of the party, in order */
    int far_result, far_error, far_flags;      /* when the far side has read all that came, at the end */
    uint64_t far_read, taken;                  /* bytes */
    uint32_t far_digest;
};

/* duel_run: the script with a party of this kind under test. */
void duel_run(const struct party_kind *kind, const uint8_t *script, size_t length, struct duel_log *log);
/* duel_call_name: "SSL_read" and so on. */
const char *duel_call_name(unsigned call);
/* duel_print: a log, a step a line, to stderr. `mark` is a step to point at, or DUEL_STEPS. */
void duel_print(const char *name, const struct duel_log *log, size_t mark);

#endif
