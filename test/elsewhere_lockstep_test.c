/* SPDX-License-Identifier: MIT */
/* J2, the decisive property: a machine that opens and seals its records, and one whose records are opened and sealed
 * elsewhere, hear and say the same in lock-step: over all short courses, and over many generated ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "null_provider.h"
#include "operation.h"

static int prepare(void **unused)
{
    (void)unused;
    scenes_prepare();
    return 0;
}

/* ------------------------------------------------------------------------------------------------ twins */

struct twins {
    struct node here, there;     /* the second one's records are elsewhere */
    struct node here_before, there_before;
    unsigned sides;              /* enum tlsm_side bits */
};

static const struct tlsm_config *config_of(const struct node *node) { return &scene_at(node->mark.scene)->config; }
static int elsewhere(const struct node *node, uint32_t fact) { return (node->at.state.control.facts & fact) != 0; }

static size_t connected_root(const struct scene *scene)
{
    return scene->roots - (scene->flags & SCENE_ELSEWHERE ? 2 : 1);
}

static void part(struct twins *twins, size_t index, unsigned sides)
{
    static const unsigned operations[] = { 0, OP_OFFLOAD_READ, OP_OFFLOAD_WRITE, OP_OFFLOAD };
    const struct scene *scene = scene_at(index);
    struct operation_result result;
    node_copy(&twins->here, &scene->root[connected_root(scene)]);
    assert_null(operation_apply(&twins->here, operations[sides], &twins->there, &result));
    assert_int_equal(result.code, TLSM_OK);
    twins->sides = sides;
}

/* What has no counterpart: bytes and headers on one side only, bytes of a record whose length differs, an empty record, which
 * is nothing to send where it is only its content, and leaving at all. */
static int comparable(const struct twins *twins, unsigned operation)
{
    switch (operation) {
    case OP_WIRE_NOTHING: case OP_BODY_MOST: case OP_SCRIPT: case OP_SCRIPT_HEADER: case OP_SCRIPT_ONE:
    case OP_EOF_ONE: case OP_EOF_MOST: case OP_EOF_WHOLE: case OP_EOF_UNSURE:
    case OP_OFFLOAD: case OP_OFFLOAD_READ: case OP_OFFLOAD_WRITE: case OP_OFFLOAD_FIXED:
    case OP_RECORD_ELSEWHERE: case OP_RECORD_UNSAID: case OP_PLAIN_WARNING: case OP_PLAIN_REQUEST: case OP_PLAIN_HELLO_12:
        return 0;
    case OP_SENT_ONE: case OP_SENT_MOST: case OP_WRITE_EMPTY: case OP_PRODUCE_SHORT: case OP_WRITE_SHORT:
        return !(twins->sides & TLSM_SIDE_WRITE);
    }
    if (operation >= OP_HEADER_0 && operation <= OP_HEADER_15)
        return 0;
    return operation < OP_CCS || operation > OP_PLAIN_DATA;
}

/* ------------------------------------------------------------------------------------------------ what must be the same */

static const char *compare_keys(const struct twins *twins, enum tlsm_side side)
{
    const struct tlsm_state *here = &twins->here.at.state;
    const int reading = side == TLSM_SIDE_READ;
    struct tlsm_key given, expected = reading ? here->read_key : here->write_key;
    if (elsewhere(&twins->there, reading ? TLSM_FACT_READ_ELSEWHERE : TLSM_FACT_WRITE_ELSEWHERE))
        expected.sequence = 0;
    if ((reading ? here->control.read_epoch : here->control.write_epoch) == TLSM_EPOCH_NONE)
        return tlsm_record_keys(config_of(&twins->there), &twins->there.at.state, side, &given) < 0
                   ? NULL : "a key for a half that has none";
    if (tlsm_record_keys(config_of(&twins->there), &twins->there.at.state, side, &given) != 0)
        return "no key for the layer elsewhere";
    return memcmp(&given, &expected, sizeof given) == 0
               ? NULL : "the layer elsewhere has another key";
}

/* The whole value, but for what the wire's own bytes make different. */
static const char *compare_states(const struct twins *twins)
{
    static struct node one, two;
    const uint32_t bits = TLSM_FACT_READ_ELSEWHERE | TLSM_FACT_WRITE_ELSEWHERE;
    struct node *nodes[2] = { &one, &two };
    node_copy(&one, &twins->here);
    node_copy(&two, &twins->there);
    if ((tlsm_outstanding(&one.at.state) == 0) != (tlsm_outstanding(&two.at.state) == 0))
        return "one has more to send";
    for (int i = 0; i < 2; i++) {
        struct tlsm_state *state = &nodes[i]->at.state;
        state->control.facts &= ~bits;
        state->ledger.produced = state->ledger.taken = state->ledger.batch_start = state->ledger.record_start = 0;
        state->read_key = (struct tlsm_key){ .suite = state->read_key.suite, .sequence = state->read_key.sequence };
        state->write_key = (struct tlsm_key){ .suite = state->write_key.suite, .sequence = state->write_key.sequence };
    }
    return node_equal(&one, &two) ? NULL : "two states";
}

