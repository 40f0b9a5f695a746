/* SPDX-License-Identifier: MIT */
/* What a peer is judged by: mode, depth, names, trusted certificates; and whom a server would ask clients for. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "tlsm_ssl_internal.h"

/* ------------------------------------------------------------------------------------------------ mode and depth */

/* NULL leaves the callback that was there, as in OpenSSL. */
static void set_verify(struct ssl_profile *profile, int mode, SSL_verify_cb callback)
{
    profile->verify_mode = mode & ~SSL_VERIFY_BY_DEFAULT;
    if (callback != NULL)
        profile->verify_callback = callback;
}

void SSL_CTX_set_verify(SSL_CTX *ctx, int mode, SSL_verify_cb callback)
{
    if (ctx == NULL)
        return;
    ctx->profile.verify_callback = callback;
    set_verify(&ctx->profile, mode, callback);
}

void SSL_set_verify(SSL *ssl, int mode, SSL_verify_cb callback)
{
    if (ssl != NULL)
        set_verify(&ssl->profile, mode, callback);
}

/* What nobody asked for holds for clients. */
static int mode_of(const struct ssl_profile *profile, int role)
{
    if (profile->verify_mode & SSL_VERIFY_BY_DEFAULT)
        return role == TLSM_SERVER ? SSL_VERIFY_NONE : profile->verify_mode & ~SSL_VERIFY_BY_DEFAULT;
    return profile->verify_mode;
}

int SSL_CTX_get_verify_mode(const SSL_CTX *ctx) { return ctx != NULL ? mode_of(&ctx->profile, ctx->method->role) : 0; }
int SSL_get_verify_mode(const SSL *ssl) { return ssl != NULL ? mode_of(&ssl->profile, ssl->role) : 0; }
int tlsm_ssl_verifies(const SSL *ssl)
{
    const int mode = SSL_get_verify_mode(ssl);
    return ssl->role == TLSM_SERVER ? (mode & SSL_VERIFY_PEER) != 0 : mode != SSL_VERIFY_NONE;
}

SSL_verify_cb SSL_CTX_get_verify_callback(const SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.verify_callback : NULL; }
SSL_verify_cb SSL_get_verify_callback(const SSL *ssl) { return ssl != NULL ? ssl->profile.verify_callback : NULL; }

void SSL_CTX_set_verify_depth(SSL_CTX *ctx, int depth)
{
    if (ctx != NULL)
        X509_VERIFY_PARAM_set_depth(ctx->profile.param, depth);
}

void SSL_set_verify_depth(SSL *ssl, int depth)
{
    if (ssl != NULL)
        X509_VERIFY_PARAM_set_depth(ssl->profile.param, depth);
}

int SSL_CTX_get_verify_depth(const SSL_CTX *ctx)
{
    return ctx != NULL ? X509_VERIFY_PARAM_get_depth(ctx->profile.param) : -1;
}

int SSL_get_verify_depth(const SSL *ssl)
{
    return ssl != NULL ? X509_VERIFY_PARAM_get_depth(ssl->profile.param) : -1;
}

void SSL_CTX_set_cert_verify_callback(SSL_CTX *ctx, int (*callback)(X509_STORE_CTX *, void *), void *argument)
{
    if (ctx == NULL)
        return;
    ctx->cert_verify = callback;
    ctx->cert_verify_argument = argument;
}

/* ------------------------------------------------------------------------------------------------ parameters */

X509_VERIFY_PARAM *SSL_CTX_get0_param(SSL_CTX *ctx) { return ctx != NULL ? ctx->profile.param : NULL; }
X509_VERIFY_PARAM *SSL_get0_param(SSL *ssl) { return ssl != NULL ? ssl->profile.param : NULL; }

int SSL_CTX_set1_param(SSL_CTX *ctx, X509_VERIFY_PARAM *param)
{
    return ctx != NULL && param != NULL && X509_VERIFY_PARAM_set1(ctx->profile.param, param);
}

int SSL_set1_param(SSL *ssl, X509_VERIFY_PARAM *param)
{
    return ssl != NULL && param != NULL && X509_VERIFY_PARAM_set1(ssl->profile.param, param);
}

int SSL_CTX_set_purpose(SSL_CTX *ctx, int purpose)
{
    return ctx != NULL && X509_VERIFY_PARAM_set_purpose(ctx->profile.param, purpose);
}

