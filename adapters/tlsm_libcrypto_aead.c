/* SPDX-License-Identifier: MIT */
/* Sealing and opening records, and the bounded cache of expanded keys behind it.
 *
 * An expanded key is found by the public id, and taken only when suite and key are equal too; the key is compared in
 * constant time and never decides where anything lies. Eviction is a clock: the hand passes over slots used since its last
 * turn. A slot that changes its key keeps its context, which libcrypto overwrites; a forgotten one loses it. */
#include <limits.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

static int cipher_index(uint16_t suite)
{
    switch (suite) {
    case TLSM_AES_128_GCM_SHA256: return 0;
    case TLSM_AES_256_GCM_SHA384: return 1;
    case TLSM_CHACHA20_POLY1305_SHA256: return 2;
    }
    return -1;
}

static size_t key_length(uint16_t suite)
{
    return suite == TLSM_AES_128_GCM_SHA256 ? 16 : 32;
}

/* ------------------------------------------------------------------------------------------------ the cache */

static void chain_all_free(struct tlsm_aead_cache *cache)
{
    memset(cache->buckets, 0, ((size_t)cache->mask + 1) * sizeof *cache->buckets);
    for (uint32_t i = 0; i < cache->bound; i++)
        cache->slots[i].next = i + 1 < cache->bound ? i + 2 : 0;
    cache->free = 1;
    cache->hand = 0;
}

int tlsm_aead_init(struct tlsm_aead_cache *cache, size_t bound)
{
    size_t buckets = 1;

    cache->cipher[0] = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    cache->cipher[1] = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    cache->cipher[2] = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
    while (buckets < bound)
        buckets *= 2;
    cache->bound = (uint32_t)bound;
    cache->mask = (uint32_t)buckets - 1;
    cache->slots = OPENSSL_zalloc(bound * sizeof *cache->slots);
    cache->buckets = OPENSSL_zalloc(buckets * sizeof *cache->buckets);
    if (cache->slots == NULL || cache->buckets == NULL)
        return -1;
    for (int i = 0; i < TLSM_CIPHERS; i++)
        if (cache->cipher[i] == NULL)
            return -1;
    chain_all_free(cache);
    return 0;
}

/* Wipes key and context; libcrypto clears an AEAD context's memory when it frees it. */
static void wipe_slot(struct tlsm_aead_slot *slot)
{
    EVP_CIPHER_CTX_free(slot->context);
    OPENSSL_cleanse(slot, sizeof *slot);
}

void tlsm_aead_drop(struct tlsm_aead_cache *cache)
{
    for (uint32_t i = 0; i < cache->bound; i++)
        wipe_slot(&cache->slots[i]);
    chain_all_free(cache);
}

void tlsm_aead_clear(struct tlsm_aead_cache *cache)
{
    for (uint32_t i = 0; cache->slots != NULL && i < cache->bound; i++)
        wipe_slot(&cache->slots[i]);
    OPENSSL_free(cache->slots);
    OPENSSL_free(cache->buckets);
    for (int i = 0; i < TLSM_CIPHERS; i++)
        EVP_CIPHER_free(cache->cipher[i]);
}

static uint32_t *bucket(struct tlsm_aead_cache *cache, uint64_t id)
{
    return &cache->buckets[(uint32_t)(id ^ id >> 32) & cache->mask];
}

static struct tlsm_aead_slot *find(struct tlsm_aead_cache *cache, uint64_t id, enum tlsm_direction direction)
{
    for (uint32_t at = *bucket(cache, id); at != 0; at = cache->slots[at - 1].next) {
        struct tlsm_aead_slot *slot = &cache->slots[at - 1];
        if (slot->id == id && slot->direction == direction)
            return slot;
    }
    return NULL;
}

static void unlink_slot(struct tlsm_aead_cache *cache, struct tlsm_aead_slot *slot)
{
    uint32_t number = (uint32_t)(slot - cache->slots) + 1;
    uint32_t *at = bucket(cache, slot->id);

    while (*at != number)
        at = &cache->slots[*at - 1].next;
    *at = slot->next;
}

/* Every slot is in use when this is called. */
static struct tlsm_aead_slot *evict(struct tlsm_aead_cache *cache)
{
    struct tlsm_aead_slot *slot;

    for (;;) {
        slot = &cache->slots[cache->hand];
        cache->hand = (cache->hand + 1) % cache->bound;
        if (!slot->recent)
            break;
        slot->recent = 0;
    }
    unlink_slot(cache, slot);
    return slot;
}

static struct tlsm_aead_slot *take_slot(struct tlsm_aead_cache *cache, uint64_t id, enum tlsm_direction direction)
{
    struct tlsm_aead_slot *slot;
    uint32_t *head = bucket(cache, id);

    if (cache->free != 0) {
        slot = &cache->slots[cache->free - 1];
        cache->free = slot->next;
    } else {
        slot = evict(cache);
    }
    slot->id = id;
    slot->direction = (uint8_t)direction;
    slot->next = *head;
    *head = (uint32_t)(slot - cache->slots) + 1;
    return slot;
}

