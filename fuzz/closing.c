/* SPDX-License-Identifier: MIT */
/* The closing machine alone (closing_run.h): the fastest target, for depth where choice has breadth. */
#include "closing_run.h"
#include "statecov.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
/* Nothing here allocates but the engine, once an input: what it freed need not be kept, nor where. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "quarantine_size_mb=1:thread_local_quarantine_size_kb=64:malloc_context_size=0"; }
#endif
#endif

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
