/* SPDX-License-Identifier: MIT */
/* Records as the peer of a machine under the null provider seals and opens them, in either version of TLS: written again, for those who
 * forge records and those who watch them. */
#ifndef TLSM_SEALED_H
#define TLSM_SEALED_H

#include "tlsm.h"

/* What a record is made of, or was found to be. */
struct sealed {
    int protected, authentic;
    uint8_t type;                /* of the content; 0: all padding */
    size_t length, whole;        /* content; content, type and padding (TLS 1.2: content and 1) */
    const uint8_t *content;
};

/* sealed_overhead: bytes of a protected record's body that are not `whole` (TLS 1.3), or not content (TLS 1.2). */
size_t sealed_overhead(uint16_t version, const struct tlsm_key *key);
/* sealed_make: a record with this type and content, `whole` bytes with padding (TLS 1.2 has none), under the key and its sequence number.
 * Returns its length, header included. */
size_t sealed_make(uint16_t version, const struct tlsm_key *key, const struct sealed *what, uint8_t *to);
/* sealed_open: what the record is; a key of suite 0 is none. Its content lies in static room, or in the body, until the next call. */
struct sealed sealed_open(uint16_t version, const struct tlsm_key *key, const uint8_t *header, const uint8_t *body);

#endif
