/* SPDX-License-Identifier: MIT */
/* The flagship: choice sequences (sequence.h) with every check of every step, and state coverage. */
#include "sequence.h"
#include "statecov.h"

#include <stddef.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    scenes_prepare();
    statecov_at_exit();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sequence_must(data, size, NULL, NULL);
    return 0;
}
