/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE 1
#include "explore_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "closing.h"

/* ------------------------------------------------------------------------------------------------ rows */

static int says_never(const char *why) { return strncmp(why, "cannot happen", 13) == 0; }

static unsigned judge_row(const char *half, const char *state, const char *event, int taken, const char *why)
{
    if (taken == !says_never(why))
        return 0;
    printf("%s(%s, %s) %s: \"%s\"\n", half, state, event, taken ? "is taken" : "is never taken", why);
    return 1;
}

/* Where no peer of ours leads: a server that tells of CertificateStatus and sends none (RFC 6066 §8 allows it). */
static int needs_another_peer(const char *row) { return strcmp(row, "C12_WAIT_STATUS, receives SERVER_KEY_EXCHANGE") == 0; }

/* The rows of handshake.def, numbered as out.row numbers them. */
static unsigned report_handshake(const struct walk *walk)
{
    static const char *const rows[] = {
#define RECEIVE(phase, message, boundary, handler, event, next) #phase ", receives " #message,
#define MAKE(phase, condition, message, maker, event, next, otherwise) #phase ", makes " #message,
#define ANSWER(phase, condition, kind, handler, next, otherwise) #phase ", is answered " #kind,
#define FORK(phase, condition, next, otherwise)
#define REST(phase)
#include "handshake.def"
#undef RECEIVE
#undef MAKE
#undef ANSWER
#undef FORK
#undef REST
    };
    unsigned wrong = 0;
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++)
        if ((walk->handshake_row[1 + row] == 0) != needs_another_peer(rows[row])) {
            printf("handshake.def: %s: %s scene goes there\n", rows[row], walk->handshake_row[1 + row] ? "a" : "no");
            wrong++;
        }
    return wrong;
}

static void fold_row(struct hash *digest, struct tlsm_cell cell)
{
    fold(digest, (uint64_t)cell.next << 32 | (uint64_t)cell.action << 16 | (uint8_t)cell.result);
}

void fold_rows(struct hash *digest)
{
    for (unsigned event = 0; event < TLSM_EV_COUNT; event++) {
        for (unsigned rx = 0; rx < TLSM_RX_COUNT; rx++)
            fold_row(digest, tlsm_rx_cell((uint8_t)rx, (enum tlsm_event)event));
        for (unsigned tx = 0; tx < TLSM_TX_COUNT; tx++)
            fold_row(digest, tlsm_tx_cell((uint8_t)tx, (enum tlsm_event)event));
    }
}

