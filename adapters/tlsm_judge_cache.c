/* SPDX-License-Identifier: MIT */
/* What is kept for the next connection to the same server: parsed certificates (decoding one costs fifty times more than looking it
 * up), and chains that were found good. */
#include <limits.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

int tlsm_x509_cache_init(struct tlsm_x509_cache *cache, size_t bound)
{
    cache->bound = bound;
    cache->slots = OPENSSL_zalloc(bound * sizeof *cache->slots);
    return cache->slots != NULL ? 0 : -1;
}

void tlsm_x509_cache_drop(struct tlsm_x509_cache *cache)
{
    for (size_t i = 0; cache->slots != NULL && i < cache->bound; i++) {
        X509_free(cache->slots[i].certificate);
        cache->slots[i].certificate = NULL;
    }
}

void tlsm_x509_cache_clear(struct tlsm_x509_cache *cache)
{
    tlsm_x509_cache_drop(cache);
    OPENSSL_free(cache->slots);
}

static X509 *parse(struct tlsm_bytes der)
{
    const unsigned char *at = der.data;
    X509 *certificate;

    if (der.length == 0 || der.length > LONG_MAX)
        return NULL;
    certificate = d2i_X509(NULL, &at, (long)der.length);
    if (certificate != NULL && at != der.data + der.length) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

/* Needs no memory. */
static int fingerprint_of(struct tlsm_bytes der, uint8_t fingerprint[TLSM_FINGERPRINT])
{
    uint8_t digest[TLSM_HASH_MAX];
    struct tlsm_hash running;

    if (tlsm_libcrypto_hash_start(NULL, TLSM_SHA256, &running) != 0 || tlsm_libcrypto_hash_update(NULL, TLSM_SHA256, &running, der) != 0 ||
        tlsm_libcrypto_hash_finish(NULL, TLSM_SHA256, &running, digest) != 0)
        return -1;
    memcpy(fingerprint, digest, TLSM_FINGERPRINT);
    return 0;
}

/* Both caches are direct-mapped by the beginning of a SHA-256. */
static size_t place_of(const uint8_t digest[TLSM_FINGERPRINT], size_t bound)
{
    uint32_t index;

    memcpy(&index, digest, sizeof index);
    return index % bound;
}

static int is_in(const struct tlsm_x509_slot *slot, const uint8_t fingerprint[TLSM_FINGERPRINT])
{
    return slot->certificate != NULL && memcmp(slot->fingerprint, fingerprint, TLSM_FINGERPRINT) == 0;
}

X509 *tlsm_x509_parse(struct tlsm_x509_cache *cache, struct tlsm_bytes der)
{
    uint8_t fingerprint[TLSM_FINGERPRINT];
    struct tlsm_x509_slot *slot;
    X509 *certificate;

    if (fingerprint_of(der, fingerprint) != 0)
        return NULL;
    slot = &cache->slots[place_of(fingerprint, cache->bound)];
    if (!is_in(slot, fingerprint)) {
        certificate = parse(der);
        if (certificate == NULL)
            return NULL;
        X509_free(slot->certificate);
        slot->certificate = certificate;
        memcpy(slot->fingerprint, fingerprint, sizeof fingerprint);
    }
    return X509_up_ref(slot->certificate) == 1 ? slot->certificate : NULL;
}

void tlsm_x509_forget(struct tlsm_x509_cache *cache, struct tlsm_bytes der)
{
    uint8_t fingerprint[TLSM_FINGERPRINT];
    struct tlsm_x509_slot *slot;

    if (fingerprint_of(der, fingerprint) != 0)
        return;
    slot = &cache->slots[place_of(fingerprint, cache->bound)];
    if (!is_in(slot, fingerprint))
        return;
    X509_free(slot->certificate);
    slot->certificate = NULL;
}

/* ------------------------------------------------------------------------------------------------ chains found good */

int tlsm_judged_init(struct tlsm_judged_cache *cache, size_t bound)
{
    cache->bound = bound;
    cache->slots = OPENSSL_zalloc(bound * sizeof *cache->slots);
    return cache->slots != NULL ? 0 : -1;
}

static void release(struct tlsm_judged *judged)
{
    X509_STORE_free(judged->store);
    X509_free(judged->leaf);
    X509_free(judged->issuer);
    memset(judged, 0, sizeof *judged);
}

void tlsm_judged_drop(struct tlsm_judged_cache *cache)
{
    for (size_t i = 0; cache->slots != NULL && i < cache->bound; i++)
        release(&cache->slots[i]);
}

void tlsm_judged_clear(struct tlsm_judged_cache *cache)
{
    tlsm_judged_drop(cache);
    OPENSSL_free(cache->slots);
}

int tlsm_judged_question(const struct tlsm_request *request, uint8_t question[TLSM_FINGERPRINT])
{
    const uint8_t head[] = { request->of_client != 0, (uint8_t)(request->server_name.length >> 8),
                             (uint8_t)(request->server_name.length & 255) };
    const struct tlsm_bytes none = { NULL, 0 }, part[] = { { head, sizeof head }, request->server_name, request->chain };
    uint8_t digest[TLSM_HASH_MAX];

    if (request->server_name.length > TLSM_NAME_MAX)   /* never a yes, and longer than what `head` can tell */
        return -1;
    if (tlsm_libcrypto_hmac(NULL, TLSM_SHA256, none, part, sizeof part / sizeof part[0], digest) != 0)
        return -1;
    memcpy(question, digest, TLSM_FINGERPRINT);
    return 0;
}

const struct tlsm_judged *tlsm_judged_find(const struct tlsm_judged_cache *cache, const uint8_t question[TLSM_FINGERPRINT],
                                           const X509_STORE *store, int64_t now)
{
    const struct tlsm_judged *slot = &cache->slots[place_of(question, cache->bound)];

    return slot->store == store && memcmp(slot->question, question, TLSM_FINGERPRINT) == 0 && slot->from <= now && now < slot->until
               ? slot
               : NULL;
}

void tlsm_judged_keep(struct tlsm_judged_cache *cache, const struct tlsm_judged *judged)
{
    struct tlsm_judged *slot = &cache->slots[place_of(judged->question, cache->bound)];

    release(slot);
    if (X509_STORE_up_ref(judged->store) != 1)
        return;
    slot->store = judged->store;
    if (X509_up_ref(judged->leaf) == 1)
        slot->leaf = judged->leaf;
    if (X509_up_ref(judged->issuer) == 1)
        slot->issuer = judged->issuer;
    if (slot->leaf == NULL || slot->issuer == NULL) {
        release(slot);
        return;
    }
    memcpy(slot->question, judged->question, sizeof slot->question);
    slot->from = judged->from;
    slot->until = judged->until;
}
