/* SPDX-License-Identifier: MIT */
#include "duel_wire.h"

#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 5, TAG = 16, NONCE_12 = 8 };

static void must(int good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "duel: %s\n", what);
    abort();
}

/* ------------------------------------------------------------------------------------------------ keys */

/* HKDF-Expand-Label with an empty context and at most one block: RFC 9846 §7.1. */
static void expand(const uint8_t *secret, const char *label, uint8_t *to, size_t length)
{
    uint8_t info[64], block[DUEL_SECRET];
    unsigned made = 0;
    const size_t name = strlen(label);
    info[0] = 0;
    info[1] = (uint8_t)length;
    info[2] = (uint8_t)(6 + name);
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, name);
    info[9 + name] = 0;
    info[10 + name] = 1;
    must(HMAC(EVP_sha256(), secret, DUEL_SECRET, info, 11 + name, block, &made) != NULL, "HMAC");
    memcpy(to, block, length);
}

static const EVP_CIPHER *suite(void)
{
    static EVP_CIPHER *fetched;
    if (fetched == NULL)
        fetched = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    return fetched;
}

static void set_key(struct duel_keys *keys, const uint8_t key[16])
{
    if (keys->cipher == NULL)
        keys->cipher = EVP_CIPHER_CTX_new();
    must(keys->cipher != NULL && EVP_CipherInit_ex2(keys->cipher, suite(), key, NULL, 0, NULL) == 1, "the cipher");
}

static void derive(struct duel_keys *keys)
{
    uint8_t key[16];
    expand(keys->secret, "key", key, sizeof key);
    expand(keys->secret, "iv", keys->iv, sizeof keys->iv);
    keys->sequence = 0;
    keys->older = 0;
    set_key(keys, key);
}

void duel_keys_set_12(struct duel_keys *keys, const uint8_t key[16], const uint8_t salt[4])
{
    memcpy(keys->iv, salt, 4);
    keys->sequence = 1;
    keys->older = 1;
    set_key(keys, key);
}

void duel_keys_set(struct duel_keys *keys, const uint8_t secret[DUEL_SECRET])
{
    memcpy(keys->secret, secret, DUEL_SECRET);
    derive(keys);
}

void duel_keys_update(struct duel_keys *keys)
{
    uint8_t next[DUEL_SECRET];
    expand(keys->secret, "traffic upd", next, sizeof next);
    duel_keys_set(keys, next);
}

