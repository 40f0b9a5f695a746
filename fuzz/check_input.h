/* SPDX-License-Identifier: MIT */
/* What came of what was received: the rules of docs/closing.md about the peer's records and the transport's end, held against the
 * records as they are read beside the machine. */
#ifndef TLSM_CHECK_INPUT_H
#define TLSM_CHECK_INPUT_H

#include "check.h"
#include "sealed.h"

/* check_read: the record with this header, opened with `key` under this sequence number. */
struct sealed check_read(const struct tlsm_state *state, const struct tlsm_key *key, uint64_t sequence, const uint8_t *header,
                         const uint8_t *body);
/* check_input: NULL, or the rule that the step from `before` to `after` breaks. What is seen goes to *watch. */
const char *check_input(const struct node *before, const struct tlsm_in *in, const struct node *after,
                        const struct step_report *report, uint8_t *watch);

#endif
