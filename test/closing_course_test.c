/* SPDX-License-Identifier: MIT */
/* The target `closing` over its corpus: it reaches what it reached when the corpus was made, and it finds every kind of fault that a
 * closing machine can have, planted behind the real one. */
#define _DEFAULT_SOURCE 1
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "closing_run.h"
#include "statecov.h"

enum { INPUTS = 2048, INPUT = 64 };
static struct {
    size_t length;
    uint8_t bytes[INPUT];
} input[INPUTS];
static size_t inputs;

static void load(const char *name)
{
    char path[512];
    FILE *file;
    (void)snprintf(path, sizeof path, "corpus/closing/%s", name);
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(inputs < INPUTS);
    input[inputs].length = fread(input[inputs].bytes, 1, INPUT, file);
    inputs++;
    (void)fclose(file);
}

static int load_corpus(void **state)
{
    struct dirent **entry;
    const int count = scandir("corpus/closing", &entry, NULL, alphasort);
    (void)state;
    closing_prepare();
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.')
            load(entry[i]->d_name);
        free(entry[i]);
    }
    if (count >= 0)
        free(entry);
    return inputs == 0;
}

static void the_corpus_reaches_every_row_of_its_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < inputs; i++)
        (void)closing_must(input[i].bytes, input[i].length);
    assert_int_equal(statecov_report("test/closing.slots"), 0);
}

/* ------------------------------------------------------------------------------------------------ machines with a fault */

static unsigned which;   /* fault */

struct seen {
    uint8_t rx, tx;
    uint32_t facts;
    uint64_t taken;
};

static struct seen look(const struct tlsm_state *state)
{
    return (struct seen){ state->control.rx, state->control.tx, state->control.facts, state->ledger.taken };
}

/* What a fault needs to happen is looked for in the halves before and after. */
static void spoil(struct seen was, const struct tlsm_in *in, struct tlsm_state *next, struct tlsm_out *out, enum tlsm_code *code)
{
    struct tlsm_control *control = &next->control;
    switch (which) {
    case 0:   /* a cut is an end */
        if (was.rx == TLSM_RX_OPEN && control->rx == TLSM_RX_CUT)
            control->rx = TLSM_RX_CLOSED;
        break;
    case 1:   /* an end is a cut */
        if (was.rx == TLSM_RX_OPEN && control->rx == TLSM_RX_CLOSED)
            control->rx = TLSM_RX_CUT;
        break;
    case 2:   /* another record behind close_notify */
        if (in->kind == TLSM_IN_PRODUCE && was.tx == TLSM_TX_CLOSE_OUT && out->wire.capacity > 7) {
            memcpy(out->wire.data, "\25\3\3\0\2\1\0", 7);
            out->wire_length = 7;
            next->ledger.produced += 7;
            *code = TLSM_PRODUCED;
        }
        break;
    case 3:   /* taken before it was */
        if (was.tx == TLSM_TX_CLOSING && control->tx == TLSM_TX_CLOSE_OUT)
            control->tx = TLSM_TX_CLOSED;
        break;
    case 4:   /* an end that is forgotten */
        if (was.rx == TLSM_RX_CLOSED && in->kind == TLSM_IN_EOF)
            control->rx = TLSM_RX_CUT;
        break;
    case 5:   /* an error that is forgotten */
        control->facts &= ~(uint32_t)(was.facts & TLSM_FACT_ERROR);
        break;
    case 6:   /* a reset that is none */
        if (in->kind == TLSM_IN_RECEIVE_FAILED && *code == TLSM_END_TRANSPORT_FAILED)
            *code = TLSM_END_CLEAN_BOTH;
        break;
    case 7:   /* over, and nobody says so */
        if (*code < 0)
            *code = TLSM_OK;
        break;
    case 8:   /* a fatal alert that is a warning */
        if (was.tx == TLSM_TX_FAILING && out->wire_length >= 7)
            out->wire.data[TLSM_HEADER] = out->wire.data[TLSM_HEADER] == 2 ? 1 : out->wire.data[TLSM_HEADER];
        break;
    case 9:   /* a refusal that changes something */
        if (*code >= TLSM_NOT_STARTED)
            control->facts |= TLSM_FACT_KEEP;
        break;
    case 10:  /* bytes taken that nobody took */
        if (in->kind == TLSM_IN_PRODUCE && out->wire_length > 0)
            next->ledger.taken = next->ledger.produced;
        break;
    case 11:  /* a deadline that passes by */
        if (in->kind == TLSM_IN_DEADLINE && *code < 0 && was.rx == TLSM_RX_OPEN) {
            control->rx = was.rx;
            control->tx = was.tx;
            *code = TLSM_OK;
        }
        break;
    case 12:  /* nothing is owed after a close: an obedient caller waits for ever */
        if (in->kind == TLSM_IN_CLOSE && was.tx == TLSM_TX_OPEN)
            control->tx = TLSM_TX_OPEN;
        break;
    case 13:  /* vouched for against the policy */
        if (in->kind == TLSM_IN_EOF && control->rx == TLSM_RX_CUT && control->cause == TLSM_CAUSE_EOF)
            control->cause = TLSM_CAUSE_EOF_VOUCHED;
        break;
    }
}
enum { FAULTS = 14 };

