/* SPDX-License-Identifier: MIT */
/* constant_time_libcrypto: the core and our provider over libcrypto, every secret marked, under valgrind: what our side of the border
 * decides by a secret is reported. What libcrypto does inside is its own affair, and named in the suppressions. */
#include <stddef.h>
#include <stdio.h>

#include "secret_course.h"
#include "secret_mark.h"
#include "tlsm_libcrypto.h"

int __real_CRYPTO_memcmp(const void *a, const void *b, size_t length);
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t length);

/* Whether a key in the cache is the one of this id: it is, unless 8 public bytes of two keys are the same. */
int __wrap_CRYPTO_memcmp(const void *a, const void *b, size_t length)
{
    int different = __real_CRYPTO_memcmp(a, b, length);
    secret_reveal(&different, sizeof different);
    return different;
}

int main(void)
{
    struct tlsm_libcrypto *instance = tlsm_libcrypto_new(NULL);
    if (!secret_watched() || instance == NULL) {
        (void)fputs("constant_time_libcrypto: nobody watches; start it under valgrind\n", stderr);
        return 2;
    }
    secret_courses(&tlsm_libcrypto_table, instance, 0);
    tlsm_libcrypto_free(instance);
    return 0;
}
