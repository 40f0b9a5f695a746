/* SPDX-License-Identifier: MIT */
#include "explore_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ hashes */

static uint64_t rotate(uint64_t x, unsigned by) { return x << by | x >> (64 - by); }

void fold(struct hash *hash, uint64_t word)
{
    hash->a = rotate(hash->a ^ word, 29) * UINT64_C(0x9e3779b97f4a7c15);
    hash->b = rotate(hash->b + word, 37) * UINT64_C(0xc2b2ae3d27d4eb4f);
}

/* Words are read as little-endian, whatever the machine. */
void fold_bytes(struct hash *hash, const uint8_t *bytes, size_t length)
{
    uint64_t word;
    for (; length >= 8; bytes += 8, length -= 8) {
        memcpy(&word, bytes, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        fold(hash, word);
    }
    word = length;
    while (length-- > 0)
        word = word << 8 | *bytes++;
    fold(hash, word);
}

struct hash hash_node(const struct node *node)
{
    struct hash hash = { 0x746c736d, 0x636c6f7365 };
    fold(&hash, (uint64_t)node->mark.scene << 40 | (uint64_t)node->mark.watch << 32 | (uint64_t)node->mark.record << 16 |
                    node->mark.offset);
    fold_bytes(&hash, bytes_ordered(node), node->at.state.length);
    fold(&hash, hash.a ^ rotate(hash.b, 32));
    return hash;
}

/* ------------------------------------------------------------------------------------------------ nodes */

/* Live nodes lie packed: mark, index, state. A level is freed when the next is done. */
struct level {
    uint8_t *bytes;
    size_t used, capacity;
};

struct entry {
    struct hash hash;
    uint32_t parent;          /* or the root, with `operation` = OPERATIONS */
    uint8_t operation;
};

struct walk_nodes {
    struct entry *entry;
    size_t count, capacity;
    uint32_t *table;          /* 1 + index, 0 free; a power of two */
    size_t mask;
    struct level now, next;
};

int grow(void **at, size_t *capacity, size_t wanted, size_t size)
{
    size_t more = *capacity != 0 ? *capacity : 1024;
    void *moved;
    if (wanted <= *capacity)
        return 0;
    while (more < wanted)
        more *= 2;
    moved = realloc(*at, more * size);
    if (moved == NULL)
        return -1;
    *at = moved;
    *capacity = more;
    return 0;
}

static int grow_table(struct walk_nodes *nodes)
{
    const size_t size = nodes->table == NULL ? 1 << 12 : (nodes->mask + 1) * 4;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL)
        return -1;
    for (size_t i = 0; i < nodes->count; i++) {
        size_t at = (size_t)nodes->entry[i].hash.a & (size - 1);
        while (table[at] != 0)
            at = (at + 1) & (size - 1);
        table[at] = (uint32_t)i + 1;
    }
    free(nodes->table);
    nodes->table = table;
    nodes->mask = size - 1;
    return 0;
}

static int keep_live(struct walk_nodes *nodes, const struct node *node, uint32_t index)
{
    const size_t length = node->at.state.length, size = sizeof node->mark + 4 + 4 + length;
    struct level *level = &nodes->next;
    uint8_t *at;
    const uint32_t short_length = (uint32_t)length;
    if (grow((void **)&level->bytes, &level->capacity, level->used + size, 1) != 0)
        return -1;
    at = level->bytes + level->used;
    memcpy(at, &node->mark, sizeof node->mark);
    memcpy(at + sizeof node->mark, &index, 4);
    memcpy(at + sizeof node->mark + 4, &short_length, 4);
    memcpy(at + sizeof node->mark + 8, node->at.block, length);
    level->used += size;
    return 0;
}

/* 1: new and kept; 0: known; -1: no memory. */
static int add_node(struct walk_nodes *nodes, const struct node *node, struct hash hash, uint32_t parent, uint8_t operation)
{
    const struct entry entry = { hash, parent, operation };
    size_t at;
    if ((nodes->count + 1) * 2 > nodes->mask && grow_table(nodes) != 0)
        return -1;
    for (at = (size_t)hash.a & nodes->mask; nodes->table[at] != 0; at = (at + 1) & nodes->mask) {
        const struct hash *known = &nodes->entry[nodes->table[at] - 1].hash;
        if (known->a == hash.a && known->b == hash.b)
            return 0;
    }
    if (grow((void **)&nodes->entry, &nodes->capacity, nodes->count + 1, sizeof *nodes->entry) != 0 ||
        keep_live(nodes, node, (uint32_t)nodes->count) != 0)
        return -1;
    nodes->entry[nodes->count++] = entry;
    nodes->table[at] = (uint32_t)nodes->count;
    return 1;
}

