/* SPDX-License-Identifier: MIT */
/* Certificates and keys of our own from files. A file that is read wholly or not at all: a damaged one changes nothing. What
 * libcrypto says of a failure stays in the queue, with our own entry behind it; success leaves the queue as it was. */
#include <stdio.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { SENTENCE = 160 };

static int complain(struct ssl_holder holder, int reason, const char *what, const char *file)
{
    char text[SENTENCE];

    (void)snprintf(text, sizeof text, "%s %s", what, file != NULL ? file : "(no name)");
    return tlsm_ssl_refuse(holder.ssl, reason, text);
}

static BIO *open_file(struct ssl_holder holder, const char *file)
{
    BIO *in = file != NULL && holder.certificates != NULL ? BIO_new_file(file, "rb") : NULL;

    if (in == NULL)
        complain(holder, ERR_R_SYS_LIB, "cannot read the file", file);
    return in;
}

static pem_password_cb *password_of(struct ssl_holder holder, void **argument)
{
    *argument = holder.ctx->password_argument;
    return holder.ctx->password;
}

static int end_mark(int good)
{
    if (good)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return good;
}

/* ------------------------------------------------------------------------------------------------ one certificate */

static X509 *read_certificate(struct ssl_holder holder, BIO *in, int type)
{
    void *argument;
    pem_password_cb *password = password_of(holder, &argument);

    return type == SSL_FILETYPE_PEM ? PEM_read_bio_X509(in, NULL, password, argument) : d2i_X509_bio(in, NULL);
}

static int use_certificate_file(struct ssl_holder holder, const char *file, int type)
{
    X509 *certificate = NULL;
    BIO *in;
    int good = 0;

    if (type != SSL_FILETYPE_PEM && type != SSL_FILETYPE_ASN1)
        return complain(holder, SSL_R_BAD_SSL_FILETYPE, "neither SSL_FILETYPE_PEM nor SSL_FILETYPE_ASN1 for", file);
    ERR_set_mark();
    in = open_file(holder, file);
    if (in != NULL && (certificate = read_certificate(holder, in, type)) == NULL)
        complain(holder, type == SSL_FILETYPE_PEM ? ERR_R_PEM_LIB : ERR_R_ASN1_LIB, "no readable certificate in", file);
    if (certificate != NULL)
        good = tlsm_ssl_use_leaf(holder, certificate);
    X509_free(certificate);
    BIO_free(in);
    return end_mark(good);
}

int SSL_CTX_use_certificate_file(SSL_CTX *ctx, const char *file, int type)
{
    return use_certificate_file(tlsm_ssl_holder_ctx(ctx), file, type);
}

int SSL_use_certificate_file(SSL *ssl, const char *file, int type)
{
    return use_certificate_file(tlsm_ssl_holder_ssl(ssl), file, type);
}

/* ------------------------------------------------------------------------------------------------ a chain */

/* Everything after the leaf; 0 when something is damaged. */
static int read_others(struct ssl_holder holder, BIO *in, STACK_OF(X509) *others)
{
    unsigned long error;
    X509 *certificate;

    while ((certificate = read_certificate(holder, in, SSL_FILETYPE_PEM)) != NULL)
        if (sk_X509_push(others, certificate) <= 0) {
            X509_free(certificate);
            return 0;
        }
    error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE && !tlsm_read_failed(in);
}

static int use_chain_file(struct ssl_holder holder, const char *file)
{
    STACK_OF(X509) *others = sk_X509_new_null();
    void *argument;
    X509 *leaf = NULL;
    BIO *in;
    int good = 0;

    ERR_set_mark();
    in = others != NULL ? open_file(holder, file) : NULL;
    if (in != NULL) {
        pem_password_cb *password = password_of(holder, &argument);
        leaf = PEM_read_bio_X509_AUX(in, NULL, password, argument);
        good = leaf != NULL && read_others(holder, in, others);
        if (good)
            good = tlsm_ssl_use_chain(holder, leaf, others);
        else
            complain(holder, ERR_R_PEM_LIB, "no readable certificates in", file);
    }
    X509_free(leaf);
    sk_X509_pop_free(others, X509_free);
    BIO_free(in);
    return end_mark(good);
}

int SSL_CTX_use_certificate_chain_file(SSL_CTX *ctx, const char *file) { return use_chain_file(tlsm_ssl_holder_ctx(ctx), file); }
int SSL_use_certificate_chain_file(SSL *ssl, const char *file) { return use_chain_file(tlsm_ssl_holder_ssl(ssl), file); }

/* ------------------------------------------------------------------------------------------------ keys */

static EVP_PKEY *read_key(struct ssl_holder holder, BIO *in, int type)
{
    void *argument;
    pem_password_cb *password = password_of(holder, &argument);

    return type == SSL_FILETYPE_PEM ? PEM_read_bio_PrivateKey(in, NULL, password, argument) : d2i_PrivateKey_bio(in, NULL);
}

static int use_key_file(struct ssl_holder holder, const char *file, int type, const char *kind)
{
    EVP_PKEY *key = NULL;
    BIO *in;
    int good = 0;

    if (type != SSL_FILETYPE_PEM && type != SSL_FILETYPE_ASN1)
        return complain(holder, SSL_R_BAD_SSL_FILETYPE, "neither SSL_FILETYPE_PEM nor SSL_FILETYPE_ASN1 for", file);
    ERR_set_mark();
    in = open_file(holder, file);
    if (in != NULL && (key = read_key(holder, in, type)) == NULL)
        complain(holder, type == SSL_FILETYPE_PEM ? ERR_R_PEM_LIB : ERR_R_ASN1_LIB, "no readable private key in", file);
    else if (key != NULL && kind != NULL && !EVP_PKEY_is_a(key, kind))
        complain(holder, SSL_R_UNKNOWN_PKEY_TYPE, "another kind of key is in", file);
    else if (key != NULL)
        good = tlsm_ssl_use_key(holder, key);
    EVP_PKEY_free(key);
    BIO_free(in);
    return end_mark(good);
}

int SSL_CTX_use_PrivateKey_file(SSL_CTX *ctx, const char *file, int type)
{
    return use_key_file(tlsm_ssl_holder_ctx(ctx), file, type, NULL);
}

int SSL_CTX_use_RSAPrivateKey_file(SSL_CTX *ctx, const char *file, int type)
{
    return use_key_file(tlsm_ssl_holder_ctx(ctx), file, type, "RSA");
}

int SSL_use_PrivateKey_file(SSL *ssl, const char *file, int type)
{
    return use_key_file(tlsm_ssl_holder_ssl(ssl), file, type, NULL);
}

/* ------------------------------------------------------------------------------------------------ passwords */

void SSL_CTX_set_default_passwd_cb(SSL_CTX *ctx, pem_password_cb *callback)
{
    if (ctx != NULL)
        ctx->password = callback;
}

void SSL_CTX_set_default_passwd_cb_userdata(SSL_CTX *ctx, void *data)
{
    if (ctx != NULL)
        ctx->password_argument = data;
}

pem_password_cb *SSL_CTX_get_default_passwd_cb(SSL_CTX *ctx) { return ctx != NULL ? ctx->password : NULL; }
void *SSL_CTX_get_default_passwd_cb_userdata(SSL_CTX *ctx) { return ctx != NULL ? ctx->password_argument : NULL; }
