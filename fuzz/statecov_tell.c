/* SPDX-License-Identifier: MIT */
/* Apart from the table of what was ever seen, so that a target with counters of its own does not bring these. */
#include "statecov.h"

#if defined(__AFL_COMPILER)
void statecov_afl_hit(unsigned slot);
static void tell_fuzzer(unsigned slot) { statecov_afl_hit(slot); }
#else
/* libFuzzer clears them before each run; nobody else looks. */
__attribute__((section("__libfuzzer_extra_counters"), used)) static uint8_t counters[STATECOV_SIZE];
static void tell_fuzzer(unsigned slot) { counters[slot] = 1; }
#endif

void statecov_hit(unsigned slot)
{
    statecov_note(slot);
    tell_fuzzer(slot);
}

void statecov_result(unsigned operation, const struct operation_result *result, const struct node *after)
{
    if (!result->applied)
        return;
    for (unsigned i = 0; i < result->step.cells; i++)
        statecov_hit(statecov_of_cell(result->step.cell[i], result->code));
    statecov_hit(statecov_of_code(operation, result->code));
    statecov_hit(statecov_of_state(&after->at.state));
}