static enum tlsm_code faulty_step(const struct tlsm_config *config, const struct tlsm_state *state, const struct tlsm_in *in,
                                  struct tlsm_state *next, struct tlsm_out *out)
{
    const struct seen was = look(state);
    enum tlsm_code code = tlsm_step(config, state, in, next, out);
    spoil(was, in, next, out, &code);
    return code;
}

static void every_fault_is_found(void **state)
{
    (void)state;
    for (which = 0; which < FAULTS; which++) {
        const char *broken = NULL;
        for (size_t i = 0; i < inputs && broken == NULL; i++)
            (void)closing_run_with(input[i].bytes, input[i].length, &broken, faulty_step);
        if (broken == NULL)
            fail_msg("fault %u is not found", which);
        print_message("fault %u: %s\n", which, broken);
    }
}

/* Without a fault behind the same door nothing is found. */
static void a_machine_without_a_fault_passes(void **state)
{
    (void)state;
    which = FAULTS;
    for (size_t i = 0; i < inputs; i++) {
        const char *broken;
        (void)closing_run_with(input[i].bytes, input[i].length, &broken, faulty_step);
        assert_null(broken);
    }
}

/* Nothing survives a run: twice is twice the same. */
static void a_run_leaves_nothing_behind(void **state)
{
    static unsigned steps[INPUTS];
    (void)state;
    for (size_t i = 0; i < inputs; i++)
        steps[i] = closing_must(input[i].bytes, input[i].length);
    for (size_t i = inputs; i > 0; i--)
        assert_int_equal(closing_must(input[i - 1].bytes, input[i - 1].length), steps[i - 1]);
}

/* Deeper than the corpus: all that can follow on three events, from each root. */
static void every_input_of_three_bytes_passes(void **state)
{
    uint8_t bytes[3];
    (void)state;
    for (unsigned root = 0; root < closing_roots(); root++)
        for (unsigned first = 0; first < CLOSING_EVENTS; first++)
            for (unsigned second = 0; second < CLOSING_EVENTS; second++) {
                bytes[0] = (uint8_t)(root | CLOSING_OBEYS);
                bytes[1] = (uint8_t)first;
                bytes[2] = (uint8_t)second;
                (void)closing_must(bytes, sizeof bytes);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_reaches_every_row_of_its_list),
        cmocka_unit_test(every_fault_is_found),
        cmocka_unit_test(a_machine_without_a_fault_passes),
        cmocka_unit_test(a_run_leaves_nothing_behind),
        cmocka_unit_test(every_input_of_three_bytes_passes),
    };
    return cmocka_run_group_tests(tests, load_corpus, NULL);
}
