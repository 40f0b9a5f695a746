/* SPDX-License-Identifier: MIT */
/* What the tests of sessions and caches share: a client that verifies, a server, and connections between them. */
#ifndef TLSM_TEST_SSL_SESSION_FIXTURE_H
#define TLSM_TEST_SSL_SESSION_FIXTURE_H

#include "ssl_fixture.h"

static SSL_CTX *client, *server;
static struct pair pair;

static inline SSL_CTX *new_client(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(ctx);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.root), 1);
    return ctx;
}

static inline SSL_CTX *new_server(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    assert_non_null(ctx);
    assert_int_equal(SSL_CTX_use_certificate(ctx, pki.leaf), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pki.ec), 1);
    assert_int_equal(SSL_CTX_add1_chain_cert(ctx, pki.middle), 1);
    return ctx;
}

static inline int start(void **state)
{
    (void)state;
    ERR_clear_error();
    client = new_client();
    server = new_server();
    memset(&pair, 0, sizeof pair);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    pair_free(&pair);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    return 0;
}

/* A connection of its own name over a fresh pair of BIOs, offering `session` unless NULL. */
static inline void meet(const char *name, SSL_SESSION *session)
{
    pair_over(&pair, client, server);
    assert_int_equal(SSL_set_tlsext_host_name(pair.client, name), 1);
    if (session != NULL)
        assert_int_equal(SSL_set_session(pair.client, session), 1);
}

/* Both are connected, and the client has read what the server had to say until now. */
static inline void shake(void)
{
    char byte;
    if (!pair_shake(&pair))
        fail_msg("no handshake: %s, %s", SSL_tlsm_reason(pair.client), SSL_tlsm_reason(pair.server));
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_READ);
}

/* Cleanly, on both sides. */
static inline void shut(void)
{
    (void)SSL_shutdown(pair.client);
    (void)SSL_shutdown(pair.server);
    assert_int_equal(SSL_shutdown(pair.client), 1);
    assert_int_equal(SSL_shutdown(pair.server), 1);
}

static inline void part(void)
{
    pair_free(&pair);
    pair.client = pair.server = NULL;
}

/* The session of a connection that has come and gone well; the caller's reference. */
static inline SSL_SESSION *gain(void)
{
    SSL_SESSION *session;
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    shut();
    part();
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    return session;
}

/* What a connection that offers `session` says on both sides: resumed or not. Leaves it well. */
static inline int resumes(SSL_SESSION *session)
{
    int reused;
    meet(host, session);
    shake();
    reused = SSL_session_reused(pair.client);
    assert_int_equal(SSL_session_reused(pair.server), reused);
    shut();
    part();
    return reused;
}

#endif
