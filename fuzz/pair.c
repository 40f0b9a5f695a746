/* SPDX-License-Identifier: MIT */
/* Two machines and an adversarial channel: pair_run.h. */
#include <stdio.h>
#include <stdlib.h>

#include "pair_run.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    scenes_prepare();
    check_quick(1);   /* what holds between runs of one machine is the business of `choice` */
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *broken = pair_run(data, size);
    if (broken == NULL)
        return 0;
    fprintf(stderr, "broken: %s\n", broken);
    abort();
}
