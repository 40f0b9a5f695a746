/* SPDX-License-Identifier: MIT */
#include "adapter_slot.h"

#include <string.h>

#include "statecov.h"

static uint32_t answers;          /* 1 << enum adapter_answer: during the call at hand */
static unsigned asked;
static int not_ours;
static struct adapter_run run;
static uint8_t in_run[ADAPTER_SLOTS];

_Static_assert(ADAPTER_ANSWERS <= 32, "bits of a word");

void adapter_answered(enum adapter_answer answer) { answers |= UINT32_C(1) << answer; }
void adapter_asked(void) { asked++; }
void adapter_not_ours(void) { not_ours = 1; }
void adapter_begins(void)
{
    answers = 0;
    not_ours = 0;
}

static void mark(enum adapter_call call, enum adapter_answer answer, unsigned result)
{
    const unsigned slot = ((unsigned)call * ADAPTER_ANSWERS + (unsigned)answer) * ADAPTER_RESULTS + result;
    statecov_hit(STATECOV_ADAPTERS + slot);
    if (in_run[slot])
        return;
    in_run[slot] = 1;
    run.slot[run.slots++] = (uint16_t)slot;
}

ptrdiff_t adapter_returned(enum adapter_call call, ptrdiff_t result)
{
    const unsigned class = result > 0 ? 0 : result > 2 - ADAPTER_RESULTS ? 1 + (unsigned)-result : ADAPTER_RESULTS - 1;
    if (not_ours)
        return result;
    if (answers == 0)
        mark(call, ADAPTER_NOTHING, class);
    for (int answer = 0; answer < ADAPTER_ANSWERS; answer++)
        if (answers >> answer & 1)
            mark(call, (enum adapter_answer)answer, class);
    answers = 0;
    return result;
}

void adapter_at_exit(void) { statecov_at_exit(); }

void adapter_place(uint64_t word)
{
    run.place = (run.place ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    run.place ^= run.place >> 29;
    run.asked = asked;
}

void adapter_run_begin(void)
{
    memset(&run, 0, sizeof run);
    memset(in_run, 0, sizeof in_run);
    answers = 0;
    asked = 0;
}

const struct adapter_run *adapter_run_end(void) { return &run; }
