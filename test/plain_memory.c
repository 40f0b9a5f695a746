/* SPDX-License-Identifier: MIT */
/* The four functions that the core needs, for programs without a C library; and for an emulator to which the string
 * instructions of its machine are dear. Eight bytes at a time, where that is allowed. */
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
typedef uint64_t __attribute__((may_alias, aligned(1))) word;
#else
typedef unsigned char word;
#endif

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
void *memset(void *at, int value, size_t length);
int memcmp(const void *one, const void *other, size_t length);

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    unsigned char *at = to;
    const unsigned char *next = from;
    for (; length >= sizeof(word); at += sizeof(word), next += sizeof(word), length -= sizeof(word))
        *(word *)at = *(const word *)next;
    while (length-- > 0)
        *at++ = *next++;
    return to;
}

void *memmove(void *to, const void *from, size_t length)
{
    unsigned char *at = to;
    const unsigned char *next = from;
    if ((uintptr_t)to - (uintptr_t)from >= length)   /* in the order of memcpy nothing is overwritten before it is read */
        return memcpy(to, from, length);
    while (length-- > 0)
        at[length] = next[length];
    return to;
}

void *memset(void *at, int value, size_t length)
{
    unsigned char *byte = at;
    const word eight = (word)((word)-1 / 255 * (unsigned char)value);
    for (; length >= sizeof eight; byte += sizeof eight, length -= sizeof eight)
        *(word *)byte = eight;
    while (length-- > 0)
        *byte++ = (unsigned char)value;
    return at;
}

int memcmp(const void *one, const void *other, size_t length)
{
    const unsigned char *a = one, *b = other;
    for (; length >= sizeof(word) && *(const word *)a == *(const word *)b; length -= sizeof(word)) {
        a += sizeof(word);
        b += sizeof(word);
    }
    for (; length > 0; length--, a++, b++)
        if (*a != *b)
            return *a < *b ? -1 : 1;
    return 0;
}
