/* SPDX-License-Identifier: MIT */
/* The shutdown procedure against every way a transport and a peer can treat it: breadth-first over (connection, procedure,
 * what was seen). Every step is held against K1–K6; they leave no way to go in circles: it closes once, flushes only what is
 * owed, reads only where there is something to read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explore_report.h"

/* The course so far as a choice sequence. */
struct trail {
    uint8_t bytes[48];
    uint8_t length;
    uint8_t call;                /* where the byte of the call at hand lies */
    uint8_t flushed;             /* it says how the transport flushes */
    uint8_t lost;                /* no choice sequence says it */
};

struct place {
    struct place *next;          /* in the queue */
    struct trail trail;
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
    struct witnesses *witnesses; /* may be NULL */
    uint8_t stepped[STATECOV_SIZE];
};

static const uint8_t reads[] = { OP_DATA, OP_PEER_CLOSE, OP_EOF, OP_RECEIVE_FAILED, OP_PEER_ALERT, OP_BAD_TAG, OP_TICKET,
                                 OP_KEY_UPDATE_ASKED, OP_DEADLINE, OP_SCRIPT };

static struct trail trail_with(struct trail trail, uint8_t choice)
{
    trail.lost |= trail.length == sizeof trail.bytes;
    if (!trail.lost)
        trail.bytes[trail.length++] = choice;
    return trail;
}

static struct trail trail_call(struct trail trail)
{
    trail = trail_with(trail_with(trail, SEQUENCE_CALL), 0);
    trail.call = (uint8_t)(trail.length - 1);
    trail.flushed = 0;
    return trail;
}

/* A call of a sequence flushes in one way alone, and reads three things at most. */
static struct trail trail_flush(struct trail trail, enum flush how)
{
    trail.lost |= trail.flushed && (trail.bytes[trail.call] & 3) != how;
    trail.bytes[trail.call] = (uint8_t)((trail.bytes[trail.call] & ~3u) | how);
    trail.flushed = 1;
    return trail;
}

static struct trail trail_read(struct trail trail, uint8_t operation)
{
    trail.lost |= trail.bytes[trail.call] >> 2 == 3;
    trail.bytes[trail.call] = (uint8_t)(trail.bytes[trail.call] + 4);
    return trail_with(trail, operation);
}

