/* SPDX-License-Identifier: MIT */
/* Signatures of CertificateVerify, made and verified: which key fits which scheme, and with what parameters. */
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

enum kind { RSA_KEY, RSA_PSS_KEY, CURVE_KEY, EDWARDS_KEY };

/* In our order of preference. RSA PKCS#1 is not here: RFC 9846 §4.3.3 has it for certificates only. */
static const struct scheme {
    uint16_t number;
    uint8_t kind;          /* enum kind */
    uint8_t digest_length;
    char digest[8];        /* empty: the scheme has its own */
    char curve[12];        /* libcrypto's name */
} schemes_known[] = {
    { TLSM_ECDSA_SECP256R1_SHA256, CURVE_KEY, 32, "SHA256", "prime256v1" },
    { TLSM_ECDSA_SECP384R1_SHA384, CURVE_KEY, 48, "SHA384", "secp384r1" },
    { TLSM_ED25519, EDWARDS_KEY, 0, "", "" },
    { TLSM_RSA_PSS_RSAE_SHA256, RSA_KEY, 32, "SHA256", "" },
    { TLSM_RSA_PSS_RSAE_SHA384, RSA_KEY, 48, "SHA384", "" },
    { TLSM_RSA_PSS_RSAE_SHA512, RSA_KEY, 64, "SHA512", "" },
    { TLSM_RSA_PSS_PSS_SHA256, RSA_PSS_KEY, 32, "SHA256", "" },
    { TLSM_RSA_PSS_PSS_SHA384, RSA_PSS_KEY, 48, "SHA384", "" },
    { TLSM_RSA_PSS_PSS_SHA512, RSA_PSS_KEY, 64, "SHA512", "" },
};
enum { SCHEMES = sizeof schemes_known / sizeof schemes_known[0], CURVE_NAME = 80 };

static const struct scheme *scheme_of(uint16_t number)
{
    for (size_t i = 0; i < SCHEMES; i++)
        if (schemes_known[i].number == number)
            return &schemes_known[i];
    return NULL;
}

static int curve_fits(const EVP_PKEY *key, const struct scheme *scheme)
{
    char name[CURVE_NAME];
    size_t length;

    return EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof name, &length) == 1 &&
           strcmp(name, scheme->curve) == 0;
}

/* RFC 8017 §9.1.1: the modulus has room for digest, salt (as long as the digest) and two bytes. */
static int modulus_fits(const EVP_PKEY *key, const struct scheme *scheme)
{
    return EVP_PKEY_get_bits(key) >= 8 * (2 * scheme->digest_length + 2) + 1;
}

static int key_fits(const EVP_PKEY *key, const struct scheme *scheme)
{
    switch ((enum kind)scheme->kind) {
    case RSA_KEY: return EVP_PKEY_is_a(key, "RSA") == 1 && modulus_fits(key, scheme);
    case RSA_PSS_KEY: return EVP_PKEY_is_a(key, "RSA-PSS") == 1 && modulus_fits(key, scheme);
    case CURVE_KEY: return EVP_PKEY_is_a(key, "EC") == 1 && curve_fits(key, scheme);
    case EDWARDS_KEY: return EVP_PKEY_is_a(key, "ED25519") == 1;
    }
    return 0;
}

/* RFC 9846 §4.3.3: the mask generation function uses the same digest, "The length of the Salt MUST be equal to the length
 * of the output of the digest algorithm". */
static int set_padding(EVP_PKEY_CTX *parameters, const struct scheme *scheme)
{
    if (scheme->kind != RSA_KEY && scheme->kind != RSA_PSS_KEY)
        return 1;
    return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(parameters, scheme->digest, NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* A context ready to sign or to verify; NULL when this key cannot under this scheme. */
static EVP_MD_CTX *begin(EVP_PKEY *key, const struct scheme *scheme, int sign)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    const char *digest = scheme->digest[0] != '\0' ? scheme->digest : NULL;
    int good = context != NULL &&
               (sign ? EVP_DigestSignInit_ex(context, &parameters, digest, NULL, NULL, key, NULL)
                     : EVP_DigestVerifyInit_ex(context, &parameters, digest, NULL, NULL, key, NULL)) == 1;

    if (good && set_padding(parameters, scheme))
        return context;
    EVP_MD_CTX_free(context);
    return NULL;
}

/* Asks libcrypto too: an RSA-PSS key may be restricted to one digest. */
static int can_sign(EVP_PKEY *key, const struct scheme *scheme)
{
    EVP_MD_CTX *context;

    if (!key_fits(key, scheme) || EVP_PKEY_get_size(key) > TLSM_SIGNATURE_MAX)
        return 0;
    context = begin(key, scheme, 1);
    EVP_MD_CTX_free(context);
    return context != NULL;
}

size_t tlsm_libcrypto_schemes(EVP_PKEY *key, uint16_t schemes[], size_t room)
{
    size_t found = 0;

    ERR_set_mark();
    for (size_t i = 0; i < SCHEMES; i++) {
        if (!can_sign(key, &schemes_known[i]))
            continue;
        if (found < room)
            schemes[found] = schemes_known[i].number;
        found++;
    }
    ERR_pop_to_mark();
    return found;
}

int tlsm_libcrypto_sign(EVP_PKEY *key, const struct tlsm_request *request, uint8_t signature[TLSM_SIGNATURE_MAX],
                        size_t *length)
{
    const struct scheme *scheme = scheme_of(request->scheme);
    EVP_MD_CTX *context = NULL;
    int good;

    ERR_set_mark();
    *length = TLSM_SIGNATURE_MAX;
    if (scheme != NULL && key_fits(key, scheme) && EVP_PKEY_get_size(key) <= TLSM_SIGNATURE_MAX)
        context = begin(key, scheme, 1);
    good = context != NULL && EVP_DigestSign(context, signature, length, request->content, request->content_length) == 1;
    EVP_MD_CTX_free(context);
    ERR_pop_to_mark();
    if (!good)
        *length = 0;
    return good ? 0 : -1;
}

uint8_t tlsm_libcrypto_verify(EVP_PKEY *key, const struct tlsm_request *request)
{
    const struct scheme *scheme = scheme_of(request->scheme);
    EVP_MD_CTX *context = NULL;
    uint8_t alert = TLSM_ALERT_ILLEGAL_PARAMETER;

    ERR_set_mark();
    if (scheme != NULL && key_fits(key, scheme))
        context = begin(key, scheme, 0);
    if (context != NULL)
        alert = EVP_DigestVerify(context, request->signature.data, request->signature.length, request->content,
                                 request->content_length) == 1 ? 0 : TLSM_ALERT_DECRYPT_ERROR;
    EVP_MD_CTX_free(context);
    ERR_pop_to_mark();
    return alert;
}
