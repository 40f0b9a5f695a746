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
    tlsm_cleanse(slot, sizeof *slot);
}

/* The nonce is made of a secret. */
static void wipe_record(struct tlsm_aead_cache *cache)
{
    tlsm_cleanse(cache->nonce, sizeof cache->nonce);
    tlsm_cleanse(cache->tag, sizeof cache->tag);
}

void tlsm_aead_drop(struct tlsm_aead_cache *cache)
{
    wipe_record(cache);
    for (uint32_t i = 0; i < cache->bound; i++)
        wipe_slot(&cache->slots[i]);
    chain_all_free(cache);
}

void tlsm_aead_clear(struct tlsm_aead_cache *cache)
{
    wipe_record(cache);
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
    wipe_record(cache);
    wipe_slot(slot);
    slot->next = cache->free;
    cache->free = (uint32_t)(slot - cache->slots) + 1;
}

static EVP_CIPHER_CTX *set_key(struct tlsm_aead_cache *cache, struct tlsm_aead_slot *slot, const struct tlsm_key *key)
{
    const EVP_CIPHER *cipher = cache->cipher[cipher_index(key->suite)];
    int good;

    ERR_set_mark();
    if (slot->context == NULL)
        slot->context = EVP_CIPHER_CTX_new();
    good = slot->context != NULL && EVP_CipherInit_ex(slot->context, cipher, NULL, key->key, NULL, slot->direction) == 1;
    ERR_pop_to_mark();
    if (!good) {
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

    if (cipher_index(key->suite) < 0)
        return NULL;
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

/* Longer plaintext is sealed from where it lies, and its tail in a call of its own; shorter is cheaper to copy. */
enum { COPIED_MAX = 2048 };

/* RFC 9846 §5.3: the sequence number, big-endian, padded on the left, XOR the IV. */
static void set_nonce(uint8_t nonce[TLSM_IV], const struct tlsm_key *key)
{
    memcpy(nonce, key->iv, TLSM_IV);
    for (int i = 0; i < 8; i++)
        nonce[TLSM_IV - 1 - i] ^= (uint8_t)(key->sequence >> 8 * i);
}

/* EVP_Cipher() goes to the cipher without a check on the way, and says how many bytes it took: none is a failure, or the end of a
 * record. `out` NULL is associated data. */
static int quick(EVP_CIPHER_CTX *context, uint8_t *out, const uint8_t *in, size_t length)
{
    return length == 0 || EVP_Cipher(context, out, in, (unsigned)length) > 0;
}

static int quick_end(EVP_CIPHER_CTX *context) { return EVP_Cipher(context, NULL, NULL, 0) >= 0; }

/* Short plaintext and its tail go in one call. */
static int quick_content(EVP_CIPHER_CTX *context, struct tlsm_bytes plain, struct tlsm_bytes tail, uint8_t *out)
{
    if (plain.data != out && plain.length > COPIED_MAX)
        return quick(context, out, plain.data, plain.length) && quick(context, out + plain.length, tail.data, tail.length);
    if (plain.data != out && plain.length > 0)
        memmove(out, plain.data, plain.length);
    for (size_t i = 0; i < tail.length; i++)   /* a byte, or none */
        out[plain.length + i] = tail.data[i];
    return quick(context, out, out, plain.length + tail.length);
}

static int quick_seal(struct tlsm_aead_cache *cache, EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes plain,
                      struct tlsm_bytes tail, uint8_t *out)
{
    uint8_t *const tag = out + plain.length + tail.length;
    OSSL_PARAM get_tag[] = { OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, TLSM_TAG), OSSL_PARAM_END };
    return EVP_CIPHER_CTX_set_params(context, cache->set_nonce) == 1 && quick(context, NULL, aad.data, aad.length) &&
           quick_content(context, plain, tail, out) && quick_end(context) &&
           EVP_CIPHER_CTX_get_params(context, get_tag) == 1;
}

static int quick_open(struct tlsm_aead_cache *cache, EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                      uint8_t *out)
{
    return EVP_CIPHER_CTX_set_params(context, cache->set_nonce_and_tag) == 1 && quick(context, NULL, aad.data, aad.length) &&
           quick(context, out, cipher.data, cipher.length) && quick_end(context);
}

/* out NULL: associated data. */
static int feed(EVP_CIPHER_CTX *context, uint8_t *out, struct tlsm_bytes bytes)
{
    int written;
    return bytes.length == 0 || EVP_CipherUpdate(context, out, &written, bytes.data, (int)bytes.length) == 1;
}

static int documented_seal(struct tlsm_aead_cache *cache, EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes plain,
                           struct tlsm_bytes tail, uint8_t *out)
{
    uint8_t *const tag = out + plain.length + tail.length;
    int written;
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, cache->nonce, -1) == 1 && feed(context, NULL, aad) &&
           feed(context, out, plain) && feed(context, out + plain.length, tail) &&
           EVP_CipherFinal_ex(context, tag, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TLSM_TAG, tag) == 1;
}

static int documented_open(struct tlsm_aead_cache *cache, EVP_CIPHER_CTX *context, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                           uint8_t *out)
{
    uint8_t *const end = out + cipher.length;
    int written;
    return EVP_CipherInit_ex(context, NULL, NULL, NULL, cache->nonce, -1) == 1 &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TLSM_TAG, cache->tag) == 1 && feed(context, NULL, aad) &&
           feed(context, out, cipher) && EVP_CipherFinal_ex(context, end, &written) == 1;
}

static int is_quick(const struct tlsm_aead_cache *cache, const struct tlsm_key *key)
{
    return cache->quick && key->suite != TLSM_CHACHA20_POLY1305_SHA256;
}

