/* SPDX-License-Identifier: MIT */
/* What an unlucky network does to a stream of TLS records: it ends, or a bit changes, at a chosen application_data record. */
#ifndef TLSM_FILTER_H
#define TLSM_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* Zero it and set act, record (from 1) and inside. */
struct filter {
    enum options_act act;
    uint64_t record;         /* which application_data record */
    uint64_t inside;         /* bytes into it, header included; 0: before it. FLIP: at least the first after the header */
    uint64_t seen;           /* application_data records begun */
    uint64_t at;             /* offset in the present record */
    uint8_t header[5];
    uint8_t done;            /* it happened */
};

/* filter_pass: the next bytes of the stream; flips in place. Returns how many may pass: fewer than given when it is cut. */
size_t filter_pass(struct filter *filter, uint8_t *bytes, size_t length);

#endif
