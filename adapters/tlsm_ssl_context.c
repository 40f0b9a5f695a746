/* SPDX-License-Identifier: MIT */
/* Contexts: their life, their callbacks, the providers and the identity that their connections share. */
#include <string.h>

#include "tlsm_ssl_internal.h"

enum { KEYS_CACHED = 8 };   /* two directions, and the keys of a handshake and of an update while they overlap */

int OPENSSL_init_ssl(uint64_t options, const void *settings)
{
    (void)options;
    (void)settings;
    tlsm_ssl_load_strings();
    return 1;
}

/* ------------------------------------------------------------------------------------------------ methods */

static const struct ssl_method_st either = { 0 }, client = { TLSM_CLIENT }, server = { TLSM_SERVER };

const SSL_METHOD *TLS_method(void) { return &either; }
const SSL_METHOD *TLS_client_method(void) { return &client; }
const SSL_METHOD *TLS_server_method(void) { return &server; }
const SSL_METHOD *SSL_CTX_get_ssl_method(const SSL_CTX *ctx) { return ctx != NULL ? ctx->method : NULL; }
const SSL_METHOD *SSL_get_ssl_method(const SSL *ssl) { return ssl != NULL ? ssl->ctx->method : NULL; }

int SSL_CTX_set_ssl_version(SSL_CTX *ctx, const SSL_METHOD *method)
{
    if (ctx == NULL || method == NULL)
        return tlsm_ssl_refuse(NULL, SSL_R_NULL_SSL_METHOD_PASSED, "a context needs a method");
    ctx->method = method;
    return 1;
}

int SSL_set_ssl_method(SSL *ssl, const SSL_METHOD *method)
{
    if (ssl == NULL || method == NULL)
        return tlsm_ssl_refuse(ssl, SSL_R_NULL_SSL_METHOD_PASSED, "a connection needs a method");
    if (ssl->bio != NULL && method->role != 0 && method->role != ssl->role)
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "the connection has begun; SSL_clear() comes first");
    if (method->role != 0)
        ssl->role = method->role;
    return 1;
}

/* ------------------------------------------------------------------------------------------------ its life */

static int fill(SSL_CTX *ctx)
{
    return tlsm_ssl_profile_init(&ctx->profile, ctx->drop_in) && (ctx->store = X509_STORE_new()) != NULL &&
           (ctx->cache = tlsm_ssl_cache_new()) != NULL &&
           CRYPTO_new_ex_data(CRYPTO_EX_INDEX_SSL_CTX, ctx, &ctx->ex_data) == 1;
}

static SSL_CTX *make(const SSL_METHOD *method, int drop_in)
{
    SSL_CTX *ctx;

    tlsm_ssl_load_strings();
    if (method == NULL) {
        tlsm_ssl_refuse(NULL, SSL_R_NULL_SSL_METHOD_PASSED, "a context needs a method: TLS_method()");
        return NULL;
    }
    ctx = OPENSSL_zalloc(sizeof *ctx);
    if (ctx != NULL && pthread_mutex_init(&ctx->lock, NULL) != 0) {
        OPENSSL_free(ctx);
        ctx = NULL;
    }
    if (ctx != NULL) {
        ctx->method = method;
        ctx->drop_in = drop_in;
        ctx->certificates.current = -1;
        atomic_init(&ctx->references, 1);
        atomic_init(&ctx->store_chosen, 0);
        if (!fill(ctx)) {
            SSL_CTX_free(ctx);
            ctx = NULL;
        }
    }
    if (ctx == NULL)
        tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "no memory for a context");
    return ctx;
}

/* Another library context, or a choice of providers, would be silently not what was asked for. */
static SSL_CTX *make_ex(const OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method, int drop_in)
{
    if (library == NULL && (properties == NULL || properties[0] == '\0'))
        return make(method, drop_in);
    tlsm_ssl_refuse(NULL, ERR_R_PASSED_INVALID_ARGUMENT,
                    "only libcrypto's default library context is used, without a property query");
    return NULL;
}

SSL_CTX *SSL_CTX_new(const SSL_METHOD *method) { return make(method, 0); }

SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method)
{
    return make_ex(library, properties, method, 0);
}

SSL_CTX *tlsm_SSL_CTX_new_drop_in(const SSL_METHOD *method) { return make(method, 1); }

SSL_CTX *tlsm_SSL_CTX_new_ex_drop_in(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method)
{
    return make_ex(library, properties, method, 1);
}

int SSL_CTX_up_ref(SSL_CTX *ctx)
{
    if (ctx == NULL)
        return 0;
    atomic_fetch_add(&ctx->references, 1);
    return 1;
}

