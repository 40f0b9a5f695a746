/* SPDX-License-Identifier: MIT */
/* Every row of closing.def is flipped in turn: its next state, its action, its result. What the explorer watches (code,
 * rows taken, bytes, next state, rules) must change somewhere for each row that is ever looked up, and the digest of the
 * rows for every one. This program has a table of its own, in which one row at a time can lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define tlsm_rx_cell compiled_rx_cell
#define tlsm_tx_cell compiled_tx_cell
#include "closing.c"
#undef tlsm_rx_cell
#undef tlsm_tx_cell

#include "explore_report.h"

/* Each row that is looked up in the scenes walked must be seen to count. Under sanitizers, which are here for memory, a fifth of the
 * scenes is walked; all of them are without. */
#if defined(__SANITIZE_ADDRESS__)
#define EVERY_SCENE 5
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define EVERY_SCENE 5
#endif
#endif
#ifndef EVERY_SCENE
#define EVERY_SCENE 1
#endif

enum { ROWS_MAX = (TLSM_RX_COUNT + TLSM_TX_COUNT) * TLSM_EV_COUNT, ATTEMPTS = 20 };
enum flip { FLIP_NEXT, FLIP_ACTION, FLIP_RESULT, FLIPS, NO_ROW = -1 };

/* ------------------------------------------------------------------------------------------------ the lying table */

static int flipped_row = NO_ROW;
static enum flip flipped_how;
static uint8_t looked_up[ROWS_MAX];   /* in the present operation */
static int looked[64], looked_count;

static void note(int row)
{
    if (flipped_row != NO_ROW || looked_up[row] || looked_count == 64)
        return;
    looked_up[row] = 1;
    looked[looked_count++] = row;
}

static struct tlsm_cell flip(struct tlsm_cell cell, unsigned states, uint8_t none, uint8_t wipe)
{
    if (flipped_how == FLIP_NEXT)
        cell.next = (uint8_t)((cell.next + 1u) % states);
    else if (flipped_how == FLIP_ACTION)
        cell.action = cell.action == none ? wipe : none;
    else
        cell.result = TLSM_LIBRARY_FAILED;   /* graver than all, so that the other half cannot hide it */
    return cell;
}

struct tlsm_cell tlsm_rx_cell(uint8_t rx, enum tlsm_event event)
{
    const int row = (int)rx * TLSM_EV_COUNT + (int)event;
    const struct tlsm_cell cell = compiled_rx_cell(rx, event);
    note(row);
    return row == flipped_row ? flip(cell, TLSM_RX_COUNT, TLSM_RX_DO_NONE, TLSM_RX_DO_WIPE) : cell;
}

struct tlsm_cell tlsm_tx_cell(uint8_t tx, enum tlsm_event event)
{
    const int row = (TLSM_RX_COUNT + (int)tx) * TLSM_EV_COUNT + (int)event;
    const struct tlsm_cell cell = compiled_tx_cell(tx, event);
    note(row);
    return row == flipped_row ? flip(cell, TLSM_TX_COUNT, TLSM_TX_DO_NONE, TLSM_TX_DO_WIPE) : cell;
}

static void forget_looks(void)
{
    for (int i = 0; i < looked_count; i++)
        looked_up[looked[i]] = 0;
    looked_count = 0;
}

/* ------------------------------------------------------------------------------------------------ trying every flip */

static struct {
    uint16_t attempts;
    uint8_t could, seen;   /* it should have made a difference somewhere; it did */
} trial[ROWS_MAX][FLIPS];

static int differs(const struct visit *visit)
{
    static struct node after;
    struct operation_result result;
    const struct step_report *a = &result.step, *b = &visit->result->step;
    if (operation_apply(visit->before, visit->operation, &after, &result) != NULL)
        return 1;
    node_normalize(&after);
    return result.code != visit->result->code || !node_equal(&after, visit->after) || a->cells != b->cells ||
           memcmp(a->cell, b->cell, a->cells * sizeof *a->cell) != 0 || a->out.news != b->out.news ||
           a->out.wire_length != b->out.wire_length || a->out.plain_length != b->out.plain_length;
}

/* ------------------------------------------------------------------------------------------------ what should differ */

static int is_rx(int row) { return row < TLSM_RX_COUNT * TLSM_EV_COUNT; }

static struct tlsm_cell truth(int row)
{
    const int half = row / TLSM_EV_COUNT;
    const enum tlsm_event event = (enum tlsm_event)(row % TLSM_EV_COUNT);
    return is_rx(row) ? compiled_rx_cell((uint8_t)half, event) : compiled_tx_cell((uint8_t)(half - TLSM_RX_COUNT), event);
}

/* Was it a row of an event, or only looked up on the way to another? */
static int taken(const struct visit *visit, int row)
{
    for (unsigned i = 0; i < visit->result->step.cells; i++) {
        const int cell = visit->result->step.cell[i], event = cell % TLSM_EV_COUNT, halves = cell / TLSM_EV_COUNT;
        const int half = is_rx(row) ? halves / TLSM_TX_COUNT : TLSM_RX_COUNT + halves % TLSM_TX_COUNT;
        if (half * TLSM_EV_COUNT + event == row)
            return 1;
    }
    return 0;
}

static int has_key(const struct node *node, int row)
{
    const struct tlsm_control *control = &node->at.state.control;
    return (is_rx(row) ? control->read_epoch : control->write_epoch) != TLSM_EPOCH_NONE;
}

