/* SPDX-License-Identifier: MIT */
/* What the libcrypto adapter's files share and nobody else sees. */
#ifndef TLSM_LIBCRYPTO_INTERNAL_H
#define TLSM_LIBCRYPTO_INTERNAL_H

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/ocsp.h>
#include <openssl/x509.h>
#include <string.h>

#include "tlsm_cleanse_internal.h"
#include "tlsm_libcrypto.h"

/* ------------------------------------------------------------------------------------------------ AEAD keys */

enum tlsm_direction { TLSM_OPENS = 0, TLSM_SEALS = 1 };   /* libcrypto's numbers */
enum { TLSM_CIPHERS = 3 };

/* Free slots have suite 0 and are chained by `next` from cache.free; used ones from the bucket of their id. */
struct tlsm_aead_slot {
    uint64_t id;
    EVP_CIPHER_CTX *context;
    uint32_t next;               /* 1 + index, 0 end */
    uint16_t suite;
    uint8_t direction, recent;   /* recent: used since the clock's hand passed */
    uint8_t key[TLSM_KEY_MAX];
};
struct tlsm_aead_cache {
    EVP_CIPHER *cipher[TLSM_CIPHERS];
    struct tlsm_aead_slot *slots;
    uint32_t *buckets;           /* 1 + index, 0 empty */
    uint32_t bound, mask, hand, free;
    int quick;                   /* AES-GCM goes the quick way: tlsm_aead_choose() */
    uint8_t nonce[TLSM_IV], tag[TLSM_TAG];       /* of the record at hand: what the parameters point at */
    OSSL_PARAM set_nonce[2], set_nonce_and_tag[3];
};

int tlsm_aead_init(struct tlsm_aead_cache *cache, size_t bound);
/* tlsm_aead_choose: finds out, by sealing and opening, whether this libcrypto has the quick way. After tlsm_aead_init(). */
void tlsm_aead_choose(struct tlsm_libcrypto *instance);
void tlsm_aead_drop(struct tlsm_aead_cache *cache);
void tlsm_aead_clear(struct tlsm_aead_cache *cache);
int tlsm_libcrypto_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                        struct tlsm_bytes tail, uint8_t *out);
int tlsm_libcrypto_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                        uint8_t *out);
void tlsm_libcrypto_forget(void *self, uint64_t id);

/* ------------------------------------------------------------------------------------------------ hashes */

int tlsm_libcrypto_hash_start(void *self, uint16_t hash, struct tlsm_hash *to);
int tlsm_libcrypto_hash_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data);
int tlsm_libcrypto_hash_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX]);
int tlsm_libcrypto_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                        uint8_t digest[TLSM_HASH_MAX]);

/* ------------------------------------------------------------------------------------------------ key shares */

/* A curve and the number its scalars are reduced by: order - 1. */
struct tlsm_curve {
    EC_GROUP *group;
    BIGNUM *order_less_one;
    size_t field;                /* bytes of a coordinate */
    size_t secret;               /* bytes of entropy behind a scalar */
};

int tlsm_curve_init(struct tlsm_curve *curve, int nid, size_t field, size_t secret);
void tlsm_curve_clear(struct tlsm_curve *curve);
/* What imports keys of X25519, and the public key of the peer at hand. */
struct tlsm_x25519 {
    EVP_PKEY_CTX *importer;
    EVP_PKEY *peer;
};

/* tlsm_x25519_init: 0, or negative: libcrypto lacks it, or memory ran out. */
int tlsm_x25519_init(struct tlsm_x25519 *kit);
void tlsm_x25519_clear(struct tlsm_x25519 *kit);
int tlsm_libcrypto_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub);
int tlsm_libcrypto_agree(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                         struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length);
int tlsm_libcrypto_respond(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX],
                           struct tlsm_bytes peer, struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX],
                           size_t *length);

/* ------------------------------------------------------------------------------------------------ certificates */

enum { TLSM_FINGERPRINT = 32 };

/* Direct-mapped by the SHA-256 of the DER; what is found is the same certificate, byte for byte. */
struct tlsm_x509_cache {
    struct tlsm_x509_slot { uint8_t fingerprint[TLSM_FINGERPRINT]; X509 *certificate; } *slots;
    size_t bound;
};

