/* SPDX-License-Identifier: MIT */
/* tlsm on OpenSSL's libcrypto (3.0 or later): the provider of crypto.h, signatures, credentials from PEM files, entropy.
 * Judging a peer's certificates is tlsm_judge.h.
 *
 * CONVENTIONS, said once:
 *  - An instance is used by one thread at a time. Keys (EVP_PKEY), credentials and judges are shared freely once made.
 *  - 0 is success, negative failure. No failure leaves anything in libcrypto's thread error queue.
 *  - `why` is room for one English sentence for people; it is always terminated, empty on success. NULL with 0 is fine. */
#ifndef TLSM_LIBCRYPTO_H
#define TLSM_LIBCRYPTO_H

#include <openssl/types.h>

#include "tlsm.h"

TLSM_DECLARATIONS_BEGIN

struct tlsm_libcrypto;
struct tlsm_judge;
struct tlsm_replay;

enum { TLSM_WHY_ROOM = 512 };           /* enough for any sentence this library writes, paths of usual length included */

/* Zero is the default of each. The caches change speed only. */
struct tlsm_libcrypto_options {
    size_t keys_cached;                 /* expanded AEAD keys, one direction each; 0: 64 */
    size_t certificates_cached;         /* parsed certificates, and as many chains that were found good; 0: 64 */
};

/* tlsm_libcrypto_table: the provider; its `self` is a struct tlsm_libcrypto. Groups: X25519, P-256, P-384. */
extern const struct tlsm_crypto tlsm_libcrypto_table;

/* tlsm_libcrypto_new: an instance. `options` may be NULL and is not kept. NULL: no memory, or this libcrypto lacks a
 * required algorithm. */
struct tlsm_libcrypto *tlsm_libcrypto_new(const struct tlsm_libcrypto_options *options);

/* tlsm_libcrypto_free: wipes and frees. NULL is fine. No connection may use the instance any more. */
void tlsm_libcrypto_free(struct tlsm_libcrypto *instance);

/* tlsm_libcrypto_drop: empties the caches; nothing changes but speed. */
void tlsm_libcrypto_drop(struct tlsm_libcrypto *instance);

/* tlsm_libcrypto_entropy: fresh entropy for one connection from libcrypto's generators. Wipe it after the start.
 * Negative: the generator is not seeded; do not start the connection. */
int tlsm_libcrypto_entropy(struct tlsm_entropy *entropy) TLSM_MUST_USE;

/* tlsm_libcrypto_draw: the same, several times as fast: from what the instance draws for many connections at once. A child process
 * does not inherit that; what is handed out is wiped there. Where the system cannot promise it (Linux from 4.14 can), this is
 * tlsm_libcrypto_entropy(). */
int tlsm_libcrypto_draw(struct tlsm_libcrypto *instance, struct tlsm_entropy *entropy) TLSM_MUST_USE;

/* ------------------------------------------------------------------------------------------------ signatures */

/* tlsm_libcrypto_schemes: what `key` can sign with, best first, RSA PKCS #1 (which only TLS 1.2 uses) last; writes at most `room` and
 * returns how many there are. 0: the key is of a kind TLS cannot use. RSA keys too short for a scheme do not list it. */
size_t tlsm_libcrypto_schemes(EVP_PKEY *key, uint16_t schemes[], size_t room);

/* tlsm_libcrypto_sign: the signature that a SIGN request asks for, over its content, or over a digest (request->digested). Negative: the key cannot sign under request->scheme. */
int tlsm_libcrypto_sign(EVP_PKEY *key, const struct tlsm_request *request, uint8_t signature[TLSM_SIGNATURE_MAX],
                        size_t *length) TLSM_MUST_USE;

/* tlsm_libcrypto_verify: 0 when `signature` is the key's over the request's content under request->scheme. Else the alert
 * to fail with: illegal_parameter when the key does not match the scheme, decrypt_error when the signature is wrong. */
uint8_t tlsm_libcrypto_verify(EVP_PKEY *key, const struct tlsm_request *request) TLSM_MUST_USE;

/* ------------------------------------------------------------------------------------------------ credentials */

/* A certificate chain and its private key, as loaded. `credential` points into it. */
struct tlsm_libcrypto_credential {
    struct tlsm_credential credential;  /* ready for settings->credentials; names from the leaf's SAN dNSNames */
    EVP_PKEY *key;
};

/* tlsm_libcrypto_credential_load: from a PEM file with the chain, the leaf first, and one with the private key (both may
 * be one file). The answer is freed by tlsm_libcrypto_credential_free(). NULL: `why` says what is wrong and what to do. */
struct tlsm_libcrypto_credential *tlsm_libcrypto_credential_load(const char *chain_file, const char *key_file, char *why,
                                                                 size_t why_room);
/* tlsm_libcrypto_credential_staple: an OCSP response (DER) from a file, to be shown with the leaf (settings.ask_staple of the other
 * side); it replaces the one before. Before the credential is used. 0, or negative: `why` says what is wrong, nothing changed. */
int tlsm_libcrypto_credential_staple(struct tlsm_libcrypto_credential *credential, const char *file, char *why, size_t why_room);
void tlsm_libcrypto_credential_free(struct tlsm_libcrypto_credential *credential);

/* ------------------------------------------------------------------------------------------------ answering */

/* Who answers a connection's requests, and what it said. Set the first part; the rest holds the last answer. */
struct tlsm_libcrypto_answerer {
    struct tlsm_libcrypto *instance;                             /* for the certificate cache */
    struct tlsm_judge *judge;                                    /* of the peer's certificate; NULL refuses every JUDGE request */
    struct tlsm_libcrypto_credential *const *credentials;        /* in the order of settings->credentials */
    size_t credential_count;
    int64_t now_seconds;                                         /* seconds since 1970; 0: the system's clock */
    /* judged: a peer's certificate was found good: tlsm_chain_next() gives the leaf first, tlsm_judge_name() a word for who it is.
     * The request is good until this returns. May be NULL. */
    void (*judged)(void *context, const struct tlsm_state *state, const struct tlsm_request *request);
    void *judged_context;
    struct tlsm_replay *replay;                                  /* server: what tells early data that came before; NULL rejects all of it */

    uint8_t signature[TLSM_SIGNATURE_MAX];
    char why[TLSM_WHY_ROOM];                                     /* why the last answer refused, empty when it did not */
};

/* tlsm_libcrypto_answer: answers the open request of a connection: signs, judges, or chooses the first credential whose
 * name and scheme fit. Returns the request's kind, 0 when none is open. `answer` is ready for TLSM_IN_ANSWER, points into
 * `answerer` (a struct tlsm_libcrypto_answerer) and is good until the next call. It fits hooks.answer of tlsm_link.h. */
int tlsm_libcrypto_answer(void *answerer, const struct tlsm_config *config, const struct tlsm_state *state,
                          struct tlsm_answer *answer);

TLSM_DECLARATIONS_END
#endif
