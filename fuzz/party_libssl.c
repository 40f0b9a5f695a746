/* SPDX-License-Identifier: MIT */
/* A party that is the installed libssl. */
#include <openssl/ssl.h>

#include "party.h"

static void set_contract(SSL_CTX *ctx, const struct party_options *options)
{
    (void)ctx;
    (void)options;
}

#include "party_calls.h"

const struct party_kind party_libssl = { "libssl", PARTY_CALLS };
