/* SPDX-License-Identifier: MIT */
/* Memory that is refused at the nth request, for every n of ours and many of libcrypto's, of a whole life: contexts, identity, handshake,
 * data, sessions as bytes, resumption, shutdown. Whatever call met it fails with a reason, nothing is lost, nothing is freed
 * twice, nobody waits for what will not come, and no peer is accepted unseen. */
#include <limits.h>

#include "ssl_fixture.h"

void *__real_malloc(size_t length);
void *__real_calloc(size_t count, size_t length);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t most);
void *__wrap_malloc(size_t length);
void *__wrap_calloc(size_t count, size_t length);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t most);

/* Requests that are still granted; -1: all. `once`: only the next one is refused then. `theirs`: libcrypto's count too. */
static long granted = -1;
static int once, theirs, refused;

static int refuses(void)
{
    if (granted < 0)
        return 0;
    if (granted > 0) {
        granted--;
        return 0;
    }
    refused++;
    if (once)
        granted = -1;
    return 1;
}

void *__wrap_malloc(size_t length) { return refuses() ? NULL : __real_malloc(length); }
void *__wrap_calloc(size_t count, size_t length) { return refuses() ? NULL : __real_calloc(count, length); }
char *__wrap_strdup(const char *text) { return refuses() ? NULL : __real_strdup(text); }
char *__wrap_strndup(const char *text, size_t most) { return refuses() ? NULL : __real_strndup(text, most); }

static void *crypto_malloc(size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return theirs && refuses() ? NULL : __real_malloc(length);
}

static void *crypto_realloc(void *at, size_t length, const char *file, int line)
{
    (void)file;
    (void)line;
    return theirs && refuses() ? NULL : realloc(at, length);
}

static void crypto_free(void *at, const char *file, int line)
{
    (void)file;
    (void)line;
    free(at);
}

/* ------------------------------------------------------------------------------------------------ a life */

struct life {
    SSL_CTX *client, *server;
    SSL_SESSION *session;
    struct pair pair;
    BIO *spare[2];   /* made beforehand */
};

static int select_protocol(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned all,
                           void *argument)
{
    (void)ssl;
    (void)all;
    (void)argument;
    *out = in + 1;
    *length = in[0];
    return SSL_TLSEXT_ERR_OK;
}

static int make_contexts(struct life *life)
{
    life->client = SSL_CTX_new(TLS_client_method());
    life->server = SSL_CTX_new(TLS_server_method());
    if (life->client == NULL || life->server == NULL)
        return 0;
    SSL_CTX_set_alpn_select_cb(life->server, select_protocol, NULL);
    (void)SSL_CTX_set_session_cache_mode(life->client, SSL_SESS_CACHE_CLIENT);
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(life->client), pki.root) == 1 &&
           SSL_CTX_set_ciphersuites(life->client, "TLS_AES_128_GCM_SHA256") == 1 &&
           SSL_CTX_set1_groups_list(life->client, "P-256:X25519") == 1 &&
           SSL_CTX_set_alpn_protos(life->client, (const unsigned char *)"\2h2", 3) == 0 &&
           SSL_CTX_use_certificate(life->server, pki.leaf) == 1 && SSL_CTX_use_PrivateKey(life->server, pki.ec) == 1 &&
           SSL_CTX_add1_chain_cert(life->server, pki.middle) == 1;
}

static int make_pair(struct life *life)
{
    life->pair.client = SSL_new(life->client);
    life->pair.server = SSL_new(life->server);
    if (life->pair.client == NULL || life->pair.server == NULL)
        return 0;
    SSL_set_bio(life->pair.client, life->spare[0], life->spare[0]);
    SSL_set_bio(life->pair.server, life->spare[1], life->spare[1]);
    life->spare[0] = life->spare[1] = NULL;
    return SSL_set_tlsext_host_name(life->pair.client, host) == 1 && SSL_use_certificate(life->pair.server, pki.leaf) == 1;
}

/* 1: repeat it later; 0: it failed, and says why. */
static int waits(SSL *ssl, int result)
{
    const int error = SSL_get_error(ssl, result);
    if (error != SSL_ERROR_SSL)
        assert_int_equal(ERR_peek_error(), 0);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return 1;
    if (result == 1)
        return 1;
    assert_int_not_equal(error, SSL_ERROR_NONE);
    assert_int_not_equal(error, SSL_ERROR_ZERO_RETURN);
    if (error != SSL_ERROR_SSL)
        return 0;
    assert_int_not_equal(ERR_get_error(), 0);
    assert_int_equal(ERR_peek_error(), 0);   /* one entry tells one error */
    return 0;
}

