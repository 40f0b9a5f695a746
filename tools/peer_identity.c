/* SPDX-License-Identifier: MIT */
/* A server's certificate where none is given: for localhost, signed by itself, good for a day, gone with the process. */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { SECONDS_OF_A_DAY = 86400 };

static int add_extension(X509 *certificate, int kind, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    int done;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    done = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return done;
}

static int fill(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *const name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -SECONDS_OF_A_DAY) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), SECONDS_OF_A_DAY) != NULL && X509_set_pubkey(certificate, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"tlsm peer", -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

static int make(struct peer_identity *identity)
{
    X509 *const certificate = X509_new();
    unsigned char *der = NULL;
    int length = -1;
    identity->loaded.key = EVP_EC_gen("P-256");
    if (certificate != NULL && identity->loaded.key != NULL && fill(certificate, identity->loaded.key))
        length = i2d_X509(certificate, &der);
    X509_free(certificate);
    identity->certificate.data = der;
    identity->certificate.length = length > 0 ? (size_t)length : 0;
    return length > 0;
}

int peer_identity_make(struct peer_identity *identity, struct endpoint *endpoint)
{
    struct tlsm_credential *const credential = &identity->loaded.credential;
    memset(identity, 0, sizeof *identity);
    if (!make(identity))
        return tool_say("The cryptographic library makes no certificate. Give one: --cert FILE --key FILE"), TOOL_INTERNAL;
    credential->chain = &identity->certificate;
    credential->chain_count = 1;
    credential->schemes = identity->schemes;
    credential->scheme_count = tlsm_libcrypto_schemes(identity->loaded.key, identity->schemes, 4);
    identity->listed[0] = &identity->loaded;
    endpoint->settings.credentials = credential;
    endpoint->settings.credential_count = 1;
    endpoint->answerer.credentials = identity->listed;
    endpoint->answerer.credential_count = 1;
    return 0;
}

void peer_identity_free(struct peer_identity *identity)
{
    EVP_PKEY_free(identity->loaded.key);
    OPENSSL_free((void *)(uintptr_t)identity->certificate.data);
    memset(identity, 0, sizeof *identity);
}
