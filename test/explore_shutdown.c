/* SPDX-License-Identifier: MIT */
/* The shutdown procedure against every way a transport and a peer can treat it: breadth-first over (connection, procedure,
 * what was seen). Every step is held against K1–K6; they leave no way to go in circles: it closes once, flushes only what is
 * owed, reads only where there is something to read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_report.h"

struct place {
    struct place *next;          /* in the queue */
    struct tlsm_shutdown shutdown;
    uint8_t seen, calls;
    struct node *node;
};

enum { TABLE = 1 << 18, CALLS = 3 };

struct search {
    struct hash *known;          /* TABLE of them; {0, 0} is free */
    struct place *first, **last;
    struct hash *digest;
    uint64_t states;
    unsigned broken;
};

static const uint8_t reads[] = { OP_DATA, OP_PEER_CLOSE, OP_EOF, OP_RECEIVE_FAILED, OP_PEER_ALERT, OP_BAD_TAG, OP_TICKET,
                                 OP_KEY_UPDATE_ASKED, OP_DEADLINE, OP_SCRIPT };

static void enqueue(struct search *search, const struct node *node, struct tlsm_shutdown shutdown,
                    enum tlsm_shutdown_seen seen, unsigned calls)
{
    struct hash hash = hash_node(node);
    struct place *place;
    const size_t size = offsetof(struct node, at) + node->at.state.length;
    size_t at;
    fold_bytes(&hash, (const uint8_t *)&shutdown, sizeof shutdown);
    fold(&hash, (uint64_t)seen << 8 | calls);
    for (at = hash.a % TABLE; search->known[at].a != 0 || search->known[at].b != 0; at = (at + 1) % TABLE)
        if (search->known[at].a == hash.a && search->known[at].b == hash.b)
            return;
    place = malloc(sizeof *place);
    if (place == NULL || search->states > TABLE / 2)
        abort();
    place->node = malloc(size > sizeof(struct tlsm_state) + 64 ? size : sizeof(struct node));
    if (place->node == NULL)
        abort();
    search->known[at] = hash;
    place->shutdown = shutdown;
    place->seen = (uint8_t)seen;
    place->calls = (uint8_t)calls;
    place->next = NULL;
    node_copy(place->node, node);
    *search->last = place;
    search->last = &place->next;
    search->states++;
}

static void complain(struct search *search, const struct place *place, const char *broken)
{
    const struct tlsm_control *control = &place->node->at.state.control;
    if (broken == NULL || search->broken++ >= 20)
        return;
    printf("BROKEN: shutdown: %s\n  %s/%s, contract %u, quiet %u, preset %u, called %u, held %u, seen %u\n", broken,
           tlsm_rx_name(control->rx), tlsm_tx_name(control->tx), place->shutdown.contract, place->shutdown.quiet,
           place->shutdown.preset, place->shutdown.called, place->shutdown.held, place->seen);
}

