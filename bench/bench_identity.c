/* SPDX-License-Identifier: MIT */
/* Certificates for the benchmark: made afresh, so that nothing here ever expires. */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY = 24 * 60 * 60 };

static int add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    int good;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    good = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return good;
}

static int add_extensions(X509 *certificate, X509 *issuer, const char *name)
{
    char names[64];

    (void)snprintf(names, sizeof names, "DNS:%s", name);
    if (certificate == issuer)
        return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
               add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign") &&
               add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
    return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
           add_extension(certificate, issuer, NID_subject_alt_name, names);
}

/* issuer NULL: signed by itself. */
static X509 *make_certificate(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *certificate = X509_new();
    X509_NAME *subject;

    if (certificate == NULL)
        return NULL;
    subject = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer == NULL ? 1 : 2) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), DAY) != NULL && X509_set_pubkey(certificate, key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1 &&
        add_extensions(certificate, issuer == NULL ? certificate : issuer, name) &&
        X509_sign(certificate, issuer_key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

static int write_certificate(const char *path, X509 *certificate)
{
    FILE *file = fopen(path, "w");
    int good = file != NULL && PEM_write_X509(file, certificate) == 1;

    return file != NULL && fclose(file) == 0 && good;
}

static int write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    int good = file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;

    return file != NULL && fclose(file) == 0 && good;
}

static int make_files(const struct bench_identity *identity)
{
    EVP_PKEY *anchor_key = EVP_EC_gen("P-256"), *leaf_key = EVP_EC_gen("P-256");
    X509 *anchor = NULL, *leaf = NULL;
    int good;

    if (anchor_key != NULL && leaf_key != NULL)
        anchor = make_certificate("tlsm benchmark authority", anchor_key, NULL, anchor_key);
    if (anchor != NULL)
        leaf = make_certificate(identity->name, leaf_key, anchor, anchor_key);
    good = leaf != NULL && write_certificate(identity->anchor, anchor) && write_certificate(identity->chain, leaf) &&
           write_key(identity->key, leaf_key);
    X509_free(leaf);
    X509_free(anchor);
    EVP_PKEY_free(leaf_key);
    EVP_PKEY_free(anchor_key);
    return good;
}

int bench_identity_make(struct bench_identity *identity)
{
    memset(identity, 0, sizeof *identity);
    (void)snprintf(identity->name, sizeof identity->name, "server.example");
    (void)snprintf(identity->folder, sizeof identity->folder, "/tmp/tlsm-bench-XXXXXX");
    if (mkdtemp(identity->folder) == NULL) {
        perror("bench: cannot make a folder under /tmp");
        return -1;
    }
    (void)snprintf(identity->anchor, sizeof identity->anchor, "%s/anchor.pem", identity->folder);
    (void)snprintf(identity->chain, sizeof identity->chain, "%s/chain.pem", identity->folder);
    (void)snprintf(identity->key, sizeof identity->key, "%s/key.pem", identity->folder);
    if (make_files(identity))
        return 0;
    (void)fprintf(stderr, "bench: cannot make certificates in %s\n", identity->folder);
    bench_identity_remove(identity);
    return -1;
}

void bench_identity_remove(const struct bench_identity *identity)
{
    (void)unlink(identity->anchor);
    (void)unlink(identity->chain);
    (void)unlink(identity->key);
    (void)rmdir(identity->folder);
}
