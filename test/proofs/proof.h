/* SPDX-License-Identifier: MIT */
/* What the proofs share: values without a choice, claims, and the claims that every step makes. For CBMC; nothing compiles it otherwise. */
#ifndef TLSM_PROOF_H
#define TLSM_PROOF_H

#include <stddef.h>

#include "event.h"

#define PROVE(condition, text) __CPROVER_assert(condition, text)
/* Last in every proof: true now and then, so it must fail, or the proof proves nothing. */
#define CANARY "canary"
#define GIVEN(condition) __CPROVER_assume(condition)

_Bool nondet_flag(void);
uint8_t nondet_byte(void);
size_t nondet_size(void);
struct tlsm_state nondet_state(void);
struct tlsm_settings nondet_settings(void);
struct tlsm_in nondet_in(void);
struct tlsm_out nondet_out(void);

extern struct tlsm_state subject, before;
extern const struct tlsm_crypto any_provider;

int same_state(const struct tlsm_state *a, const struct tlsm_state *b);

/* claims.c: any state that satisfies the invariants, with nothing behind it, into `subject` and `before`. */
void any_state(void);
/* claims.c: what is true after a step of any kind. */
void claim_step(enum tlsm_code code, const struct tlsm_out *out);

#endif
