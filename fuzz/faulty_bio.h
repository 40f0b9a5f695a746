/* SPDX-License-Identifier: MIT */
/* A BIO over one end of a faulty pipe. */
#ifndef TLSM_FAULTY_BIO_H
#define TLSM_FAULTY_BIO_H

#include <openssl/bio.h>

#include "faulty_pipe.h"

struct faulty_end {
    struct faulty *faulty;
    int who;
};

/* faulty_bio: reads and writes at that end; flushing fails as the input says, too. `end` outlives it. Never NULL. */
BIO *faulty_bio(struct faulty_end *end);

#endif
