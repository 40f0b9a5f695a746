/* SPDX-License-Identifier: MIT */
/* A party that is ours. */
#include "tlsm_ssl.h"

#include "party.h"

static void set_contract(SSL_CTX *ctx, const struct party_options *options)
{
    if (options->one_call)
        SSL_CTX_clear_mode(ctx, SSL_MODE_TWO_STEP_SHUTDOWN);
    else
        SSL_CTX_set_mode(ctx, SSL_MODE_TWO_STEP_SHUTDOWN);
}

#include "party_calls.h"

const struct party_kind party_tlsm = { "tlsm", PARTY_CALLS };
