/* SPDX-License-Identifier: MIT */
/* What the proofs share: values without a choice, claims, and the claims that every step makes. For CBMC; nothing compiles it otherwise. */
#ifndef TLSM_PROOF_H
#define TLSM_PROOF_H

#include <stddef.h>

#include "event.h"

#define PROVE(condition, text) __CPROVER_assert(condition, text)
/* Last in every proof, once for each case that it is about: true now and then, so it must fail, or nothing is proved of that case. */
#define CANARY(name, condition) __CPROVER_assert(condition, "canary " name)
#define GIVEN(condition) __CPROVER_assume(condition)
/* The case of test/prove.sh that is proved: OF(TLSM_IN_) is TLSM_IN_WIRE in body-WIRE. */
#define OF(prefix) JOIN(prefix, CASE)
#define JOIN(prefix, name) JOINED(prefix, name)
#define JOINED(prefix, name) prefix##name

_Bool nondet_flag(void);
uint8_t nondet_byte(void);
size_t nondet_size(void);
struct tlsm_state nondet_state(void);
struct tlsm_settings nondet_settings(void);
struct tlsm_in nondet_in(void);
struct tlsm_out nondet_out(void);

extern struct tlsm_state subject, before;
/* Answers anything; times_opened: how often it opened a record. */
extern const struct tlsm_crypto any_provider;
extern int times_opened;

/* All but the bytes of keys, secrets and messages, which no ending depends on. */
int same_state(const struct tlsm_state *a, const struct tlsm_state *b);

/* claims.c: what is given of a state before a step, and claimed of the state after it: the part of tlsm_invariant() that endings stand on. */
int closing_good(const struct tlsm_state *state);
/* claims.c: any state of which closing_good() is true, with nothing behind it, into `subject` and `before`. */
void any_state(void);
/* claims.c: what is true after a step of any kind. */
void claim_step(enum tlsm_code code, const struct tlsm_out *out);
/* claims.c: what is true, besides, after a step that read the content of one record, which was authentic or not. */
void claim_reading(struct tlsm_bytes content, int authentic, const struct tlsm_out *out);

#endif
