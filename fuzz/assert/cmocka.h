/* SPDX-License-Identifier: MIT */
/* The assertions that the fixtures of test/ use, for fuzz targets that stand on them: where no test runs and no cmocka is, what
 * does not hold ends the process, as fuzzers want it. */
#ifndef TLSM_ASSERT_CMOCKA_H
#define TLSM_ASSERT_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void assert_or_abort(int holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s:%d: %s\n", file, line, what);
    abort();
}

#define assert_true(condition) assert_or_abort((condition) ? 1 : 0, #condition, __FILE__, __LINE__)
#define assert_false(condition) assert_or_abort((condition) ? 0 : 1, "not " #condition, __FILE__, __LINE__)
#define assert_non_null(pointer) assert_true((pointer) != NULL)
#define assert_int_equal(one, other) assert_true((long long)(one) == (long long)(other))
#define assert_memory_equal(one, other, length) assert_true(memcmp(one, other, length) == 0)
#define assert_string_equal(one, other) assert_true(strcmp(one, other) == 0)

#endif
