/* SPDX-License-Identifier: MIT */
/* Instructions instead of time, for what is too small to time and for what must not grow unnoticed. */
#ifndef TLSM_BENCH_COUNT_H
#define TLSM_BENCH_COUNT_H

#include "bench.h"

/* bench_count: the work of each row a few times, for valgrind's callgrind, which adds up what is executed between two looks at the
 * clock, and writes a file for each row and library. arguments: what follows --count. The exit status. */
int bench_count(const struct bench_library *const libraries[], size_t library_count, int count, char **arguments);

#endif
