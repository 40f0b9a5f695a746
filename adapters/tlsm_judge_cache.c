/* SPDX-License-Identifier: MIT */
/* Parsed certificates, kept for the next connection to the same server: decoding one costs fifty times more than looking
 * it up. Only the parse is kept; time, name and revocation are judged afresh every time. */
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