/* The application between two calls: it calls again, reads what is there, writes, sets flags. */
static void after_return(struct search *search, const struct place *place, struct tlsm_shutdown shutdown)
{
    static struct node node;
    enum tlsm_shutdown_seen ignored;
    if (place->calls >= CALLS)
        return;
    enqueue(search, place->node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
    if (shutdown.held) {
        struct tlsm_shutdown taken = shutdown;
        taken.held = 0;
        enqueue(search, place->node, taken, TLSM_SAW_CALL, place->calls + 1u);
    }
    node_copy(&node, place->node);
    complain(search, place, shutdown_do(&node, OP_PEER_CLOSE, &ignored));
    node_normalize(&node);
    enqueue(search, &node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
    tlsm_shutdown_preset(&shutdown, TLSM_RECEIVED_SHUTDOWN);
    enqueue(search, place->node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
}

static void flush(struct search *search, const struct place *place, struct tlsm_shutdown shutdown)
{
    static struct node node;
    enum tlsm_shutdown_seen seen;
    for (int how = FLUSH_ALL; how <= FLUSH_BROKEN; how++) {
        node_copy(&node, place->node);
        complain(search, place, shutdown_flush(&node, (enum flush)how, &seen));
        node_normalize(&node);
        enqueue(search, &node, shutdown, seen, place->calls);
    }
}

static void read_all(struct search *search, const struct place *place, struct tlsm_shutdown shutdown)
{
    static struct node node;
    enum tlsm_shutdown_seen seen;
    enqueue(search, place->node, shutdown, TLSM_SAW_BLOCKED_READ, place->calls);
    for (size_t i = 0; i < sizeof reads; i++) {
        node_copy(&node, place->node);
        complain(search, place, shutdown_do(&node, reads[i], &seen));
        node_normalize(&node);
        if (seen != TLSM_SAW_BLOCKED_READ)
            enqueue(search, &node, shutdown, seen, place->calls);
    }
}

static void expand(struct search *search, const struct place *place)
{
    static struct node node;
    struct tlsm_shutdown_next next;
    enum tlsm_shutdown_seen seen;
    const struct hash hash = hash_node(place->node);
    complain(search, place, check_shutdown(place->shutdown, (enum tlsm_shutdown_seen)place->seen, &place->node->at.state, &next));
    fold(search->digest, hash.a);
    fold_bytes(search->digest, (const uint8_t *)&next, sizeof next);
    switch ((enum tlsm_shutdown_act)next.act) {
    case TLSM_DO_RETURN: after_return(search, place, next.state); break;
    case TLSM_DO_FLUSH: flush(search, place, next.state); break;
    case TLSM_DO_READ: read_all(search, place, next.state); break;
    case TLSM_DO_CLOSE:
        node_copy(&node, place->node);
        complain(search, place, shutdown_do(&node, OP_CLOSE, &seen));
        node_normalize(&node);
        enqueue(search, &node, next.state, TLSM_SAW_PROGRESS, place->calls);
        break;
    }
}

static void begin(struct search *search, const struct node *root)
{
    for (unsigned how = 0; how < 16; how++) {
        struct tlsm_shutdown shutdown;
        memset(&shutdown, 0, sizeof shutdown);
        shutdown.contract = how & 1 ? TLSM_SHUTDOWN_TWO_STEP : TLSM_SHUTDOWN_ONE_CALL;
        shutdown.quiet = how >> 1 & 1;
        tlsm_shutdown_preset(&shutdown, how >> 2);
        enqueue(search, root, shutdown, TLSM_SAW_CALL, 0);
    }
}

static const uint8_t courses[][4] = {   /* what happened before the first call */
    { OPERATIONS }, { OP_WRITE, OPERATIONS }, { OP_PEER_CLOSE, OPERATIONS }, { OP_PEER_ALERT, OPERATIONS },
    { OP_BAD_TAG, OPERATIONS }, { OP_BAD_TAG, OP_PRODUCE, OPERATIONS }, { OP_EOF, OPERATIONS }, { OP_SEND_FAILED, OPERATIONS },
    { OP_ABORT, OPERATIONS }, { OP_ABANDON, OPERATIONS }, { OP_DEADLINE_SET, OPERATIONS }, { OP_CLOSE_ONE_WAY, OPERATIONS },
    { OP_EXPORT, OPERATIONS }, { OP_PEER_CLOSE, OP_WRITE, OPERATIONS }, { OP_CLOSE, OP_PRODUCE, OPERATIONS },
};

static void begin_scene(struct search *search, const struct scene *scene)
{
    static struct node node;
    enum tlsm_shutdown_seen ignored;
    for (size_t root = 0; root < scene->roots; root++)
        begin(search, &scene->root[root]);
    for (size_t i = 1; i < sizeof courses / sizeof *courses; i++) {
        node_copy(&node, &scene->root[scene->roots - 1]);
        for (size_t step = 0; courses[i][step] != OPERATIONS; step++)
            (void)shutdown_do(&node, courses[i][step], &ignored);
        node_normalize(&node);
        begin(search, &node);
    }
}

unsigned walk_shutdown(struct hash *digest, uint64_t *states)
{
    struct search search = { calloc(TABLE, sizeof(struct hash)), NULL, NULL, digest, 0, 0 };
    search.last = &search.first;
    if (search.known == NULL)
        abort();
    begin_scene(&search, scene_at(0));
    begin_scene(&search, scene_at(1));
    begin_scene(&search, scene_at(4));
    while (search.first != NULL) {
        struct place *place = search.first;
        expand(&search, place);
        search.first = place->next;
        if (search.first == NULL)
            search.last = &search.first;
        free(place->node);
        free(place);
    }
    free(search.known);
    *states = search.states;
    return search.broken;
}
