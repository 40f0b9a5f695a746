/* SPDX-License-Identifier: MIT */
#include "explore_store.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    struct hash hash;
    uint32_t parent, by;
};

/* Values of one depth, packed: index, length, bytes. */
struct level {
    uint8_t *bytes;
    size_t used, capacity, read;
};

struct store {
    struct entry *entry;
    size_t count, capacity;
    uint32_t *table;          /* 1 + index, 0 free; a power of two */
    size_t size;
    struct level now, next;
};

enum { FIRST_TABLE = 1 << 12, HEAD = 8 };

struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->size = FIRST_TABLE;
    store->table = calloc(store->size, sizeof *store->table);
    if (store->table == NULL) {
        free(store);
        return NULL;
    }
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    free(store->entry);
    free(store->table);
    free(store->now.bytes);
    free(store->next.bytes);
    free(store);
}

size_t store_count(const struct store *store) { return store->count; }

/* Where the hash is in the table, or would be. */
static size_t place_of(const struct store *store, struct hash hash)
{
    size_t at = (size_t)hash.a & (store->size - 1);
    while (store->table[at] != 0) {
        const struct hash *known = &store->entry[store->table[at] - 1].hash;
        if (known->a == hash.a && known->b == hash.b)
            break;
        at = (at + 1) & (store->size - 1);
    }
    return at;
}

static int widen(struct store *store)
{
    uint32_t *old = store->table;
    if ((store->count + 1) * 2 <= store->size)
        return 0;
    store->table = calloc(store->size * 4, sizeof *store->table);
    if (store->table == NULL) {
        store->table = old;
        return -1;
    }
    store->size *= 4;
    for (size_t i = 0; i < store->count; i++)
        store->table[place_of(store, store->entry[i].hash)] = (uint32_t)i + 1;
    free(old);
    return 0;
}

static int wait_in_line(struct level *level, uint32_t index, const uint8_t *bytes, size_t length)
{
    const uint32_t head[] = { index, (uint32_t)length };
    if (grow((void **)&level->bytes, &level->capacity, level->used + HEAD + length, 1) != 0)
        return -1;
    memcpy(level->bytes + level->used, head, HEAD);
    memcpy(level->bytes + level->used + HEAD, bytes, length);
    level->used += HEAD + length;
    return 0;
}

int store_add(struct store *store, struct hash hash, uint32_t parent, uint32_t by, const uint8_t *bytes, size_t length)
{
    const struct entry entry = { hash, parent, by };
    size_t at;
    if (widen(store) != 0)
        return -1;
    at = place_of(store, hash);
    if (store->table[at] != 0)
        return 0;
    if (grow((void **)&store->entry, &store->capacity, store->count + 1, sizeof *store->entry) != 0 ||
        wait_in_line(&store->next, (uint32_t)store->count, bytes, length) != 0)
        return -1;
    store->entry[store->count++] = entry;
    store->table[at] = (uint32_t)store->count;
    return 1;
}

int store_next(struct store *store, const uint8_t **bytes, size_t *length, uint32_t *index)
{
    uint32_t head[2];
    if (store->now.read == store->now.used) {
        const struct level spare = store->now;
        store->now = store->next;
        store->next = spare;
        store->next.used = store->next.read = 0;
    }
    if (store->now.used == 0)
        return 0;
    memcpy(head, store->now.bytes + store->now.read, HEAD);
    *index = head[0];
    *length = head[1];
    *bytes = store->now.bytes + store->now.read + HEAD;
    store->now.read += HEAD + head[1];
    return 1;
}

size_t store_path(const struct store *store, uint32_t index, uint32_t *by, size_t most)
{
    size_t length = 0, at;
    for (uint32_t i = index; store->entry[i].parent != i; i = store->entry[i].parent)
        length++;
    at = length;
    for (uint32_t i = index; store->entry[i].parent != i; i = store->entry[i].parent)
        if (--at < most)
            by[at] = store->entry[i].by;
    return length;
}