void SSL_CTX_free(SSL_CTX *ctx)
{
    if (ctx == NULL || atomic_fetch_sub(&ctx->references, 1) != 1)
        return;
    /* First whatever calls back: the application may look at the rest. */
    if (ctx->cache != NULL)
        tlsm_ssl_cache_free(ctx->cache, ctx);
    CRYPTO_free_ex_data(CRYPTO_EX_INDEX_SSL_CTX, ctx, &ctx->ex_data);
    for (size_t i = 0; i < ctx->pooled; i++)
        tlsm_libcrypto_free(ctx->pool[i]);
    tlsm_ssl_identity_drop(ctx->identity);
    tlsm_ssl_certificates_clear(&ctx->certificates);
    tlsm_ssl_profile_clear(&ctx->profile);
    sk_X509_NAME_pop_free(ctx->client_authorities, X509_NAME_free);
    X509_STORE_free(ctx->store);
    (void)pthread_mutex_destroy(&ctx->lock);
    OPENSSL_free(ctx);
}

int SSL_CTX_set_ex_data(SSL_CTX *ctx, int index, void *data)
{
    return ctx != NULL && CRYPTO_set_ex_data(&ctx->ex_data, index, data);
}

void *SSL_CTX_get_ex_data(const SSL_CTX *ctx, int index)
{
    return ctx != NULL ? CRYPTO_get_ex_data(&ctx->ex_data, index) : NULL;
}

/* ------------------------------------------------------------------------------------------------ what is shared */

/* Made outside the lock, as it may call back; when two threads make it, one of both is used. */
struct ssl_identity *tlsm_ssl_ctx_identity(SSL_CTX *ctx)
{
    struct ssl_identity *identity, *made;

    (void)pthread_mutex_lock(&ctx->lock);
    identity = tlsm_ssl_identity_hold(ctx->identity);
    (void)pthread_mutex_unlock(&ctx->lock);
    if (identity != NULL)
        return identity;
    made = tlsm_ssl_identity_make(&ctx->certificates, ssl_chain_store(ctx, ctx->profile.mode));
    (void)pthread_mutex_lock(&ctx->lock);
    if (ctx->identity == NULL)
        ctx->identity = tlsm_ssl_identity_hold(made);
    identity = tlsm_ssl_identity_hold(ctx->identity);
    (void)pthread_mutex_unlock(&ctx->lock);
    tlsm_ssl_identity_drop(made);
    return identity;
}

struct tlsm_libcrypto *tlsm_ssl_ctx_borrow(SSL_CTX *ctx)
{
    static const struct tlsm_libcrypto_options options = { .keys_cached = KEYS_CACHED };
    struct tlsm_libcrypto *instance = NULL;

    (void)pthread_mutex_lock(&ctx->lock);
    if (ctx->pooled > 0)
        instance = ctx->pool[--ctx->pooled];
    (void)pthread_mutex_unlock(&ctx->lock);
    return instance != NULL ? instance : tlsm_libcrypto_new(&options);
}

void tlsm_ssl_ctx_return(SSL_CTX *ctx, struct tlsm_libcrypto *instance)
{
    if (instance == NULL)
        return;
    tlsm_aead_drop(&instance->aead);
    (void)pthread_mutex_lock(&ctx->lock);
    if (ctx->pooled < SSL_POOL) {
        ctx->pool[ctx->pooled++] = instance;
        instance = NULL;
    }
    (void)pthread_mutex_unlock(&ctx->lock);
    tlsm_libcrypto_free(instance);
}

/* ------------------------------------------------------------------------------------------------ callbacks */

int SSL_CTX_set_tlsext_servername_callback(SSL_CTX *ctx, int (*callback)(SSL *, int *, void *))
{
    if (ctx == NULL)
        return 0;
    ctx->servername = callback;
    return 1;
}

int SSL_CTX_set_tlsext_servername_arg(SSL_CTX *ctx, void *argument)
{
    if (ctx == NULL)
        return 0;
    ctx->servername_argument = argument;
    return 1;
}

void SSL_CTX_set_alpn_select_cb(SSL_CTX *ctx, SSL_CTX_alpn_select_cb_func callback, void *argument)
{
    if (ctx == NULL)
        return;
    ctx->alpn_select = callback;
    ctx->alpn_select_argument = argument;
}

void SSL_CTX_set_keylog_callback(SSL_CTX *ctx, SSL_CTX_keylog_cb_func callback)
{
    if (ctx != NULL)
        ctx->keylog = callback;
}

