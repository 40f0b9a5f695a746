/* SPDX-License-Identifier: MIT */
/* Judging the peer: its chain by the application's parameters and callbacks, then the signature that proves the key. The
 * chain's result counts as far as the verify mode says; the signature always. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "tlsm_judge_internal.h"
#include "tlsm_ssl_internal.h"

enum { CHAIN_MAX = 32 };   /* certificates a peer may send: decoding each costs about 100 µs */

int SSL_get_ex_data_X509_STORE_CTX_idx(void)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static int index = -1;
    int answer;

    (void)pthread_mutex_lock(&lock);
    if (index < 0)
        index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_X509_STORE_CTX, 0, NULL, NULL, NULL, NULL);
    answer = index;
    (void)pthread_mutex_unlock(&lock);
    return answer;
}

/* Keeps the sentence; returns the alert. */
static uint8_t refuse(SSL *ssl, uint8_t alert, long result, const char *text)
{
    ssl->verify_result = result;
    (void)snprintf(ssl->refusal, sizeof ssl->refusal, "%s", text);
    return alert;
}

static uint8_t no_memory(SSL *ssl)
{
    return refuse(ssl, TLSM_ALERT_INTERNAL_ERROR, X509_V_ERR_OUT_OF_MEM, "out of memory");
}

/* ------------------------------------------------------------------------------------------------ the chain */

static void forget(SSL *ssl)
{
    X509_free(ssl->peer);
    sk_X509_pop_free(ssl->peer_chain, X509_free);
    sk_X509_pop_free(ssl->verified_chain, X509_free);
    ssl->peer = NULL;
    ssl->peer_chain = ssl->verified_chain = NULL;
    ssl->refusal[0] = '\0';
}

