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

enum { DAY = 24 * 60 * 60, PADDING = 1750 };

/* issuer NULL: signed by itself. `padding`: how long a comment is in it. */
struct wanted {
    const char *name;
    EVP_PKEY *key;
    X509 *issuer;
    EVP_PKEY *issuer_key;
    int is_authority;
    int padding;
};

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

static int add_extensions(X509 *certificate, const struct wanted *wanted)
{
    X509 *issuer = wanted->issuer != NULL ? wanted->issuer : certificate;
    char names[64], comment[PADDING + 1];

    (void)snprintf(names, sizeof names, "DNS:%s", wanted->name);
    (void)snprintf(comment, sizeof comment, "%0*d", wanted->padding, 0);
    if (wanted->padding > 0 && !add_extension(certificate, issuer, NID_netscape_comment, comment))
        return 0;
    if (!add_extension(certificate, issuer, NID_subject_key_identifier, "hash") ||
        (wanted->issuer != NULL && !add_extension(certificate, issuer, NID_authority_key_identifier, "keyid")))
        return 0;
    if (wanted->is_authority)
        return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE") &&
               add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
    return add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, issuer, NID_subject_alt_name, names);
}

static X509 *make_certificate(const struct wanted *wanted)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *subject;

    if (certificate == NULL)
        return NULL;
    subject = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), DAY) != NULL && X509_set_pubkey(certificate, wanted->key) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)wanted->name, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate, wanted->issuer == NULL ? subject : X509_get_subject_name(wanted->issuer)) == 1 &&
        add_extensions(certificate, wanted) && X509_sign(certificate, wanted->issuer_key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* The leaf first. */
static int write_chain(const char *path, X509 *const certificates[], size_t count)
{
    FILE *file = fopen(path, "w");
    int good = file != NULL;

    for (size_t i = 0; i < count && good; i++)
        good = certificates[i] != NULL && PEM_write_X509(file, certificates[i]) == 1;
    return file != NULL && fclose(file) == 0 && good;
}

static int write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    int good = file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;

    return file != NULL && fclose(file) == 0 && good;
}

/* anchor, over the leaf of the short chain, and over two intermediates of the long one. */
static int make_chains(const struct bench_identity *identity, EVP_PKEY *key, EVP_PKEY *leaf_key)
{
    X509 *anchor = make_certificate(&(struct wanted){ "tlsm benchmark authority", key, NULL, key, 1, 0 });
    X509 *leaf = make_certificate(&(struct wanted){ identity->name, leaf_key, anchor, key, 0, 0 });
    X509 *upper = make_certificate(&(struct wanted){ "tlsm benchmark, above", key, anchor, key, 1, PADDING });
    X509 *lower = make_certificate(&(struct wanted){ "tlsm benchmark, below", key, upper, key, 1, PADDING });
    X509 *low = make_certificate(&(struct wanted){ identity->name, leaf_key, lower, key, 0, 0 });
    const int good = write_chain(identity->anchor, &anchor, 1) && write_chain(identity->chain, &leaf, 1) &&
                     write_chain(identity->long_chain, (X509 *const[]){ low, lower, upper }, 3);

    X509_free(low);
    X509_free(lower);
    X509_free(upper);
    X509_free(leaf);
    X509_free(anchor);
    return good;
}

static int make_files(const struct bench_identity *identity)
{
    EVP_PKEY *anchor_key = EVP_EC_gen("P-256"), *leaf_key = EVP_EC_gen("P-256");
    const int good = anchor_key != NULL && leaf_key != NULL && make_chains(identity, anchor_key, leaf_key) &&
                     write_key(identity->key, leaf_key);

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
    (void)snprintf(identity->long_chain, sizeof identity->long_chain, "%s/long_chain.pem", identity->folder);
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
    (void)unlink(identity->long_chain);
    (void)unlink(identity->key);
    (void)rmdir(identity->folder);
}
