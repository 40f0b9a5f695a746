/* SPDX-License-Identifier: MIT */
#include "state_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "operation.h"

enum { POOL_MAX = 32768, ROUNDS = 3 };


/* What one state differs in from another, for whoever asks whether it agrees with itself. */
struct shape {
    uint8_t role, rx, tx, phase, read_epoch, write_epoch, behind, request, split, header, spare, skip, owes, early, cause, place;
    uint16_t version, marks;
    uint32_t facts;
};

static struct node *pool[POOL_MAX];
static struct shape shapes[POOL_MAX];
static size_t have;

static struct shape shape_of(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const uint32_t facts = TLSM_FACT_COMPLETE | TLSM_FACT_RESUMED | TLSM_FACT_ERROR | TLSM_FACT_FATAL_MADE | TLSM_FACT_FATAL_TAKEN |
                           TLSM_FACT_CLOSE_MADE | TLSM_FACT_EARLY_REJECTED | TLSM_FACT_READ_ELSEWHERE | TLSM_FACT_WRITE_ELSEWHERE;
    struct shape shape;
    memset(&shape, 0, sizeof shape);
    shape.role = control->role;
    shape.rx = control->rx;
    shape.tx = control->tx;
    shape.phase = control->phase;
    shape.read_epoch = control->read_epoch;
    shape.write_epoch = control->write_epoch;
    shape.behind = control->behind;
    shape.request = control->request;
    shape.split = control->split;
    shape.header = control->header_seen == 0 ? 0 : control->header_seen < 4 ? 1 : control->header_seen;
    shape.spare = state->spare_have != 0;
    shape.skip = state->spare_skip != 0;
    shape.owes = control->owes;
    shape.early = tlsm_is_final(state) ? 0 : (uint8_t)tlsm_early_data(state);
    shape.cause = control->cause;
    shape.place = control->place;
    shape.version = control->version;
    shape.marks = tlsm_is_final(state) ? 0 : control->marks;
    shape.facts = control->facts & facts;
    return shape;
}

static int is_known(const struct shape *shape)
{
    for (size_t i = have; i > 0; i--)
        if (memcmp(shape, &shapes[i - 1], sizeof *shape) == 0)
            return 1;
    return 0;
}

static void add(const struct node *node)
{
    const struct shape shape = shape_of(&node->at.state);
    if (is_known(&shape))
        return;
    struct node *kept = calloc(1, sizeof *kept);
    if (kept == NULL || have == POOL_MAX) {
        fprintf(stderr, "the pool is full\n");
        abort();
    }
    node_copy(kept, node);
    shapes[have] = shape;
    pool[have++] = kept;
}

static void grow(size_t index, const uint8_t *operation, size_t operations)
{
    static struct node next;
    struct operation_result result;
    for (size_t i = 0; i < operations; i++) {
        const char *broken = operation_apply(pool[index], operation[i], &next, &result);
        if (broken != NULL) {
            fprintf(stderr, "%s: %s\n", operation_text(operation[i]), broken);
            abort();
        }
        if (result.applied && result.code < TLSM_NOT_STARTED)
            add(&next);
    }
}

/* What leads elsewhere: to each end, half way to it, to a message begun, and through a certificate that is asked for later. */
static const uint8_t first[] = { OP_CLOSE, OP_ABORT, OP_ABANDON, OP_EOF, OP_EOF_ONE, OP_EOF_VOUCHED, OP_SEND_FAILED, OP_RECEIVE_FAILED, OP_EXPORT_CARRY, OP_PEER_ALERT,
                                 OP_PEER_CLOSE, OP_PLAIN_ALERT, OP_SCRIPT_ONE, OP_SCRIPT_HEADER, OP_HEADER_0, OP_HEADER_5, OP_BAD_TAG, OP_TICKET_FIVE, OP_TICKET_LONG,
                                 OP_REQUEST, OP_REQUEST_HALF, OP_UPDATE_ASK, OP_KEY_UPDATE_ASKED, OP_OFFLOAD_READ, OP_OFFLOAD_WRITE, OP_ASK_CERTIFICATE, OP_ISSUE, OP_WRITE,
                                 OP_WRITE_EARLY, OP_ANSWER_NONE, OP_ANSWER_STALE, OP_ANSWER_REFUSE, OP_DEADLINE_SET };
static const uint8_t then[] = { OP_EXPORT_CARRY, OP_PRODUCE, OP_SENT_ALL, OP_SENT_ONE, OP_ANSWER, OP_CLOSE, OP_PEER_CLOSE, OP_EOF, OP_ABANDON, OP_SEND_FAILED, OP_REQUEST, OP_REQUEST_HALF, OP_SCRIPT, OP_SCRIPT_ONE };

void pool_fill(void)
{
    if (have != 0)
        return;
    scenes_prepare();
    check_quick(1);
    for (size_t scene = 0; scene < scenes_count(); scene++)
        for (size_t root = 0; root < scene_at(scene)->roots; root++)
            add(&scene_at(scene)->root[root]);
    size_t begin = 0, end = have;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = begin; i < end; i++)
            grow(i, round == 0 ? first : then, round == 0 ? sizeof first : sizeof then);
        begin = end;
        end = have;
    }
}

size_t pool_count(void) { return have; }
const struct node *pool_at(size_t index) { return pool[index]; }
