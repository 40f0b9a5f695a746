/* SPDX-License-Identifier: MIT */
/* Bytes that nothing may depend on. They are marked as if they had never been written: under valgrind, or with clang's memory
 * sanitizer, a branch or an index that they decide is an error then, and so is every value made of them. The bytes themselves stay. */
#ifndef TLSM_TEST_SECRET_MARK_H
#define TLSM_TEST_SECRET_MARK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define SECRET_BY_SANITIZER 1
#endif
#endif

#if defined(SECRET_BY_SANITIZER)
#include <sanitizer/msan_interface.h>

static inline int secret_watched(void) { return 1; }
static inline void secret_mark(const void *at, size_t length) { __msan_allocated_memory(at, length); }
static inline void secret_reveal(const void *at, size_t length) { __msan_unpoison(at, length); }
/* 1: any of it is marked. */
static inline int secret_any(const void *at, size_t length) { return length > 0 && __msan_test_shadow(at, length) >= 0; }
#else
#include <valgrind/memcheck.h>

static inline int secret_watched(void) { return RUNNING_ON_VALGRIND != 0; }
static inline void secret_mark(const void *at, size_t length) { (void)VALGRIND_MAKE_MEM_UNDEFINED(at, length); }
static inline void secret_reveal(const void *at, size_t length) { (void)VALGRIND_MAKE_MEM_DEFINED(at, length); }

static inline int secret_any(const void *at, size_t length)
{
    const uint8_t *bytes = at;
    uint8_t marks = 0, mark;
    for (size_t i = 0; i < length; i++)
        if (VALGRIND_GET_VBITS(bytes + i, &mark, 1) == 1)
            marks |= mark;
    return marks != 0;
}
#endif

#endif
