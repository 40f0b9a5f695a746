/* SPDX-License-Identifier: MIT */
/* A provider around another one, which says what is secret: what cryptography makes of a secret is one, but for what it exists to
 * publish. Each of these places is named, with its reason, where it is revealed. */
#ifndef TLSM_TEST_SECRET_PROVIDER_H
#define TLSM_TEST_SECRET_PROVIDER_H

#include "tlsm.h"

struct secret_provider {
    const struct tlsm_crypto *under;
    void *self;              /* of `under` */
    int careless;            /* `under` itself looks at secrets: it gets keys that are not marked */
    int spoil_finished;      /* 1: the next Finished that is opened has a wrong byte */
};

/* Its `self` is a struct secret_provider. */
extern const struct tlsm_crypto secret_provider_table;

#endif