/* The leaf comes first in peer_chain, and is the peer. */
static uint8_t parse_chain(SSL *ssl, struct tlsm_bytes chain)
{
    struct tlsm_bytes der;
    size_t offset = 0;
    X509 *certificate;

    ssl->peer_chain = sk_X509_new_null();
    if (ssl->peer_chain == NULL)
        return no_memory(ssl);
    while (tlsm_chain_next(chain, &offset, &der)) {
        if (sk_X509_num(ssl->peer_chain) == CHAIN_MAX)
            return refuse(ssl, TLSM_ALERT_BAD_CERTIFICATE, X509_V_ERR_CERT_CHAIN_TOO_LONG,
                          "the peer sent more than 32 certificates");
        certificate = tlsm_x509_parse(&ssl->instance->certificates, der);
        if (certificate == NULL)
            return refuse(ssl, TLSM_ALERT_BAD_CERTIFICATE, X509_V_ERR_UNSPECIFIED, "a certificate does not parse");
        if (sk_X509_push(ssl->peer_chain, certificate) <= 0) {
            X509_free(certificate);
            return no_memory(ssl);
        }
    }
    ssl->peer = sk_X509_value(ssl->peer_chain, 0);
    if (ssl->peer == NULL)
        return refuse(ssl, TLSM_ALERT_BAD_CERTIFICATE, X509_V_ERR_UNSPECIFIED, "the peer sent no certificate");
    (void)X509_up_ref(ssl->peer);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the name */

static int names_one(X509_VERIFY_PARAM *param)
{
    char *address;

    ERR_set_mark();
    address = X509_VERIFY_PARAM_get1_ip_asc(param);   /* that there is none it calls an error */
    ERR_pop_to_mark();
    OPENSSL_free(address);
    return address != NULL || X509_VERIFY_PARAM_get0_host(param, 0) != NULL || X509_VERIFY_PARAM_get0_email(param) != NULL;
}

/* The mode is that of the context which the profile came from, whatever SSL_set_SSL_CTX() put in its place. */
int tlsm_ssl_checks_server_name(const SSL *ssl)
{
    return ssl->role == TLSM_CLIENT && !ssl->session_ctx->drop_in && !names_one(ssl->profile.param);
}

/* In this header's own mode the name that was asked for is the name that is checked; SSL_set_tlsext_host_name() may have named
 * the next server since. 0: there is none, and there must be. */
static int expect_name(const SSL *ssl, struct tlsm_bytes asked, X509_VERIFY_PARAM *param)
{
    char name[TLSEXT_MAXLEN_host_name + 1];

    if (!tlsm_ssl_checks_server_name(ssl))
        return 1;
    /* A leading dot would mean every host below. */
    if (asked.length == 0 || asked.length >= sizeof name || asked.data[0] == '.')
        return ssl->ctx->cert_verify != NULL || !tlsm_ssl_verifies(ssl);
    memcpy(name, asked.data, asked.length);
    name[asked.length] = '\0';
    return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 || X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
}

/* ------------------------------------------------------------------------------------------------ verifying */

/* In this header's own mode the system's authorities, unless the application named others; loaded once. */
static void want_store(SSL_CTX *ctx)
{
    if (ctx->drop_in || atomic_load(&ctx->store_chosen))
        return;
    (void)pthread_mutex_lock(&ctx->lock);
    if (!atomic_load(&ctx->store_chosen)) {
        (void)X509_STORE_set_default_paths(ctx->store);
        atomic_store(&ctx->store_chosen, 1);
    }
    (void)pthread_mutex_unlock(&ctx->lock);
}

static int prepare(SSL *ssl, X509_STORE_CTX *context)
{
    X509_VERIFY_PARAM *param;

    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE)   /* a result that nobody heeds is not worth reading them all */
        want_store(ssl->ctx);
    if (X509_STORE_CTX_init(context, ssl->ctx->store, ssl->peer, ssl->peer_chain) != 1 ||
        X509_STORE_CTX_set_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) != 1 ||
        X509_STORE_CTX_set_default(context, ssl->role == TLSM_SERVER ? "ssl_client" : "ssl_server") != 1)
        return 0;
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_auth_level(param, ssl->profile.security_level);
    if (X509_VERIFY_PARAM_set1(param, ssl->profile.param) != 1)
        return 0;
    if (ssl->profile.verify_callback != NULL)
        X509_STORE_CTX_set_verify_cb(context, ssl->profile.verify_callback);
    return 1;
}

/* The verdict is the verify mode's to heed or not. */
static int run(SSL *ssl, X509_STORE_CTX *context)
{
    int good = ssl->ctx->cert_verify != NULL ? ssl->ctx->cert_verify(context, ssl->ctx->cert_verify_argument)
                                             : X509_verify_cert(context);

    ssl->verify_result = X509_STORE_CTX_get_error(context);
    ssl->verified_chain = X509_STORE_CTX_get1_chain(context);
    X509_VERIFY_PARAM_move_peername(ssl->profile.param, X509_STORE_CTX_get0_param(context));
    return good > 0;
}

static uint8_t explain(SSL *ssl)
{
    long result = ssl->verify_result != X509_V_OK ? ssl->verify_result : X509_V_ERR_APPLICATION_VERIFICATION;
    uint8_t alert = tlsm_judge_alert((int)result);
    char text[sizeof ssl->refusal];

    (void)snprintf(text, sizeof text, "the peer's certificate is refused: %s", X509_verify_cert_error_string(result));
    return refuse(ssl, alert, result, text);
}

static uint8_t verify_chain(SSL *ssl, struct tlsm_bytes asked)
{
    const int heeded = tlsm_ssl_verifies(ssl);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    uint8_t alert = 0;

    if (context == NULL || !prepare(ssl, context))
        alert = no_memory(ssl);
    else if (!expect_name(ssl, asked, X509_STORE_CTX_get0_param(context)))
        alert = refuse(ssl, TLSM_ALERT_CERTIFICATE_UNKNOWN, X509_V_ERR_HOSTNAME_MISMATCH,
                       "there is no name to check the certificate for: SSL_set_tlsext_host_name() or SSL_set1_host() gives it");
    else if (!run(ssl, context) && heeded)
        alert = explain(ssl);
    X509_STORE_CTX_free(context);
    return alert;
}

