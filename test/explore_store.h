/* SPDX-License-Identifier: MIT */
/* What a breadth-first walk has met: a hash of each value for ever, the value itself until its successors are known. */
#ifndef TLSM_EXPLORE_STORE_H
#define TLSM_EXPLORE_STORE_H

#include "explore_walk.h"

struct store;

/* store_new: NULL when memory is short. */
struct store *store_new(void);
void store_free(struct store *store);
/* store_add: a value, and from which one by what it came; a first one has itself as parent. 1: new; 0: known; -1: memory is short. */
int store_add(struct store *store, struct hash hash, uint32_t parent, uint32_t by, const uint8_t *bytes, size_t length);
/* store_next: the value that waits longest and its index, good until the next call of store_next(). 0: none waits. */
int store_next(struct store *store, const uint8_t **bytes, size_t *length, uint32_t *index);
size_t store_count(const struct store *store);
/* store_path: by what `index` came, from the first value on. Returns how many steps; those beyond `most` are left out. */
size_t store_path(const struct store *store, uint32_t index, uint32_t *by, size_t most);

#endif
