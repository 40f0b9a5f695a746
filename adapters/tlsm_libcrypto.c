/* SPDX-License-Identifier: MIT */
/* The provider's table, its instance, and the sentences. */
#include <openssl/obj_mac.h>
#include <stdarg.h>
#include <stdio.h>

#include "tlsm_libcrypto_internal.h"

enum { KEYS_CACHED = 64, CERTIFICATES_CACHED = 64, CACHED_MAX = 1 << 20 };

const struct tlsm_crypto tlsm_libcrypto_table = {
    .hash_start = tlsm_libcrypto_hash_start,
    .hash_update = tlsm_libcrypto_hash_update,
    .hash_finish = tlsm_libcrypto_hash_finish,
    .hmac = tlsm_libcrypto_hmac,
    .seal = tlsm_libcrypto_seal,
    .open = tlsm_libcrypto_open,
    .share = tlsm_libcrypto_share,
    .agree = tlsm_libcrypto_agree,
    .respond = tlsm_libcrypto_respond,
    .forget = tlsm_libcrypto_forget,
};

static size_t bounded(size_t wanted, size_t otherwise)
{
    if (wanted == 0)
        return otherwise;
    return wanted < CACHED_MAX ? wanted : CACHED_MAX;
}

static int fill(struct tlsm_libcrypto *instance, const struct tlsm_libcrypto_options *options)
{
    size_t keys = bounded(options != NULL ? options->keys_cached : 0, KEYS_CACHED);
    size_t certificates = bounded(options != NULL ? options->certificates_cached : 0, CERTIFICATES_CACHED);
    /* RFC 9846 leaves the reduction to us; 128 bits more than the order leave no bias to speak of. */
    if (tlsm_aead_init(&instance->aead, keys) != 0 || tlsm_x509_cache_init(&instance->certificates, certificates) != 0 ||
        tlsm_judged_init(&instance->judged, certificates) != 0 ||
        tlsm_curve_init(&instance->p256, NID_X9_62_prime256v1, 32, 48) != 0 ||
        tlsm_curve_init(&instance->p384, NID_secp384r1, 48, 72) != 0 || tlsm_x25519_init(&instance->x25519) != 0)
        return -1;
    tlsm_aead_choose(instance);
    instance->stock = tlsm_stock_new();
    return 0;
}

struct tlsm_libcrypto *tlsm_libcrypto_new(const struct tlsm_libcrypto_options *options)
{
    struct tlsm_libcrypto *instance;

    ERR_set_mark();
    instance = OPENSSL_zalloc(sizeof *instance);
    if (instance != NULL && fill(instance, options) != 0) {
        tlsm_libcrypto_free(instance);
        instance = NULL;
    }
    ERR_pop_to_mark();
    return instance;
}

void tlsm_libcrypto_free(struct tlsm_libcrypto *instance)
{
    if (instance == NULL)
        return;
    tlsm_aead_clear(&instance->aead);
    tlsm_x509_cache_clear(&instance->certificates);
    tlsm_judged_clear(&instance->judged);
    tlsm_curve_clear(&instance->p256);
    tlsm_curve_clear(&instance->p384);
    tlsm_x25519_clear(&instance->x25519);
    tlsm_stock_free(instance->stock);
    OPENSSL_free(instance);
}

void tlsm_libcrypto_drop(struct tlsm_libcrypto *instance)
{
    tlsm_aead_drop(&instance->aead);
    tlsm_x509_cache_drop(&instance->certificates);
    tlsm_judged_drop(&instance->judged);
    tlsm_stock_drop(instance->stock);
}

void tlsm_why(char *why, size_t why_room, const char *format, ...)
{
    va_list arguments;

    if (why == NULL || why_room == 0)
        return;
    va_start(arguments, format);
    (void)vsnprintf(why, why_room, format, arguments);
    va_end(arguments);
}
