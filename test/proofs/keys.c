/* SPDX-License-Identifier: MIT */
/* In place of two functions of key_schedule.c: the next secret is any, its key any of a suite that there is, and both may fail. */
#include "proof.h"

struct tlsm_key nondet_key(void);

int tlsm_next_secret(const struct tlsm_config *config, uint16_t suite, uint8_t secret[TLSM_HASH_MAX])
{
    __CPROVER_havoc_slice(secret, TLSM_HASH_MAX);
    return nondet_flag() ? -1 : 0;
}

int tlsm_traffic_key(const struct tlsm_config *config, uint16_t suite, const uint8_t secret[TLSM_HASH_MAX], struct tlsm_key *key)
{
    *key = nondet_key();
    GIVEN(key->suite != 0 && key->sequence == 0 && key->zero == 0);
    return nondet_flag() ? -1 : 0;
}