static const char *compare_ends(const struct twins *twins)
{
    struct tlsm_verdict one, two;
    struct tlsm_advice mine, theirs;
    tlsm_verdict(&twins->here.at.state, &one);
    tlsm_verdict(&twins->there.at.state, &two);
    tlsm_advice(&twins->here.at.state, &mine);
    tlsm_advice(&twins->there.at.state, &theirs);
    if ((one.untaken == 0) != (two.untaken == 0) || (mine.drop == 0) != (theirs.drop == 0))
        return "bytes not taken by one only";
    one.untaken = two.untaken = mine.drop = theirs.drop = 0;
    if (memcmp(&one, &two, sizeof one) != 0)
        return "two verdicts";
    if (memcmp(&mine, &theirs, sizeof mine) != 0)
        return "two pieces of advice";
    return tlsm_needs(&twins->here.at.state) == tlsm_needs(&twins->there.at.state) ? NULL : "two needs";
}

/* A record of ours, opened as its receiver would, is what the other one hands over. */
static const char *compare_made(const struct twins *twins, const struct step_report *here, const struct step_report *there)
{
    static uint8_t wire[SCENE_WIRE];
    const struct tlsm_key *key = &twins->here_before.at.state.write_key;
    const size_t whole = here->out.wire_length - TLSM_HEADER, inner = whole - TLSM_TAG;
    if (!elsewhere(&twins->there_before, TLSM_FACT_WRITE_ELSEWHERE))
        return here->out.wire_length == there->out.wire_length ? NULL : "records of two lengths";
    if (here->out.wire_length == 0)
        return there->out.record_type == 0 ? NULL : "a record that only one makes";
    memcpy(wire, here->wire, here->out.wire_length);
    if (tlsm_null_provider_never_released.open(NULL, key, (struct tlsm_bytes){ wire, TLSM_HEADER },
                                               (struct tlsm_bytes){ wire + TLSM_HEADER, whole }, wire + TLSM_HEADER) != 0)
        return "a record that does not open";
    if (there->out.record_type != wire[TLSM_HEADER + inner - 1] || there->out.wire_length != inner - 1 ||
        memcmp(there->wire, wire + TLSM_HEADER, inner - 1) != 0)
        return "two records";
    return NULL;
}

static const char *compare_steps(const struct operation_result *here, const struct operation_result *there)
{
    if (here->applied != there->applied)
        return "one does what the other cannot";
    if (here->code != there->code)
        return "two codes";
    if (here->step.cells != there->step.cells ||
        memcmp(here->step.cell, there->step.cell, here->step.cells * sizeof *here->step.cell) != 0)
        return "two rows";
    if (here->step.out.news != there->step.out.news || here->step.out.violation != there->step.out.violation)
        return "two pieces of news";
    if (here->step.out.plain_length != there->step.out.plain_length)
        return "plaintext of two lengths";
    return NULL;
}

/* The steps share their room for bytes, so what one gave is kept before the other is made. */
static const char *both(struct twins *twins, unsigned operation)
{
    static struct operation_result here, there;
    static uint8_t wire[SCENE_WIRE], plain[SCENE_WIRE];
    const char *broken;
    node_copy(&twins->here_before, &twins->here);
    node_copy(&twins->there_before, &twins->there);
    broken = operation_apply(&twins->here_before, operation, &twins->here, &here);
    if (broken != NULL)
        return broken;
    if (here.applied) {
        memcpy(wire, here.step.wire, here.step.out.wire_length);
        memcpy(plain, here.step.plain, here.step.out.plain_length);
        here.step.wire = wire;
    } else
        node_copy(&twins->here, &twins->here_before);
    broken = operation_apply(&twins->there_before, operation, &twins->there, &there);
    if (!there.applied)
        node_copy(&twins->there, &twins->there_before);
    if (broken == NULL)
        broken = compare_steps(&here, &there);
    if (broken == NULL && here.applied && memcmp(plain, there.step.plain, there.step.out.plain_length) != 0)
        broken = "two plaintexts";
    if (broken == NULL && here.applied)
        broken = compare_made(twins, &here.step, &there.step);
    return broken;
}

