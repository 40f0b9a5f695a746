/* SPDX-License-Identifier: MIT */
/* libssl with SSL_MODE_RELEASE_BUFFERS. All connections share two BIOs in memory, one for each direction, for nothing is under way
 * between two calls: what a connection takes is the SSL alone. */
#include "idle.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct idle_options *options;
static SSL_CTX *contexts[2];
static SSL **places[2];
static BIO *up, *down;
static char server_name[32];

static int settle_context(SSL_CTX *context)
{
    const int version = options->tls12 ? TLS1_2_VERSION : TLS1_3_VERSION;

    SSL_CTX_set_security_level(context, 2);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(context, version) == 1 && SSL_CTX_set_max_proto_version(context, version) == 1 &&
           SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519:P-256") == 1 && SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256") == 1;
}

static int settle(const struct bench_identity *identity)
{
    SSL_CTX *client = contexts[BENCH_CLIENT], *server = contexts[BENCH_SERVER];

    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    return settle_context(client) && settle_context(server) && SSL_CTX_load_verify_file(client, identity->anchor) == 1 &&
           SSL_CTX_set_num_tickets(server, 0) == 1 && SSL_CTX_use_certificate_chain_file(server, identity->chain) == 1 &&
           SSL_CTX_use_PrivateKey_file(server, identity->key, SSL_FILETYPE_PEM) == 1;
}

static int open_library(const struct idle_options *given, const struct bench_identity *identity)
{
    options = given;
    contexts[BENCH_CLIENT] = SSL_CTX_new(TLS_client_method());
    contexts[BENCH_SERVER] = SSL_CTX_new(TLS_server_method());
    up = BIO_new(BIO_s_mem());
    down = BIO_new(BIO_s_mem());
    (void)snprintf(server_name, sizeof server_name, "%s", identity->name);
    for (int end = 0; end < 2; end++)
        places[end] = calloc(idle_places(options, (enum bench_end)end), sizeof(SSL *));
    if (contexts[0] == NULL || contexts[1] == NULL || up == NULL || down == NULL || places[0] == NULL || places[1] == NULL ||
        !settle(identity)) {
        ERR_print_errors_fp(stderr);
        return -1;
    }
    (void)BIO_set_mem_eof_return(up, -1);
    (void)BIO_set_mem_eof_return(down, -1);
    return 0;
}

static SSL *new_end(enum bench_end end)
{
    SSL *ssl = SSL_new(contexts[end]);

    if (ssl == NULL || BIO_up_ref(up) != 1 || BIO_up_ref(down) != 1)
        return NULL;
    if (end == BENCH_SERVER) {
        SSL_set_bio(ssl, up, down);
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_bio(ssl, down, up);
    SSL_set_connect_state(ssl);
    return SSL_set1_host(ssl, server_name) == 1 && SSL_set_tlsext_host_name(ssl, server_name) == 1 ? ssl : NULL;
}

static int transfer(SSL *from, SSL *to)
{
    static const char text[] = "alive";
    char got[sizeof text + 1];

    return SSL_write(from, text, sizeof text) == (int)sizeof text && SSL_read(to, got, sizeof got) == (int)sizeof text ? 0 : -1;
}

static int connect_pair(size_t number)
{
    SSL *pair[2] = { new_end(BENCH_CLIENT), new_end(BENCH_SERVER) };
    int done[2] = { 0, 0 };

    if (pair[0] == NULL || pair[1] == NULL)
        return -1;
    for (int rounds = 0; rounds < 8 && !(done[0] && done[1]); rounds++)
        for (int end = 0; end < 2; end++)
            done[end] = SSL_do_handshake(pair[end]) == 1;
    if (!done[0] || !done[1] || transfer(pair[0], pair[1]) < 0 || transfer(pair[1], pair[0]) < 0) {
        ERR_print_errors_fp(stderr);
        return -1;
    }
    for (int end = 0; end < 2; end++)
        if (idle_keeps(options, number, (enum bench_end)end))
            places[end][idle_place(options, number, (enum bench_end)end)] = pair[end];
        else
            SSL_free(pair[end]);
    return 0;
}

static int prove(size_t number)
{
    SSL *client = places[0][idle_place(options, number, BENCH_CLIENT)], *server = places[1][idle_place(options, number, BENCH_SERVER)];
    char got[8];

    if (transfer(client, server) < 0 || transfer(server, client) < 0 || SSL_shutdown(client) != 0 ||
        SSL_read(server, got, sizeof got) != 0 || SSL_get_shutdown(server) != SSL_RECEIVED_SHUTDOWN)
        return -1;
    return SSL_shutdown(server) == 1 && SSL_shutdown(client) == 1 ? 0 : -1;
}

static void drop(size_t number)
{
    for (int end = 0; end < 2; end++)
        if (idle_keeps(options, number, (enum bench_end)end))
            SSL_free(places[end][idle_place(options, number, (enum bench_end)end)]);
}

static void shut(void)
{
    for (int end = 0; end < 2; end++) {
        SSL_CTX_free(contexts[end]);
        free(places[end]);
    }
    (void)BIO_free(up);
    (void)BIO_free(down);
}

static void nothing(int all) { (void)all; }
static void bytes(size_t to[2]) { to[0] = to[1] = 0; }
static size_t fixed(void) { return 0; }

const struct idle_library idle_libssl = { "openssl", "libssl, SSL_MODE_RELEASE_BUFFERS: an SSL each", 0, open_library, connect_pair, nothing,
                                          prove, drop, shut, bytes, fixed };
