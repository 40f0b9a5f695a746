/* SPDX-License-Identifier: MIT */
/* Requests to callgrind: a few instructions without effect where no valgrind runs the program, nothing at all where its header is not
 * installed. */
#ifndef TLSM_BENCH_CALLGRIND_H
#define TLSM_BENCH_CALLGRIND_H

#if defined __has_include
#if __has_include(<valgrind/callgrind.h>)
#define BENCH_CALLGRIND 1
#include <valgrind/callgrind.h>
#endif
#endif

#ifndef BENCH_CALLGRIND
#define BENCH_CALLGRIND 0
#define RUNNING_ON_VALGRIND 0
#define CALLGRIND_TOGGLE_COLLECT (void)0
#define CALLGRIND_DUMP_STATS (void)0
#define CALLGRIND_DUMP_STATS_AT(label) (void)(label)
#define CALLGRIND_START_INSTRUMENTATION (void)0
#define CALLGRIND_STOP_INSTRUMENTATION (void)0
#endif

#endif
