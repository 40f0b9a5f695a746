/* SPDX-License-Identifier: MIT */
/* A connection's life: new, free, clear; its BIOs and descriptors. */
#define _POSIX_C_SOURCE 200809L
#include "tlsm_ssl_internal.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ birth and death */

/* What a context hands down is taken over; what belongs to a connection is not there yet. */
static int inherit(SSL *ssl, SSL_CTX *ctx)
{
    (void)SSL_CTX_up_ref(ctx);
    (void)SSL_CTX_up_ref(ctx);
    ssl->ctx = ssl->session_ctx = ctx;
    ssl->role = ctx->method->role;
    ssl->verify_result = X509_V_OK;
    if (CRYPTO_new_ex_data(CRYPTO_EX_INDEX_SSL, ssl, &ssl->ex_data) != 1)
        return 0;
    return tlsm_ssl_profile_copy(&ssl->profile, &ctx->profile);
}

SSL *SSL_new(SSL_CTX *ctx)
{
    SSL *ssl;
    if (ctx == NULL) {
        (void)tlsm_ssl_refuse(NULL, SSL_R_NULL_SSL_CTX, "SSL_new: there is no context");
        return NULL;
    }
    ssl = calloc(1, sizeof *ssl);
    if (ssl == NULL) {
        (void)tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
        return NULL;
    }
    atomic_init(&ssl->references, 1);
    if (inherit(ssl, ctx))
        return ssl;
    SSL_free(ssl);
    (void)tlsm_ssl_refuse(NULL, ERR_R_MALLOC_FAILURE, "");
    return NULL;
}

int SSL_up_ref(SSL *ssl)
{
    if (ssl == NULL)
        return 0;
    (void)atomic_fetch_add(&ssl->references, 1);
    return 1;
}

static void forget_peer(SSL *ssl)
{
    X509_free(ssl->peer);
    sk_X509_pop_free(ssl->peer_chain, X509_free);
    sk_X509_pop_free(ssl->verified_chain, X509_free);
    sk_X509_NAME_pop_free(ssl->named_authorities, X509_NAME_free);
    ssl->named_authorities = NULL;
    ssl->peer = NULL;
    ssl->peer_chain = ssl->verified_chain = NULL;
    if (ssl->profile.param != NULL)
        X509_VERIFY_PARAM_move_peername(ssl->profile.param, NULL);
    ssl->verify_result = X509_V_OK;
    ssl->refusal[0] = '\0';
}

/* The connection goes, the settings stay. */
void tlsm_ssl_end(SSL *ssl)
{
    static const struct ssl_numbers none = { NULL, 0 };
    tlsm_ssl_session_end(ssl);
    tlsm_bio_free(ssl->bio);
    if (ssl->instance != NULL)
        tlsm_ssl_ctx_return(ssl->session_ctx, ssl->instance);
    tlsm_ssl_identity_drop(ssl->identity);
    free(ssl->alpn);
    free(ssl->authorities);
    OPENSSL_free(ssl->suites.at);
    OPENSSL_free(ssl->suites12.at);
    OPENSSL_free(ssl->groups.at);
    OPENSSL_free(ssl->schemes.at);
    forget_peer(ssl);
    ssl->bio = NULL;
    ssl->instance = NULL;
    ssl->identity = NULL;
    ssl->alpn = NULL;
    ssl->authorities = NULL;
    ssl->suites = ssl->suites12 = ssl->groups = ssl->schemes = none;
    memset(&ssl->settings, 0, sizeof ssl->settings);
    memset(&ssl->last, 0, sizeof ssl->last);
    memset(&ssl->watched, 0, sizeof ssl->watched);
    ssl->accepted = 0;
    OPENSSL_cleanse(ssl->accepted_tail, sizeof ssl->accepted_tail);
    ssl->preset = ssl->attempted = ssl->settled = 0;
    ssl->names_told = ssl->named_alert = 0;
    ssl->early = SSL_EARLY_UNUSED;
    ssl->reused = 0;
}

