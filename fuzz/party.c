/* SPDX-License-Identifier: MIT */
/* The certificate and key of every server party. */
#include "party.h"

#include <openssl/ec.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>

static X509 *certificate;
static EVP_PKEY *key;

static int add_extension(X509 *to, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, to, to, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    const int good = extension != NULL && X509_add_ext(to, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static int fill(X509 *to)
{
    X509_NAME *const name = X509_get_subject_name(to);
    return X509_set_version(to, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(to), 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(to), -3600) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(to), 86400) != NULL && X509_set_pubkey(to, key) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
           X509_set_issuer_name(to, name) == 1 && add_extension(to, NID_subject_alt_name, "DNS:localhost") &&
           add_extension(to, NID_basic_constraints, "critical,CA:TRUE") && X509_sign(to, key, EVP_sha256()) > 0;
}

static void make(void)
{
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    if (key == NULL || certificate == NULL || !fill(certificate))
        abort();
}

static void once(void)
{
    static pthread_once_t done = PTHREAD_ONCE_INIT;
    (void)pthread_once(&done, make);
}

X509 *party_certificate(void)
{
    once();
    return certificate;
}

EVP_PKEY *party_key(void)
{
    once();
    return key;
}
