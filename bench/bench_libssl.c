/* SPDX-License-Identifier: MIT */
/* libssl twice, as its users have it: over memory BIOs, where what it writes into one is what its peer reads from it, and over a
 * BIO pair. */
#include "bench.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { SECURITY_LEVEL = 2 /* as the judge of tlsm asks for */, COPIES = 64 };

struct pair {
    SSL *end[2];
};

static SSL_CTX *contexts[2];
static int opened;                         /* the two share their contexts */
static SSL_SESSION *session, *copy[COPIES];   /* in TLS 1.3 libssl uses one but once */
static int copies;
static char server_name[32];
static uint8_t received[BENCH_WIRE];

static const char *release(void) { return OpenSSL_version(OPENSSL_VERSION); }

/* ------------------------------------------------------------------------------------------------ the library */

static int restrict_context(SSL_CTX *context, enum bench_version version)
{
    const int number = version == BENCH_TLS13 ? TLS1_3_VERSION : TLS1_2_VERSION;
    SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return SSL_CTX_set_min_proto_version(context, number) == 1 && SSL_CTX_set_max_proto_version(context, number) == 1 &&
           SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-AES128-GCM-SHA256") == 1 &&
           SSL_CTX_set1_groups_list(context, version == BENCH_TLS13 ? "X25519" : "X25519:P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(context, "ECDSA+SHA256") == 1;
}

static int keep_session(SSL *ssl, SSL_SESSION *given)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

static int open_client(const struct bench_identity *identity, enum bench_version version)
{
    SSL_CTX *context = contexts[BENCH_CLIENT] = SSL_CTX_new(TLS_client_method());
    if (context == NULL || !restrict_context(context, version))
        return 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, keep_session);
    return SSL_CTX_load_verify_file(context, identity->anchor) == 1;
}

/* No tickets but where a session is wanted. */
static int open_server(const struct bench_identity *identity, enum bench_version version)
{
    SSL_CTX *context = contexts[BENCH_SERVER] = SSL_CTX_new(TLS_server_method());
    return context != NULL && restrict_context(context, version) && SSL_CTX_set_num_tickets(context, 0) == 1 &&
           SSL_CTX_set_options(context, SSL_OP_NO_ANTI_REPLAY) != 0 &&
           SSL_CTX_use_certificate_chain_file(context, identity->chain) == 1 &&
           SSL_CTX_use_PrivateKey_file(context, identity->key, SSL_FILETYPE_PEM) == 1;
}

static void drop_sessions(void)
{
    while (copies > 0)
        SSL_SESSION_free(copy[--copies]);
    SSL_SESSION_free(session);
    session = NULL;
}

static int libssl_open(const struct bench_identity *identity, enum bench_version version)
{
    if (opened++ > 0)
        return 0;
    (void)snprintf(server_name, sizeof server_name, "%s", identity->name);
    if (open_client(identity, version) && open_server(identity, version))
        return 0;
    ERR_print_errors_fp(stderr);
    return -1;
}

static void libssl_shut(void)
{
    if (--opened > 0)
        return;
    SSL_CTX_free(contexts[BENCH_CLIENT]);
    SSL_CTX_free(contexts[BENCH_SERVER]);
    drop_sessions();
}

/* ------------------------------------------------------------------------------------------------ the handshake */

static BIO *memory_transport(void)
{
    BIO *memory = BIO_new(BIO_s_mem());
    if (memory != NULL)
        (void)BIO_set_mem_eof_return(memory, -1);   /* empty means "later", not the end */
    return memory;
}

static int join_by_memory(struct pair *pair)
{
    BIO *up = memory_transport(), *down = memory_transport();
    if (up == NULL || down == NULL || BIO_up_ref(up) != 1 || BIO_up_ref(down) != 1)
        return 0;
    SSL_set_bio(pair->end[BENCH_CLIENT], down, up);
    SSL_set_bio(pair->end[BENCH_SERVER], up, down);
    return 1;
}

static int join_by_pair(struct pair *pair)
{
    BIO *ends[2];
    if (BIO_new_bio_pair(&ends[0], 0, &ends[1], 0) != 1)
        return 0;
    for (int end = 0; end < 2; end++)
        SSL_set_bio(pair->end[end], ends[end], ends[end]);
    return 1;
}

