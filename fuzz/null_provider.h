/* SPDX-License-Identifier: MIT */
/* The null provider: a struct tlsm_crypto that hides nothing, for enumeration and fuzzing. NOT CRYPTOGRAPHY.
 *
 * Sealed bytes are the plaintext and a tag; hashes and agreements are cheap mixing. Everything is deterministic and equal
 * for every compiler, word size and byte order, and every dependency of the real thing is kept: a tag depends on key, IV,
 * sequence number, associated data and content; a hash has one canonical form whatever the chunking; HMAC does not see
 * where its parts meet, nor zeros that end its key; a share off its curve is refused.
 *
 * It is built for fuzz/ and test/ only. Its one data symbol says so, and a released library that holds that symbol is
 * broken: no file of machine/ or adapters/ includes this header. */
#ifndef TLSM_NULL_PROVIDER_H
#define TLSM_NULL_PROVIDER_H

#include "tlsm.h"

/* The table. `self` is not used and may be NULL. Groups: X25519, P-256, P-384, with shares of the true length. */
extern const struct tlsm_crypto tlsm_null_provider_never_released;

enum { TLSM_NULL_SIGNATURE = 64 };

/* tlsm_null_answer: answers any request. SIGN: a mix of scheme and content, in `signature`, which the answer points at.
 * JUDGE: yes when the chain is not empty and the signature is that mix, else decrypt_error or bad_certificate.
 * CREDENTIAL: the first. Returns request->kind. */
int tlsm_null_answer(const struct tlsm_request *request, struct tlsm_answer *answer,
                     uint8_t signature[TLSM_NULL_SIGNATURE]);
/* tlsm_null_answer_open: the same for the request that a connection has open, if any; a client shows the first credential where the server takes
 * it, else none. */
int tlsm_null_answer_open(const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer,
                          uint8_t signature[TLSM_NULL_SIGNATURE]);

#endif
