/* SPDX-License-Identifier: MIT */
/* Where the courses of closing_run.h begin, and what the peer may say there. */
#ifndef TLSM_CLOSING_ROOT_H
#define TLSM_CLOSING_ROOT_H

#include "closing_run.h"

/* As it is on the wire; and what it is made of, for those who read records elsewhere. */
struct closing_record {
    const uint8_t *bytes, *content;
    uint16_t length;          /* header included; 0: it makes no sense under this key */
    uint8_t content_length, type;
};

const struct node *closing_root(uint8_t which);
/* closing_record: a record of the peer's, under the read key that a node of this scene has now. */
const struct closing_record *closing_record(const struct node *node, unsigned event);
/* closing_pin: after a record was read: the read key is again the one that the records were made with. */
void closing_pin(struct node *node, uint32_t news);

#endif