static void enqueue(struct search *search, const struct trail *trail, const struct node *node, struct tlsm_shutdown shutdown,
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
    place->trail = *trail;
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
    struct trail trail = trail_call(place->trail);
    if (place->calls >= CALLS)
        return;
    enqueue(search, &trail, place->node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
    if (shutdown.held) {
        struct tlsm_shutdown taken = shutdown;
        taken.held = 0;
        trail = trail_call(trail_with(place->trail, SEQUENCE_TAKEN));
        enqueue(search, &trail, place->node, taken, TLSM_SAW_CALL, place->calls + 1u);
    }
    node_copy(&node, place->node);
    complain(search, place, shutdown_do(&node, OP_PEER_CLOSE, &ignored));
    node_normalize(&node);
    trail = trail_call(trail_with(place->trail, OP_PEER_CLOSE));
    enqueue(search, &trail, &node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
    tlsm_shutdown_preset(&shutdown, TLSM_RECEIVED_SHUTDOWN);
    trail.lost = 1;   /* a sequence sets flags before the first call alone */
    enqueue(search, &trail, place->node, shutdown, TLSM_SAW_CALL, place->calls + 1u);
}

static void flush(struct search *search, const struct place *place, struct tlsm_shutdown shutdown)
{
    static struct node node;
    enum tlsm_shutdown_seen seen;
    for (int how = FLUSH_ALL; how <= FLUSH_BROKEN; how++) {
        const struct trail trail = trail_flush(place->trail, (enum flush)how);
        node_copy(&node, place->node);
        complain(search, place, shutdown_flush(&node, (enum flush)how, &seen));
        node_normalize(&node);
        enqueue(search, &trail, &node, shutdown, seen, place->calls);
    }
}

static void read_all(struct search *search, const struct place *place, struct tlsm_shutdown shutdown)
{
    static struct node node;
    enum tlsm_shutdown_seen seen;
    enqueue(search, &place->trail, place->node, shutdown, TLSM_SAW_BLOCKED_READ, place->calls);
    for (size_t i = 0; i < sizeof reads; i++) {
        const struct trail trail = trail_read(place->trail, reads[i]);
        node_copy(&node, place->node);
        complain(search, place, shutdown_do(&node, reads[i], &seen));
        node_normalize(&node);
        if (seen != TLSM_SAW_BLOCKED_READ)
            enqueue(search, &trail, &node, shutdown, seen, place->calls);
    }
}

static void mark(struct search *search, const struct place *place, const struct tlsm_shutdown_next *next)
{
    const unsigned slot = statecov_of_step(place->shutdown.contract, (enum tlsm_shutdown_seen)place->seen, next);
    search->stepped[slot] = 1;
    if (search->witnesses != NULL && !place->trail.lost)
        witness_keep(search->witnesses, slot, place->trail.bytes, place->trail.length);
}

static void expand(struct search *search, const struct place *place)
{
    static struct node node;
    struct tlsm_shutdown_next next;
    enum tlsm_shutdown_seen seen;
    const struct hash hash = hash_node(place->node);
    complain(search, place, check_shutdown(place->shutdown, (enum tlsm_shutdown_seen)place->seen, &place->node->at.state, &next));
    mark(search, place, &next);
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
        enqueue(search, &place->trail, &node, next.state, TLSM_SAW_PROGRESS, place->calls);
        break;
    }
}

static void begin(struct search *search, const struct trail *before, const struct node *root)
{
    for (unsigned how = 0; how < 16; how++) {
        const struct trail trail = trail_call(trail_with(trail_with(*before, SEQUENCE_SET), (uint8_t)how));
        struct tlsm_shutdown shutdown;
        memset(&shutdown, 0, sizeof shutdown);
        shutdown.contract = how & 1 ? TLSM_SHUTDOWN_TWO_STEP : TLSM_SHUTDOWN_ONE_CALL;
        shutdown.quiet = how >> 1 & 1;
        tlsm_shutdown_preset(&shutdown, how >> 2);
        enqueue(search, &trail, root, shutdown, TLSM_SAW_CALL, 0);
    }
}

static const uint8_t courses[][4] = {   /* what happened before the first call */
    { OPERATIONS }, { OP_WRITE, OPERATIONS }, { OP_PEER_CLOSE, OPERATIONS }, { OP_PEER_ALERT, OPERATIONS },
    { OP_BAD_TAG, OPERATIONS }, { OP_BAD_TAG, OP_PRODUCE, OPERATIONS }, { OP_EOF, OPERATIONS }, { OP_SEND_FAILED, OPERATIONS },
    { OP_ABORT, OPERATIONS }, { OP_ABANDON, OPERATIONS }, { OP_DEADLINE_SET, OPERATIONS }, { OP_CLOSE_ONE_WAY, OPERATIONS },
    { OP_EXPORT, OPERATIONS }, { OP_PEER_CLOSE, OP_WRITE, OPERATIONS }, { OP_CLOSE, OP_PRODUCE, OPERATIONS },
};

static void begin_scene(struct search *search, size_t number)
{
    static struct node node;
    const struct scene *scene = scene_at(number);
    enum tlsm_shutdown_seen ignored;
    struct trail trail = { .bytes = { (uint8_t)number }, .length = 2 };
    for (size_t root = 0; root < scene->roots; root++) {
        trail.bytes[1] = (uint8_t)root;
        begin(search, &trail, &scene->root[root]);
    }
    for (size_t i = 1; i < sizeof courses / sizeof *courses; i++) {
        trail.length = 2;
        node_copy(&node, &scene->root[scene->roots - 1]);
        for (size_t step = 0; courses[i][step] != OPERATIONS; step++) {
            (void)shutdown_do(&node, courses[i][step], &ignored);
            trail = trail_with(trail, courses[i][step]);
        }
        node_normalize(&node);
        begin(search, &trail, &node);
    }
}

static unsigned without_course(const struct search *search)
{
    unsigned missing = 0;
    for (unsigned slot = STATECOV_STEPS; search->witnesses != NULL && slot < STATECOV_SIZE; slot++)
        if (search->stepped[slot] && search->witnesses->of[slot].bytes == NULL) {
            printf("BROKEN: shutdown: no choice sequence leads to step %u\n", slot);
            missing++;
        }
    return missing;
}

unsigned walk_shutdown(struct hash *digest, uint64_t *states, struct witnesses *witnesses)
{
    static struct search search;
    search = (struct search){ .known = calloc(TABLE, sizeof(struct hash)), .digest = digest, .witnesses = witnesses };
    search.last = &search.first;
    if (search.known == NULL)
        abort();
    begin_scene(&search, 0);
    begin_scene(&search, 1);
    begin_scene(&search, 4);
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
    return search.broken + without_course(&search);
}
