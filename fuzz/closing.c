/* SPDX-License-Identifier: MIT */
/* The closing machine alone (closing_run.h): the fastest target, for depth where choice has breadth. */
#include "closing_run.h"
#include "statecov.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    closing_prepare();
    statecov_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    (void)closing_must(data, size);
    return 0;
}