void walk_free(struct walk *walk)
{
    struct walk_nodes *nodes = walk->nodes;
    if (nodes == NULL)
        return;
    free(nodes->entry);
    free(nodes->table);
    free(nodes->now.bytes);
    free(nodes->next.bytes);
    free(nodes);
    walk->nodes = NULL;
}

size_t walk_path(const struct walk *walk, uint32_t index, uint8_t *bytes, size_t capacity)
{
    const struct entry *entry = walk->nodes->entry;
    size_t length = 2, at;
    uint32_t i = index;
    for (; entry[i].operation != OPERATIONS; i = entry[i].parent)
        length++;
    if (length > capacity)
        return 0;
    bytes[0] = (uint8_t)walk->scene;
    bytes[1] = (uint8_t)entry[i].parent;
    for (at = length, i = index; entry[i].operation != OPERATIONS; i = entry[i].parent)
        bytes[--at] = entry[i].operation;
    return length;
}

/* ------------------------------------------------------------------------------------------------ bounds */

static int half_taken(const struct tlsm_ledger *ledger)
{
    return ledger->taken != ledger->produced && ledger->taken != ledger->record_start &&
           ledger->taken != ledger->batch_start;
}

/* Nothing on its way out, or a whole last record. */
static int settled(const struct tlsm_state *state)
{
    const uint8_t tx = state->control.tx;
    return tlsm_outstanding(state) == 0 ||
           (tx == TLSM_TX_CLOSE_OUT && state->ledger.record_start == state->ledger.taken);
}

static unsigned counting(const struct tlsm_control *control)
{
    return (control->empties != 0 ? 1u : 0u) + (control->cancels != 0 ? 1u : 0u) + (control->key_updates != 0 ? 1u : 0u) +
           (control->warnings != 0 ? 1u : 0u);
}

/* Bytes on their way out matter to the closing by two things: whether any are, and whether a record is half taken. So one
 * data record at a time, and one cut into each. */
static int out_bound(const struct tlsm_state *before, unsigned operation, const struct tlsm_state *after)
{
    if (after->ledger.produced > before->ledger.produced && after->control.tx == TLSM_TX_OPEN &&
        after->control.facts & TLSM_FACT_COMPLETE && before->ledger.record_start > before->ledger.taken)
        return 0;
    return !(operation == OP_SENT_ONE && half_taken(&before->ledger));
}

/* What the bytes of a header are to each other, the scenes of TLS 1.3 say. In TLS 1.2 the type is to be seen, so a header goes on to
 * just one record: of an alert. */
static int other_record_12(const struct tlsm_control *control)
{
    enum { ALERT = 21, ALERT_BODY = 8 + 2 + TLSM_TAG };
    if (control->version != TLSM_1_2)
        return 0;
    return control->record_type != ALERT || (control->header_seen == 4 && control->body != 0) ||
           (control->header_seen == TLSM_HEADER && control->body != ALERT_BODY);
}

static int framing_bound(const struct walk *walk, const struct tlsm_state *after)
{
    const struct tlsm_control *control = &after->control;
    if (control->header_seen == 0)
        return 1;
    if (other_record_12(control))
        return 0;
    return !walk->quick && scene_at(walk->scene)->flags & SCENE_FRAMED;
}

static int counter_bound(const struct walk *walk, const struct tlsm_state *after)
{
    const struct tlsm_control *control = &after->control;
    const int deep = control->empties > 1 || control->cancels > 1 || control->key_updates > 1 ||
                     control->warnings > 1;
    if (control->tickets > 2)
        return 0;
    return !deep || (!walk->quick && scene_at(walk->scene)->flags & SCENE_DEEP && control->owes == 0);
}

/* A message in pieces: its own pieces only, cut in its header and once behind it. */
static int pieces_bound(const struct node *before, unsigned operation, const struct node *after)
{
    const struct tlsm_state *was = &before->at.state, *is = &after->at.state;
    if (!was->control.split || !is->control.split)
        return 1;
    if (is->control.rx == TLSM_RX_HANDSHAKE || is->spare_have + is->spare_skip == 0)
        return operation == OP_SCRIPT && after->mark.offset == 0;
    return operation == OP_REST_ONE && is->spare_have <= 6 && (was->spare_skip == 0 || is->spare_skip > 390);
}

/* What does not look at each other, and would multiply: the counters, a message in pieces, what only the report speaks of, a
 * deadline. One of them at a time, and a header in pieces with none of them but the deadline. */
