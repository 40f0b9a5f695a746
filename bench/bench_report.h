/* SPDX-License-Identifier: MIT */
/* What came of it, and how it is told. */
#ifndef TLSM_BENCH_REPORT_H
#define TLSM_BENCH_REPORT_H

#include "bench_work.h"

enum { BENCH_LIBRARIES_MAX = 9, BENCH_ROUNDS_MAX = 200 };

struct bench_results {
    const struct bench_library *library[BENCH_LIBRARIES_MAX];   /* the floor first, then tlsm */
    size_t libraries;
    int rounds;
    int left_out[BENCH_ROWS];                                   /* rows that nobody asked for */
    char machine[128], day[16];                                 /* whose processor; 2026-01-31 */
    double sample[BENCH_ROWS][BENCH_LIBRARIES_MAX][BENCH_ROUNDS_MAX];   /* ns an operation; 0: the library does not do it */
    int with_memory;
    struct bench_memory memory[BENCH_LIBRARIES_MAX][BENCH_VERSIONS];
    struct bench_room room;                                     /* of tlsm */
};

/* bench_print: the tables. bench_write_json, bench_write_svg: negative: the file cannot be written, and stderr says why. */
void bench_print(const struct bench_results *results);
int bench_write_json(const struct bench_results *results, const char *path);
int bench_write_svg(const struct bench_results *results, const char *path);
/* bench_judge: says which targets are missed; the exit status. `missed`: a file of those that are known to be; NULL: none is. */
int bench_judge(const struct bench_results *results, const char *missed);

/* ------------------------------------------------------------------------------------------------ numbers */

struct bench_spread {
    double low, middle, high;     /* quartiles */
};

/* bench_spread_of: of what one library took. bench_ratio_of: of one to another, round by round. */
struct bench_spread bench_spread_of(const struct bench_results *results, size_t row, size_t library);
struct bench_spread bench_ratio_of(const struct bench_results *results, size_t row, size_t library, size_t to);
/* bench_index: where a library is; results->libraries: it is not here. bench_measured: 1 when it is, and did the row's work. */
size_t bench_index(const struct bench_results *results, const char *key);
int bench_measured(const struct bench_results *results, size_t row, size_t library);

#endif
