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
    cache->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return cache->slots != NULL && cache->sha256 != NULL ? 0 : -1;
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
    EVP_MD_free(cache->sha256);
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

X509 *tlsm_x509_parse(struct tlsm_x509_cache *cache, struct tlsm_bytes der)
{
    uint8_t fingerprint[TLSM_FINGERPRINT];
    struct tlsm_x509_slot *slot;
    size_t index = 0;
    X509 *certificate;

    if (EVP_Digest(der.data, der.length, fingerprint, NULL, cache->sha256, NULL) != 1)
        return NULL;
    for (size_t i = 0; i < 4; i++)
        index = index << 8 | fingerprint[i];
    slot = &cache->slots[index % cache->bound];
    if (slot->certificate == NULL || memcmp(slot->fingerprint, fingerprint, sizeof fingerprint) != 0) {
        certificate = parse(der);
        if (certificate == NULL)
            return NULL;
        X509_free(slot->certificate);
        slot->certificate = certificate;
        memcpy(slot->fingerprint, fingerprint, sizeof fingerprint);
    }
    return X509_up_ref(slot->certificate) == 1 ? slot->certificate : NULL;
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

    if (tlsm_libcrypto_hmac(NULL, TLSM_SHA256, none, part, sizeof part / sizeof part[0], digest) != 0)
        return -1;
    memcpy(question, digest, TLSM_FINGERPRINT);
    return 0;
}

static struct tlsm_judged *slot_of(const struct tlsm_judged_cache *cache, const uint8_t question[TLSM_FINGERPRINT])
{
    uint32_t index;

    memcpy(&index, question, sizeof index);
    return &cache->slots[index % cache->bound];
}

const struct tlsm_judged *tlsm_judged_find(const struct tlsm_judged_cache *cache, const uint8_t question[TLSM_FINGERPRINT],
                                           const X509_STORE *store, int64_t now)
{
    const struct tlsm_judged *slot = slot_of(cache, question);

    return slot->store == store && memcmp(slot->question, question, TLSM_FINGERPRINT) == 0 && slot->from <= now && now < slot->until
               ? slot
               : NULL;
}

void tlsm_judged_keep(struct tlsm_judged_cache *cache, const struct tlsm_judged *judged)
{
    struct tlsm_judged *slot = slot_of(cache, judged->question);

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
