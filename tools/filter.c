/* SPDX-License-Identifier: MIT */
#include "filter.h"

enum { APPLICATION_DATA = 23, HEADER = 5 };

static int chosen(const struct filter *filter)
{
    return !filter->done && filter->header[0] == APPLICATION_DATA && filter->seen == filter->record;
}

static uint64_t record_length(const struct filter *filter)
{
    return HEADER + (uint64_t)(filter->header[3] << 8 | filter->header[4]);
}

size_t filter_pass(struct filter *filter, uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (filter->at == 0) {
            filter->header[0] = bytes[i];
            filter->seen += bytes[i] == APPLICATION_DATA;
        }
        if (chosen(filter) && filter->act == ACT_CUT && filter->at == filter->inside)
            return filter->done = 1, i;
        if (chosen(filter) && filter->act == ACT_FLIP && filter->at >= HEADER && filter->at >= filter->inside) {
            bytes[i] ^= 1;
            filter->done = 1;
        }
        if (filter->at < HEADER)
            filter->header[filter->at] = bytes[i];
        filter->at++;
        if (filter->at >= HEADER && filter->at == record_length(filter))
            filter->at = 0;
    }
    return length;
}