static void drop_slot(struct tlsm_aead_cache *cache, struct tlsm_aead_slot *slot)
{
    unlink_slot(cache, slot);
    wipe_slot(slot);
    slot->next = cache->free;
    cache->free = (uint32_t)(slot - cache->slots) + 1;
}

static EVP_CIPHER_CTX *set_key(struct tlsm_aead_cache *cache, struct tlsm_aead_slot *slot, const struct tlsm_key *key)
{
    const EVP_CIPHER *cipher = cache->cipher[cipher_index(key->suite)];

    if (slot->context == NULL)
        slot->context = EVP_CIPHER_CTX_new();
    if (slot->context == NULL ||
        EVP_CipherInit_ex(slot->context, cipher, NULL, key->key, NULL, slot->direction) != 1) {
        drop_slot(cache, slot);
        return NULL;
    }
    slot->suite = key->suite;
    slot->recent = 1;
    memcpy(slot->key, key->key, sizeof slot->key);
    return slot->context;
}

static EVP_CIPHER_CTX *context_for(struct tlsm_aead_cache *cache, const struct tlsm_key *key,
                                   enum tlsm_direction direction)
{
    struct tlsm_aead_slot *slot = find(cache, key->id, direction);

    if (slot != NULL && slot->suite == key->suite &&
        CRYPTO_memcmp(slot->key, key->key, key_length(key->suite)) == 0) {
        slot->recent = 1;
        return slot->context;
    }
    return set_key(cache, slot != NULL ? slot : take_slot(cache, key->id, direction), key);
}

void tlsm_libcrypto_forget(void *self, uint64_t id)
{
    struct tlsm_libcrypto *instance = self;
    struct tlsm_aead_slot *slot;

    for (int direction = TLSM_OPENS; direction <= TLSM_SEALS; direction++) {
        slot = find(&instance->aead, id, (enum tlsm_direction)direction);
        if (slot != NULL)
            drop_slot(&instance->aead, slot);
    }
}

/* ------------------------------------------------------------------------------------------------ records */

/* RFC 9846 §5.3: the sequence number, big-endian, padded on the left, XOR the IV. */
static EVP_CIPHER_CTX *context_for_record(struct tlsm_aead_cache *cache, const struct tlsm_key *key,
                                          enum tlsm_direction direction)
{
    EVP_CIPHER_CTX *context;
    uint8_t nonce[TLSM_IV];

    if (cipher_index(key->suite) < 0)
        return NULL;
    context = context_for(cache, key, direction);
    memcpy(nonce, key->iv, sizeof nonce);
    for (int i = 0; i < 8; i++)
        nonce[TLSM_IV - 1 - i] ^= (uint8_t)(key->sequence >> 8 * i);
    if (context == NULL || EVP_CipherInit_ex(context, NULL, NULL, NULL, nonce, -1) != 1)
        return NULL;
    return context;
}

/* out NULL: associated data. */
static int feed(EVP_CIPHER_CTX *context, uint8_t *out, struct tlsm_bytes bytes)
{
    int written;

    return bytes.length == 0 || EVP_CipherUpdate(context, out, &written, bytes.data, (int)bytes.length) == 1;
}

static int seal_with(EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes plain, struct tlsm_bytes tail,
                     uint8_t *out)
{
    uint8_t *tag = out + plain.length + tail.length;
    int written;

    return feed(context, NULL, aad) && feed(context, out, plain) && feed(context, out + plain.length, tail) &&
           EVP_CipherFinal_ex(context, tag, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TLSM_TAG, tag) == 1;
}

int tlsm_libcrypto_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                        struct tlsm_bytes tail, uint8_t *out)
{
    struct tlsm_libcrypto *instance = self;
    EVP_CIPHER_CTX *context;
    int good;

    if (aad.length > INT_MAX || plain.length > INT_MAX || tail.length > INT_MAX)
        return -1;
    ERR_set_mark();
    context = context_for_record(&instance->aead, key, TLSM_SEALS);
    good = context != NULL && seal_with(context, aad, plain, tail, out);
    ERR_pop_to_mark();
    return good ? 0 : -1;
}

static int open_with(EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes cipher, uint8_t *out)
{
    uint8_t tag[TLSM_TAG], *end = out + cipher.length;
    int written;

    memcpy(tag, cipher.data + cipher.length, sizeof tag);
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TLSM_TAG, tag) == 1 && feed(context, NULL, aad) &&
           feed(context, out, cipher) && EVP_CipherFinal_ex(context, end, &written) == 1;
}

int tlsm_libcrypto_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                        uint8_t *out)
{
    struct tlsm_libcrypto *instance = self;
    EVP_CIPHER_CTX *context;
    int good;

    if (cipher.length < TLSM_TAG || cipher.length > INT_MAX || aad.length > INT_MAX)
        return -1;
    cipher.length -= TLSM_TAG;
    ERR_set_mark();
    context = context_for_record(&instance->aead, key, TLSM_OPENS);
    good = context != NULL && open_with(context, aad, cipher, out);
    ERR_pop_to_mark();
    if (!good && cipher.length > 0)
        memset(out, 0, cipher.length);
    return good ? 0 : -1;
}