SSL_CTX_keylog_cb_func SSL_CTX_get_keylog_callback(const SSL_CTX *ctx)
{
    return ctx != NULL ? ctx->keylog : NULL;
}

void SSL_CTX_set_cert_cb(SSL_CTX *ctx, int (*callback)(SSL *, void *), void *argument)
{
    if (ctx == NULL)
        return;
    ctx->cert_callback = callback;
    ctx->cert_callback_argument = argument;
}

void SSL_CTX_set_client_cert_cb(SSL_CTX *ctx, int (*callback)(SSL *, X509 **, EVP_PKEY **))
{
    if (ctx != NULL)
        ctx->client_cert_callback = callback;
}

/* ------------------------------------------------------------------------------------------------ Diffie-Hellman */

long SSL_CTX_set_tmp_dh(SSL_CTX *ctx, void *dh) { return ctx != NULL && dh != NULL; }
long SSL_CTX_set_dh_auto(SSL_CTX *ctx, long on) { (void)on; return ctx != NULL; }
long SSL_CTX_set_tmp_ecdh(SSL_CTX *ctx, void *curve) { return ctx != NULL && curve != NULL; }
long SSL_CTX_set_ecdh_auto(SSL_CTX *ctx, long on) { (void)on; return ctx != NULL; }

int SSL_CTX_set0_tmp_dh_pkey(SSL_CTX *ctx, EVP_PKEY *key)
{
    if (ctx == NULL || key == NULL)
        return 0;
    EVP_PKEY_free(key);   /* success takes it over */
    return 1;
}

/* ------------------------------------------------------------------------------------------------ by number */

long SSL_CTX_ctrl(SSL_CTX *ctx, int command, long number, void *pointer)
{
    switch (command) {
    case SSL_CTRL_EXTRA_CHAIN_CERT: return SSL_CTX_add_extra_chain_cert(ctx, pointer);
    case SSL_CTRL_MODE: return SSL_CTX_set_mode(ctx, number);
    case SSL_CTRL_CLEAR_MODE: return SSL_CTX_clear_mode(ctx, number);
    case SSL_CTRL_SET_SESS_CACHE_SIZE: return SSL_CTX_sess_set_cache_size(ctx, number);
    case SSL_CTRL_GET_SESS_CACHE_SIZE: return SSL_CTX_sess_get_cache_size(ctx);
    case SSL_CTRL_SET_SESS_CACHE_MODE: return SSL_CTX_set_session_cache_mode(ctx, number);
    case SSL_CTRL_GET_SESS_CACHE_MODE: return SSL_CTX_get_session_cache_mode(ctx);
    case SSL_CTRL_SET_MAX_SEND_FRAGMENT: return number > 0 && SSL_CTX_set_max_send_fragment(ctx, (size_t)number);
    case SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG: return SSL_CTX_set_tlsext_servername_arg(ctx, pointer);
    case SSL_CTRL_SET_MIN_PROTO_VERSION: return SSL_CTX_set_min_proto_version(ctx, (int)number);
    case SSL_CTRL_SET_MAX_PROTO_VERSION: return SSL_CTX_set_max_proto_version(ctx, (int)number);
    }
    return 0;
}

long SSL_ctrl(SSL *ssl, int command, long number, void *pointer)
{
    switch (command) {
    case SSL_CTRL_MODE: return SSL_set_mode(ssl, number);
    case SSL_CTRL_CLEAR_MODE: return SSL_clear_mode(ssl, number);
    case SSL_CTRL_SET_MAX_SEND_FRAGMENT: return number > 0 && SSL_set_max_send_fragment(ssl, (size_t)number);
    case SSL_CTRL_SET_TLSEXT_HOSTNAME:
        return number == TLSEXT_NAMETYPE_host_name && ssl != NULL && SSL_set_tlsext_host_name(ssl, pointer);
    case SSL_CTRL_SET_MIN_PROTO_VERSION: return SSL_set_min_proto_version(ssl, (int)number);
    case SSL_CTRL_SET_MAX_PROTO_VERSION: return SSL_set_max_proto_version(ssl, (int)number);
    }
    return 0;
}

long SSL_CTX_callback_ctrl(SSL_CTX *ctx, int command, void (*callback)(void))
{
    if (command != SSL_CTRL_SET_TLSEXT_SERVERNAME_CB)
        return 0;
    return SSL_CTX_set_tlsext_servername_callback(ctx, (int (*)(SSL *, int *, void *))callback);
}

long SSL_callback_ctrl(SSL *ssl, int command, void (*callback)(void))
{
    (void)ssl;
    (void)command;
    (void)callback;
    return 0;
}
