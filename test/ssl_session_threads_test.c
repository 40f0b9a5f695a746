/* SPDX-License-Identifier: MIT */
/* Eight threads share a client's and a server's context, their caches, their ticket keys, and one session. Under
 * ThreadSanitizer (test/tsan_test.sh) a data race is an error. */
#include "ssl_session_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 8, CONNECTIONS = 12 };

static SSL_SESSION *shared;
static atomic_int made, removed, failures, resumed;

/* No assertion here: cmocka's jump leads out of the main thread. */
#define CHECK(condition) ((condition) ? (void)0 : (void)atomic_fetch_add(&failures, 1))

static int on_new(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    (void)atomic_fetch_add(&made, 1);
    return 0;
}

static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    (void)session;
    (void)SSL_CTX_sess_number(ctx);
    (void)atomic_fetch_add(&removed, 1);
}

static SSL_SESSION *connect_once(SSL_SESSION *session, int good)
{
    struct pair own;
    BIO *one = NULL, *two = NULL;
    SSL_SESSION *got;
    char byte;
    memset(&own, 0, sizeof own);
    own.client = SSL_new(client);
    own.server = SSL_new(server);
    CHECK(own.client != NULL && own.server != NULL && BIO_new_bio_pair(&one, 0, &two, 0) == 1);
    SSL_set_bio(own.client, one, one);
    SSL_set_bio(own.server, two, two);
    (void)SSL_set_tlsext_host_name(own.client, host);
    CHECK(session == NULL || SSL_set_session(own.client, session) == 1);
    CHECK(pair_shake(&own) == 1);
    CHECK(SSL_read(own.client, &byte, 1) == -1);
    CHECK(SSL_session_reused(own.client) == SSL_session_reused(own.server));
    (void)atomic_fetch_add(&resumed, SSL_session_reused(own.client));
    got = SSL_get1_session(own.client);
    if (good) {
        (void)SSL_shutdown(own.client);
        (void)SSL_shutdown(own.server);
    }
    pair_free(&own);
    return got;
}

static void *live(void *argument)
{
    SSL_SESSION *session = NULL;
    (void)argument;
    for (int i = 0; i < CONNECTIONS; i++) {
        SSL_SESSION *const offered = i % 3 == 0 ? shared : session;
        SSL_SESSION *const next = connect_once(offered, i % 4 != 3);
        SSL_SESSION_free(session);
        session = next;
        SSL_SESSION_set_time(shared, SSL_SESSION_get_time(shared));
        if (i == 5)
            SSL_CTX_flush_sessions(server, SSL_SESSION_get_time(shared));
    }
    SSL_SESSION_free(session);
    ERR_clear_error();
    return NULL;
}

static void run(void)
{
    pthread_t threads[THREADS];
    atomic_store(&made, 0);
    atomic_store(&removed, 0);
    atomic_store(&failures, 0);
    atomic_store(&resumed, 0);
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_sess_set_cache_size(client, 20);
    SSL_CTX_sess_set_new_cb(client, on_new);
    SSL_CTX_sess_set_remove_cb(client, on_remove);
    shared = gain();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failures), 0);
    assert_true(atomic_load(&resumed) >= THREADS * CONNECTIONS / 3);
    assert_int_equal(SSL_CTX_sess_connect_good(client), 1 + THREADS * CONNECTIONS);
    assert_int_equal(SSL_CTX_sess_accept_good(server), 1 + THREADS * CONNECTIONS);
    assert_int_equal(SSL_CTX_sess_hits(client), atomic_load(&resumed));
    assert_int_equal(SSL_CTX_sess_hits(server), atomic_load(&resumed));
    assert_int_equal(atomic_load(&made), 2 * (1 + THREADS * CONNECTIONS));
    assert_in_range(SSL_CTX_sess_number(client), 1, 20);
    assert_true(atomic_load(&removed) >= atomic_load(&made) - 20);
    SSL_SESSION_free(shared);
}

static void threads_share_contexts_that_seal(void **state)
{
    (void)state;
    run();
}

static void threads_share_a_server_s_cache(void **state)
{
    (void)state;
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_share_contexts_that_seal, start, end),
        cmocka_unit_test_setup_teardown(threads_share_a_server_s_cache, start, end),
    };
    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
