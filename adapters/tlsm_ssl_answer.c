/* SPDX-License-Identifier: MIT */
/* What the machine asks, answered: by the context's callbacks, by our keys, by the judge. */
#include "tlsm_ssl_internal.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ names */

static int keep_name(SSL *ssl, struct tlsm_bytes name)
{
    char *const copy = malloc(name.length + 1);
    if (copy == NULL)
        return 0;
    if (name.length > 0)
        memcpy(copy, name.data, name.length);
    copy[name.length] = '\0';
    free(ssl->name);
    ssl->name = NULL;
    if (name.length == 0)
        free(copy);
    else
        ssl->name = copy;
    return 1;
}

/* 0, or the alert to refuse with. */
static int ask_servername(SSL *ssl)
{
    int alert = SSL_AD_UNRECOGNIZED_NAME;
    SSL_CTX *const ctx = ssl->ctx;
    if (ctx->servername == NULL)
        return 0;
    switch (ctx->servername(ssl, &alert, ctx->servername_argument)) {
    case SSL_TLSEXT_ERR_ALERT_FATAL:
        return alert;
    case SSL_TLSEXT_ERR_OK: case SSL_TLSEXT_ERR_NOACK: case SSL_TLSEXT_ERR_ALERT_WARNING:   /* 1.3 has no warnings */
        break;
    }
    return 0;
}

static int ask_alpn(SSL *ssl, struct tlsm_bytes offered)
{
    SSL_CTX *const ctx = ssl->ctx;
    const unsigned char *chosen = NULL;
    unsigned char length = 0;
    uint8_t list[1 + UINT8_MAX];
    int said;
    if (ctx->alpn_select == NULL || offered.length == 0)
        return 0;
    said = ctx->alpn_select(ssl, &chosen, &length, offered.data, (unsigned)offered.length, ctx->alpn_select_argument);
    if (said == SSL_TLSEXT_ERR_ALERT_FATAL)
        return SSL_AD_NO_APPLICATION_PROTOCOL;
    if (said != SSL_TLSEXT_ERR_OK || length == 0)
        return 0;
    list[0] = length;
    memcpy(list + 1, chosen, length);
    return tlsm_ssl_choose_alpn(ssl, list, 1 + (size_t)length) ? 0 : SSL_AD_INTERNAL_ERROR;
}

/* Once for a connection: the name first, since its callback may change the context that the others come from. */
static int tell_names(SSL *ssl, const struct tlsm_request *request)
{
    int alert;
    if (ssl->names_told)
        return ssl->named_alert;
    ssl->names_told = 1;
    alert = keep_name(ssl, request->server_name) ? ask_servername(ssl) : SSL_AD_INTERNAL_ERROR;
    ssl->named_alert = alert != 0 ? alert : ask_alpn(ssl, request->alpn);
    return ssl->named_alert;
}

/* ------------------------------------------------------------------------------------------------ answers */

/* The one entry in the queue is about the handshake that fails for it. */
static int settle_identity(SSL *ssl)
{
    int done;
    (void)ERR_set_mark();
    done = tlsm_ssl_settle_identity(ssl);
    (void)ERR_pop_to_mark();
    return done;
}

static int refuse(struct tlsm_answer *answer, int alert)
{
    answer->alert = (uint8_t)alert;
    return 1;
}

/* 1: answered; 0: the application wants to be asked again (SSL_ERROR_WANT_X509_LOOKUP). */
static int choose(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    const int alert = tell_names(ssl, request);
    int ready = 1;
    size_t index;
    if (alert != 0)
        return refuse(answer, alert);
    if (ssl->ctx->cert_callback != NULL)
        ready = ssl->ctx->cert_callback(ssl, ssl->ctx->cert_callback_argument);
    if (ready < 0)
        return 0;
    if (ready == 0 || !settle_identity(ssl) || !tlsm_ssl_settle_client_auth(ssl))
        return refuse(answer, SSL_AD_INTERNAL_ERROR);
    index = tlsm_choose_credential(&ssl->settings, request->version, request->server_name, request->schemes);
    if (index == ssl->settings.credential_count)
        return refuse(answer, SSL_AD_HANDSHAKE_FAILURE);
    answer->credential = (uint16_t)index;
    return 1;
}

static int sign(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    size_t length = 0;
    if (request->credential >= ssl->identity->count ||
        tlsm_libcrypto_sign(ssl->identity->key[request->credential], request, ssl->signature, &length) != 0)
        return refuse(answer, SSL_AD_INTERNAL_ERROR);
    answer->signature.data = ssl->signature;
    answer->signature.length = length;
    return 1;
}

int tlsm_ssl_answer(void *context, const struct tlsm_config *config, const struct tlsm_state *state, struct tlsm_answer *answer)
{
    SSL *const ssl = context;
    struct tlsm_request request;
    switch ((enum tlsm_request_kind)tlsm_request(config, state, &request)) {
    case TLSM_ASK_CREDENTIAL:
        if (ssl->role == TLSM_CLIENT)
            return tlsm_ssl_choose_client(ssl, &request, answer) ? TLSM_ASK_CREDENTIAL : 0;
        return choose(ssl, &request, answer) ? TLSM_ASK_CREDENTIAL : 0;
    case TLSM_ASK_SIGN:
        return sign(ssl, &request, answer) ? TLSM_ASK_SIGN : 0;
    case TLSM_ASK_JUDGE:
        tlsm_ssl_judge(ssl, &request, answer);
        if (answer->alert == 0)
            tlsm_ssl_session_shown(ssl);
        return TLSM_ASK_JUDGE;
    case TLSM_ASK_SESSION:
        tlsm_ssl_session_find(ssl, &request, answer);
        return TLSM_ASK_SESSION;
    case TLSM_ASK_REPLAY:
        tlsm_ssl_early_answer(ssl, &request, answer);
        return TLSM_ASK_REPLAY;
    case TLSM_ASK_NOTHING:
        break;
    }
    return 0;
}
