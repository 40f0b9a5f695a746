/* SPDX-License-Identifier: MIT */
/* Signatures of CertificateVerify and ServerKeyExchange, made and verified: which key fits which scheme, and with what parameters. */
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/rsa.h>
#include <string.h>

#include "tlsm_libcrypto_internal.h"

enum kind { RSA_KEY, RSA_PSS_KEY, RSA_OLD_KEY, CURVE_KEY, EDWARDS_KEY };

/* In our order of preference. RSA PKCS #1 comes last: RFC 9846 §4.3.3 has it for certificates only, TLS 1.2 for all. */
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
    { TLSM_RSA_PKCS1_SHA256, RSA_OLD_KEY, 32, "SHA256", "" },
    { TLSM_RSA_PKCS1_SHA384, RSA_OLD_KEY, 48, "SHA384", "" },
    { TLSM_RSA_PKCS1_SHA512, RSA_OLD_KEY, 64, "SHA512", "" },
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

/* RFC 8017 §9.1.1: the modulus has room for digest, salt (as long as the digest) and two bytes. What PKCS #1 v1.5 needs (§9.2) is less
 * for the digests here, so that a key has both or neither. */
static int modulus_fits(const EVP_PKEY *key, const struct scheme *scheme)
{
    return EVP_PKEY_get_bits(key) >= 8 * (2 * scheme->digest_length + 2) + 1;
}

/* RFC 9846 §4.3.3: PKCS #1 v1.5 never signs in TLS 1.3; in TLS 1.2 the scheme of an ECDSA signature does not say the curve. */
static int key_fits(const EVP_PKEY *key, const struct scheme *scheme, uint16_t version)
{
    switch ((enum kind)scheme->kind) {
    case RSA_OLD_KEY:
        if (version != TLSM_1_2)
            return 0;
        return EVP_PKEY_is_a(key, "RSA") == 1 && modulus_fits(key, scheme);
    case RSA_KEY: return EVP_PKEY_is_a(key, "RSA") == 1 && modulus_fits(key, scheme);
    case RSA_PSS_KEY: return EVP_PKEY_is_a(key, "RSA-PSS") == 1 && modulus_fits(key, scheme);
    case CURVE_KEY: return EVP_PKEY_is_a(key, "EC") == 1 && (version == TLSM_1_2 || curve_fits(key, scheme));
    case EDWARDS_KEY: return EVP_PKEY_is_a(key, "ED25519") == 1;
    }
    return 0;
}

/* RFC 9846 §4.3.3: the mask generation function uses the same digest, "The length of the Salt MUST be equal to the length
 * of the output of the digest algorithm". */
static int set_padding(EVP_PKEY_CTX *parameters, const struct scheme *scheme)
{
    if (scheme->kind == CURVE_KEY || scheme->kind == EDWARDS_KEY)
        return 1;
    if (scheme->kind == RSA_OLD_KEY)
        return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PADDING) == 1;
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

    if (!key_fits(key, scheme, scheme->kind == RSA_OLD_KEY ? TLSM_1_2 : TLSM_1_3) || EVP_PKEY_get_size(key) > TLSM_SIGNATURE_MAX)
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

/* The same for content that is a digest already; a scheme that has its own digest has no such signatures. */
static EVP_PKEY_CTX *begin_digested(EVP_PKEY *key, const struct scheme *scheme, const struct tlsm_request *request, int sign)
{
    EVP_PKEY_CTX *parameters = NULL;

    if (scheme->kind != EDWARDS_KEY && request->content_length == scheme->digest_length)
        parameters = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (parameters != NULL && (sign ? EVP_PKEY_sign_init(parameters) : EVP_PKEY_verify_init(parameters)) == 1 &&
        set_padding(parameters, scheme) && EVP_PKEY_CTX_set_signature_md(parameters, EVP_get_digestbyname(scheme->digest)) == 1)
        return parameters;
    EVP_PKEY_CTX_free(parameters);
    return NULL;
}

static int sign_content(EVP_PKEY *key, const struct scheme *scheme, const struct tlsm_request *request, uint8_t *signature, size_t *length)
{
    EVP_PKEY_CTX *parameters = request->digested ? begin_digested(key, scheme, request, 1) : NULL;
    EVP_MD_CTX *context = request->digested ? NULL : begin(key, scheme, 1);
    int good = 0;

    if (parameters != NULL)
        good = EVP_PKEY_sign(parameters, signature, length, request->content, request->content_length) == 1;
    else if (context != NULL)
        good = EVP_DigestSign(context, signature, length, request->content, request->content_length) == 1;
    EVP_PKEY_CTX_free(parameters);
    EVP_MD_CTX_free(context);
    return good;
}

int tlsm_libcrypto_sign(EVP_PKEY *key, const struct tlsm_request *request, uint8_t signature[TLSM_SIGNATURE_MAX],
                        size_t *length)
{
    const struct scheme *scheme = scheme_of(request->scheme);
    int good;

    ERR_set_mark();
    *length = TLSM_SIGNATURE_MAX;
    good = scheme != NULL && key_fits(key, scheme, request->version) && EVP_PKEY_get_size(key) <= TLSM_SIGNATURE_MAX &&
           sign_content(key, scheme, request, signature, length);
    ERR_pop_to_mark();
    if (!good)
        *length = 0;
    return good ? 0 : -1;
}

static uint8_t verify_content(EVP_PKEY *key, const struct scheme *scheme, const struct tlsm_request *request)
{
    EVP_PKEY_CTX *parameters = request->digested ? begin_digested(key, scheme, request, 0) : NULL;
    EVP_MD_CTX *context = request->digested ? NULL : begin(key, scheme, 0);
    const struct tlsm_bytes signature = request->signature;
    uint8_t alert = TLSM_ALERT_ILLEGAL_PARAMETER;

    if (parameters != NULL)
        alert = EVP_PKEY_verify(parameters, signature.data, signature.length, request->content, request->content_length) == 1
                    ? 0 : TLSM_ALERT_DECRYPT_ERROR;
    else if (context != NULL)
        alert = EVP_DigestVerify(context, signature.data, signature.length, request->content, request->content_length) == 1
                    ? 0 : TLSM_ALERT_DECRYPT_ERROR;
    EVP_PKEY_CTX_free(parameters);
    EVP_MD_CTX_free(context);
    return alert;
}

uint8_t tlsm_libcrypto_verify(EVP_PKEY *key, const struct tlsm_request *request)
{
    const struct scheme *scheme = scheme_of(request->scheme);
    uint8_t alert = TLSM_ALERT_ILLEGAL_PARAMETER;

    ERR_set_mark();
    if (scheme != NULL && key_fits(key, scheme, request->version))
        alert = verify_content(key, scheme, request);
    ERR_pop_to_mark();
    return alert;
}
