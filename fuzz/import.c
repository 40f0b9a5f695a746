/* SPDX-License-Identifier: MIT */
/* Any bytes as an exported connection (import_run.h): refused, or a state like one of our own. */
#include <stdio.h>
#include <stdlib.h>

#include "import_run.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    scenes_prepare();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *broken = import_run(data, size, NULL);
    if (broken == NULL)
        return 0;
    fprintf(stderr, "broken: %s\n", broken);
    abort();
}
