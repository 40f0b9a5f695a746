/* SPDX-License-Identifier: MIT */
/* libssl over memory BIOs: what it writes into one is what its peer reads from it. */
#include "bench.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { SECURITY_LEVEL = 2 };               /* as the judge of tlsm asks for */

struct pair {
    SSL *end[2];
};

static SSL_CTX *contexts[2];
static char server_name[32];
static uint8_t received[BENCH_WIRE];

/* ------------------------------------------------------------------------------------------------ the library */

static int restrict_context(SSL_CTX *context)
{
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519") == 1 && SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256") == 1;
}

static int open_client(const struct bench_identity *identity)
{
    SSL_CTX *context = contexts[BENCH_CLIENT] = SSL_CTX_new(TLS_client_method());

    if (context == NULL || !restrict_context(context))
        return 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return SSL_CTX_load_verify_file(context, identity->anchor) == 1;
}

static int open_server(const struct bench_identity *identity)
{
    SSL_CTX *context = contexts[BENCH_SERVER] = SSL_CTX_new(TLS_server_method());

    return context != NULL && restrict_context(context) && SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_use_certificate_chain_file(context, identity->chain) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, identity->key, SSL_FILETYPE_PEM) == 1;
}

static int libssl_open(const struct bench_identity *identity)
{
    (void)snprintf(server_name, sizeof server_name, "%s", identity->name);
    if (open_client(identity) && open_server(identity))
        return 0;
    ERR_print_errors_fp(stderr);
    return -1;
}

static void libssl_shut(void)
{
    SSL_CTX_free(contexts[BENCH_CLIENT]);
    SSL_CTX_free(contexts[BENCH_SERVER]);
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static BIO *memory_transport(void)
{
    BIO *memory = BIO_new(BIO_s_mem());

    if (memory != NULL)
        (void)BIO_set_mem_eof_return(memory, -1);   /* empty means "later", not the end */
    return memory;
}

static int join(struct pair *pair)
{
    BIO *up = memory_transport(), *down = memory_transport();

    if (up == NULL || down == NULL || BIO_up_ref(up) != 1 || BIO_up_ref(down) != 1)
        return 0;
    SSL_set_bio(pair->end[BENCH_CLIENT], down, up);
    SSL_set_bio(pair->end[BENCH_SERVER], up, down);
    return 1;
}

static int prepare(struct pair *pair)
{
    SSL *client = pair->end[BENCH_CLIENT];

    if (!join(pair))
        return 0;
    SSL_set_connect_state(client);
    SSL_set_accept_state(pair->end[BENCH_SERVER]);
    SSL_set_hostflags(client, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(client, server_name) == 1 && SSL_set_tlsext_host_name(client, server_name) == 1;
}

static int shake_hands(struct pair *pair)
{
    int done[2] = { 0, 0 };

    for (int rounds = 0; rounds < 8 && !(done[0] && done[1]); rounds++)
        for (int end = 0; end < 2; end++) {
            bench_turn = (enum bench_end)end;
            done[end] = SSL_do_handshake(pair->end[end]) == 1;
        }
    return done[0] && done[1] && SSL_get_verify_result(pair->end[BENCH_CLIENT]) == X509_V_OK;
}

static void libssl_end(void *given, enum bench_end end)
{
    struct pair *pair = given;

    SSL_free(pair->end[end]);
    pair->end[end] = NULL;
    if (pair->end[!end] == NULL)
        OPENSSL_free(pair);
}

static void *libssl_connect(void)
{
    struct pair *pair = OPENSSL_zalloc(sizeof *pair);

    if (pair == NULL)
        return NULL;
    for (int end = 0; end < 2; end++) {
        bench_turn = (enum bench_end)end;
        pair->end[end] = SSL_new(contexts[end]);
    }
    if (pair->end[0] != NULL && pair->end[1] != NULL && prepare(pair) && shake_hands(pair))
        return pair;
    ERR_print_errors_fp(stderr);
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int libssl_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened)
{
    struct pair *pair = given;
    size_t done;

    if (SSL_write_ex(pair->end[from], data, length, &done) != 1 || done != length ||
        SSL_read_ex(pair->end[!from], received, sizeof received, &done) != 1 || done != length)
        return -1;
    *opened = received;
    return 0;
}

/* In lock-step: the client's alert, the server reads it and sends its own, the client reads that. */
static int libssl_close(void *given)
{
    struct pair *pair = given;
    SSL *client = pair->end[BENCH_CLIENT], *server = pair->end[BENCH_SERVER];
    size_t done;

    if (SSL_shutdown(client) != 0 || SSL_read_ex(server, received, sizeof received, &done) != 0 ||
        SSL_get_shutdown(server) != SSL_RECEIVED_SHUTDOWN)
        return -1;
    return SSL_shutdown(server) == 1 && SSL_shutdown(client) == 1 ? 0 : -1;
}

const struct bench_library bench_libssl = { "libssl",     libssl_open,  libssl_shut, libssl_connect,
                                            libssl_transfer, libssl_close, libssl_end,  NULL };
