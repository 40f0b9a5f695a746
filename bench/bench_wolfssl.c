/* SPDX-License-Identifier: MIT */
/* wolfSSL as the distribution builds it. */
#include <stdio.h>
#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

#include "bench_pipe.h"

enum { ROUNDS_MAX = 8 };

struct pair {
    WOLFSSL *end[2];
};

static WOLFSSL_CTX *contexts[2];
static WOLFSSL_SESSION *kept;              /* the session that prime() left */
static enum bench_version version;
static char name[32];
static struct bench_pipe to[2];            /* bytes under way to each end */
static uint8_t received[BENCH_WIRE];

static const char *release(void)
{
    static char text[32];
    (void)snprintf(text, sizeof text, "wolfSSL %s", wolfSSL_lib_version());
    return text;
}

static int complain(const char *call, WOLFSSL *ssl, int result)
{
    char text[WOLFSSL_MAX_ERROR_SZ] = "failed";
    if (ssl != NULL)
        (void)wolfSSL_ERR_error_string((unsigned long)wolfSSL_get_error(ssl, result), text);
    (void)fprintf(stderr, "bench: %s: %s\n", call, text);
    return -1;
}

/* ------------------------------------------------------------------------------------------------ transport */

static int put(WOLFSSL *ssl, char *from, int length, void *own)
{
    (void)ssl;
    return bench_pipe_put(own == &to[0] ? &to[1] : &to[0], from, (size_t)length) > 0 ? length : WOLFSSL_CBIO_ERR_WANT_WRITE;
}

/* What an end takes from is its pointer; the other one is what it puts into. */
static int take(WOLFSSL *ssl, char *into, int room, void *own)
{
    (void)ssl;
    const size_t length = bench_pipe_take(own, into, (size_t)room);
    return length > 0 ? (int)length : WOLFSSL_CBIO_ERR_WANT_READ;
}

/* ------------------------------------------------------------------------------------------------ the library */

static int settle(WOLFSSL_CTX *context)
{
    int x25519[] = { WOLFSSL_ECC_X25519 };
    wolfSSL_CTX_SetIORecv(context, take);
    wolfSSL_CTX_SetIOSend(context, put);
    (void)wolfSSL_CTX_set_session_cache_mode(context, WOLFSSL_SESS_CACHE_OFF);
    if (version == BENCH_TLS13)
        return wolfSSL_CTX_set_groups(context, x25519, 1) == WOLFSSL_SUCCESS &&
               wolfSSL_CTX_set_cipher_list(context, "TLS13-AES128-GCM-SHA256") == WOLFSSL_SUCCESS;
    return wolfSSL_CTX_UseSupportedCurve(context, WOLFSSL_ECC_X25519) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_UseSupportedCurve(context, WOLFSSL_ECC_SECP256R1) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") == WOLFSSL_SUCCESS;
}

