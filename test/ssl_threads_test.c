/* SPDX-License-Identifier: MIT */
/* A thousand lives on eight threads that share a client's and a server's context and the session caches of both:
 * handshake, data, a resumed handshake, shutdown; some are dropped. Every result is checked, and nothing is raced for (under
 * ThreadSanitizer, test/tsan_test.sh) or leaked (under AddressSanitizer). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "party.h"
#include "tlsm_ssl.h"

enum { C, V, ENDS, THREADS = 8, LIVES = 125 };   /* a life is two connections */
enum { CONNECTIONS = THREADS * LIVES * 2, DROPPED = 5 };

static SSL_CTX *context[ENDS];
static atomic_int failed, resumed, told_new, told_removed;

/* No assertion here: cmocka's jump leads out of the main thread. */
static int holds(int condition)
{
    if (!condition)
        (void)atomic_fetch_add(&failed, 1);
    return condition;
}

/* ------------------------------------------------------------------------------------------------ one connection */

struct link {
    SSL *end[ENDS];
};

static int link_open(struct link *link, SSL_SESSION *session)
{
    BIO *bio[ENDS] = { NULL, NULL };
    if (!holds(BIO_new_bio_pair(&bio[C], 0, &bio[V], 0) == 1))
        return 0;
    for (int side = 0; side < ENDS; side++) {
        link->end[side] = SSL_new(context[side]);
        SSL_set_bio(link->end[side], bio[side], bio[side]);
    }
    SSL_set_connect_state(link->end[C]);
    SSL_set_accept_state(link->end[V]);
    return holds(SSL_set_tlsext_host_name(link->end[C], "localhost") == 1) &
           holds(session == NULL || SSL_set_session(link->end[C], session) == 1);
}

static int handshake(struct link *link)
{
    int done[ENDS] = { 0, 0 };
    for (int i = 0; i < 12 && (done[C] != 1 || done[V] != 1); i++) {
        const int side = i & 1;
        done[side] = SSL_do_handshake(link->end[side]);
        if (!holds(done[side] == 1 || SSL_get_error(link->end[side], done[side]) == SSL_ERROR_WANT_READ))
            return 0;
    }
    return holds(done[C] == 1 && done[V] == 1);
}

/* What a side says is what the other reads, and nobody else's. */
static int data(struct link *link, int from, unsigned mark)
{
    unsigned sent[256], got[256];
    for (unsigned i = 0; i < 256; i++)
        sent[i] = mark * 2654435761u + i;
    return holds(SSL_write(link->end[from], sent, sizeof sent) == (int)sizeof sent) &&
           holds(SSL_read(link->end[!from], got, sizeof got) == (int)sizeof got) &&
           holds(memcmp(sent, got, sizeof got) == 0);
}

static int shut_down(struct link *link)
{
    struct tlsm_verdict verdict;
    int good = holds(SSL_shutdown(link->end[C]) == -1 && SSL_get_error(link->end[C], -1) == SSL_ERROR_WANT_READ);
    good &= holds(SSL_shutdown(link->end[V]) == 1);
    good &= holds(SSL_shutdown(link->end[C]) == 1);
    for (int side = 0; side < ENDS; side++) {
        SSL_tlsm_verdict(link->end[side], &verdict);
        good &= holds(strcmp(tlsm_how_name(verdict.how), "clean_both") == 0);
    }
    return good;
}

/* The session that it left, or NULL: it was dropped, so that nothing vouches for it. */
static SSL_SESSION *live_once(SSL_SESSION *session, unsigned mark, int drop)
{
    struct link link = { { NULL, NULL } };
    SSL_SESSION *left = NULL;
    char byte;
    if (link_open(&link, session) && handshake(&link) && data(&link, C, mark) && data(&link, V, ~mark)) {
        holds(SSL_read(link.end[C], &byte, 1) == -1);   /* tickets, and nothing behind them */
        holds(SSL_session_reused(link.end[C]) == (session != NULL));
        holds(SSL_session_reused(link.end[V]) == (session != NULL));
        (void)atomic_fetch_add(&resumed, SSL_session_reused(link.end[V]));
        if (!drop && shut_down(&link))
            left = SSL_get1_session(link.end[C]);
    }
    SSL_free(link.end[C]);
    SSL_free(link.end[V]);
    return left;
}

/* ------------------------------------------------------------------------------------------------ many of them */

static void *live(void *argument)
{
    const unsigned thread = (unsigned)(uintptr_t)argument;
    for (unsigned i = 0; i < LIVES; i++) {
        SSL_SESSION *const session = live_once(NULL, thread << 16 | i, 0);
        holds(session != NULL && SSL_SESSION_is_resumable(session) == 1);
        SSL_SESSION_free(live_once(session, thread << 16 | i | 1u << 31, i % DROPPED == 0));
        SSL_SESSION_free(session);
    }
    holds(ERR_peek_error() == 0);
    return NULL;
}

static int on_new(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    (void)session;
    (void)atomic_fetch_add(&told_new, 1);
    return 0;
}

static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    (void)ctx;
    (void)session;
    (void)atomic_fetch_add(&told_removed, 1);
}

static int start(void **state)
{
    static const unsigned char id[] = "threads";
    (void)state;
    context[C] = SSL_CTX_new(TLS_client_method());
    context[V] = SSL_CTX_new(TLS_server_method());
    atomic_store(&failed, 0);
    atomic_store(&resumed, 0);
    atomic_store(&told_new, 0);
    atomic_store(&told_removed, 0);
    if (context[C] == NULL || context[V] == NULL)
        return -1;
    SSL_CTX_set_session_cache_mode(context[C], SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_session_cache_mode(context[V], SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_new_cb(context[C], on_new);
    SSL_CTX_sess_set_remove_cb(context[C], on_remove);
    SSL_CTX_set_num_tickets(context[V], 1);
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(context[C]), party_certificate()) == 1 &&
           SSL_CTX_use_certificate(context[V], party_certificate()) == 1 &&
           SSL_CTX_use_PrivateKey(context[V], party_key()) == 1 &&
           SSL_CTX_set_session_id_context(context[V], id, sizeof id - 1) == 1 ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    SSL_CTX_free(context[C]);
    SSL_CTX_free(context[V]);
    return 0;
}

static void run(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, live, (void *)i), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failed), 0);
    assert_int_equal(atomic_load(&resumed), CONNECTIONS / 2);
    assert_int_equal(SSL_CTX_sess_connect_good(context[C]), CONNECTIONS);
    assert_int_equal(SSL_CTX_sess_accept_good(context[V]), CONNECTIONS);
    assert_int_equal(SSL_CTX_sess_hits(context[V]), CONNECTIONS / 2);
    assert_int_equal(atomic_load(&told_new), CONNECTIONS);
    assert_int_equal(SSL_CTX_sess_number(context[C]), atomic_load(&told_new) - atomic_load(&told_removed));
}

static void a_thousand_lives_with_sealed_tickets(void **state)
{
    (void)state;
    run();
}

static void a_thousand_lives_with_a_server_s_cache(void **state)
{
    (void)state;
    (void)SSL_CTX_set_options(context[V], SSL_OP_NO_TICKET);
    run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thousand_lives_with_sealed_tickets, start, end),
        cmocka_unit_test_setup_teardown(a_thousand_lives_with_a_server_s_cache, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