int tlsm_libcrypto_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                        struct tlsm_bytes tail, uint8_t *out)
{
    struct tlsm_aead_cache *cache = &((struct tlsm_libcrypto *)self)->aead;
    EVP_CIPHER_CTX *context;
    int good;

    if (aad.length > INT_MAX || tail.length > INT_MAX || plain.length > INT_MAX - tail.length)
        return -1;
    context = context_for(cache, key, TLSM_SEALS);
    if (context == NULL)
        return -1;
    set_nonce(cache->nonce, key);
    if (is_quick(cache, key))
        return quick_seal(cache, context, aad, plain, tail, out) ? 0 : -1;
    ERR_set_mark();
    good = documented_seal(cache, context, aad, plain, tail, out);
    ERR_pop_to_mark();
    return good ? 0 : -1;
}

static int open_with(struct tlsm_aead_cache *cache, const struct tlsm_key *key, EVP_CIPHER_CTX *context, struct tlsm_bytes aad,
                     struct tlsm_bytes cipher, uint8_t *out)
{
    int good;

    set_nonce(cache->nonce, key);
    memcpy(cache->tag, cipher.data + cipher.length, TLSM_TAG);
    if (is_quick(cache, key))
        return quick_open(cache, context, aad, cipher, out);
    ERR_set_mark();
    good = documented_open(cache, context, aad, cipher, out);
    ERR_pop_to_mark();
    return good;
}

int tlsm_libcrypto_open(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes cipher,
                        uint8_t *out)
{
    struct tlsm_aead_cache *cache = &((struct tlsm_libcrypto *)self)->aead;
    EVP_CIPHER_CTX *context;

    if (cipher.length < TLSM_TAG || cipher.length > INT_MAX || aad.length > INT_MAX)
        return -1;
    cipher.length -= TLSM_TAG;
    context = context_for(cache, key, TLSM_OPENS);
    if (context != NULL && open_with(cache, key, context, aad, cipher, out))
        return 0;
    if (cipher.length > 0)
        memset(out, 0, cipher.length);
    return -1;
}

/* ------------------------------------------------------------------------------------------------ the quick way */

/* In one call libcrypto takes a whole nonce, and a tag with it, where the parameter for a nonce's fixed part has no length. By
 * EVP_CipherInit_ex() it costs four times as much. */
static void prepare_parameters(struct tlsm_aead_cache *cache)
{
    const OSSL_PARAM nonce = OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED, cache->nonce, SIZE_MAX),
                     tag = OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, cache->tag, TLSM_TAG), end = OSSL_PARAM_END;
    cache->set_nonce[0] = cache->set_nonce_and_tag[0] = nonce;
    cache->set_nonce_and_tag[1] = tag;
    cache->set_nonce[1] = cache->set_nonce_and_tag[2] = end;
}

enum { TRIED_MAX = COPIED_MAX + 1 };   /* sealed in two parts when it is not copied */

/* Both ways give the same record; it opens, and does not once it is changed. */
static int ways_agree(struct tlsm_libcrypto *instance, const struct tlsm_key *key, size_t length)
{
    static const uint8_t content[TRIED_MAX] = "a record of some bytes", type = 23;
    const struct tlsm_bytes plain = { content, length }, tail = { &type, 1 };
    uint8_t record[2][TRIED_MAX + 1 + TLSM_TAG], opened[TRIED_MAX + 1];
    const struct tlsm_bytes sealed = { record[1], length + 1 + TLSM_TAG };
    for (int way = 0; way < 2; way++) {
        instance->aead.quick = way;
        if (tlsm_libcrypto_seal(instance, key, tail, plain, tail, record[way]) != 0)
            return 0;
    }
    if (memcmp(record[0], record[1], sealed.length) != 0 || tlsm_libcrypto_open(instance, key, tail, sealed, opened) != 0 ||
        memcmp(opened, content, length) != 0 || opened[length] != type)
        return 0;
    record[1][0] ^= 1;
    return tlsm_libcrypto_open(instance, key, tail, sealed, opened) != 0;
}

/* The newest error in the queue. Each has a copy of its file's name, so that where the name lies tells two that are alike. */
struct newest {
    unsigned long code;
    const char *file;
};

static struct newest newest(void)
{
    struct newest error = { 0, NULL };
    error.code = ERR_peek_last_error_all(&error.file, NULL, NULL, NULL, NULL);
    return error;
}

/* And nothing of that is told in the error queue, where an error of ours could push out one of the caller's. */
static int agree_silently(struct tlsm_libcrypto *instance, const struct tlsm_key *key, size_t length)
{
    struct newest before, after;
    int agree;

    ERR_set_mark();
    before = newest();
    agree = ways_agree(instance, key, length);
    after = newest();
    ERR_pop_to_mark();
    return agree && before.code == after.code && before.file == after.file;
}

void tlsm_aead_choose(struct tlsm_libcrypto *instance)
{
    struct tlsm_key key = { .id = 1, .sequence = UINT64_C(0x01020304050607ff), .iv = { 1, 2, 3 }, .key = { 4, 5, 6 } };
    int agree = 1;

    prepare_parameters(&instance->aead);
    for (int trial = 0; agree && trial < 4; trial++, key.sequence++) {
        key.suite = trial < 2 ? TLSM_AES_128_GCM_SHA256 : TLSM_AES_256_GCM_SHA384;
        agree = agree_silently(instance, &key, trial % 2 == 0 ? 23 : TRIED_MAX);
    }
    instance->aead.quick = agree;
    tlsm_libcrypto_forget(instance, key.id);
}