static int wolfssl_open(const struct bench_identity *identity, enum bench_version which)
{
    version = which;
    (void)snprintf(name, sizeof name, "%s", identity->name);
    (void)wolfSSL_Init();
    contexts[BENCH_CLIENT] = wolfSSL_CTX_new(which == BENCH_TLS13 ? wolfTLSv1_3_client_method() : wolfTLSv1_2_client_method());
    contexts[BENCH_SERVER] = wolfSSL_CTX_new(which == BENCH_TLS13 ? wolfTLSv1_3_server_method() : wolfTLSv1_2_server_method());
    if (contexts[0] == NULL || contexts[1] == NULL || !settle(contexts[0]) || !settle(contexts[1]))
        return complain("setting up", NULL, 0);
    wolfSSL_CTX_set_verify(contexts[BENCH_CLIENT], WOLFSSL_VERIFY_PEER, NULL);
    if (wolfSSL_CTX_load_verify_locations(contexts[BENCH_CLIENT], identity->anchor, NULL) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_certificate_chain_file(contexts[BENCH_SERVER], identity->chain) != WOLFSSL_SUCCESS ||
        wolfSSL_CTX_use_PrivateKey_file(contexts[BENCH_SERVER], identity->key, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
        return complain("loading the certificates", NULL, 0);
    return 0;
}

static void forget_session(void)
{
    wolfSSL_SESSION_free(kept);
    kept = NULL;
}

static void wolfssl_shut(void)
{
    forget_session();
    for (int end = 0; end < 2; end++)
        wolfSSL_CTX_free(contexts[end]);
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static WOLFSSL *make_end(enum bench_end end)
{
    WOLFSSL *ssl = wolfSSL_new(contexts[end]);
    if (ssl == NULL)
        return NULL;
    wolfSSL_SetIOReadCtx(ssl, &to[end]);
    wolfSSL_SetIOWriteCtx(ssl, &to[end]);
    return ssl;
}

static int prepare(WOLFSSL *client)
{
    return wolfSSL_UseSNI(client, WOLFSSL_SNI_HOST_NAME, name, (unsigned short)strlen(name)) == WOLFSSL_SUCCESS &&
           wolfSSL_check_domain_name(client, name) == WOLFSSL_SUCCESS &&
           (version == BENCH_TLS12 || wolfSSL_UseKeyShare(client, WOLFSSL_ECC_X25519) == WOLFSSL_SUCCESS);
}

static struct pair *make_pair(void)
{
    struct pair *pair = calloc(1, sizeof *pair);
    for (int end = 0; end < 2 && pair != NULL; end++) {
        bench_turn = (enum bench_end)end;
        pair->end[end] = make_end((enum bench_end)end);
        bench_pipe_clear(&to[end]);
    }
    return pair != NULL && pair->end[0] != NULL && pair->end[1] != NULL && prepare(pair->end[BENCH_CLIENT]) ? pair : NULL;
}

static int shake_hands(struct pair *pair)
{
    int done[2] = { 0, 0 };
    for (int rounds = 0; rounds < ROUNDS_MAX && !(done[0] && done[1]); rounds++)
        for (int end = 0; end < 2; end++) {
            WOLFSSL *ssl = pair->end[end];
            bench_turn = (enum bench_end)end;
            const int result = done[end] ? WOLFSSL_SUCCESS : end == BENCH_CLIENT ? wolfSSL_connect(ssl) : wolfSSL_accept(ssl);
            done[end] = result == WOLFSSL_SUCCESS;
            if (!done[end] && wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ)
                return complain("a handshake", ssl, result);
        }
    return done[0] && done[1] ? 0 : -1;
}

/* A resumption in TLS 1.2 agrees on no group. */
static int is_agreed(const struct pair *pair, enum bench_kind kind)
{
    for (int end = 0; end < 2; end++) {
        WOLFSSL *ssl = pair->end[end];
        const char *group = wolfSSL_get_curve_name(ssl), *suite = wolfSSL_get_cipher_name(ssl);
        const char *wanted = version == BENCH_TLS13 ? "TLS13-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256";
        if (wolfSSL_version(ssl) != (version == BENCH_TLS13 ? TLS1_3_VERSION : TLS1_2_VERSION) || suite == NULL ||
            strcmp(suite, wanted) != 0 || (wolfSSL_session_reused(ssl) != 0) != (kind == BENCH_RESUMED))
            return 0;
        if ((version == BENCH_TLS13 || kind == BENCH_FULL) && (group == NULL || strcmp(group, "X25519") != 0))
            return 0;
    }
    return 1;
}

static void wolfssl_end(void *given, enum bench_end end)
{
    struct pair *pair = given;
    wolfSSL_free(pair->end[end]);
    if (end == BENCH_SERVER)
        free(pair);
}

/* Without a session, and without a ticket for one. */
static int set_sessions(struct pair *pair, enum bench_kind kind)
{
    WOLFSSL *client = pair->end[BENCH_CLIENT];
    if (version == BENCH_TLS13 && wolfSSL_no_ticket_TLSv13(pair->end[BENCH_SERVER]) != 0)
        return 0;
    return kind == BENCH_FULL ||
           ((version == BENCH_TLS13 || wolfSSL_UseSessionTicket(client) == WOLFSSL_SUCCESS) &&
            wolfSSL_set_session(client, kept) == WOLFSSL_SUCCESS);
}

static void *wolfssl_connect(enum bench_kind kind)
{
    struct pair *pair = make_pair();
    if (pair == NULL || !set_sessions(pair, kind) || shake_hands(pair) < 0)
        return NULL;
    if (is_agreed(pair, kind))
        return pair;
    (void)fprintf(stderr, "bench: wolfSSL agreed on %s, %s, %s, %s\n", wolfSSL_get_version(pair->end[0]), wolfSSL_get_cipher_name(pair->end[0]),
                  wolfSSL_get_curve_name(pair->end[0]), wolfSSL_session_reused(pair->end[0]) ? "resumed" : "new");
    return NULL;
}

/* In TLS 1.3 the ticket comes behind the handshake: the client has to read once. */
static int wolfssl_prime(void)
{
    struct pair *pair = make_pair();
    uint8_t byte;
    forget_session();
    if (pair == NULL || wolfSSL_UseSessionTicket(pair->end[BENCH_CLIENT]) != WOLFSSL_SUCCESS || shake_hands(pair) < 0)
        return -1;
    if (version == BENCH_TLS13)
        (void)wolfSSL_read(pair->end[BENCH_CLIENT], &byte, sizeof byte);
    kept = wolfSSL_get1_session(pair->end[BENCH_CLIENT]);
    wolfssl_end(pair, BENCH_CLIENT);
    wolfssl_end(pair, BENCH_SERVER);
    return kept != NULL ? 0 : complain("wolfSSL_get1_session", NULL, 0);
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int wolfssl_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    *opened = received;
    return wolfSSL_write(pair->end[from], data, (int)length) == (int)length &&
           wolfSSL_read(pair->end[!from], received, sizeof received) == (int)length ? 0 : -1;
}

/* In lock-step: the client's alert, the server reads it and sends its own, the client reads that. */
static int wolfssl_close(void *given)
{
    struct pair *pair = given;
    WOLFSSL *client = pair->end[BENCH_CLIENT], *server = pair->end[BENCH_SERVER];
    if (wolfSSL_shutdown(client) != WOLFSSL_SHUTDOWN_NOT_DONE)
        return -1;
    const int got = wolfSSL_read(server, received, sizeof received);
    if (got > 0 || wolfSSL_get_error(server, got) != WOLFSSL_ERROR_ZERO_RETURN)
        return -1;
    return wolfSSL_shutdown(server) == WOLFSSL_SUCCESS && wolfSSL_shutdown(client) == WOLFSSL_SUCCESS ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ one end */

static int wolfssl_make(void)
{
    WOLFSSL *client = make_end(BENCH_CLIENT);
    wolfSSL_free(client);
    return client != NULL ? 0 : -1;
}

static int wolfssl_refuse(const uint8_t *bytes, size_t length)
{
    WOLFSSL *server = make_end(BENCH_SERVER);
    int refused = 0;
    bench_pipe_clear(&to[BENCH_CLIENT]);
    bench_pipe_clear(&to[BENCH_SERVER]);
    if (server != NULL && bench_pipe_put(&to[BENCH_SERVER], bytes, length) > 0) {
        const int done = wolfSSL_accept(server);
        refused = done != WOLFSSL_SUCCESS && wolfSSL_get_error(server, done) != WOLFSSL_ERROR_WANT_READ;
    }
    wolfSSL_free(server);
    return refused ? 0 : -1;
}

const struct bench_library bench_wolfssl = {
    .name = "wolfSSL", .key = "wolfssl", .versions = BENCH_BOTH, .release = release, .open = wolfssl_open, .shut = wolfssl_shut,
    .connect = wolfssl_connect, .prime = wolfssl_prime, .transfer = wolfssl_transfer, .close = wolfssl_close, .end = wolfssl_end,
    .make = wolfssl_make, .refuse = wolfssl_refuse,
};
