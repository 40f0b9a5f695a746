/* SPDX-License-Identifier: MIT */
/* Names of early data that came, in two tables: one that is filled, and the one before it. After a window they change places, and
 * the older is forgotten; so a name is known for one window at least and two at most. */
#define _POSIX_C_SOURCE 200809L

#include "tlsm_replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME = 32, WINDOW_MS = 2 * TLSM_EARLY_AGE_MS, LONGEST_LOOK = 64 };

struct table {
    uint8_t (*name)[NAME];     /* zeros: free. No name is zeros: those are refused */
    size_t taken;
};

struct tlsm_replay {
    pthread_mutex_t lock;
    struct table table[2];
    size_t slots, most;        /* slots: a power of two, a third more than names at least */
    unsigned now;              /* table that is filled */
    uint64_t turned_ms;        /* when it began */
    uint64_t open_ms;          /* nothing is fresh before */
};

uint64_t tlsm_replay_time(void)
{
    struct timespec now = { 0, 0 };
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static size_t slots_for(size_t names)
{
    size_t slots = 4;
    while (slots - slots / 4 < names)
        slots *= 2;
    return slots;
}

struct tlsm_replay *tlsm_replay_new(size_t names, uint64_t now_ms, int keys_are_new)
{
    struct tlsm_replay *replay;
    if (names == 0 || names > SIZE_MAX / (8 * NAME))
        return NULL;
    replay = calloc(1, sizeof *replay);
    if (replay == NULL)
        return NULL;
    replay->most = names;
    replay->slots = slots_for(names);
    replay->turned_ms = now_ms;
    replay->open_ms = keys_are_new ? 0 : now_ms + WINDOW_MS;
    replay->table[0].name = calloc(replay->slots, NAME);
    replay->table[1].name = calloc(replay->slots, NAME);
    if (replay->table[0].name != NULL && replay->table[1].name != NULL && pthread_mutex_init(&replay->lock, NULL) == 0)
        return replay;
    free(replay->table[0].name);
    free(replay->table[1].name);
    free(replay);
    return NULL;
}

void tlsm_replay_free(struct tlsm_replay *replay)
{
    if (replay == NULL)
        return;
    (void)pthread_mutex_destroy(&replay->lock);
    free(replay->table[0].name);
    free(replay->table[1].name);
    free(replay);
}

static void forget(const struct tlsm_replay *replay, struct table *table)
{
    memset(table->name, 0, replay->slots * NAME);
    table->taken = 0;
}

static void turn(struct tlsm_replay *replay, uint64_t now_ms)
{
    if (now_ms < replay->turned_ms || now_ms - replay->turned_ms < WINDOW_MS)
        return;
    if (now_ms - replay->turned_ms >= 2 * (uint64_t)WINDOW_MS)
        forget(replay, &replay->table[replay->now]);
    replay->now = !replay->now;
    forget(replay, &replay->table[replay->now]);
    replay->turned_ms = now_ms;
}

/* Where the name is, or would be; NULL: that takes too long to find out. The names are MACs: any bytes of them spread well. */
static uint8_t *look(const struct tlsm_replay *replay, const struct table *table, const uint8_t name[NAME])
{
    static const uint8_t none[NAME];
    size_t at = 0;
    for (size_t i = 0; i < sizeof at; i++)
        at = at << 8 | name[i];
    for (size_t i = 0; i < LONGEST_LOOK; i++) {
        uint8_t *const slot = table->name[(at + i) & (replay->slots - 1)];
        if (memcmp(slot, name, NAME) == 0 || memcmp(slot, none, NAME) == 0)
            return slot;
    }
    return NULL;
}

static int remember(struct tlsm_replay *replay, const uint8_t name[NAME], uint64_t now_ms)
{
    turn(replay, now_ms);
    struct table *const table = &replay->table[replay->now];
    uint8_t *const slot = look(replay, table, name), *const older = look(replay, &replay->table[!replay->now], name);
    if (slot == NULL || older == NULL || memcmp(slot, name, NAME) == 0 || memcmp(older, name, NAME) == 0 ||
        table->taken >= replay->most || now_ms < replay->open_ms)
        return 0;
    memcpy(slot, name, NAME);
    table->taken++;
    return 1;
}

int tlsm_replay_fresh(struct tlsm_replay *replay, struct tlsm_bytes once, uint64_t now_ms)
{
    int fresh;
    if (once.length != NAME || pthread_mutex_lock(&replay->lock) != 0)
        return 0;
    fresh = remember(replay, once.data, now_ms);
    (void)pthread_mutex_unlock(&replay->lock);
    return fresh;
}