/* Whatever is final is wiped once more, so a row need not have; SEAL, ALERT and DISCARD name what the event itself says. */
static int action_matters(const struct visit *visit, int row)
{
    const uint8_t action = truth(row).action;
    if (action == (is_rx(row) ? (int)TLSM_RX_DO_NONE : (int)TLSM_TX_DO_NONE))
        return has_key(visit->after, row);
    if (action == (is_rx(row) ? (int)TLSM_RX_DO_WIPE : (int)TLSM_TX_DO_WIPE))
        return has_key(visit->before, row) && !tlsm_is_final(&visit->after->at.state);
    if (is_rx(row))
        return action == TLSM_RX_DO_DELIVER;
    return action != TLSM_TX_DO_SEAL && action != TLSM_TX_DO_ALERT;
}

static int matters(const struct visit *visit, int row, enum flip how)
{
    const enum tlsm_code code = visit->result->code;
    /* SPEAK, or (TLS 1.2, FINISH_BOTH) FINISH_OUT, to a dead half moves nothing and nobody hears its result. */
    const int dead = row - (TLSM_RX_COUNT + TLSM_TX_DEAD) * TLSM_EV_COUNT, deaf = dead == TLSM_EV_SPEAK || dead == TLSM_EV_FINISH_OUT;
    if (how == FLIP_RESULT)
        return taken(visit, row) && !deaf;
    if (!taken(visit, row) || code >= TLSM_MORE_INPUT)
        return 0;
    return how == FLIP_NEXT || action_matters(visit, row);
}

static void try_row(const struct visit *visit, int row)
{
    for (int how = 0; how < FLIPS; how++) {
        const int could = matters(visit, row, (enum flip)how);
        if (trial[row][how].seen)
            continue;
        trial[row][how].could |= (uint8_t)could;
        if (!could && trial[row][how].attempts++ >= ATTEMPTS)
            continue;
        flipped_row = row;
        flipped_how = (enum flip)how;
        trial[row][how].seen = (uint8_t)differs(visit);
        flipped_row = NO_ROW;
    }
}

static void visited(void *context, const struct visit *visit)
{
    int rows[64];
    const int count = looked_count;
    (void)context;
    memcpy(rows, looked, sizeof rows);
    for (int i = 0; i < count; i++)
        try_row(visit, rows[i]);
    forget_looks();
}

static const char *row_name(int row)
{
    static char name[96];
    const int half = row / TLSM_EV_COUNT, rx = half < TLSM_RX_COUNT;
    (void)snprintf(name, sizeof name, "%s(%s, %s)", rx ? "RX" : "TX",
                   rx ? tlsm_rx_name((uint8_t)half) : tlsm_tx_name((uint8_t)(half - TLSM_RX_COUNT)),
                   tlsm_event_name((unsigned)row % TLSM_EV_COUNT));
    return name;
}

static int walk_flipping(void **unused)
{
    struct walk walk;
    (void)unused;
    scenes_prepare();
    memset(&walk, 0, sizeof walk);
    walk.quick = 1;
    walk.visited = visited;
    walk.slot = calloc(STATECOV_SIZE, 1);
    if (walk.slot == NULL)
        return -1;
    for (size_t scene = 0; scene < scenes_count(); scene += EVERY_SCENE)
        if (walk_scene(&walk, scene) != 0)
            return -1;
    walk_free(&walk);
    free(walk.slot);
    return walk.broken == 0 ? 0 : -1;
}

static void all_that_could_was_seen(enum flip how)
{
    unsigned could = 0, missing = 0, seen = 0;
    for (int row = 0; row < ROWS_MAX; row++) {
        seen += trial[row][how].seen;
        could += trial[row][how].could || trial[row][how].seen;
        if (!trial[row][how].could || trial[row][how].seen)
            continue;
        printf("not seen: %s\n", row_name(row));
        missing++;
    }
    printf("%u of %u seen\n", seen, could);
    assert_int_equal(missing, 0);
    assert_true(seen > 0);
}

static void another_next_state_is_seen(void **unused)
{
    (void)unused;
    all_that_could_was_seen(FLIP_NEXT);
}

static void another_result_is_seen(void **unused)
{
    (void)unused;
    all_that_could_was_seen(FLIP_RESULT);
}

static void another_action_is_seen(void **unused)
{
    (void)unused;
    all_that_could_was_seen(FLIP_ACTION);
}

static void every_flip_is_in_the_digest(void **unused)
{
    struct hash honest = { 0, 0 };
    unsigned rows = 0;
    (void)unused;
    fold_rows(&honest);
    for (flipped_row = 0; flipped_row < ROWS_MAX; flipped_row++)
        for (int how = 0; how < FLIPS; how++) {
            struct hash lie = { 0, 0 };
            flipped_how = (enum flip)how;
            fold_rows(&lie);
            assert_false(lie.a == honest.a && lie.b == honest.b);
            rows++;
        }
    flipped_row = NO_ROW;
    printf("%u flips\n", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_next_state_is_seen),
        cmocka_unit_test(another_result_is_seen),
        cmocka_unit_test(another_action_is_seen),
        cmocka_unit_test(every_flip_is_in_the_digest),
    };
    return cmocka_run_group_tests(tests, walk_flipping, NULL);
}
