/* SPDX-License-Identifier: MIT */
/* State coverage: one slot for each (RX, TX, event, class of result), one for each (operation, code), one for each sort
 * of state (RX, TX, what is outstanding, what came before), and one for each step of the shutdown procedure (contract, what was
 * seen, what is done, what is returned and why); and what an adapter did (adapter_slot.h). Row lookup is data, which coverage-guided fuzzers cannot see;
 * these slots they can. Slots saturate: with counting, corpora bloat.
 *
 * libFuzzer reads a section of extra counters; AFL++ gets guards of its own (statecov_afl.c); the plain replayer, and all
 * of them at their end, read the table of what was ever seen. */
#ifndef TLSM_STATECOV_H
#define TLSM_STATECOV_H

#include "adapter_slot.h"
#include "operation.h"
#include "tlsm_shutdown.h"

enum {
    STATECOV_CLASSES = 4,       /* done or news, short, refused, ended */
    STATECOV_CODE_COUNT = 128,  /* -32..95 */
    STATECOV_CELLS = TLSM_RX_COUNT * TLSM_TX_COUNT * TLSM_EV_COUNT * STATECOV_CLASSES,
    STATECOV_SORTS = STATECOV_CELLS + OPERATIONS * STATECOV_CODE_COUNT,
    STATECOV_STEPS = STATECOV_SORTS + TLSM_RX_COUNT * TLSM_TX_COUNT * 3 * 16,
    STATECOV_RETURNS = 3,       /* -1, 0, 1 */
    STATECOV_ERRORS = TLSM_SHUTDOWN_FAILURE + 1,
    STATECOV_OUTCOMES = TLSM_DO_RETURN + STATECOV_RETURNS * STATECOV_ERRORS,
    STATECOV_ADAPTERS = STATECOV_STEPS + 2 * TLSM_SAW_COUNT * STATECOV_OUTCOMES,
    STATECOV_SIZE = STATECOV_ADAPTERS + ADAPTER_SLOTS
};

static inline unsigned statecov_of_cell(uint16_t cell, enum tlsm_code code)
{
    const unsigned kind = code < 0 ? 3 : code >= TLSM_NOT_STARTED ? 2 : code >= TLSM_MORE_INPUT ? 1 : 0;
    return (unsigned)cell * STATECOV_CLASSES + kind;
}
static inline unsigned statecov_of_code(unsigned operation, enum tlsm_code code)
{
    return STATECOV_CELLS + operation * STATECOV_CODE_COUNT + (unsigned)((int)code + 32) % STATECOV_CODE_COUNT;
}

static inline unsigned statecov_of_state(const struct tlsm_state *state)
{
    const struct tlsm_control *control = &state->control;
    const struct tlsm_ledger *ledger = &state->ledger;
    const unsigned halves = (unsigned)control->rx * TLSM_TX_COUNT + control->tx;
    const unsigned cut = ledger->taken != ledger->record_start && ledger->taken != ledger->batch_start;
    const unsigned out = ledger->taken == ledger->produced ? 0 : 1 + cut;
    const unsigned before = (control->facts & TLSM_FACT_PEER_CANCELED ? 1u : 0) + (control->split ? 2u : 0) +
                            (control->facts & TLSM_FACT_DEADLINE ? 4u : 0) + (control->facts & TLSM_FACT_TICKETS ? 8u : 0);
    return STATECOV_SORTS + (halves * 3 + out) * 16 + before;
}

static inline unsigned statecov_of_step(unsigned contract, enum tlsm_shutdown_seen seen, const struct tlsm_shutdown_next *next)
{
    const unsigned returned = TLSM_DO_RETURN + (unsigned)(next->returns + 1) % STATECOV_RETURNS * STATECOV_ERRORS + next->error % STATECOV_ERRORS;
    const unsigned outcome = next->act < TLSM_DO_RETURN ? next->act : returned;
    return STATECOV_STEPS + (contract % 2 * TLSM_SAW_COUNT + (unsigned)seen % TLSM_SAW_COUNT) * STATECOV_OUTCOMES + outcome;
}

/* statecov_hit: marks a slot. statecov_note: the same, without a word to the fuzzer. statecov_result: marks the slots of an
 * operation, and of the state it led to. */
void statecov_hit(unsigned slot);
void statecov_note(unsigned slot);
void statecov_result(unsigned operation, const struct operation_result *result, const struct node *after);
/* statecov_seen: 1 if the slot was ever marked in this process. */
int statecov_seen(unsigned slot);
/* statecov_count: how many slots were. statecov_forget: none was. */
unsigned statecov_count(void);
void statecov_forget(void);
/* statecov_report: prints how many slots were seen; with the name of a file of slot numbers, one a line, how many of them
 * are there, sort by sort, and which are missing. Returns the number missing, or -1 when the file cannot be read. */
int statecov_report(const char *required);
/* statecov_at_exit: when the process ends, reports against the file that the environment variable TLSM_SLOTS names, if it
 * does, and ends with status 1 if any is missing. */
void statecov_at_exit(void);

#endif