unsigned report_rows(struct walk *walk)
{
    unsigned wrong = 0;
#define RX(state, event, next, action, result, why) \
    wrong += judge_row("RX", #state, #event, walk->rx_row[TLSM_RX_##state][TLSM_EV_##event], why);
#define TX(state, event, next, action, result, why) \
    wrong += judge_row("TX", #state, #event, walk->tx_row[TLSM_TX_##state][TLSM_EV_##event], why);
#include "closing.def"
#undef RX
#undef TX
    fold_rows(&walk->digest);
    return wrong + report_handshake(walk);
}

/* ------------------------------------------------------------------------------------------------ numbers */

struct numbers report_numbers(const struct walk *walk)
{
    struct numbers numbers = { walk->states, walk->transitions, 0, 0, 0, walk->digest };
    for (unsigned slot = 0; slot < STATECOV_CELLS; slot += STATECOV_CLASSES) {
        unsigned any = 0;
        for (unsigned class = 0; class < STATECOV_CLASSES; class++)
            any |= walk->slot[slot + class];
        numbers.cells += any;
    }
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++)
        numbers.slots += walk->slot[slot];
    return numbers;
}

static void format(char *text, size_t size, const struct numbers *numbers)
{
    (void)snprintf(text, size,
                   "states %" PRIu64 "\ntransitions %" PRIu64 "\ncells %" PRIu64 "\nslots %" PRIu64
                   "\nshutdown %" PRIu64 "\ndigest %016" PRIx64 "%016" PRIx64 "\n",
                   numbers->states, numbers->transitions, numbers->cells, numbers->slots, numbers->shutdown_states,
                   numbers->digest.a, numbers->digest.b);
}

void report_print(const struct walk *walk, const struct numbers *numbers)
{
    printf("%" PRIu64 " states: %" PRIu64 " with a header in pieces, %" PRIu64 " final; %" PRIu64
           " transitions, each run twice; longest course %" PRIu64 "\n",
           walk->states, walk->framed_states, walk->final_states, walk->transitions, walk->longest);
    printf("%" PRIu64 " of %d cells (RX, TX, event), %" PRIu64 " slots (with result; operation and code), %" PRIu64
           " states of the shutdown procedure\n",
           numbers->cells, TLSM_RX_COUNT * TLSM_TX_COUNT * TLSM_EV_COUNT, numbers->slots, numbers->shutdown_states);
    printf("digest %016" PRIx64 "%016" PRIx64 "\n", numbers->digest.a, numbers->digest.b);
}

int report_record(const char *path, const struct numbers *numbers)
{
    char text[512];
    FILE *file = fopen(path, "w");
    int failed = file == NULL;
    format(text, sizeof text, numbers);
    if (file != NULL) {
        failed = fputs(text, file) < 0;
        failed |= fclose(file) != 0;
    }
    if (failed)
        perror(path);
    return failed;
}

int report_compare(const char *path, const struct numbers *numbers)
{
    char text[512], recorded[512];
    FILE *file = fopen(path, "r");
    size_t length;
    if (file == NULL) {
        perror(path);
        return 1;
    }
    length = fread(recorded, 1, sizeof recorded - 1, file);
    recorded[length] = 0;
    (void)fclose(file);
    format(text, sizeof text, numbers);
    if (strcmp(text, recorded) == 0)
        return 0;
    printf("%s has other numbers:\n%s", path, recorded);
    return 1;
}

/* ------------------------------------------------------------------------------------------------ witnesses */

void witness_keep(struct witnesses *witnesses, unsigned slot, const uint8_t *bytes, size_t length)
{
    struct witness *witness = &witnesses->of[slot];
    if (witness->bytes != NULL)
        return;
    witness->bytes = malloc(length);
    if (witness->bytes == NULL)
        return;
    memcpy(witness->bytes, bytes, length);
    witness->length = length;
}

static void keep(struct witnesses *witnesses, unsigned slot, const struct visit *visit)
{
    uint8_t path[1024];
    size_t length;
    if (witnesses->of[slot].bytes != NULL)
        return;
    length = walk_path(witnesses->walk, visit->index, path, sizeof path - 1);
    path[length++] = (uint8_t)visit->operation;
    witness_keep(witnesses, slot, path, length);
}

void witness_visit(void *context, const struct visit *visit)
{
    for (unsigned i = 0; i < visit->result->step.cells; i++)
        keep(context, statecov_of_cell(visit->result->step.cell[i], visit->result->code), visit);
    keep(context, statecov_of_code(visit->operation, visit->result->code), visit);
    keep(context, statecov_of_state(&visit->after->at.state), visit);
}

void witness_free(struct witnesses *witnesses)
{
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++)
        free(witnesses->of[slot].bytes);
}

static int write_file(const char *folder, unsigned slot, const struct witness *witness)
{
    char path[1024];
    FILE *file;
    int failed;
    (void)snprintf(path, sizeof path, "%s/%05u", folder, slot);
    file = fopen(path, "wb");
    if (file == NULL)
        return -1;
    failed = fwrite(witness->bytes, 1, witness->length, file) != witness->length;
    return fclose(file) != 0 || failed ? -1 : 0;
}

static int longer_first(const struct witnesses *witnesses, unsigned a, unsigned b)
{
    const size_t x = witnesses->of[a].length, y = witnesses->of[b].length;
    return x != y ? x > y : a < b;
}

