/* SPDX-License-Identifier: MIT */
/* The walk: breadth-first over the real step function, scene by scene, from every root, every operation on every node. */
#ifndef TLSM_EXPLORE_WALK_H
#define TLSM_EXPLORE_WALK_H

#include <stdint.h>

#include "statecov.h"

struct hash { uint64_t a, b; };

struct visit {
    const struct node *before, *after;   /* after: normalized */
    struct hash from, to;
    unsigned operation;
    const struct operation_result *result;
    uint32_t index;                      /* of before, for walk_path */
};

struct walk {
    /* set by the caller */
    int quick;                            /* 1: neither framing nor counting, for the flip test */
    void (*visited)(void *context, const struct visit *visit);   /* may be NULL */
    void *context;
    /* what was found */
    uint64_t states, transitions, final_states, framed_states, broken, longest;
    struct hash digest;
    uint8_t *slot;                        /* STATECOV_SIZE: reached */
    uint8_t rx_row[TLSM_RX_COUNT][TLSM_EV_COUNT], tx_row[TLSM_TX_COUNT][TLSM_EV_COUNT];
    uint8_t handshake_row[256];           /* of handshake.def: taken; 1 + its number */
    /* inside */
    struct walk_nodes *nodes;
    size_t scene;
};

void fold(struct hash *hash, uint64_t word);
void fold_bytes(struct hash *hash, const uint8_t *bytes, size_t length);
struct hash hash_node(const struct node *node);
/* grow: room for `wanted` things of `size` bytes at *at, of which it holds *capacity. -1: memory is short, and nothing changed. */
int grow(void **at, size_t *capacity, size_t wanted, size_t size);
/* bytes_ordered: the state's bytes with its numbers in little-endian order; there is no padding, so they are the value. Good until
 * the next call. bytes_turn: turns the numbers of a state, and of what lies behind it, into the other order. */
const uint8_t *bytes_ordered(const struct node *node);
void bytes_turn(uint8_t *block);

/* walk_scene: walks one scene; counts and digest go on from scene to scene. Returns 0, or -1 when memory is short. */
int walk_scene(struct walk *walk, size_t scene);
void walk_free(struct walk *walk);
/* walk_path: the choice sequence that leads to `index` of the scene walked now. Returns its length, at most capacity. */
size_t walk_path(const struct walk *walk, uint32_t index, uint8_t *bytes, size_t capacity);

#endif
