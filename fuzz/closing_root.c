/* SPDX-License-Identifier: MIT */
#include "closing_root.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "operation.h"
#include "sealed.h"

enum { ROOTS_MAX = CLOSING_OBEYS, SCENES = 40, EPOCHS = TLSM_EPOCH_DATA + 1, POOL = 1 << 18 };

static const struct node *roots[ROOTS_MAX];
static unsigned root_count;
static struct closing_record records[SCENES][EPOCHS][CLOSING_EVENTS];
static uint8_t pool[POOL];
static size_t pool_used;

static void must(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "closing: %s\n", what);
    abort();
}

/* ------------------------------------------------------------------------------------------------ where courses begin */

/* Every moment of these handshakes; of all others the connection alone, and where early data goes. */
static int is_whole(const struct scene *scene)
{
    static const char *const whole[] = { "client", "server", "client, TLS 1.2", "server, TLS 1.2", "server, rejects early data" };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (strcmp(scene->name, whole[i]) == 0)
            return 1;
    return 0;
}

static void add_roots(const struct scene *scene)
{
    const int whole = is_whole(scene);
    for (size_t i = 0; i < scene->roots; i++) {
        const struct node *node = &scene->root[i];
        const struct tlsm_control *control = &node->at.state.control;
        const int early = control->read_epoch == TLSM_EPOCH_EARLY || control->write_epoch == TLSM_EPOCH_EARLY;
        if (!whole && !early && i + 1 < scene->roots)
            continue;
        must(root_count < ROOTS_MAX, "too many roots");
        roots[root_count++] = node;
    }
}

unsigned closing_roots(void) { return root_count; }
const struct node *closing_root(uint8_t which) { return roots[which % root_count]; }

/* ------------------------------------------------------------------------------------------------ what the peer says */

/* Which operation makes the record; OPERATIONS: it is none. */
static unsigned operation_of(unsigned event)
{
    switch ((enum closing_event)event) {
#define COMMAND(name, kind, field, value, text) case CLOSING_##name: break;
#define WRITING(name, early, text) case CLOSING_##name: break;
#define SENT(name, how, text) case CLOSING_##name: break;
#define ANSWER(name, operation, text) case CLOSING_##name: break;
#define RECORD(name, operation, text) case CLOSING_##name: return OP_##operation;
#define MADE(name, operation, text) case CLOSING_##name: break;
#define HEADER(name, length, text) case CLOSING_##name: break;
#include "closing_event.def"
    case CLOSING_EVENTS: break;
    }
    return OPERATIONS;
}

static void make_record(const struct node *node, unsigned operation, struct closing_record *record)
{
    const struct tlsm_state *state = &node->at.state;
    const struct tlsm_bytes bytes = operation_bytes(node, operation);
    struct sealed is;
    if (bytes.length == 0)
        return;
    must(pool_used + 2 * bytes.length <= POOL, "the pool is too small");
    is = sealed_open(state->control.version, &state->read_key, bytes.data, bytes.data + TLSM_HEADER);
    memcpy(pool + pool_used, bytes.data, bytes.length);
    record->bytes = pool + pool_used;
    record->length = (uint16_t)bytes.length;
    pool_used += bytes.length;
    memcpy(pool + pool_used, is.content, is.length);
    record->content = pool + pool_used;
    record->content_length = (uint8_t)is.length;
    record->type = is.protected && is.authentic ? is.type : 0;
    pool_used += is.length;
}

/* The first node under each key stands for all. */
static void make_records(size_t scene)
{
    const struct scene *from = scene_at(scene);
    uint8_t done[EPOCHS] = { 0 };
    for (size_t i = 0; i < from->roots; i++) {
        const struct node *node = &from->root[i];
        const struct tlsm_control *control = &node->at.state.control;
        if (done[control->read_epoch] || control->rx == TLSM_RX_UNBORN)
            continue;
        done[control->read_epoch] = 1;
        for (unsigned event = 0; event < CLOSING_EVENTS; event++)
            if (operation_of(event) != OPERATIONS)
                make_record(node, operation_of(event), &records[scene][control->read_epoch][event]);
    }
}

const struct closing_record *closing_record(const struct node *node, unsigned event)
{
    return &records[node->mark.scene][node->at.state.control.read_epoch][event];
}

void closing_pin(struct node *node, uint32_t news)
{
    const struct scene *scene = scene_at(node->mark.scene);
    struct tlsm_state *state = &node->at.state;
    if (state->control.facts & TLSM_FACT_READ_ELSEWHERE)
        return;
    state->read_key.sequence = 0;
    if (news & TLSM_NEWS_KEYS_CHANGED && state->control.read_epoch == TLSM_EPOCH_DATA) {
        state->read_key = scene->read_key;
        memcpy(state->read_secret, scene->read_secret, sizeof state->read_secret);
    }
}

void closing_prepare(void)
{
    static int prepared;
    if (prepared)
        return;
    prepared = 1;
    scenes_prepare();
    must(scenes_count() <= SCENES, "too many scenes");
    for (size_t i = 0; i < scenes_count(); i++) {
        add_roots(scene_at(i));
        make_records(i);
    }
}