int SSL_CTX_set_trust(SSL_CTX *ctx, int trust)
{
    return ctx != NULL && X509_VERIFY_PARAM_set_trust(ctx->profile.param, trust);
}

static int is_address(const char *name)
{
    ASN1_OCTET_STRING *address;
    int found;

    ERR_set_mark();
    address = name != NULL ? a2i_IPADDRESS(name) : NULL;
    found = address != NULL;
    ASN1_OCTET_STRING_free(address);
    ERR_pop_to_mark();
    return found;
}

/* In place of every name and address before; NULL or "": none. */
int SSL_set1_host(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    if (param == NULL || X509_VERIFY_PARAM_set1_host(param, NULL, 0) != 1 || X509_VERIFY_PARAM_set1_ip(param, NULL, 0) != 1)
        return 0;
    return is_address(name) ? X509_VERIFY_PARAM_set1_ip_asc(param, name) : X509_VERIFY_PARAM_set1_host(param, name, 0);
}

/* There can be many names, and one address. */
int SSL_add1_host(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    char *address;

    if (param == NULL)
        return 0;
    if (!is_address(name))
        return X509_VERIFY_PARAM_add1_host(param, name, 0);
    address = X509_VERIFY_PARAM_get1_ip_asc(param);
    OPENSSL_free(address);
    return address == NULL && X509_VERIFY_PARAM_set1_ip_asc(param, name);
}

void SSL_set_hostflags(SSL *ssl, unsigned int flags)
{
    if (ssl != NULL)
        X509_VERIFY_PARAM_set_hostflags(ssl->profile.param, flags);
}

/* ------------------------------------------------------------------------------------------------ trusted certificates */

/* Whoever is given something to trust has chosen, also when it cannot be read: the system's must not take its place. */
static X509_STORE *choose(SSL_CTX *ctx)
{
    if (ctx == NULL)
        return NULL;
    atomic_store(&ctx->store_chosen, 1);
    return ctx->store;
}

static int add_all(X509_STORE *store, const STACK_OF(X509_INFO) *found)
{
    int count = 0;

    for (int i = 0; i < sk_X509_INFO_num(found); i++) {
        const X509_INFO *one = sk_X509_INFO_value(found, i);
        if (one->x509 != NULL && X509_STORE_add_cert(store, one->x509) != 1)
            return 0;
        if (one->crl != NULL && X509_STORE_add_crl(store, one->crl) != 1)
            return 0;
        count += (one->x509 != NULL) + (one->crl != NULL);
    }
    if (count == 0)
        ERR_raise(ERR_LIB_X509, X509_R_NO_CERTIFICATE_OR_CRL_FOUND);
    return count > 0;
}

/* A file that is not wholly read is none: a revocation list may be what is missing. */
static int load_file(X509_STORE *store, const char *file)
{
    BIO *in = BIO_new_file(file, "r");
    STACK_OF(X509_INFO) *found = in != NULL ? PEM_X509_INFO_read_bio(in, NULL, NULL, (void *)(uintptr_t)"") : NULL;
    int good = found != NULL && !tlsm_read_failed(in);

    if (found != NULL && !good)
        ERR_raise_data(ERR_LIB_X509, ERR_R_SYS_LIB, "cannot read %s", file);
    good = good && add_all(store, found);
    sk_X509_INFO_pop_free(found, X509_INFO_free);
    BIO_free(in);
    return good;
}

int SSL_CTX_load_verify_locations(SSL_CTX *ctx, const char *file, const char *folder)
{
    X509_STORE *store = choose(ctx);

    if (store == NULL || (file == NULL && folder == NULL))
        return 0;
    return (file == NULL || load_file(store, file)) && (folder == NULL || X509_STORE_load_path(store, folder));
}

int SSL_CTX_load_verify_file(SSL_CTX *ctx, const char *file)
{
    X509_STORE *store = choose(ctx);

    return store != NULL && file != NULL && load_file(store, file);
}

int SSL_CTX_load_verify_dir(SSL_CTX *ctx, const char *folder)
{
    X509_STORE *store = choose(ctx);

    return store != NULL && folder != NULL && X509_STORE_load_path(store, folder);
}