static int one_at_a_time(const struct tlsm_state *after)
{
    const struct tlsm_control *control = &after->control;
    const int canceled = (control->facts & TLSM_FACT_PEER_CANCELED) != 0;
    const int tickets = control->tickets != 0 || (control->facts & TLSM_FACT_TICKETS) != 0 || (after->spare_have != 0 && !control->split);
    const int deadline = (control->facts & TLSM_FACT_DEADLINE) != 0;
    const int late = (control->facts & TLSM_FACT_COMPLETE) && control->phase != TLSM_PHASE_DATA && !control->split;
    const int others = canceled + tickets + (control->empties != 0) + (control->key_updates != 0) +
                       (control->warnings != 0) + (after->ledger.skipped != 0) + control->split;
    if (control->header_seen != 0)
        return others + late == 0;
    return others + late + deadline <= 1 && (others == 0 || settled(after));
}

static int scene_bound(const struct walk *walk, const struct tlsm_state *after)
{
    const unsigned flags = scene_at(walk->scene)->flags;
    const uint32_t facts = after->control.facts;
    if (facts & TLSM_FACT_DEADLINE && (!(flags & SCENE_DEADLINE) || !(facts & TLSM_FACT_COMPLETE || settled(after))))
        return 0;
    if (facts & (TLSM_FACT_READ_ELSEWHERE | TLSM_FACT_WRITE_ELSEWHERE) && !(flags & SCENE_ELSEWHERE))
        return 0;
    if (flags & SCENE_WHOLE && (half_taken(&after->ledger) || after->ledger.record_start > after->ledger.taken || after->control.split))
        return 0;
    return !(flags & SCENE_HANDSHAKE) || !(facts & TLSM_FACT_COMPLETE);
}

static int walk_further(const struct walk *walk, const struct node *before, unsigned operation, const struct node *after)
{
    const struct tlsm_state *is = &after->at.state;
    return pieces_bound(before, operation, after) && one_at_a_time(is) && out_bound(&before->at.state, operation, is) &&
           framing_bound(walk, is) && counter_bound(walk, is) && scene_bound(walk, is);
}

/* Large records are tried on nodes where nothing else is going on. */
static int too_dear(const struct node *node, unsigned operation)
{
    const struct tlsm_control *control = &node->at.state.control;
    return operation == OP_OVERSIZE &&
           (counting(control) != 0 || control->split || tlsm_outstanding(&node->at.state) != 0 ||
            control->facts & (TLSM_FACT_DEADLINE | TLSM_FACT_TICKETS | TLSM_FACT_ONE_WAY) || control->owes != 0 ||
            control->tickets != 0);
}

/* ------------------------------------------------------------------------------------------------ one transition */

static void complain(struct walk *walk, uint32_t index, unsigned operation, const char *broken)
{
    uint8_t path[512];
    const size_t length = walk_path(walk, index, path, sizeof path);
    if (walk->broken++ >= 20)
        return;
    printf("BROKEN: %s\n  scene \"%s\", root %u:", broken, scene_at(walk->scene)->name, length > 1 ? path[1] : 0u);
    for (size_t i = 2; i < length; i++)
        printf(" [%s]", operation_text(path[i]));
    printf(" [%s]\n", operation < OPERATIONS ? operation_text(operation) : "then the end");
}

static void mark_slots(struct walk *walk, unsigned operation, const struct operation_result *result,
                       const struct node *after)
{
    for (unsigned i = 0; i < result->step.cells; i++) {
        const unsigned cell = result->step.cell[i], event = cell % TLSM_EV_COUNT, halves = cell / TLSM_EV_COUNT;
        walk->slot[statecov_of_cell((uint16_t)cell, result->code)] = 1;
        walk->rx_row[halves / TLSM_TX_COUNT][event] = 1;
        walk->tx_row[halves % TLSM_TX_COUNT][event] = 1;
    }
    walk->handshake_row[result->step.out.row] = 1;
    walk->slot[statecov_of_code(operation, result->code)] = 1;
    walk->slot[statecov_of_state(&after->at.state)] = 1;
}

static void fold_visit(struct hash *digest, const struct visit *visit)
{
    const struct step_report *step = &visit->result->step;
    fold(digest, visit->from.a);
    fold(digest, (uint64_t)visit->operation << 32 | (uint32_t)visit->result->code);
    for (unsigned i = 0; i < step->cells; i++)
        fold(digest, step->cell[i]);
    fold(digest, (uint64_t)step->out.news << 32 | step->out.consumed);
    fold(digest, (uint64_t)step->out.wire_length << 32 | step->out.plain_length);
    fold(digest, (uint64_t)step->out.input_needed << 32 | (step->out.wire_needed + step->out.state_needed));
    fold_bytes(digest, step->wire, step->out.wire_length);
    fold(digest, visit->to.a);
    fold(digest, visit->to.b);
}

