/* SPDX-License-Identifier: MIT */
/* Certificates of clients: what a server asks for, and what a client shows. Judging them is tlsm_ssl_verify.c's. */
#include "tlsm_ssl_internal.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ a server asks */

/* The names of the context's list, each in DER, with the bytes behind them in the same memory. 1, 0: no memory. */
static int list_authorities(SSL *ssl, STACK_OF(X509_NAME) *names)
{
    const int count = sk_X509_NAME_num(names);
    size_t length = 0;
    struct tlsm_bytes *list;
    unsigned char *at;

    free(ssl->authorities);
    ssl->authorities = NULL;
    ssl->settings.authorities = NULL;
    ssl->settings.authority_count = 0;
    if (count <= 0)
        return 1;
    for (int i = 0; i < count; i++)
        length += (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
    list = malloc((size_t)count * sizeof *list + length);
    if (list == NULL)
        return 0;
    at = (unsigned char *)(list + count);
    for (int i = 0; i < count; i++) {
        list[i].data = at;
        list[i].length = (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), &at);
    }
    ssl->authorities = list;
    ssl->settings.authorities = list;
    ssl->settings.authority_count = (size_t)count;
    return 1;
}

static STACK_OF(X509_NAME) *authorities_of(const SSL *ssl)
{
    return ssl->client_authorities != NULL ? ssl->client_authorities : ssl->ctx->client_authorities;
}

void SSL_set_client_CA_list(SSL *ssl, STACK_OF(X509_NAME) *names)
{
    if (ssl == NULL)
        return;
    sk_X509_NAME_pop_free(ssl->client_authorities, X509_NAME_free);
    ssl->client_authorities = names;
}

STACK_OF(X509_NAME) *SSL_get_client_CA_list(const SSL *ssl)
{
    if (ssl == NULL)
        return NULL;
    return ssl->role == TLSM_CLIENT ? ssl->named_authorities : authorities_of(ssl);
}

/* SSL_VERIFY_POST_HANDSHAKE: not in the handshake, but when SSL_verify_client_post_handshake() asks. */
int tlsm_ssl_settle_client_auth(SSL *ssl)
{
    const int mode = SSL_get_verify_mode(ssl);
    const int asks = (mode & SSL_VERIFY_PEER) != 0 && (mode & SSL_VERIFY_POST_HANDSHAKE) == 0;

    ssl->settings.client_auth = TLSM_CLIENT_AUTH_NONE;
    if (!asks)
        return 1;
    ssl->settings.client_auth = mode & SSL_VERIFY_FAIL_IF_NO_PEER_CERT ? TLSM_CLIENT_AUTH_REQUIRE : TLSM_CLIENT_AUTH_REQUEST;
    return list_authorities(ssl, authorities_of(ssl));
}

int tlsm_ssl_settle_asked(SSL *ssl)
{
    const int required = (SSL_get_verify_mode(ssl) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;

    ssl->settings.client_auth = required ? TLSM_CLIENT_AUTH_REQUIRE : TLSM_CLIENT_AUTH_REQUEST;
    return list_authorities(ssl, authorities_of(ssl));
}

/* ------------------------------------------------------------------------------------------------ a client shows */

/* The older callback gives a certificate and its key. 1: whatever there is now; 0: a failure; negative: ask again later. */
static int ask_client_callback(SSL *ssl)
{
    X509 *leaf = NULL;
    EVP_PKEY *key = NULL;
    int given = 0;

    if (ssl->ctx->client_cert_callback == NULL || ssl->settings.credential_count > 0)
        return 1;
    given = ssl->ctx->client_cert_callback(ssl, &leaf, &key);
    if (given > 0 && leaf != NULL && key != NULL)
        given = SSL_use_certificate(ssl, leaf) && SSL_use_PrivateKey(ssl, key);
    else if (given >= 0)
        given = 1;
    X509_free(leaf);
    EVP_PKEY_free(key);
    return given;
}

/* What does not parse names nobody. Without memory the list is short. */
static void keep_authorities(SSL *ssl, struct tlsm_bytes names)
{
    sk_X509_NAME_pop_free(ssl->named_authorities, X509_NAME_free);
    ssl->named_authorities = sk_X509_NAME_new_null();
    for (size_t at = 0; ssl->named_authorities != NULL && at + 2 <= names.length;) {
        const size_t length = (size_t)names.data[at] << 8 | names.data[at + 1];
        const unsigned char *der = names.data + at + 2;
        X509_NAME *const name = length <= names.length - at - 2 ? d2i_X509_NAME(NULL, &der, (long)length) : NULL;
        if (name != NULL && sk_X509_NAME_push(ssl->named_authorities, name) <= 0)
            X509_NAME_free(name);
        at += 2 + length;
    }
}

static int ask_callbacks(SSL *ssl)
{
    int ready = 1;

    if (ssl->ctx->cert_callback != NULL)
        ready = ssl->ctx->cert_callback(ssl, ssl->ctx->cert_callback_argument);
    if (ready > 0)
        ready = tlsm_ssl_settle_identity(ssl) ? ask_client_callback(ssl) : 0;
    if (ready > 0)
        ready = tlsm_ssl_settle_identity(ssl);
    return ready;
}

/* As OpenSSL's clients: the first key that can sign what the server accepts, whichever authorities it names. */
int tlsm_ssl_choose_client(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const struct tlsm_bytes anybody = { NULL, 0 };
    int ready;

    (void)ERR_set_mark();
    keep_authorities(ssl, request->authorities);
    ready = ask_callbacks(ssl);
    (void)ERR_pop_to_mark();
    if (ready < 0)
        return 0;
    if (ready == 0)
        answer->alert = TLSM_ALERT_INTERNAL_ERROR;
    else
        answer->credential = (uint16_t)tlsm_choose_client_credential(&ssl->settings, request->version, request->schemes, anybody);
    return 1;
}