void SSL_free(SSL *ssl)
{
    if (ssl == NULL || atomic_fetch_sub(&ssl->references, 1) > 1)
        return;
    CRYPTO_free_ex_data(CRYPTO_EX_INDEX_SSL, ssl, &ssl->ex_data);
    if (ssl->session_ctx != NULL)
        tlsm_ssl_end(ssl);
    SSL_SESSION_free(ssl->session);
    tlsm_bio_drop(ssl->rbio, NULL);
    tlsm_bio_drop(NULL, ssl->wbio);
    if (ssl->certificates != NULL)
        tlsm_ssl_certificates_clear(ssl->certificates);
    free(ssl->certificates);
    tlsm_ssl_profile_clear(&ssl->profile);
    sk_X509_NAME_pop_free(ssl->client_authorities, X509_NAME_free);
    free(ssl->name);
    SSL_CTX_free(ssl->ctx);
    SSL_CTX_free(ssl->session_ctx);
    OPENSSL_cleanse(ssl, sizeof *ssl);
    free(ssl);
}

int SSL_clear(SSL *ssl)
{
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, "SSL_clear: there is no connection");
    tlsm_ssl_end(ssl);
    if (ssl->role == TLSM_SERVER) {   /* a name that a client sent was that connection's */
        free(ssl->name);
        ssl->name = NULL;
    }
    return 1;
}

SSL_CTX *SSL_get_SSL_CTX(const SSL *ssl) { return ssl != NULL ? ssl->ctx : NULL; }

/* Certificates, and the callbacks that a context keeps, are the new one's; the profile stays the connection's own. */
SSL_CTX *SSL_set_SSL_CTX(SSL *ssl, SSL_CTX *ctx)
{
    if (ssl == NULL)
        return NULL;
    if (ctx == NULL)
        ctx = ssl->session_ctx;
    if (ctx == ssl->ctx)
        return ctx;
    (void)SSL_CTX_up_ref(ctx);
    if (ssl->certificates != NULL)
        tlsm_ssl_certificates_clear(ssl->certificates);
    free(ssl->certificates);
    ssl->certificates = NULL;
    SSL_CTX_free(ssl->ctx);
    ssl->ctx = ctx;
    return ctx;
}

int SSL_set_ex_data(SSL *ssl, int index, void *data)
{
    return ssl != NULL && CRYPTO_set_ex_data(&ssl->ex_data, index, data);
}

void *SSL_get_ex_data(const SSL *ssl, int index)
{
    return ssl != NULL ? CRYPTO_get_ex_data(&ssl->ex_data, index) : NULL;
}

/* ------------------------------------------------------------------------------------------------ roles */

static void become(SSL *ssl, enum tlsm_role role)
{
    if (ssl == NULL || ssl->bio != NULL)
        return;   /* a connection that has begun keeps its role */
    ssl->role = (int)role;
    ssl->preset = 0;
}

void SSL_set_connect_state(SSL *ssl) { become(ssl, TLSM_CLIENT); }
void SSL_set_accept_state(SSL *ssl) { become(ssl, TLSM_SERVER); }
int SSL_is_server(const SSL *ssl) { return ssl != NULL && ssl->role == TLSM_SERVER; }

/* ------------------------------------------------------------------------------------------------ BIOs */

BIO *SSL_get_rbio(const SSL *ssl) { return ssl != NULL ? ssl->rbio : NULL; }
BIO *SSL_get_wbio(const SSL *ssl) { return ssl != NULL ? ssl->wbio : NULL; }

/* A connection that has begun goes on over the new ones; it has references of its own. What was taken away is let go at once:
 * the caller may rely on it being dead. */
void tlsm_ssl_use_bios(SSL *ssl)
{
    if (ssl->bio == NULL)
        return;
    if (ssl->rbio != NULL)
        (void)BIO_up_ref(ssl->rbio);
    if (ssl->wbio != NULL && ssl->wbio != ssl->rbio)
        (void)BIO_up_ref(ssl->wbio);
    tlsm_bio_set(ssl->bio, ssl->rbio, ssl->wbio);
}

int tlsm_ssl_has_bios(SSL *ssl)
{
    if (ssl->rbio != NULL && ssl->wbio != NULL)
        return 1;
    return tlsm_ssl_refuse(ssl, SSL_R_BIO_NOT_SET, "there is no BIO: SSL_set_bio() or SSL_set_fd() comes first");
}

static void replace(BIO **bio, BIO *by)
{
    BIO *const old = *bio;
    *bio = by;
    tlsm_bio_drop(NULL, old);
}

void SSL_set0_rbio(SSL *ssl, BIO *rbio)
{
    if (ssl == NULL)
        return;
    replace(&ssl->rbio, rbio);
    tlsm_ssl_use_bios(ssl);
}

