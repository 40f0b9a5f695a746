/* SPDX-License-Identifier: MIT */
/* The walk as an oracle for many changed rows of closing.def and event.def at once: the unchanged machine walks, and wherever an operation looks a row up
 * that a mutant changes, the operation is done once more with what the mutant says there. A machine that differs in one row walks as the
 * unchanged one does up to the first operation that comes out otherwise, so what never does is a mutant that no scene can tell.
 *
 *   explore_rows [SCENE...] <MUTANTS >KILLED
 *
 * MUTANTS has a line for each: half, state, event, next, action, result as closing.def writes them; or EVENT, event, mover, cause as event.def
 * does. KILLED has, for each that some scene can tell, its number from 0 and the scene's; then, for each other that does not say what the row
 * says, its number and `rows`. What crashes tells. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define tlsm_rx_cell compiled_rx_cell
#define tlsm_tx_cell compiled_tx_cell
#define tlsm_event_mover compiled_event_mover
#define tlsm_event_cause compiled_event_cause
#include "closing.c"
#undef tlsm_rx_cell
#undef tlsm_tx_cell
#undef tlsm_event_mover
#undef tlsm_event_cause

#include "explore_walk.h"

enum { HALVES = TLSM_RX_COUNT + TLSM_TX_COUNT, ROWS_MAX = (HALVES + 1) * TLSM_EV_COUNT, MUTANTS_MAX = 8192, LOOKS_MAX = 64, WORDS = 6, WORD = 32, NONE = -1 };

/* ------------------------------------------------------------------------------------------------ the lying table */

/* What a row says: of a half, or of an event. */
union said {
    struct tlsm_cell cell;
    struct { uint8_t mover, cause; } event;
};

static int lying_row = NONE;
static union said lie;
static uint8_t looked_up[ROWS_MAX];   /* in the present operation */
static int looked[LOOKS_MAX], looks;

/* Rows are numbered: RX, TX, events. */
static int number_of(unsigned half, unsigned event) { return (int)(half * TLSM_EV_COUNT + event); }

/* Is this the row that lies? */
static int look(unsigned half, enum tlsm_event event)
{
    const int row = number_of(half, (unsigned)event);
    if (lying_row == NONE && !looked_up[row] && looks < LOOKS_MAX) {
        looked_up[row] = 1;
        looked[looks++] = row;
    }
    return row == lying_row;
}

struct tlsm_cell tlsm_rx_cell(uint8_t rx, enum tlsm_event event)
{
    return look(rx, event) ? lie.cell : compiled_rx_cell(rx, event);
}

struct tlsm_cell tlsm_tx_cell(uint8_t tx, enum tlsm_event event)
{
    return look(TLSM_RX_COUNT + (unsigned)tx, event) ? lie.cell : compiled_tx_cell(tx, event);
}

uint8_t tlsm_event_mover(enum tlsm_event event) { return look(HALVES, event) ? lie.event.mover : compiled_event_mover(event); }
uint8_t tlsm_event_cause(enum tlsm_event event) { return look(HALVES, event) ? lie.event.cause : compiled_event_cause(event); }

static void forget_looks(void)
{
    while (looks > 0)
        looked_up[looked[--looks]] = 0;
}

/* ------------------------------------------------------------------------------------------------ reading mutants */

struct row {
    const char *word[WORDS];
    int number;
    union said says;
};

