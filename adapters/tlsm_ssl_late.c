/* SPDX-License-Identifier: MIT */
/* A client's certificate after the handshake (RFC 9846 §4.7.2): asked for by a server, allowed by a client. TLS 1.3 alone. */
#include "tlsm_ssl_internal.h"

void SSL_CTX_set_post_handshake_auth(SSL_CTX *ctx, int yes)
{
    if (ctx != NULL)
        ctx->profile.late_auth = yes != 0;
}

void SSL_set_post_handshake_auth(SSL *ssl, int yes)
{
    if (ssl != NULL)
        ssl->profile.late_auth = yes != 0;
}

/* A server may always ask, as far as the client allows; who allowed it costs it a transcript's hash in the connection's block. */
void tlsm_ssl_settle_late_auth(SSL *ssl)
{
    ssl->settings.late_auth = ssl->role == TLSM_SERVER || ssl->profile.late_auth;
}

static int refuse_asking(SSL *ssl)
{
    if (ssl == NULL)
        return tlsm_ssl_refuse(NULL, ERR_R_PASSED_NULL_PARAMETER, "there is no connection");
    if (SSL_version(ssl) != TLS1_3_VERSION)
        return tlsm_ssl_refuse(ssl, SSL_R_WRONG_SSL_VERSION, "in TLS 1.2 clients show their certificates in the handshake");
    if (ssl->role != TLSM_SERVER)
        return tlsm_ssl_refuse(ssl, SSL_R_NOT_SERVER, "a client does not ask for certificates");
    if (ssl->bio == NULL || !SSL_is_init_finished(ssl))
        return tlsm_ssl_refuse(ssl, SSL_R_STILL_IN_INIT, "a client can be asked once the handshake is complete");
    if (!(SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER))
        return tlsm_ssl_refuse(ssl, SSL_R_INVALID_CONFIG, "the verify mode does not want a certificate: SSL_set_verify()");
    if (ssl->bio->procedure.flags & SSL_SENT_SHUTDOWN)
        return tlsm_ssl_refuse(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, "our side is shut down");
    return 1;
}

static int explain(SSL *ssl, enum tlsm_code code)
{
    if (code == TLSM_BAD_ARGUMENT)
        return tlsm_ssl_refuse(ssl, SSL_R_EXTENSION_NOT_RECEIVED, "the client did not allow it, or was asked 255 times");
    if (code == TLSM_IGNORED)
        return tlsm_ssl_refuse(ssl, SSL_R_REQUEST_PENDING, "it was asked already, and has not answered");
    return tlsm_ssl_refuse(ssl, SSL_R_PROTOCOL_IS_SHUTDOWN, tlsm_code_text(code));
}

/* What is asked for is what the verify mode says now; nothing of it was looked at before. */
int SSL_verify_client_post_handshake(SSL *ssl)
{
    if (!refuse_asking(ssl))
        return 0;
    if (!tlsm_ssl_settle_asked(ssl))
        return tlsm_ssl_refuse(ssl, ERR_R_MALLOC_FAILURE, "");
    if (tlsm_link_ask_certificate(&ssl->bio->link) != TLSM_IO_DONE || ssl->bio->link.code == TLSM_IGNORED)
        return explain(ssl, ssl->bio->link.code);
    ssl->settled = 0;   /* SSL_do_handshake() is how it is sent at once */
    tlsm_ssl_succeeded(ssl);
    return 1;
}
