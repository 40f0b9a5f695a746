/* SPDX-License-Identifier: MIT */
/* Where a duel takes place: the party under test over one half of a BIO pair, the far side over memory, and between them
 * the transport, whose every byte the script moves. */
#ifndef TLSM_DUEL_FIELD_H
#define TLSM_DUEL_FIELD_H

#include "duel.h"

enum {
    PARTY_WANT_WRITE = 3,                /* SSL_ERROR_WANT_WRITE */
    PARTY_SENT_SHUTDOWN = 1,             /* SSL_SENT_SHUTDOWN */
    DUEL_PERIOD = 251,                   /* of the pattern that is written */
    FIELD_INCOMING = 150000,             /* bytes towards the party in one script: its BIO has room for all */
    FIELD_ALL = 1 << 30
};
enum field_end { FIELD_RUNS, FIELD_EOF, FIELD_RESET };

struct field {
    const struct party_kind *kind;
    struct party *near, *far;
    struct duel_log *log;
    BIO *bio, *wire;                     /* the party's half of the pair, and the other */
    BIO *to_far, *from_far;
    uint8_t *pattern;                    /* DUEL_PERIOD + the largest write */
    int over, write_fails;
    enum field_end end;
    int blocked_write;
    size_t written, queued, delivered;
    uint64_t moved;                      /* bytes taken from the pair */
    uint64_t far_read;
    uint32_t far_digest;
    struct duel_stream from_near, towards;
    struct duel_keys sealing;            /* towards the party: what the far side said is sealed anew, forgeries between */
    uint8_t queue[FIELD_INCOMING + 65536];
};

/* field_begin: two connected parties. field_finish: gives them back. */
struct field *field_begin(const struct party_kind *kind, struct duel_log *log);
void field_finish(struct field *field);
/* field_collect: what the far side has made joins the queue. field_queue, field_forge: bytes as they are, and sealed. */
void field_collect(struct field *field);
void field_queue(struct field *field, const uint8_t *bytes, size_t length);
void field_forge(struct field *field, uint8_t type, const uint8_t *content, size_t length, int broken);
/* field_deliver: from the queue to the party's BIO. field_take: from its BIO to the far side. field_taken: what it took. */
void field_deliver(struct field *field, size_t most);
void field_take(struct field *field, size_t most);
uint64_t field_taken(const struct field *field);
/* field_end: the transport towards the party ends behind what was delivered. */
void field_end(struct field *field, enum field_end end);
/* field_far_read: all there is; what the last SSL_read returned. */
int field_far_read(struct field *field);

#endif
