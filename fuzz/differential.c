/* SPDX-License-Identifier: MIT */
/* Ours, with the two-step contract, against the installed libssl: the same script of calls and transport events, and every
 * difference that docs/differences.md does not list is a finding. Raw bytes are a script: duel.h. */
#include <stdio.h>
#include <stdlib.h>

#include "duel_compare.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long used[DIFFERENCES];

#ifndef DUEL_OURS
#define DUEL_OURS party_tlsm
#endif

static void report(void)
{
    if (getenv("TLSM_DIFFERENCES") == NULL)
        return;
    for (unsigned i = 0; i < DIFFERENCES; i++)
        fprintf(stderr, "%10lu  %s\n", used[i], duel_difference_name((enum duel_difference)i));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    (void)atexit(report);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct duel_log ours, theirs;
    struct duel_verdict verdict;
    duel_run(&party_libssl, data, size, &theirs);
    duel_run(&DUEL_OURS, data, size, &ours);
    verdict = duel_compare(&ours, &theirs, used);
    if (getenv("TLSM_DUEL_PRINT") != NULL) {
        duel_print("ours", &ours, verdict.step);
        duel_print("libssl", &theirs, verdict.step);
        fprintf(stderr, "%s\n", duel_difference_name(verdict.difference));
    }
    if (verdict.difference != UNLISTED)
        return 0;
    duel_print("ours", &ours, verdict.step);
    duel_print("libssl", &theirs, verdict.step);
    fprintf(stderr, "an unlisted difference at step %zu: %s\n", verdict.step, verdict.what);
    abort();
}