static int shake_hands(struct life *life)
{
    for (int i = 0; i < ROUNDS; i++) {
        const int client = SSL_connect(life->pair.client);
        int server;
        if (client == 1)
            assert_int_equal(SSL_get_verify_result(life->pair.client), X509_V_OK);
        if (!waits(life->pair.client, client) && client != 1)
            return 0;
        server = SSL_accept(life->pair.server);
        if (!waits(life->pair.server, server) && server != 1)
            return 0;
        if (client == 1 && server == 1)
            return 1;
    }
    fail_msg("both wait for ever");
    return 0;
}

static int talk(SSL *from, SSL *to)
{
    static char bytes[20000], room[20000];
    int put = 0, got = 0, done;
    for (int i = 0; i < ROUNDS && (put == 0 || got < (int)sizeof bytes); i++) {
        if (put == 0 && (done = SSL_write(from, bytes, sizeof bytes)) != (int)sizeof bytes && !waits(from, done))
            return 0;
        put = put || SSL_get_error(from, 0) == SSL_ERROR_NONE;
        while ((done = SSL_read(to, room, sizeof room)) > 0)
            got += done;
        if (!waits(to, done))
            return 0;
    }
    assert_int_equal(got, sizeof bytes);
    return 1;
}

static int close_both(struct life *life)
{
    for (int i = 0; i < ROUNDS; i++) {
        const int client = SSL_shutdown(life->pair.client);
        int server;
        if (client != 1 && !waits(life->pair.client, client))
            return 0;
        server = SSL_shutdown(life->pair.server);
        if (server != 1 && !waits(life->pair.server, server))
            return 0;
        if (client == 1 && server == 1)
            return 1;
    }
    fail_msg("both wait for the other's end for ever");
    return 0;
}

static int keep_session(struct life *life)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    SSL_SESSION *const session = SSL_get1_session(life->pair.client);
    const int length = i2d_SSL_SESSION(session, &der);
    if (length > 0) {
        at = der;
        SSL_SESSION_free(life->session);
        life->session = d2i_SSL_SESSION(NULL, &at, length);
    }
    OPENSSL_free(der);
    SSL_SESSION_free(session);
    return life->session != NULL;
}

static int connection(struct life *life)
{
    return shake_hands(life) && talk(life->pair.client, life->pair.server) && talk(life->pair.server, life->pair.client) &&
           close_both(life) && keep_session(life);
}

static int live(struct life *life)
{
    if (!make_contexts(life) || !make_pair(life))
        return 0;
    ERR_clear_error();   /* what could do without its memory may have said so */
    return connection(life) && SSL_clear(life->pair.client) == 1 && SSL_clear(life->pair.server) == 1 &&
           SSL_set_session(life->pair.client, life->session) == 1 && connection(life);
}

static void die(struct life *life)
{
    pair_free(&life->pair);
    SSL_SESSION_free(life->session);
    SSL_CTX_free(life->client);
    SSL_CTX_free(life->server);
    BIO_free(life->spare[0]);
    BIO_free(life->spare[1]);
}

/* 1: nothing was refused, since the life was over before. */
static int try_with(long nth)
{
    struct life life;
    int good;
    memset(&life, 0, sizeof life);
    assert_int_equal(BIO_new_bio_pair(&life.spare[0], 0, &life.spare[1], 0), 1);
    refused = 0;
    granted = nth;
    good = live(&life);
    granted = -1;
    if (refused == 0)
        assert_int_equal(good, 1);
    die(&life);
    ERR_clear_error();
    return refused == 0;
}

/* libcrypto asks some ten thousand times; every 97th is met, and with TLSM_MEMORY_SWEEP=1 every one. */
static void sweep(int only_one, int of_theirs)
{
    const long stride = of_theirs && getenv("TLSM_MEMORY_SWEEP") == NULL ? 97 : 1;
    long nth = 0;
    assert_true(try_with(LONG_MAX));   /* what libcrypto makes once, it makes now */
    once = only_one;
    theirs = of_theirs;
    while (!try_with(nth))
        nth += stride;
    assert_true(nth > (of_theirs ? 5000 : 50));
}

static void one_request_of_ours_is_refused(void **state)
{
    (void)state;
    sweep(1, 0);
}

static void all_of_ours_from_one_on_are_refused(void **state)
{
    (void)state;
    sweep(0, 0);
}

static void one_request_is_refused(void **state)
{
    (void)state;
    sweep(1, 1);
}

static void all_requests_from_one_on_are_refused(void **state)
{
    (void)state;
    sweep(0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request_of_ours_is_refused),
        cmocka_unit_test(all_of_ours_from_one_on_are_refused),
        cmocka_unit_test(one_request_is_refused),
        cmocka_unit_test(all_requests_from_one_on_are_refused),
    };
    if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
        return 1;
    return cmocka_run_group_tests_name("ssl_memory", tests, pki_make, pki_free);
}
