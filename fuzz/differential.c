/* SPDX-License-Identifier: MIT */
/* Ours, with the two-step contract, against the installed libssl: the same script of calls and transport events on both, and
 * every difference that docs/differences.md does not list is a finding. Raw bytes are a script: duel.h. With the environment
 * variable TLSM_DUEL_PRINT both logs are printed for every script; with TLSM_DUEL_REPORT, at the end, how often each listed
 * difference was met. */
#include <stdio.h>
#include <stdlib.h>

#include "duel_compare.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long used[DIFFERENCES], scripts, steps;

static void report(void)
{
    fprintf(stderr, "%lu scripts, %lu steps compared; of the listed differences were met:\n", scripts, steps);
    for (unsigned i = 0; i < DIFFERENCES; i++)
        fprintf(stderr, "%10lu  %s\n", used[i], duel_difference_name((enum duel_difference)i));
}

static void print(const struct duel_log *ours, const struct duel_log *theirs, const struct duel_verdict *verdict)
{
    duel_print("ours", ours, verdict->step);
    duel_print("libssl", theirs, verdict->step);
    fprintf(stderr, "step %zu: %s%s%s\n", verdict->step, duel_difference_name(verdict->difference),
            verdict->what != NULL ? ": " : "", verdict->what != NULL ? verdict->what : "");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    if (getenv("TLSM_DUEL_REPORT") != NULL)
        (void)atexit(report);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct duel_log ours, theirs;
    struct duel_verdict verdict;
    duel_run(&party_libssl, data, size, &theirs);
    duel_run(&party_tlsm, data, size, &ours);
    verdict = duel_compare(&ours, &theirs, used);
    scripts++;
    steps += verdict.step;
    if (verdict.difference == UNLISTED || getenv("TLSM_DUEL_PRINT") != NULL)
        print(&ours, &theirs, &verdict);
    if (verdict.difference == UNLISTED)
        abort();
    return 0;
}
