/* SPDX-License-Identifier: MIT */
/* Included before every source of machine/ that is proved: two helpers of internal.h in words that a solver takes in one piece. A field
 * is compared with zero as one number; what is wiped is set to zero without the barrier that only a compiler needs. */
#ifndef TLSM_PROOF_MODEL_H
#define TLSM_PROOF_MODEL_H

#define tlsm_all_zero tlsm_all_zero_as_written
#define tlsm_wipe tlsm_wipe_as_written
#include "internal.h"
#undef tlsm_all_zero
#undef tlsm_wipe

/* The one state that a proof steps on. */
extern struct tlsm_state subject;

int field_is_zero(const void *at, size_t length);
int spare_is_zero(const uint8_t *at, size_t length);
#define tlsm_all_zero(at, length) \
    (__builtin_constant_p(length) ? field_is_zero(at, length) : spare_is_zero((const void *)(at), length))
#define tlsm_wipe(at, length) ((void)memset(at, 0, length))

#endif