static int prepare(struct pair *pair, int paired, enum bench_kind kind)
{
    SSL *client = pair->end[BENCH_CLIENT];
    if (!(paired ? join_by_pair(pair) : join_by_memory(pair)))
        return 0;
    SSL_set_connect_state(client);
    SSL_set_accept_state(pair->end[BENCH_SERVER]);
    SSL_set_hostflags(client, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return SSL_set1_host(client, server_name) == 1 && SSL_set_tlsext_host_name(client, server_name) == 1 &&
           (kind == BENCH_FULL || (copies > 0 && SSL_set_session(client, copy[copies - 1]) == 1));
}

static void use_session(enum bench_kind kind)
{
    if (kind == BENCH_RESUMED)
        SSL_SESSION_free(copy[--copies]);
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

static struct pair *make_pair(void)
{
    struct pair *pair = OPENSSL_zalloc(sizeof *pair);
    for (int end = 0; end < 2 && pair != NULL; end++) {
        bench_turn = (enum bench_end)end;
        pair->end[end] = SSL_new(contexts[end]);
    }
    return pair != NULL && pair->end[0] != NULL && pair->end[1] != NULL ? pair : NULL;
}

/* A resumption in TLS 1.2 agrees on no group. */
static int is_agreed(SSL *ssl, enum bench_kind kind)
{
    const int is_13 = SSL_version(ssl) == TLS1_3_VERSION;
    return SSL_version(ssl) == SSL_get_max_proto_version(ssl) && SSL_session_reused(ssl) == (kind == BENCH_RESUMED) &&
           SSL_CIPHER_get_id(SSL_get_current_cipher(ssl)) == (is_13 ? TLS1_3_CK_AES_128_GCM_SHA256 : TLS1_CK_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256) &&
           ((!is_13 && kind == BENCH_RESUMED) || SSL_get_negotiated_group(ssl) == NID_X25519);
}

static void *connect_with(int paired, enum bench_kind kind)
{
    struct pair *pair = make_pair();
    if (pair != NULL && prepare(pair, paired, kind) && shake_hands(pair) && is_agreed(pair->end[0], kind) && is_agreed(pair->end[1], kind)) {
        use_session(kind);
        return pair;
    }
    (void)fprintf(stderr, "bench: no handshake of libssl's as it should be\n");
    ERR_print_errors_fp(stderr);
    return NULL;
}

static void *memory_connect(enum bench_kind kind) { return connect_with(0, kind); }
static void *pair_connect(enum bench_kind kind) { return connect_with(1, kind); }

/* In TLS 1.3 the ticket comes behind the handshake: the client has to read once. */
static int libssl_prime(void)
{
    struct pair *pair = make_pair();
    uint8_t byte;
    size_t done;
    drop_sessions();
    if (pair == NULL || SSL_set_num_tickets(pair->end[BENCH_SERVER], 1) != 1 || !prepare(pair, 0, BENCH_FULL) || !shake_hands(pair))
        return -1;
    (void)SSL_read_ex(pair->end[BENCH_CLIENT], &byte, 1, &done);
    for (int end = 0; end < 2; end++)   /* freed unclosed, a session counts as one of a connection that was cut */
        SSL_set_shutdown(pair->end[end], SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    libssl_end(pair, BENCH_CLIENT);
    libssl_end(pair, BENCH_SERVER);
    while (session != NULL && copies < COPIES)
        copy[copies++] = SSL_SESSION_dup(session);
    return session != NULL ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ afterwards */

static int libssl_transfer(void *given, enum bench_end from, const uint8_t *data, size_t length, const uint8_t **opened_at)
{
    struct pair *pair = given;
    size_t done;
    if (SSL_write_ex(pair->end[from], data, length, &done) != 1 || done != length ||
        SSL_read_ex(pair->end[!from], received, sizeof received, &done) != 1 || done != length)
        return -1;
    *opened_at = received;
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

/* ------------------------------------------------------------------------------------------------ one end */

static int libssl_make(void)
{
    SSL *client = SSL_new(contexts[BENCH_CLIENT]);
    SSL_free(client);
    return client != NULL ? 0 : -1;
}

static int refuse_with(int paired, const uint8_t *bytes, size_t length)
{
    SSL *server = SSL_new(contexts[BENCH_SERVER]);
    BIO *in = NULL, *out = NULL;
    int refused = 0;
    if (server != NULL && (paired ? BIO_new_bio_pair(&in, 0, &out, 0) == 1 : (in = memory_transport(), out = in) != NULL)) {
        SSL_set_bio(server, in, in);
        SSL_set_accept_state(server);
        refused = BIO_write(out, bytes, (int)length) == (int)length && SSL_do_handshake(server) < 0 &&
                  ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL;
        ERR_clear_error();
    }
    SSL_free(server);
    if (paired)
        BIO_free(out);
    return refused ? 0 : -1;
}

static int memory_refuse(const uint8_t *bytes, size_t length) { return refuse_with(0, bytes, length); }
static int pair_refuse(const uint8_t *bytes, size_t length) { return refuse_with(1, bytes, length); }

#define SHARED                                                                                                                        \
    .versions = BENCH_BOTH, .release = release, .open = libssl_open, .shut = libssl_shut, .prime = libssl_prime,                      \
    .transfer = libssl_transfer, .close = libssl_close, .end = libssl_end, .make = libssl_make
const struct bench_library bench_libssl = { .name = "libssl", .key = "libssl", SHARED, .connect = memory_connect, .refuse = memory_refuse };
const struct bench_library bench_libssl_pair = { .name = "libssl, pair", .key = "libssl_pair", SHARED, .connect = pair_connect,
                                                 .refuse = pair_refuse };