static int try_operation(struct walk *walk, const struct node *before, uint32_t index, unsigned operation)
{
    static struct node after;
    struct operation_result result;
    const char *broken = operation_apply(before, operation, &after, &result);
    struct visit visit = { before, &after, walk->nodes->entry[index].hash, { 0, 0 }, operation, &result, index };
    int added = 0;
    if (broken != NULL)
        complain(walk, index, operation, broken);
    if (!result.applied)
        return 0;
    node_normalize(&after);
    visit.to = hash_node(&after);
    walk->transitions++;
    mark_slots(walk, operation, &result, &after);
    fold_visit(&walk->digest, &visit);
    if (walk->visited != NULL)
        walk->visited(walk->context, &visit);
    if (result.code < TLSM_MORE_INPUT && walk_further(walk, before, operation, &after))
        added = add_node(walk->nodes, &after, visit.to, index, (uint8_t)operation);
    return added < 0 ? -1 : 0;
}

/* What is computed of a state, and stands nowhere in it. */
static void fold_computed(struct hash *digest, const struct tlsm_state *state)
{
    struct tlsm_verdict verdict;
    struct tlsm_advice advice;
    tlsm_verdict(state, &verdict);
    tlsm_advice(state, &advice);
    fold(digest, (uint64_t)verdict.how << 40 | (uint64_t)verdict.cause << 32 | (uint64_t)verdict.phase << 24 |
                     (uint64_t)verdict.first_mover << 16 | (uint64_t)verdict.place << 8 | verdict.alert_sent);
    fold(digest, (uint64_t)verdict.alert_delivered << 48 | (uint64_t)verdict.alert_received << 40 |
                     (uint64_t)verdict.alert_received_level << 32 | (uint64_t)verdict.alert_authenticated << 24 |
                     (uint64_t)verdict.peer_canceled << 16 | (uint64_t)verdict.resumable << 8 |
                     (uint64_t)verdict.resumed << 1 | verdict.peer_may_not_read);
    fold(digest, (uint64_t)verdict.eof_have << 32 | verdict.eof_need);
    fold(digest, verdict.untaken << 32 | verdict.skipped);
    fold(digest, (uint64_t)advice.flags << 32 | advice.drain_bytes);
    fold(digest, advice.drop);
    fold(digest, (uint64_t)tlsm_needs(state) << 32 | tlsm_receive_hint(state));
}

static int expand(struct walk *walk, const struct node *node, uint32_t index)
{
    const char *broken = check_ends(node);
    walk->states++;
    fold_computed(&walk->digest, &node->at.state);
    walk->final_states += (uint64_t)tlsm_is_final(&node->at.state);
    walk->framed_states += node->at.state.control.header_seen > 0;
    if (broken != NULL)
        complain(walk, index, OPERATIONS, broken);
    for (unsigned operation = 0; operation < OPERATIONS; operation++)
        if (!too_dear(node, operation) && try_operation(walk, node, index, operation) != 0)
            return -1;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the walk */

static int add_roots(struct walk *walk, const struct scene *scene)
{
    const size_t first = scene->flags & SCENE_CASUAL ? scene->roots - 1 : 0;
    for (size_t i = first; i < scene->roots; i++)
        if (add_node(walk->nodes, &scene->root[i], hash_node(&scene->root[i]), (uint32_t)i, OPERATIONS) < 0)
            return -1;
    return 0;
}

static int expand_level(struct walk *walk)
{
    static struct node node;
    const struct level level = walk->nodes->now;
    for (size_t at = 0; at < level.used;) {
        uint32_t index, length;
        memcpy(&node.mark, level.bytes + at, sizeof node.mark);
        memcpy(&index, level.bytes + at + sizeof node.mark, 4);
        memcpy(&length, level.bytes + at + sizeof node.mark + 4, 4);
        memcpy(node.at.block, level.bytes + at + sizeof node.mark + 8, length);
        at += sizeof node.mark + 8 + length;
        if (expand(walk, &node, index) != 0)
            return -1;
    }
    return 0;
}

int walk_scene(struct walk *walk, size_t scene)
{
    uint64_t depth = 0;
    int failed;
    walk_free(walk);
    walk->scene = scene;
    walk->nodes = calloc(1, sizeof *walk->nodes);
    failed = walk->nodes == NULL || add_roots(walk, scene_at(scene)) != 0;
    while (!failed && walk->nodes->next.used > 0) {
        const struct level spare = walk->nodes->now;
        walk->nodes->now = walk->nodes->next;
        walk->nodes->next = spare;
        walk->nodes->next.used = 0;
        failed = expand_level(walk);
        depth++;
    }
    if (depth > walk->longest)
        walk->longest = depth;
    return failed ? -1 : 0;
}