/* ------------------------------------------------------------------------------------------------ the property */

/* Byte 0 picks a scene, byte 1 the sides that are elsewhere, every further byte an operation. */
static const char *prop_elsewhere(const uint8_t *bytes, size_t length)
{
    static struct twins twins;
    const char *broken = NULL;
    part(&twins, bytes[0], bytes[1]);
    for (size_t i = 2; i < length && broken == NULL; i++) {
        if (!comparable(&twins, bytes[i]))
            continue;
        broken = both(&twins, bytes[i]);
        if (broken == NULL)
            broken = compare_states(&twins);
        if (broken == NULL)
            broken = compare_ends(&twins);
        if (broken == NULL)
            broken = compare_keys(&twins, TLSM_SIDE_READ);
        if (broken == NULL)
            broken = compare_keys(&twins, TLSM_SIDE_WRITE);
    }
    return broken;
}

static void must_hold(const uint8_t *bytes, size_t length)
{
    const char *broken = prop_elsewhere(bytes, length);
    if (broken == NULL)
        return;
    print_message("scene \"%s\", sides %u:", scene_at(bytes[0])->name, bytes[1]);
    for (size_t i = 2; i < length; i++)
        print_message(" [%s]", operation_text(bytes[i]));
    print_message("\n");
    fail_msg("%s", broken);
}

/* Records of TLS 1.2 stay here; some scenes differ in their handshakes alone. */
static int can_part(size_t scene)
{
    return !(scene_at(scene)->flags & SCENE_HANDSHAKE) &&
           scene_at(scene)->root[connected_root(scene_at(scene))].at.state.control.version == TLSM_1_3;
}

static int has_connection(size_t scene) { return tlsm_connected(&scene_at(scene)->root[connected_root(scene_at(scene))].at.state); }

static size_t list_comparable(uint8_t list[OPERATIONS])
{
    const struct twins twins = { .sides = TLSM_SIDE_WRITE };
    size_t count = 0;
    for (unsigned operation = 0; operation < OPERATIONS; operation++)
        if (comparable(&twins, operation) && operation != OP_OVERSIZE)
            list[count++] = (uint8_t)operation;
    return count;
}

static void j2_the_same_in_lock_step_for_all_pairs(void **unused)
{
    uint8_t list[OPERATIONS];
    const size_t count = list_comparable(list);
    (void)unused;
    check_quick(1);
    for (size_t scene = 0; scene < scenes_count(); scene++)
        for (uint8_t sides = 1; sides <= 3; sides++)
            for (size_t pair = 0; can_part(scene) && pair < count * count; pair++) {
                const uint8_t bytes[] = { (uint8_t)scene, sides, list[pair / count], list[pair % count] };
                assert_true(has_connection(scene));
                must_hold(bytes, sizeof bytes);
            }
    check_quick(0);
}

static void j2_the_same_in_lock_step_for_all_triples(void **unused)
{
    uint8_t list[OPERATIONS];
    const size_t count = list_comparable(list);
    (void)unused;
    check_quick(1);
    for (size_t first = 0; first < count; first++)
        for (size_t second = 0; second < count; second++)
            for (size_t third = 0; third < count; third++) {
                const uint8_t bytes[] = { 0, 3, list[first], list[second], list[third] };
                must_hold(bytes, sizeof bytes);
            }
    check_quick(0);
}

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void j2_the_same_in_lock_step_for_generated_courses(void **unused)
{
    uint64_t seed = 20260711;
    uint8_t list[OPERATIONS];
    const size_t count = list_comparable(list);
    (void)unused;
    check_quick(1);
    for (int run = 0; run < 4000; run++) {
        uint8_t bytes[64] = { (uint8_t)(next_random(&seed) % scenes_count()), (uint8_t)(1 + next_random(&seed) % 3) };
        const size_t length = 8 + next_random(&seed) % (sizeof bytes - 8);
        while (!can_part(bytes[0]))
            bytes[0] = (uint8_t)(next_random(&seed) % scenes_count());
        for (size_t i = 2; i < length; i++)   /* what keeps a connection going is drawn more often */
            bytes[i] = next_random(&seed) % 3 != 0 ? list[next_random(&seed) % count]
                       : next_random(&seed) % 2 != 0 ? OP_PRODUCE : OP_SENT_ALL;
        must_hold(bytes, length);
    }
    check_quick(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(j2_the_same_in_lock_step_for_all_pairs),
        cmocka_unit_test(j2_the_same_in_lock_step_for_all_triples),
        cmocka_unit_test(j2_the_same_in_lock_step_for_generated_courses),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
