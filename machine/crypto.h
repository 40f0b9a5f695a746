/* SPDX-License-Identifier: MIT */
/* The provider interface: what the machine needs of cryptography, all of it by value.
 *
 * A provider is a table of functions and one instance ("self"). The machine calls it only from inside a step, on the
 * caller's thread; one instance is used by one thread at a time. Two exist: tlsm_libcrypto (adapters/) for truth, and the
 * null provider (fuzz/) for enumeration and fuzzing, which is never linkable into the released libraries.
 *
 * Conventions, said once:
 *  - Every function is a function: the same arguments give the same answer. Caches inside `self` change speed only.
 *  - 0 is success. Negative means refused input (a bad point, a failed tag) or a broken library; never "try again".
 *  - Lengths are bytes. Nothing is retained: all pointers are good for the call alone.
 *  - Secrets that a provider copies (stack, cache) are wiped by the provider before it returns or on `forget`.
 */
#ifndef TLSM_CRYPTO_H
#define TLSM_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

enum {
    TLSM_HASH_MAX = 48,           /* bytes of the longest digest: SHA-384 */
    TLSM_SHARE_SECRET_MAX = 96,   /* entropy behind one key share: X25519 32; P-256 48 and P-384 72 before reduction;
                                   * X25519MLKEM768 32 + 64 */
    TLSM_SHARE_MAX = 1216,        /* longest key share on the wire: X25519MLKEM768, client's */
    TLSM_SHARED_MAX = 64,         /* longest agreed secret: X25519MLKEM768; P-384 48 */
    TLSM_SIGNATURE_MAX = 1024,    /* RSA-8192 */
    TLSM_TAG = 16,                /* every AEAD here */
    TLSM_KEY_MAX = 32,
    TLSM_IV = 12
};

/* IANA numbers, used as they are on the wire. */
enum tlsm_suite {
    TLSM_AES_128_GCM_SHA256 = 0x1301,
    TLSM_AES_256_GCM_SHA384 = 0x1302,
    TLSM_CHACHA20_POLY1305_SHA256 = 0x1303,
    /* TLS 1.2 (RFC 5289, RFC 7905). A key's suite is always one of the three above: the AEAD. */
    TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 = 0xc02b, TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 = 0xc02c,
    TLSM_ECDHE_RSA_AES_128_GCM_SHA256 = 0xc02f, TLSM_ECDHE_RSA_AES_256_GCM_SHA384 = 0xc030,
    TLSM_ECDHE_RSA_CHACHA20_POLY1305_SHA256 = 0xcca8, TLSM_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256 = 0xcca9
};
enum tlsm_group { TLSM_SECP256R1 = 23, TLSM_SECP384R1 = 24, TLSM_X25519 = 29, TLSM_X25519MLKEM768 = 4588 };
enum tlsm_scheme {
    TLSM_RSA_PKCS1_SHA256 = 0x0401, TLSM_RSA_PKCS1_SHA384 = 0x0501, TLSM_RSA_PKCS1_SHA512 = 0x0601,
    TLSM_ECDSA_SECP256R1_SHA256 = 0x0403, TLSM_ECDSA_SECP384R1_SHA384 = 0x0503,
    TLSM_RSA_PSS_RSAE_SHA256 = 0x0804, TLSM_RSA_PSS_RSAE_SHA384 = 0x0805, TLSM_RSA_PSS_RSAE_SHA512 = 0x0806,
    TLSM_ED25519 = 0x0807,
    TLSM_RSA_PSS_PSS_SHA256 = 0x0809, TLSM_RSA_PSS_PSS_SHA384 = 0x080a, TLSM_RSA_PSS_PSS_SHA512 = 0x080b
};
enum tlsm_hash_name { TLSM_SHA256 = 4, TLSM_SHA384 = 5 };   /* numbers of RFC 5246 §7.4.1.4.1 */

/* Bytes somebody else owns: data may be NULL when length is 0. */
struct tlsm_bytes {
    const uint8_t *data;
    size_t length;
};

/* Room somebody else owns. */
struct tlsm_span {
    uint8_t *data;
    size_t capacity;
};

/* A hash in progress, canonical, so that equal input in any chunking is the equal 200 bytes: the chaining value (words in
 * big-endian order from chain[0]; SHA-256 uses 32 bytes of it, SHA-384 64), the bytes hashed so far, and the open block,
 * zero past its end. Never a library's own context: those keep stale bytes. */
struct tlsm_hash {
    uint64_t length;
    uint8_t chain[64];
    uint8_t block[128];
};

/* One direction's AEAD key. `id` is public: the 8 bytes after the IV in the same HKDF output block; a provider finds its
 * expanded key by id and then compares the key in constant time. Never index a cache by key bytes. `sequence` is the
 * number of the next record; the nonce is iv XOR sequence (RFC 9846 §5.3). */
struct tlsm_key {
    uint64_t id;
    uint64_t sequence;
    uint8_t key[TLSM_KEY_MAX];
    uint8_t iv[TLSM_IV];
    uint16_t suite;   /* enum tlsm_suite; 0: no key */
    uint16_t zero;
};

struct tlsm_crypto {
    /* hash_start: makes `to` the empty hash. `hash` is enum tlsm_hash_name everywhere below. */
    int (*hash_start)(void *self, uint16_t hash, struct tlsm_hash *to);
    /* hash_update: absorbs data. */
    int (*hash_update)(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data);
    /* hash_finish: writes the digest of what `from` absorbed; `from` may go on afterwards. */
    int (*hash_finish)(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX]);
    /* hmac: over the concatenation of parts (at most 8). Writes the digest's length, 32 or 48 bytes. */
    int (*hmac)(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                uint8_t digest[TLSM_HASH_MAX]);
    /* seal: plain ‖ tail, encrypted under key->sequence, then the tag: plain.length + tail.length + TLSM_TAG bytes to out.
     * out is plain.data itself or does not overlap it; tail is small (the inner content type) and does not overlap. */
    int (*seal)(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                struct tlsm_bytes tail, uint8_t *out);
    /* open: cipher.length - TLSM_TAG bytes to out; out is cipher.data itself or does not overlap it.
     * A wrong tag: negative, and out is zeroed. */
    int (*open)(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out);
    /* share: the public key share of `secret` (see TLSM_SHARE_SECRET_MAX for how much of it a group uses; P-256 and P-384
     * reduce the longer string to a scalar). pub->capacity is the room before and the share's length afterwards. */
    int (*share)(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub);
    /* agree: the client's side of the agreement. `own` is what `share` gave (importing X25519 without it is slow).
     * *length: bytes of the secret. A peer share that is malformed, off the curve, or leads to zero: negative. */
    int (*agree)(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes own,
                 struct tlsm_bytes peer, uint8_t shared[TLSM_SHARED_MAX], size_t *length);
    /* respond: the server's side in one call, own share and agreed secret (a KEM has no separate key generation here). */
    int (*respond)(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_bytes peer,
                   struct tlsm_span *pub, uint8_t shared[TLSM_SHARED_MAX], size_t *length);
    /* forget: wipes whatever was cached for this key id. Unknown ids are fine. */
    void (*forget)(void *self, uint64_t id);
};

#endif