/* The nonce of the next record: RFC 9846 §5.3. */
static void begin(struct duel_keys *keys, int seal, const uint8_t *header)
{
    uint8_t nonce[12];
    int ignored;
    memcpy(nonce, keys->iv, sizeof nonce);
    for (unsigned i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(keys->sequence >> (8 * i));
    keys->sequence++;
    must(EVP_CipherInit_ex2(keys->cipher, NULL, NULL, nonce, seal, NULL) == 1 &&
         EVP_CipherUpdate(keys->cipher, NULL, &ignored, header, HEADER) == 1, "the nonce");
}

static void put_64(uint8_t *to, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (uint8_t)(number >> (8 * (7 - i)));
}

/* The same: RFC 5246 §6.2.3.3, RFC 5288 §3. */
static void begin_12(struct duel_keys *keys, int seal, uint8_t type, size_t length, const uint8_t explicit_nonce[NONCE_12])
{
    uint8_t nonce[12], about[13] = { 0, 0, 0, 0, 0, 0, 0, 0, type, 3, 3, (uint8_t)(length >> 8), (uint8_t)length };
    int ignored;
    put_64(about, keys->sequence++);
    memcpy(nonce, keys->iv, 4);
    memcpy(nonce + 4, explicit_nonce, NONCE_12);
    must(EVP_CipherInit_ex2(keys->cipher, NULL, NULL, nonce, seal, NULL) == 1 &&
         EVP_CipherUpdate(keys->cipher, NULL, &ignored, about, sizeof about) == 1, "the nonce");
}

/* ------------------------------------------------------------------------------------------------ sealing */

static int is_key_update(uint8_t type, const uint8_t *content, size_t length)
{
    return type == DUEL_HANDSHAKE && length > 0 && content[0] == DUEL_KEY_UPDATE;
}

static void seal(struct duel_keys *keys, uint8_t *to, const uint8_t *inner, size_t length)
{
    int done = 0, end = 0;
    must(EVP_CipherUpdate(keys->cipher, to, &done, inner, (int)length) == 1 &&
         EVP_CipherFinal_ex(keys->cipher, to + done, &end) == 1 &&
         EVP_CIPHER_CTX_ctrl(keys->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, to + length) == 1, "sealing");
}

static void put_header(uint8_t *to, uint8_t type, size_t body)
{
    to[0] = type;
    to[1] = to[2] = 3;
    to[3] = (uint8_t)(body >> 8);
    to[4] = (uint8_t)body;
}

static size_t seal_12(struct duel_keys *keys, uint8_t type, const uint8_t *content, size_t length, uint8_t *to)
{
    const size_t outside = NONCE_12 + length + TAG;
    put_header(to, type, outside);
    put_64(to + HEADER, keys->sequence);
    begin_12(keys, 1, type, length, to + HEADER);
    seal(keys, to + HEADER + NONCE_12, content, length);
    return HEADER + outside;
}

size_t duel_seal(struct duel_keys *keys, uint8_t type, const uint8_t *content, size_t length, size_t padding, uint8_t *to)
{
    static uint8_t inner[DUEL_RECORD_MAX];
    const size_t inside = length + 1 + padding, outside = inside + TAG;
    must(inside <= sizeof inner, "a record to seal is too long");
    if (keys->older)
        return seal_12(keys, type, content, length, to);
    memcpy(inner, content, length);
    inner[length] = type;
    memset(inner + length + 1, 0, padding);
    put_header(to, DUEL_DATA, outside);
    begin(keys, 1, to);
    seal(keys, to + HEADER, inner, inside);
    if (is_key_update(type, content, length))
        duel_keys_update(keys);
    return HEADER + outside;
}

/* ------------------------------------------------------------------------------------------------ opening */

uint32_t duel_digest(uint32_t before, const uint8_t *bytes, size_t length)
{
    uint32_t digest = before != 0 ? before : 2166136261u;   /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        digest = (digest ^ bytes[i]) * 16777619u;
    return digest;
}

static void describe(struct duel_record *record, uint8_t type, const uint8_t *content, size_t length)
{
    record->type = type;
    record->length = (uint32_t)length;
    record->digest = duel_digest(0, content, length);
    record->first = length > 0 ? content[0] : 0;
    record->second = length > 1 ? content[1] : 0;
    record->last = length > 0 ? content[length - 1] : 0;
}

/* In place; or marks the record as broken. */
static void open_record(struct duel_stream *stream, size_t body, struct duel_record *record)
{
    const size_t lead = stream->keys.older ? NONCE_12 : 0;
    uint8_t *const content = stream->bytes + HEADER + lead;
    size_t inside = body - lead - TAG;
    int done = 0, end = 0;
    if (stream->keys.older)
        begin_12(&stream->keys, 0, stream->bytes[0], inside, stream->bytes + HEADER);
    else
        begin(&stream->keys, 0, stream->bytes);
    if (EVP_CipherUpdate(stream->keys.cipher, content, &done, content, (int)inside) != 1 ||
        EVP_CIPHER_CTX_ctrl(stream->keys.cipher, EVP_CTRL_AEAD_SET_TAG, TAG, content + inside) != 1 ||
        EVP_CipherFinal_ex(stream->keys.cipher, content + done, &end) != 1) {
        record->broken = 1;
        return;
    }
    if (stream->keys.older) {
        describe(record, stream->bytes[0], content, inside);
        return;
    }
    while (inside > 0 && content[inside - 1] == 0)
        inside--;
    describe(record, inside > 0 ? content[inside - 1] : 0, content, inside > 0 ? inside - 1 : 0);
}

static void one(struct duel_stream *stream, size_t body,
                void (*seen)(void *context, const struct duel_record *record, const uint8_t *content), void *context)
{
    const size_t lead = stream->keys.older ? NONCE_12 : 0;
    struct duel_record record = { 0 };
    if (stream->keys.older ? body >= lead + TAG : stream->bytes[0] == DUEL_DATA && body > TAG) {
        open_record(stream, body, &record);
    } else {
        describe(&record, stream->bytes[0], stream->bytes + HEADER, body);
        record.plain = 1;
    }
    seen(context, &record, stream->bytes + HEADER + (record.plain ? 0 : lead));
    if (!stream->keys.older && !record.plain && !record.broken && is_key_update(record.type, stream->bytes + HEADER, record.length))
        duel_keys_update(&stream->keys);
}

static size_t body_of(const struct duel_stream *stream)
{
    return ((size_t)stream->bytes[3] << 8) + stream->bytes[4];
}

void duel_stream_put(struct duel_stream *stream, const uint8_t *bytes, size_t length,
                     void (*seen)(void *context, const struct duel_record *record, const uint8_t *content), void *context)
{
    while (length > 0) {
        const size_t whole = stream->length < HEADER ? HEADER : HEADER + body_of(stream);
        const size_t missing = whole - stream->length, some = missing < length ? missing : length;
        must(whole <= sizeof stream->bytes, "a record is too long");
        memcpy(stream->bytes + stream->length, bytes, some);
        stream->length += some;
        bytes += some;
        length -= some;
        if (stream->length >= HEADER && stream->length == HEADER + body_of(stream)) {
            one(stream, stream->length - HEADER, seen, context);
            stream->length = 0;
        }
    }
}
