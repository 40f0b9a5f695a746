/* SPDX-License-Identifier: MIT */
/* The records between a party and its peer, seen by one who has the traffic secrets: opened, written down, forged. The
 * suite is TLS_AES_128_GCM_SHA256; in TLS 1.2 the one with ECDHE and ECDSA of the same cipher and hash. */
#ifndef TLSM_DUEL_WIRE_H
#define TLSM_DUEL_WIRE_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DUEL_SECRET = 32, DUEL_RECORD_MAX = 5 + 16384 + 256,
    DUEL_CHANGE_CIPHER = 20, DUEL_ALERT = 21, DUEL_HANDSHAKE = 22, DUEL_DATA = 23,   /* RFC 9846 §5.1 */
    DUEL_TICKET = 4, DUEL_KEY_UPDATE = 24
};

/* One record as the observer saw it. */
struct duel_record {
    uint8_t type;               /* the inner one; the outer one when `plain`, and in TLS 1.2 */
    uint8_t plain, broken;
    uint8_t first, second;      /* bytes of the content: an alert's level and description, a handshake message's type */
    uint8_t last;               /* a key update's mode */
    uint32_t length, digest;
};

/* One direction under one chain of keys. */
struct duel_keys {
    uint8_t secret[DUEL_SECRET], iv[12];
    uint64_t sequence;
    EVP_CIPHER_CTX *cipher;
    int older;                  /* TLS 1.2 */
};

/* A stream of records, cut anywhere. */
struct duel_stream {
    struct duel_keys keys;
    uint8_t bytes[DUEL_RECORD_MAX];
    size_t length;
};

/* duel_keys_set: begins with a traffic secret. */
void duel_keys_set(struct duel_keys *keys, const uint8_t secret[DUEL_SECRET]);
/* duel_keys_set_12: TLS 1.2's, behind the Finished that was the first to use them. */
void duel_keys_set_12(struct duel_keys *keys, const uint8_t key[16], const uint8_t salt[4]);
/* duel_keys_update: RFC 9846 §7.2. */
void duel_keys_update(struct duel_keys *keys);
/* duel_seal: a record with `padding` zero bytes (TLS 1.2 has none); returns its length. Advances the keys after a KeyUpdate. */
size_t duel_seal(struct duel_keys *keys, uint8_t type, const uint8_t *content, size_t length, size_t padding, uint8_t *to);
/* duel_stream_put: takes bytes of the stream; tells `seen` of every record that is complete, opened in place. */
void duel_stream_put(struct duel_stream *stream, const uint8_t *bytes, size_t length,
                     void (*seen)(void *context, const struct duel_record *record, const uint8_t *content), void *context);
/* duel_digest: of bytes, going on from `before` (0 at first). */
uint32_t duel_digest(uint32_t before, const uint8_t *bytes, size_t length);

#endif