void SSL_set0_wbio(SSL *ssl, BIO *wbio)
{
    if (ssl == NULL)
        return;
    replace(&ssl->wbio, wbio);
    tlsm_ssl_use_bios(ssl);
}

/* How many references the caller gives depends on what was there: SSL_set_bio(3) has the cases. */
void SSL_set_bio(SSL *ssl, BIO *rbio, BIO *wbio)
{
    int was_one, new_rbio, new_wbio;
    if (ssl == NULL)
        return;
    was_one = ssl->rbio == ssl->wbio;
    new_rbio = rbio != ssl->rbio;
    new_wbio = wbio != ssl->wbio;
    if (!new_rbio && !new_wbio)
        return;
    if (rbio != NULL && rbio == wbio)
        (void)BIO_up_ref(rbio);
    if (new_rbio || (!new_wbio && was_one))
        replace(&ssl->rbio, rbio);
    if (new_wbio || (new_rbio && was_one))
        replace(&ssl->wbio, wbio);
    tlsm_ssl_use_bios(ssl);
}

/* ------------------------------------------------------------------------------------------------ descriptors */

static BIO *around(int fd)
{
    BIO *bio = BIO_new(BIO_s_socket());
    if (bio == NULL)
        (void)tlsm_ssl_refuse(NULL, ERR_R_BUF_LIB, "");
    else
        (void)BIO_set_fd(bio, fd, BIO_NOCLOSE);
    return bio;
}

int SSL_set_fd(SSL *ssl, int fd)
{
    BIO *bio = ssl != NULL ? around(fd) : NULL;
    if (bio == NULL)
        return 0;
    SSL_set_bio(ssl, bio, bio);
    return 1;
}

static int same_descriptor(BIO *bio, int fd)
{
    return bio != NULL && BIO_method_type(bio) == BIO_TYPE_SOCKET && (int)BIO_get_fd(bio, NULL) == fd;
}

int SSL_set_rfd(SSL *ssl, int fd)
{
    BIO *bio;
    if (ssl == NULL)
        return 0;
    if (same_descriptor(ssl->wbio, fd)) {
        (void)BIO_up_ref(ssl->wbio);
        SSL_set0_rbio(ssl, ssl->wbio);
        return 1;
    }
    bio = around(fd);
    if (bio != NULL)
        SSL_set0_rbio(ssl, bio);
    return bio != NULL;
}

int SSL_set_wfd(SSL *ssl, int fd)
{
    BIO *bio;
    if (ssl == NULL)
        return 0;
    if (same_descriptor(ssl->rbio, fd)) {
        (void)BIO_up_ref(ssl->rbio);
        SSL_set0_wbio(ssl, ssl->rbio);
        return 1;
    }
    bio = around(fd);
    if (bio != NULL)
        SSL_set0_wbio(ssl, bio);
    return bio != NULL;
}

static int descriptor_of(BIO *bio)
{
    BIO *const found = bio != NULL ? BIO_find_type(bio, BIO_TYPE_DESCRIPTOR) : NULL;
    return found != NULL ? (int)BIO_get_fd(found, NULL) : -1;
}

int SSL_get_rfd(const SSL *ssl) { return ssl != NULL ? descriptor_of(ssl->rbio) : -1; }
int SSL_get_wfd(const SSL *ssl) { return ssl != NULL ? descriptor_of(ssl->wbio) : -1; }
int SSL_get_fd(const SSL *ssl) { return SSL_get_rfd(ssl); }

/* ------------------------------------------------------------------------------------------------ names */

int SSL_set_tlsext_host_name(SSL *ssl, const char *name)
{
    char *copy = NULL;
    const size_t length = name != NULL ? strlen(name) : 0;
    if (ssl == NULL)
        return 0;
    if (length > TLSEXT_MAXLEN_host_name)
        return tlsm_ssl_refuse(ssl, SSL_R_SSL3_EXT_INVALID_SERVERNAME, "a host name has at most 255 bytes");
    if (ssl->role != TLSM_CLIENT && ssl->bio != NULL)
        return tlsm_ssl_refuse(ssl, ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED, "only a client names its server");
    if (length > 0 && (copy = strdup(name)) == NULL)
        return tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
    free(ssl->name);
    ssl->name = copy;
    return 1;
}

const char *SSL_get_servername(const SSL *ssl, int type)
{
    return ssl != NULL && type == TLSEXT_NAMETYPE_host_name ? ssl->name : NULL;
}

int SSL_get_servername_type(const SSL *ssl) { return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL ? 0 : -1; }