/* RFC 9846 §4.5.1.2: "the digitalSignature bit MUST be set if the Key Usage extension is present". */
static uint8_t check_usage(SSL *ssl)
{
    if (!tlsm_ssl_verifies(ssl) || (X509_get_key_usage(ssl->peer) & KU_DIGITAL_SIGNATURE) != 0)
        return 0;
    return refuse(ssl, TLSM_ALERT_UNSUPPORTED_CERTIFICATE, X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE,
                  "the certificate's key may not be used for signatures, which TLS 1.3 needs");
}

/* ------------------------------------------------------------------------------------------------ the proof */

/* The chain's result stays what it was: a wrong signature is nothing that a certificate says. */
static uint8_t verify_proof(SSL *ssl, const struct tlsm_request *request)
{
    EVP_PKEY *key = X509_get0_pubkey(ssl->peer);
    uint8_t alert = key != NULL ? tlsm_libcrypto_verify(key, request) : TLSM_ALERT_UNSUPPORTED_CERTIFICATE;

    if (alert == TLSM_ALERT_UNSUPPORTED_CERTIFICATE)
        return refuse(ssl, alert, X509_V_ERR_UNSPECIFIED, "the certificate's key is of a kind this libcrypto does not know");
    if (alert != 0)
        (void)snprintf(ssl->refusal, sizeof ssl->refusal, "%s", alert == TLSM_ALERT_DECRYPT_ERROR
                           ? "the peer's signature is wrong: it does not hold the key of its certificate"
                           : "the peer's signature scheme does not fit the key of its certificate");
    return alert;
}

void tlsm_ssl_judge(SSL *ssl, const struct tlsm_request *request, struct tlsm_answer *answer)
{
    memset(answer, 0, sizeof *answer);
    answer->id = request->id;
    ERR_set_mark();
    forget(ssl);
    ssl->verify_result = X509_V_OK;
    answer->alert = parse_chain(ssl, request->chain);
    if (answer->alert == 0)
        answer->alert = verify_chain(ssl, request->server_name);
    if (answer->alert == 0)
        answer->alert = check_usage(ssl);
    if (answer->alert == 0)
        answer->alert = verify_proof(ssl, request);
    if (answer->alert == 0 && ssl->role == TLSM_CLIENT && !tlsm_ssl_session_judge(ssl))
        answer->alert = no_memory(ssl);
    ERR_pop_to_mark();
}

/* ------------------------------------------------------------------------------------------------ what came of it */

long SSL_get_verify_result(const SSL *ssl) { return ssl != NULL ? ssl->verify_result : X509_V_ERR_INVALID_CALL; }

void SSL_set_verify_result(SSL *ssl, long result)
{
    if (ssl != NULL)
        ssl->verify_result = result;
}

const char *SSL_get0_peername(SSL *ssl)
{
    return ssl != NULL ? X509_VERIFY_PARAM_get0_peername(ssl->profile.param) : NULL;
}

X509 *SSL_get0_peer_certificate(const SSL *ssl) { return ssl != NULL ? ssl->peer : NULL; }

X509 *SSL_get1_peer_certificate(const SSL *ssl)
{
    X509 *peer = SSL_get0_peer_certificate(ssl);

    return peer != NULL && X509_up_ref(peer) == 1 ? peer : NULL;
}

STACK_OF(X509) *SSL_get_peer_cert_chain(const SSL *ssl) { return ssl != NULL ? ssl->peer_chain : NULL; }
STACK_OF(X509) *SSL_get0_verified_chain(const SSL *ssl) { return ssl != NULL ? ssl->verified_chain : NULL; }