int tlsm_x509_cache_init(struct tlsm_x509_cache *cache, size_t bound);
void tlsm_x509_cache_drop(struct tlsm_x509_cache *cache);
void tlsm_x509_cache_clear(struct tlsm_x509_cache *cache);
/* tlsm_x509_parse: the certificate of these DER bytes, a reference for the caller; NULL when it does not parse wholly. */
X509 *tlsm_x509_parse(struct tlsm_x509_cache *cache, struct tlsm_bytes der);
/* tlsm_x509_forget: the certificate of these bytes is parsed afresh the next time. Needs no memory. */
void tlsm_x509_forget(struct tlsm_x509_cache *cache, struct tlsm_bytes der);

/* A chain that was found good, and for how long it stays so: not before `from`, before `until` (seconds since 1970), which is when
 * every certificate of the path is valid. `question` is the SHA-256 of all that the answer depends on but the time and the store: who is
 * asked about, under what name, and every byte that was sent. What is found was asked before, word for word. */
struct tlsm_judged {
    uint8_t question[TLSM_FINGERPRINT];
    X509_STORE *store;           /* a reference, so that no other can lie there; NULL: nothing is kept here */
    X509 *leaf, *issuer;         /* references */
    int64_t from, until;
};
struct tlsm_judged_cache {
    struct tlsm_judged *slots;
    size_t bound;
};

int tlsm_judged_init(struct tlsm_judged_cache *cache, size_t bound);
void tlsm_judged_drop(struct tlsm_judged_cache *cache);
void tlsm_judged_clear(struct tlsm_judged_cache *cache);
/* tlsm_judged_question: 0, or negative. tlsm_judged_find: what was found good then and is now, or NULL. tlsm_judged_keep: takes
 * references of its own, in place of what was there. */
int tlsm_judged_question(const struct tlsm_request *request, uint8_t question[TLSM_FINGERPRINT]);
const struct tlsm_judged *tlsm_judged_find(const struct tlsm_judged_cache *cache, const uint8_t question[TLSM_FINGERPRINT],
                                           const X509_STORE *store, int64_t now);
void tlsm_judged_keep(struct tlsm_judged_cache *cache, const struct tlsm_judged *judged);

/* ------------------------------------------------------------------------------------------------ credentials */

enum { TLSM_CREDENTIAL_CHAIN_MAX = 32, TLSM_CREDENTIAL_SCHEMES_MAX = 16 };

/* What a struct tlsm_credential points into. All zero at first; the arrays hold memory of their own. */
struct tlsm_credential_parts {
    struct tlsm_bytes chain[TLSM_CREDENTIAL_CHAIN_MAX];
    size_t chain_count;
    uint16_t schemes[TLSM_CREDENTIAL_SCHEMES_MAX];
    struct tlsm_bytes *names;
    size_t name_count;
    uint8_t *staple;
};

/* tlsm_credential_add: one more certificate, the leaf first. 1, or 0: too many, or no memory. */
int tlsm_credential_add(struct tlsm_credential_parts *parts, X509 *certificate);
/* tlsm_credential_finish: the key's schemes, the names of the leaf's SAN, and `credential` over them all. 1, or 0: no memory. */
int tlsm_credential_finish(struct tlsm_credential_parts *parts, const X509 *leaf, EVP_PKEY *key,
                           struct tlsm_credential *credential);
void tlsm_credential_clear(struct tlsm_credential_parts *parts);

/* tlsm_read_failed: 1: reading a file failed, which to libcrypto looks like the end of it. */
int tlsm_read_failed(BIO *file);

/* tlsm_staple_parse: the answer in a successful OCSP response, to be freed; NULL: there is none. tlsm_staple_find: what it says about
 * the leaf; NULL: nothing. */
OCSP_BASICRESP *tlsm_staple_parse(struct tlsm_bytes der);
OCSP_SINGLERESP *tlsm_staple_find(OCSP_BASICRESP *basic, const X509 *leaf, const X509 *issuer);

/* ------------------------------------------------------------------------------------------------ entropy */

struct tlsm_entropy_stock;

/* tlsm_stock_new: NULL: there can be none here, and each connection's entropy is drawn when it is asked for. _drop: wipes. */
struct tlsm_entropy_stock *tlsm_stock_new(void);
void tlsm_stock_drop(struct tlsm_entropy_stock *stock);
void tlsm_stock_free(struct tlsm_entropy_stock *stock);

/* ------------------------------------------------------------------------------------------------ the instance */

struct tlsm_libcrypto {
    struct tlsm_aead_cache aead;
    struct tlsm_curve p256, p384;
    struct tlsm_x25519 x25519;
    struct tlsm_x509_cache certificates;
    struct tlsm_judged_cache judged;
    struct tlsm_entropy_stock *stock;   /* may be NULL */
};

/* tlsm_why: writes the sentence, cut to the room. */
void tlsm_why(char *why, size_t why_room, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

#endif