static const struct row rows[] = {
#define RX(state, event, next, action, result, why) \
    { { "RX", #state, #event, #next, #action, #result }, TLSM_RX_##state * TLSM_EV_COUNT + TLSM_EV_##event, \
      { .cell = { TLSM_RX_##next, TLSM_RX_DO_##action, TLSM_##result } } },
#define TX(state, event, next, action, result, why) \
    { { "TX", #state, #event, #next, #action, #result }, (TLSM_RX_COUNT + TLSM_TX_##state) * TLSM_EV_COUNT + TLSM_EV_##event, \
      { .cell = { TLSM_TX_##next, TLSM_TX_DO_##action, TLSM_##result } } },
#include "closing.def"
#undef RX
#undef TX
#define EVENT(name, mover, cause, text) \
    { { "EVENT", #name, #mover, #cause, "", "" }, HALVES * TLSM_EV_COUNT + TLSM_EV_##name, { .event = { mover##_MOVER, TLSM_CAUSE_##cause } } },
#include "event.def"
#undef EVENT
};

static struct mutant {
    union said says;
    int next;   /* of the same row */
} mutant[MUTANTS_MAX];
static int first_of[ROWS_MAX];   /* mutants not killed; NONE: no more */

static _Noreturn void refuse(const char *what, const char *word)
{
    fprintf(stderr, "explore_rows: %s %s\n", what, word);
    exit(2);
}

/* The row of that kind whose words are the same at `at` and at `also`. */
static const struct row *row_with(char word[WORDS][WORD], int at, int also)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].word[0], word[0]) == 0 && strcmp(rows[i].word[at], word[at]) == 0 &&
            strcmp(rows[i].word[also], word[also]) == 0)
            return &rows[i];
    refuse("no row has", word[at]);
}

/* What a mutant says stands in some other row: that is where it is taken from. */
static int read_mutant(struct mutant *to, char word[WORDS][WORD], int words)
{
    if (words == 4) {
        to->says.event.mover = row_with(word, 2, 2)->says.event.mover;
        to->says.event.cause = row_with(word, 3, 3)->says.event.cause;
        return row_with(word, 1, 1)->number;
    }
    to->says.cell.next = row_with(word, 3, 3)->says.cell.next;
    to->says.cell.action = row_with(word, 4, 4)->says.cell.action;
    to->says.cell.result = row_with(word, 5, 5)->says.cell.result;
    return row_with(word, 1, 2)->number;
}

static void read_mutants(void)
{
    char line[WORDS * WORD], word[WORDS][WORD];
    int count = 0, row;
    for (int i = 0; i < ROWS_MAX; i++)
        first_of[i] = NONE;
    for (; fgets(line, sizeof line, stdin) != NULL; first_of[row] = count++) {
        const int words = sscanf(line, "%31s %31s %31s %31s %31s %31s", word[0], word[1], word[2], word[3], word[4], word[5]);
        if (words != 4 && words != 6)
            refuse("neither four words nor six:", line);
        if (count == MUTANTS_MAX)
            refuse("more mutants than there is room for:", line);
        row = read_mutant(&mutant[count], word, words);
        mutant[count].next = first_of[row];
    }
}

/* ------------------------------------------------------------------------------------------------ judging them */

static int same_report(const struct step_report *a, const struct step_report *b)
{
    return a->cells == b->cells && memcmp(a->cell, b->cell, a->cells * sizeof *a->cell) == 0 && a->out.news == b->out.news &&
           a->out.consumed == b->out.consumed && a->out.wire_length == b->out.wire_length && a->out.plain_length == b->out.plain_length &&
           a->out.input_needed == b->out.input_needed && a->out.wire_needed == b->out.wire_needed &&
           a->out.state_needed == b->out.state_needed && memcmp(a->wire, b->wire, a->out.wire_length) == 0;
}

static int tells(const struct visit *visit)
{
    static struct node after;
    struct operation_result result;
    if (operation_apply(visit->before, visit->operation, &after, &result) != NULL || !result.applied)
        return 1;
    node_normalize(&after);
    return result.code != visit->result->code || !node_equal(&after, visit->after) || !same_report(&result.step, &visit->result->step);
}

static sigjmp_buf crashed;

static void crash(int number)
{
    if (lying_row == NONE)
        _Exit(128 + number);   /* not the mutant's doing */
    siglongjmp(crashed, 1);
}

static void catch_crashes(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = crash;
    action.sa_flags = SA_NODEFER;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        (void)sigaction(signals[i], &action, NULL);
}

static int tells_or_crashes(const struct visit *visit)
{
    return sigsetjmp(crashed, 0) != 0 || tells(visit);
}

static void try_row(const struct visit *visit, int row, size_t scene)
{
    for (int *at = &first_of[row]; *at != NONE;) {
        lying_row = row;
        lie = mutant[*at].says;
        if (tells_or_crashes(visit)) {
            printf("%d %zu\n", *at, scene);
            *at = mutant[*at].next;
        } else {
            at = &mutant[*at].next;
        }
        lying_row = NONE;
    }
}

static void visited(void *context, const struct visit *visit)
{
    const struct walk *walk = context;
    for (int i = 0; i < looks; i++)
        try_row(visit, looked[i], walk->scene);
    forget_looks();
}

static int says_the_same(const union said *a, const union said *b, int of_event)
{
    if (of_event)
        return a->event.mover == b->event.mover && a->event.cause == b->event.cause;
    return a->cell.next == b->cell.next && a->cell.action == b->cell.action && a->cell.result == b->cell.result;
}

static void print_others(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int at = first_of[rows[i].number]; at != NONE; at = mutant[at].next)
            if (!says_the_same(&mutant[at].says, &rows[i].says, rows[i].number >= HALVES * TLSM_EV_COUNT))
                printf("%d rows\n", at);
}

static void walk_or_leave(struct walk *walk, size_t scene)
{
    if (walk_scene(walk, scene) != 0)
        exit(2);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct walk walk;
    read_mutants();
    catch_crashes();
    scenes_prepare();
    forget_looks();
    walk.visited = visited;
    walk.context = &walk;
    walk.slot = calloc(STATECOV_SIZE, 1);
    if (walk.slot == NULL)
        return 2;
    for (int i = 1; i < argc; i++)
        walk_or_leave(&walk, strtoul(argv[i], NULL, 10));
    for (size_t scene = scenes_count(); argc == 1 && scene-- > 0;)   /* the largest come last, when few are left */
        walk_or_leave(&walk, scene);
    print_others();
    walk_free(&walk);
    free(walk.slot);
    return walk.broken != 0;
}
