/* SPDX-License-Identifier: MIT */
/* What the tests of tlsm_ssl share: certificates made for the occasion, and a handshake over a BIO pair. */
#ifndef TLSM_TEST_SSL_FIXTURE_H
#define TLSM_TEST_SSL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "tlsm_ssl.h"

enum { DAY = 86400, PATH_ROOM = 256, ROUNDS = 32 };
static const char host[] = "server.example.org";

struct recipe {
    const char *name;         /* common name */
    EVP_PKEY *key;
    const char *alternative;  /* subjectAltName, as in openssl.cnf */
    const char *usage, *purpose;
    long from, to;            /* seconds from now; both 0: a day before to a year after */
    int authority;
    X509 *issuer;             /* NULL: itself */
    EVP_PKEY *issuer_key;
};

static inline void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    if (value == NULL)
        return;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline X509 *make_certificate(struct recipe recipe)
{
    static long serial = 1;
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509 *issuer = recipe.issuer != NULL ? recipe.issuer : certificate;
    EVP_PKEY *issuer_key = recipe.issuer != NULL ? recipe.issuer_key : recipe.key;

    if (recipe.from == 0 && recipe.to == 0) {
        recipe.from = -DAY;
        recipe.to = 365 * DAY;
    }
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)recipe.name, -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    X509_gmtime_adj(X509_getm_notBefore(certificate), recipe.from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), recipe.to);
    X509_set_pubkey(certificate, recipe.key);
    extend(certificate, issuer, NID_basic_constraints, recipe.authority ? "critical,CA:TRUE" : NULL);
    extend(certificate, issuer, NID_subject_alt_name, recipe.alternative);
    extend(certificate, issuer, NID_key_usage, recipe.usage);
    extend(certificate, issuer, NID_ext_key_usage, recipe.purpose);
    assert_true(X509_sign(certificate, issuer_key, EVP_PKEY_is_a(issuer_key, "ED25519") ? NULL : EVP_sha256()) > 0);
    return certificate;
}

/* An authority, one below it, and keys of every kind. */
static struct {
    EVP_PKEY *root_key, *middle_key, *ec, *other, *p384, *ed25519, *rsa, *pss, *weak;
    X509 *root, *middle, *leaf;
} pki;

/* A server's certificate by the authority in the middle. */
static inline X509 *make_leaf(EVP_PKEY *key)
{
    return make_certificate((struct recipe){ .name = host, .key = key, .issuer = pki.middle, .issuer_key = pki.middle_key,
                                             .alternative = "DNS:server.example.org,IP:127.0.0.1" });
}

static inline EVP_PKEY *make_pss_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    assert_int_equal(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

static inline int pki_make(void **state)
{
    (void)state;
    pki.root_key = EVP_EC_gen("P-256");
    pki.middle_key = EVP_EC_gen("P-256");
    pki.ec = EVP_EC_gen("P-256");
    pki.other = EVP_EC_gen("P-256");
    pki.p384 = EVP_EC_gen("P-384");
    pki.ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    pki.rsa = EVP_RSA_gen(2048);
    pki.pss = make_pss_key();
    pki.weak = EVP_RSA_gen(1024);
    pki.root = make_certificate((struct recipe){ .name = "root", .key = pki.root_key, .authority = 1 });
    pki.middle = make_certificate((struct recipe){ .name = "middle", .key = pki.middle_key, .authority = 1,
                                                   .issuer = pki.root, .issuer_key = pki.root_key });
    pki.leaf = make_leaf(pki.ec);
    return 0;
}

static inline int pki_free(void **state)
{
    EVP_PKEY **key = &pki.root_key;
    X509 **certificate = &pki.root;

    (void)state;
    for (; key <= &pki.weak; key++)
        EVP_PKEY_free(*key);
    for (; certificate <= &pki.leaf; certificate++)
        X509_free(*certificate);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the queue */

static inline int queue_has(int library, int reason)
{
    unsigned long error;
    int found = 0;

    while ((error = ERR_get_error()) != 0)
        found |= ERR_GET_LIB(error) == library && ERR_GET_REASON(error) == reason;
    return found;
}

#define assert_refused(reason) assert_true(queue_has(ERR_LIB_SSL, reason))
#define assert_quiet() assert_int_equal(ERR_peek_error(), 0)

/* ------------------------------------------------------------------------------------------------ a handshake */

struct pair {
    SSL *client, *server;
    int client_done, server_done;   /* what SSL_connect() and SSL_accept() said last */
};

static inline void pair_over(struct pair *pair, SSL_CTX *client, SSL_CTX *server)
{
    BIO *one, *two;

    pair->client = SSL_new(client);
    pair->server = SSL_new(server);
    assert_non_null(pair->client);
    assert_non_null(pair->server);
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    SSL_set_bio(pair->client, one, one);
    SSL_set_bio(pair->server, two, two);
}

/* 1: both ends are connected. */
static inline int pair_shake(struct pair *pair)
{
    for (int i = 0; i < ROUNDS; i++) {
        pair->client_done = SSL_connect(pair->client);
        pair->server_done = SSL_accept(pair->server);
        if (pair->client_done == 1 && pair->server_done == 1)
            return 1;
        if (pair->client_done != 1 && SSL_get_error(pair->client, pair->client_done) != SSL_ERROR_WANT_READ)
            return 0;
    }
    return 0;
}

static inline void pair_free(struct pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
}

#endif