/* A default file or folder that is not there is no failure. */
static int add_default(SSL_CTX *ctx, X509_LOOKUP_METHOD *method, int file)
{
    X509_STORE *store = choose(ctx);
    X509_LOOKUP *lookup = store != NULL ? X509_STORE_add_lookup(store, method) : NULL;

    if (lookup == NULL)
        return 0;
    ERR_set_mark();
    if (file)
        (void)X509_LOOKUP_load_file(lookup, NULL, X509_FILETYPE_DEFAULT);
    else
        (void)X509_LOOKUP_add_dir(lookup, NULL, X509_FILETYPE_DEFAULT);
    ERR_pop_to_mark();
    return 1;
}

int SSL_CTX_set_default_verify_file(SSL_CTX *ctx) { return add_default(ctx, X509_LOOKUP_file(), 1); }
int SSL_CTX_set_default_verify_dir(SSL_CTX *ctx) { return add_default(ctx, X509_LOOKUP_hash_dir(), 0); }

int SSL_CTX_set_default_verify_paths(SSL_CTX *ctx)
{
    X509_STORE *store = choose(ctx);

    return store != NULL && X509_STORE_set_default_paths(store);
}

/* Who asks for the store may put into it what cannot be seen from here, so he is the one who chooses. */
X509_STORE *SSL_CTX_get_cert_store(const SSL_CTX *ctx) { return choose((SSL_CTX *)(uintptr_t)ctx); }

void SSL_CTX_set_cert_store(SSL_CTX *ctx, X509_STORE *store)
{
    if (choose(ctx) == NULL || store == NULL)
        return;
    X509_STORE_free(ctx->store);
    ctx->store = store;
}

void SSL_CTX_set1_cert_store(SSL_CTX *ctx, X509_STORE *store)
{
    if (ctx != NULL && store != NULL && X509_STORE_up_ref(store) == 1)
        SSL_CTX_set_cert_store(ctx, store);
}

/* ------------------------------------------------------------------------------------------------ client authorities */

static int has_name(STACK_OF(X509_NAME) *names, const X509_NAME *name)
{
    for (int i = 0; i < sk_X509_NAME_num(names); i++)
        if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0)
            return 1;
    return 0;
}

static int add_name(STACK_OF(X509_NAME) *names, const X509_NAME *name)
{
    X509_NAME *copy;

    if (has_name(names, name))
        return 1;
    copy = X509_NAME_dup(name);
    if (copy != NULL && sk_X509_NAME_push(names, copy) > 0)
        return 1;
    X509_NAME_free(copy);
    return 0;
}

/* The subjects of a PEM file's certificates, each once. NULL: none, with entries in the queue. */
STACK_OF(X509_NAME) *SSL_load_client_CA_file(const char *file)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    BIO *in;
    X509 *certificate;
    int good = 0;

    ERR_set_mark();
    in = file != NULL && names != NULL ? BIO_new_file(file, "r") : NULL;
    while (in != NULL && (certificate = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        good = add_name(names, X509_get_subject_name(certificate));
        X509_free(certificate);
        if (!good)
            break;
    }
    good = good && !tlsm_read_failed(in);
    BIO_free(in);
    if (good) {
        ERR_pop_to_mark();
        return names;
    }
    ERR_clear_last_mark();
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    tlsm_ssl_refuse(NULL, ERR_R_PEM_LIB, "no readable certificates in the file of client authorities");
    return NULL;
}

void SSL_CTX_set_client_CA_list(SSL_CTX *ctx, STACK_OF(X509_NAME) *names)
{
    if (ctx == NULL)
        return;
    sk_X509_NAME_pop_free(ctx->client_authorities, X509_NAME_free);
    ctx->client_authorities = names;
}

STACK_OF(X509_NAME) *SSL_CTX_get_client_CA_list(const SSL_CTX *ctx)
{
    return ctx != NULL ? ctx->client_authorities : NULL;
}

int SSL_CTX_add_client_CA(SSL_CTX *ctx, X509 *certificate)
{
    if (ctx == NULL || certificate == NULL)
        return 0;
    if (ctx->client_authorities == NULL)
        ctx->client_authorities = sk_X509_NAME_new_null();
    return ctx->client_authorities != NULL && add_name(ctx->client_authorities, X509_get_subject_name(certificate));
}
