/* SPDX-License-Identifier: MIT */
/* A provider that speaks real cryptography for a peer that lies: its handshake messages are changed after it made them and before it
 * absorbs and seals them, so that its transcript, signatures, Finished and records are all those of what it sends, and
 * authenticate. ClientHello, which is absorbed later, is changed on the wire, and absorbed as changed. */
#ifndef TLSM_MUTATOR_H
#define TLSM_MUTATOR_H

#include "tlsm.h"

enum { MUTATIONS = 8, MUTATOR_HELLO = 2048 };

/* Byte `at` (counted from the end, where `behind` is set) of message number `message`. */
struct mutation {
    uint8_t message, how;        /* enum mutation_how */
    uint16_t at;
    uint8_t with, behind;
};
enum mutation_how { MUTATE_SET, MUTATE_FLIP, MUTATE_ADD, MUTATE_COPY /* the byte `with` further on */, MUTATION_HOWS };

struct mutator {
    const struct tlsm_crypto *crypto;    /* what it stands on */
    void *self;
    struct mutation mutation[MUTATIONS];
    size_t count;
    struct tlsm_span wire;               /* where the peer makes its messages */
    unsigned messages;                   /* seen so far */
    const uint8_t *last;                 /* … and where the last one lies: it may be absorbed twice */
    size_t last_length;
    uint8_t hello[MUTATOR_HELLO], changed[MUTATOR_HELLO];
    size_t hello_length;
};

extern const struct tlsm_crypto mutator_table;   /* `self` is a struct mutator */

/* mutator_step: before each step of the peer: where its records will be made. */
void mutator_step(struct mutator *mutator, struct tlsm_span wire);
/* mutator_hello: the record, made just now, holds a ClientHello in the clear: changes it. */
void mutator_hello(struct mutator *mutator, uint8_t *record, size_t length);

#endif
