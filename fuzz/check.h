/* SPDX-License-Identifier: MIT */
/* One step, and everything docs/closing.md says must hold of any step. Shared by the explorer, the fuzz targets and the
 * property tests. */
#ifndef TLSM_CHECK_H
#define TLSM_CHECK_H

#include "scene.h"

/* How much room a step gets. */
struct rooms {
    size_t wire, plain, state;
};

struct step_report {
    struct tlsm_out out;
    uint16_t cell[2 * TLSM_CELLS];   /* of all steps of an operation */
    unsigned cells;
    const uint8_t *wire, *plain;     /* out.wire_length and out.plain_length bytes, until the next step */
};

/* check_step: runs the step apart and in place, compares, and holds the result against the rules. `after` must not be
 * `before`. Returns NULL, or what is broken. */
const char *check_step(const struct node *before, const struct tlsm_in *in, const struct rooms *rooms,
                       struct node *after, struct step_report *report, enum tlsm_code *code);
/* check_ends: a caller that obeys the needs, on a transport that ends, comes to an end (I9, I13). */
const char *check_ends(const struct node *node);
/* check_quick: with 1, the relations between runs that cost more are left out. */
void check_quick(int quick);

#endif