/* Long courses pass many slots: taken first, they spare the short ones. */
static unsigned in_order(const struct witnesses *witnesses, unsigned *order)
{
    unsigned count = 0;
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++) {
        unsigned at = count;
        if (witnesses->of[slot].bytes == NULL)
            continue;
        for (; at > 0 && longer_first(witnesses, slot, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = slot;
        count++;
    }
    return count;
}

static void remember(void *context, const struct sequence_step *step) { node_copy(context, step->after); }

static int is_news(unsigned operation, const struct operation_result *result)
{
    int news = !statecov_seen(statecov_of_code(operation, result->code));
    for (unsigned i = 0; i < result->step.cells; i++)
        news |= !statecov_seen(statecov_of_cell(result->step.cell[i], result->code));
    return news;
}

/* What is refused or absorbed where the course ends leads nowhere else, so all of it goes into the same file. */
static const char *enrich(struct witness *witness)
{
    static struct node end, after;
    uint8_t bytes[1024 + OPERATIONS];
    size_t length = witness->length;
    const char *broken;
    node_copy(&end, sequence_start(witness->bytes, length));
    broken = sequence_run(witness->bytes, length, remember, &end);
    memcpy(bytes, witness->bytes, length);
    for (unsigned operation = 0; operation < OPERATIONS && broken == NULL; operation++) {
        struct operation_result result;
        broken = operation_apply(&end, operation, &after, &result);
        if (result.applied && node_equal(&end, &after) && is_news(operation, &result)) {
            statecov_result(operation, &result, &after);
            bytes[length++] = (uint8_t)operation;
        }
    }
    free(witness->bytes);
    witness->bytes = malloc(length);
    if (witness->bytes == NULL)
        abort();
    memcpy(witness->bytes, bytes, length);
    witness->length = length;
    return broken;
}

static int write_slots(const struct witnesses *witnesses, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return -1;
    for (unsigned slot = 0; slot < STATECOV_SIZE; slot++)
        if (witnesses->of[slot].bytes != NULL)
            (void)fprintf(file, "%u\n", slot);
    return fclose(file) != 0 ? -1 : 0;
}

static int make_folder(const char *path) { return mkdir(path, 0777) != 0 && errno != EEXIST ? -1 : 0; }

int witness_write(struct witnesses *witnesses, const char *folder, const char *slots)
{
    static unsigned order[STATECOV_SIZE];
    const unsigned count = in_order(witnesses, order);
    char inner[512];
    int files = 0;
    if (slots != NULL && write_slots(witnesses, slots) != 0)
        return -1;
    if (folder == NULL)
        return 0;
    (void)snprintf(inner, sizeof inner, "%s/choice", folder);
    if (make_folder(folder) != 0 || make_folder(inner) != 0)
        return -1;
    for (unsigned i = 0; i < count; i++) {
        struct witness *witness = &witnesses->of[order[i]];
        const char *broken;
        if (statecov_seen(order[i]))
            continue;
        broken = enrich(witness);
        if (broken != NULL || !statecov_seen(order[i]))
            printf("the witness of slot %u does not lead there%s%s\n", order[i], broken != NULL ? ": " : "",
                   broken != NULL ? broken : "");
        if (write_file(inner, order[i], witness) != 0)
            return -1;
        files++;
    }
    return files;
}

/* ------------------------------------------------------------------------------------------------ dot */

enum { HALVES = TLSM_RX_COUNT * TLSM_TX_COUNT };
static uint8_t edge[HALVES][HALVES][TLSM_EV_COUNT];

static unsigned halves(const struct node *node)
{
    return (unsigned)node->at.state.control.rx * TLSM_TX_COUNT + node->at.state.control.tx;
}

void dot_visit(void *context, const struct visit *visit)
{
    const struct step_report *step = &visit->result->step;
    (void)context;
    if (step->cells > 0)
        edge[halves(visit->before)][halves(visit->after)][step->cell[step->cells - 1] % TLSM_EV_COUNT] = 1;
}

static void dot_edge(unsigned from, unsigned to)
{
    int any = 0;
    for (unsigned event = 0; event < TLSM_EV_COUNT; event++) {
        if (!edge[from][to][event])
            continue;
        if (!any)
            printf("  \"%s/%s\" -> \"%s/%s\" [label=\"", tlsm_rx_name((uint8_t)(from / TLSM_TX_COUNT)),
                   tlsm_tx_name((uint8_t)(from % TLSM_TX_COUNT)), tlsm_rx_name((uint8_t)(to / TLSM_TX_COUNT)),
                   tlsm_tx_name((uint8_t)(to % TLSM_TX_COUNT)));
        printf("%s%s", any ? "\\n" : "", tlsm_event_name(event));
        any = 1;
    }
    if (any)
        printf("\"];\n");
}

void dot_print(void)
{
    printf("digraph closing {\n  rankdir=LR; node [shape=box, style=rounded];\n");
    for (unsigned from = 0; from < HALVES; from++)
        for (unsigned to = 0; to < HALVES; to++)
            if (from != to)
                dot_edge(from, to);
    printf("}\n");
}
