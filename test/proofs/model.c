/* SPDX-License-Identifier: MIT */
/* model.h, and the provider: every answer that a provider may give, also refusals. */
#include "proof.h"

struct tlsm_state subject, before;

#define BYTES(n) typedef unsigned __CPROVER_bitvector[8 * (n)]
enum { REST = sizeof(struct tlsm_state) - offsetof(struct tlsm_state, ledger) };
BYTES(6) bytes_6;
BYTES(12) bytes_12;
BYTES(32) bytes_32;
BYTES(48) bytes_48;
BYTES(64) bytes_64;
BYTES(REST) bytes_rest;
BYTES(sizeof(struct tlsm_control)) bytes_control;
BYTES(sizeof(struct tlsm_ledger)) bytes_ledger;

int field_is_zero(const void *at, size_t length)
{
    switch (length) {
    case 6: return *(const bytes_6 *)at == 0;
    case 12: return *(const bytes_12 *)at == 0;
    case 32: return *(const bytes_32 *)at == 0;
    case 48: return *(const bytes_48 *)at == 0;
    case 64: return *(const bytes_64 *)at == 0;
    case REST: return *(const bytes_rest *)at == 0;
    }
    PROVE(0, "model: every field's length is known");
    return 0;
}

void wipe_field(void *at, size_t length)
{
    switch (length) {
    case 12: *(bytes_12 *)at = 0; return;
    case 32: *(bytes_32 *)at = 0; return;
    case 48: *(bytes_48 *)at = 0; return;
    case 64: *(bytes_64 *)at = 0; return;
    }
    PROVE(0, "model: every field's length is known");
}

/* Any answer, so that what is proved does not depend on it: no ending asks what spare holds. */
int spare_is_zero(const uint8_t *at, size_t length)
{
    PROVE(length <= TLSM_SPARE && at == subject.spare + (TLSM_SPARE - length), "model: only the end of spare has a variable length");
    return nondet_flag();
}

int same_state(const struct tlsm_state *a, const struct tlsm_state *b)
{
    /* One & for each: every && would be a branch, with all that was computed before it joined again behind it. */
    return (*(const bytes_control *)&a->control == *(const bytes_control *)&b->control) &
           (*(const bytes_ledger *)&a->ledger == *(const bytes_ledger *)&b->ledger) & (a->length == b->length) &
           (a->request_id == b->request_id) & (a->read_key.suite == b->read_key.suite) & (a->write_key.suite == b->write_key.suite) &
           (a->read_key.sequence == b->read_key.sequence) & (a->write_key.sequence == b->write_key.sequence) &
           (a->spare_have == b->spare_have) & (a->spare_skip == b->spare_skip) & (a->tickets_made == b->tickets_made) &
           (a->now_ms == b->now_ms);
}

/* ------------------------------------------------------------------------------------------------ the provider */

static int refuses(void) { return nondet_flag() ? -1 : 0; }

static int any_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail,
                    uint8_t *out)
{
    const size_t length = plain.length + tail.length + TLSM_TAG;
    PROVE(key->suite != 0, "a key that is there seals");
    PROVE(__CPROVER_r_ok(aad.data, aad.length) && (plain.length == 0 || __CPROVER_r_ok(plain.data, plain.length)),
          "the provider may read what it is given");
    PROVE(__CPROVER_w_ok(out, length), "the sealed record fits");
    return refuses();
}

int times_opened;

/* It may leave anything where the plaintext would be, also when it refuses. */
static int any_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes sealed, uint8_t *out)
{
    const size_t length = sealed.length - TLSM_TAG;
    PROVE(key->suite != 0, "a key that is there opens");
    PROVE(sealed.length >= TLSM_TAG && __CPROVER_r_ok(aad.data, aad.length) && __CPROVER_r_ok(sealed.data, sealed.length),
          "the provider may read what it is given");
    PROVE(length == 0 || __CPROVER_w_ok(out, length), "the plaintext fits");
    if (length > 0)
        __CPROVER_havoc_slice(out, length);
    if (refuses())
        return -1;
    times_opened++;
    return 0;
}

static void any_forget(void *self, uint64_t id) { }

const struct tlsm_crypto any_provider = { .seal = any_seal, .open = any_open, .forget = any_forget };
