/* SPDX-License-Identifier: MIT */
/* An input, read byte by byte: what the fuzzer decides. Behind its end everything is zero, and zero means "as usual". */
#ifndef TLSM_FEED_H
#define TLSM_FEED_H

#include <stddef.h>
#include <stdint.h>

struct feed {
    const uint8_t *bytes;
    size_t left;
};

static inline uint8_t feed_take(struct feed *feed)
{
    if (feed->left == 0)
        return 0;
    feed->left--;
    return *feed->bytes++;
}

/* feed_amount: a number of bytes: where records and their parts begin and end, what is large; 0 is all there is. */
static inline size_t feed_amount(struct feed *feed)
{
    static const size_t amounts[] = { SIZE_MAX, 1, 2, 4, 5, 6, 21, 22, 23, 24, 100, 1000, 16384, 16385, 17000, 40000 };
    const uint8_t which = feed_take(feed);
    return which < sizeof amounts / sizeof *amounts ? amounts[which] : which;
}

/* feed_split: the first `length` bytes, or as many as there are, as an input of their own. */
static inline struct feed feed_split(struct feed *feed, size_t length)
{
    const struct feed first = { feed->bytes, length < feed->left ? length : feed->left };
    feed->bytes += first.left;
    feed->left -= first.left;
    return first;
}

#endif
