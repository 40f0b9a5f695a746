/* SPDX-License-Identifier: MIT */
/* Hashes by value. The machine's struct tlsm_hash is converted, field by field, to libcrypto's low-level context on our
 * stack and back. These calls are deprecated since 3.0 but are the only ones whose state can be a value: an EVP_MD_CTX is
 * an allocation, and costs several times as much. This file alone knows the layout of SHA256_CTX and SHA512_CTX. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

enum { PARTS_MAX = 8, INNER = 0x36, OUTER = 0x5c };

/* Which member is in use is the caller's `hash`: enum tlsm_hash_name. SHA-384 is SHA-512 with other constants. */
union running {
    SHA256_CTX sha256;
    SHA512_CTX sha384;
};

static size_t digest_length(uint16_t hash)
{
    return hash == TLSM_SHA256 ? SHA256_DIGEST_LENGTH : hash == TLSM_SHA384 ? SHA384_DIGEST_LENGTH : 0;
}

static size_t block_length(uint16_t hash)
{
    return hash == TLSM_SHA256 ? SHA256_CBLOCK : SHA512_CBLOCK;
}

static int start(union running *running, uint16_t hash)
{
    return hash == TLSM_SHA256 ? SHA256_Init(&running->sha256) : SHA384_Init(&running->sha384);
}

static int update(union running *running, uint16_t hash, struct tlsm_bytes data)
{
    if (data.length == 0)
        return 1;
    return hash == TLSM_SHA256 ? SHA256_Update(&running->sha256, data.data, data.length)
                               : SHA384_Update(&running->sha384, data.data, data.length);
}

static int finish(union running *running, uint16_t hash, uint8_t *digest)
{
    return hash == TLSM_SHA256 ? SHA256_Final(digest, &running->sha256) : SHA384_Final(digest, &running->sha384);
}

/* Written out, so that compilers see one load or store in them. */
static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void put32(uint8_t *at, uint32_t word)
{
    at[0] = (uint8_t)(word >> 24);
    at[1] = (uint8_t)(word >> 16);
    at[2] = (uint8_t)(word >> 8);
    at[3] = (uint8_t)word;
}

static uint64_t get64(const uint8_t *at) { return (uint64_t)get32(at) << 32 | get32(at + 4); }

static void put64(uint8_t *at, uint64_t word)
{
    put32(at, (uint32_t)(word >> 32));
    put32(at + 4, (uint32_t)word);
}

static void load256(SHA256_CTX *to, const struct tlsm_hash *from)
{
    uint64_t bits = from->length << 3;
    for (size_t i = 0; i < 8; i++)
        to->h[i] = get32(from->chain + 4 * i);
    to->Nl = (SHA_LONG)(bits & 0xffffffff);
    to->Nh = (SHA_LONG)(bits >> 32);
    memcpy(to->data, from->block, SHA256_CBLOCK);
    to->num = (unsigned)(from->length % SHA256_CBLOCK);
    to->md_len = SHA256_DIGEST_LENGTH;
}

static void store256(struct tlsm_hash *to, const SHA256_CTX *from)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < 8; i++)
        put32(to->chain + 4 * i, from->h[i]);
    to->length = ((uint64_t)from->Nh << 32 | from->Nl) >> 3;
    memcpy(to->block, from->data, from->num);
}

static void load384(SHA512_CTX *to, const struct tlsm_hash *from)
{
    for (size_t i = 0; i < 8; i++)
        to->h[i] = get64(from->chain + 8 * i);
    to->Nl = (SHA_LONG64)(from->length << 3);
    to->Nh = (SHA_LONG64)(from->length >> 61);
    memcpy(to->u.p, from->block, SHA512_CBLOCK);
    to->num = (unsigned)(from->length % SHA512_CBLOCK);
    to->md_len = SHA384_DIGEST_LENGTH;
}

static void store384(struct tlsm_hash *to, const SHA512_CTX *from)
{
    memset(to, 0, sizeof *to);
    for (size_t i = 0; i < 8; i++)
        put64(to->chain + 8 * i, from->h[i]);
    to->length = (uint64_t)from->Nl >> 3 | (uint64_t)from->Nh << 61;
    memcpy(to->block, from->u.p, from->num);
}

static void load(union running *to, uint16_t hash, const struct tlsm_hash *from)
{
    if (hash == TLSM_SHA256)
        load256(&to->sha256, from);
    else
        load384(&to->sha384, from);
}

static void store(struct tlsm_hash *to, uint16_t hash, const union running *from)
{
    if (hash == TLSM_SHA256)
        store256(to, &from->sha256);
    else
        store384(to, &from->sha384);
}

int tlsm_libcrypto_hash_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    union running running;

    (void)self;
    if (digest_length(hash) == 0 || start(&running, hash) != 1)
        return -1;
    store(to, hash, &running);
    return 0;
}

int tlsm_libcrypto_hash_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data)
{
    union running running;
    int good;

    (void)self;
    if (digest_length(hash) == 0)
        return -1;
    load(&running, hash, in_out);
    good = update(&running, hash, data);
    if (good)
        store(in_out, hash, &running);
    tlsm_cleanse(&running, sizeof running);
    return good ? 0 : -1;
}

int tlsm_libcrypto_hash_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    union running running;
    int good;

    (void)self;
    if (digest_length(hash) == 0)
        return -1;
    load(&running, hash, from);
    good = finish(&running, hash, digest);
    tlsm_cleanse(&running, sizeof running);
    return good ? 0 : -1;
}

/* What an HMAC leaves on the stack, wiped in one go. */
struct hmac {
    union running running;
    uint8_t padded[SHA512_CBLOCK], key[SHA512_CBLOCK], inner[TLSM_HASH_MAX];
};

/* RFC 2104: "keys longer than B bytes" are hashed first; with->key is zero. */
static int key_block(struct hmac *with, uint16_t hash, struct tlsm_bytes key)
{
    if (key.length <= block_length(hash)) {
        if (key.length > 0)
            memcpy(with->key, key.data, key.length);
        return 1;
    }
    return start(&with->running, hash) && update(&with->running, hash, key) && finish(&with->running, hash, with->key);
}

/* One of HMAC's two passes: H(key XOR pad, parts). */
static int pass(struct hmac *with, uint16_t hash, uint8_t pad, const struct tlsm_bytes part[], size_t parts, uint8_t *digest)
{
    const struct tlsm_bytes first = { with->padded, block_length(hash) };
    int good;

    for (size_t i = 0; i < sizeof with->padded; i++)   /* of a length that compilers know: eight bytes and more at a time */
        with->padded[i] = with->key[i] ^ pad;
    good = start(&with->running, hash) && update(&with->running, hash, first);
    for (size_t i = 0; i < parts && good; i++)
        good = update(&with->running, hash, part[i]);
    return good && finish(&with->running, hash, digest);
}

int tlsm_libcrypto_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                        uint8_t digest[TLSM_HASH_MAX])
{
    struct hmac with;
    const struct tlsm_bytes inside = { with.inner, digest_length(hash) };
    int good;

    (void)self;
    if (inside.length == 0 || parts > PARTS_MAX)
        return -1;
    memset(with.key, 0, sizeof with.key);
    good = key_block(&with, hash, key) && pass(&with, hash, INNER, part, parts, with.inner) &&
           pass(&with, hash, OUTER, &inside, 1, digest);
    tlsm_cleanse(&with, sizeof with);
    return good ? 0 : -1;
}
