/* SPDX-License-Identifier: MIT */
/* A context's cache of sessions, its callbacks and counts, and the keys that seal its tickets. */
#include "ssl_session_fixture.h"

#include "tlsm_ssl_session_internal.h"

/* The server's tickets are keys of its cache, one for a connection. */
static void in_cache(void)
{
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(server, 1);
}

/* ------------------------------------------------------------------------------------------------ keeping */

static void a_cached_session_resumes_as_often_as_wanted(void **state)
{
    const unsigned char *ticket;
    unsigned id_length;
    size_t length;
    (void)state;
    in_cache();
    SSL_SESSION *const session = gain();
    SSL_SESSION_get0_ticket(session, &ticket, &length);
    assert_int_equal(length, 32);
    (void)SSL_SESSION_get_id(session, &id_length);
    assert_int_equal(id_length, 32);
    assert_int_equal(SSL_CTX_sess_number(server), 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(resumes(session), 1);
    assert_int_equal(SSL_CTX_sess_number(server), 4);   /* and each connection brought one */
    assert_int_equal(SSL_CTX_sess_hits(server), 3);
    assert_int_equal(SSL_CTX_sess_misses(server), 0);
    SSL_SESSION_free(session);
}

/* Sealed sessions lie with the client: a server that keeps none pays nothing. */
static void sealed_sessions_are_not_kept(void **state)
{
    (void)state;
    SSL_SESSION *const session = gain();
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    assert_int_equal(SSL_CTX_sess_number(client), 0);   /* a client's cache is off unless asked for */
    SSL_SESSION_free(session);
}

static int removals;
static SSL_SESSION *last_removed;

static void on_remove(SSL_CTX *ctx, SSL_SESSION *session)
{
    removals++;
    last_removed = session;
    (void)SSL_CTX_sess_number(ctx);   /* the lock is not held */
}

static void a_full_cache_drops_what_was_used_least_recently(void **state)
{
    SSL_SESSION *sessions[4];
    (void)state;
    removals = 0;
    in_cache();
    SSL_CTX_sess_set_remove_cb(server, on_remove);
    assert_int_equal(SSL_CTX_sess_get_cache_size(server), SSL_SESSION_CACHE_MAX_SIZE_DEFAULT);
    assert_int_equal(SSL_CTX_sess_set_cache_size(server, 3), SSL_SESSION_CACHE_MAX_SIZE_DEFAULT);
    for (int i = 0; i < 3; i++)
        sessions[i] = gain();
    SSL_CTX_set_num_tickets(server, 0);
    assert_int_equal(resumes(sessions[0]), 1);
    SSL_CTX_set_num_tickets(server, 1);
    sessions[3] = gain();
    assert_int_equal(SSL_CTX_sess_number(server), 3);
    assert_int_equal(SSL_CTX_sess_cache_full(server), 1);
    assert_int_equal(removals, 1);
    SSL_CTX_set_num_tickets(server, 0);
    assert_int_equal(resumes(sessions[0]), 1);
    assert_int_equal(resumes(sessions[1]), 0);
    assert_int_equal(resumes(sessions[2]), 1);
    assert_int_equal(resumes(sessions[3]), 1);
    for (int i = 0; i < 4; i++)
        SSL_SESSION_free(sessions[i]);
}

/* Sessions that only a cache sees: each under an id of its own. */
static SSL_SESSION *numbered(unsigned number)
{
    SSL_SESSION *const session = SSL_SESSION_new();
    memcpy(session->id, &number, sizeof number);
    session->id_length = 32;
    return session;
}

static void a_cache_without_a_bound_grows(void **state)
{
    enum { MANY = 30000 };
    (void)state;
    SSL_CTX_sess_set_cache_size(server, 0);
    for (unsigned i = 0; i < MANY; i++) {
        SSL_SESSION *const session = numbered(i);
        assert_int_equal(SSL_CTX_add_session(server, session), 1);
        SSL_SESSION_free(session);
    }
    assert_int_equal(SSL_CTX_sess_number(server), MANY);
    assert_int_equal(SSL_CTX_sess_cache_full(server), 0);
    for (unsigned i = 0; i < MANY; i += 3) {
        SSL_SESSION *const session = numbered(i);
        assert_int_equal(SSL_CTX_remove_session(server, session), 1);
        assert_int_equal(SSL_CTX_remove_session(server, session), 0);
        SSL_SESSION_free(session);
    }
    assert_int_equal(SSL_CTX_sess_number(server), MANY - MANY / 3);
}

static void one_id_is_one_entry(void **state)
{
    SSL_SESSION *const one = numbered(1), *const other = numbered(1);
    (void)state;
    assert_int_equal(SSL_CTX_add_session(server, one), 1);
    assert_int_equal(SSL_CTX_add_session(server, one), 0);
    assert_int_equal(SSL_CTX_add_session(server, other), 1);
    assert_int_equal(SSL_CTX_sess_number(server), 1);
    assert_int_equal(SSL_CTX_remove_session(server, one), 1);   /* by id */
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    SSL_SESSION_free(one);
    SSL_SESSION_free(other);
}

/* ------------------------------------------------------------------------------------------------ time */

static void flushing_takes_what_has_expired(void **state)
{
    SSL_SESSION *const young = numbered(1), *const old = numbered(2);
    const long now = SSL_SESSION_get_time(young);
    (void)state;
    removals = 0;
    SSL_CTX_sess_set_remove_cb(server, on_remove);
    SSL_SESSION_set_time(old, now - 1000);
    SSL_CTX_add_session(server, young);
    SSL_CTX_add_session(server, old);
    SSL_CTX_flush_sessions(server, now);
    assert_int_equal(SSL_CTX_sess_number(server), 1);
    assert_int_equal(removals, 1);
    assert_ptr_equal(last_removed, old);
    SSL_CTX_flush_sessions(server, now + 1000);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    SSL_CTX_add_session(server, young);
    SSL_CTX_flush_sessions(server, 0);   /* all */
    assert_int_equal(removals, 3);
    SSL_CTX_add_session(server, young);
    SSL_CTX_free(server);
    server = NULL;
    assert_int_equal(removals, 4);   /* a cache that goes tells of what was in it */
    SSL_SESSION_free(young);
    SSL_SESSION_free(old);
}

static SSL_SESSION *kept;

static int keep(SSL *ssl, SSL_SESSION *session)
{
    (void)ssl;
    SSL_SESSION_free(kept);
    kept = session;
    return 1;
}

static void an_expired_session_is_found_no_more(void **state)
{
    (void)state;
    in_cache();
    SSL_CTX_sess_set_new_cb(server, keep);
    SSL_SESSION *const session = gain();
    SSL_SESSION_set_time(kept, SSL_SESSION_get_time(kept) - 7300);
    SSL_CTX_set_num_tickets(server, 0);
    assert_int_equal(resumes(session), 0);
    assert_int_equal(SSL_CTX_sess_timeouts(server), 1);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    SSL_SESSION_free(session);
    SSL_SESSION_free(kept);
    kept = NULL;
}

static void the_cache_is_cleared_now_and_then(void **state)
{
    (void)state;
    for (int automatic = 0; automatic <= 1; automatic++) {
        SSL_SESSION *const old = numbered(1);
        SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_SERVER | (automatic ? 0 : SSL_SESS_CACHE_NO_AUTO_CLEAR));
        SSL_CTX_sess_set_new_cb(server, keep);
        SSL_SESSION_set_time(old, 1);
        SSL_CTX_add_session(server, old);
        for (int i = 0; i < 256; i++) {
            meet(host, NULL);
            assert_int_equal(pair_shake(&pair), 1);
            part();
        }
        assert_int_equal(SSL_CTX_sess_number(server), !automatic);
        SSL_CTX_flush_sessions(server, 0);
        SSL_SESSION_free(old);
    }
    SSL_SESSION_free(kept);
    kept = NULL;
}

/* ------------------------------------------------------------------------------------------------ modes and callbacks */

static void a_cache_that_is_off_keeps_nothing(void **state)
{
    (void)state;
    in_cache();
    assert_int_equal(SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF), SSL_SESS_CACHE_SERVER);
    assert_int_equal(SSL_CTX_get_session_cache_mode(server), SSL_SESS_CACHE_OFF);
    meet(host, NULL);
    shake();
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(pair.client)), 0);   /* a ticket would lead nowhere */
}

static int asked, give_copy;
static unsigned char asked_for[32];

static SSL_SESSION *give(SSL *ssl, const unsigned char *id, int length, int *copy)
{
    assert_ptr_equal(SSL_get_SSL_CTX(ssl), server);
    assert_int_equal(length, 32);
    memcpy(asked_for, id, sizeof asked_for);
    asked++;
    *copy = give_copy;
    if (kept == NULL || memcmp(kept->id, id, 32) != 0)
        return NULL;
    if (!give_copy)
        SSL_SESSION_up_ref(kept);
    return kept;
}

/* Another cache: what is told of goes in, what is asked for comes out; of these only the callbacks' counts speak. */
static void a_cache_of_the_application_s_own(void **state)
{
    (void)state;
    asked = removals = 0;
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(server, keep);
    SSL_CTX_sess_set_get_cb(server, give);
    SSL_CTX_sess_set_remove_cb(server, on_remove);
    SSL_CTX_set_num_tickets(server, 1);
    SSL_SESSION *const session = gain();
    assert_non_null(kept);
    SSL_CTX_set_num_tickets(server, 0);
    for (give_copy = 0; give_copy <= 1; give_copy++)
        assert_int_equal(resumes(session), 1);
    assert_int_equal(asked, 2);
    assert_memory_equal(asked_for, kept->id, 32);
    assert_int_equal(SSL_CTX_sess_cb_hits(server), 2);
    assert_int_equal(SSL_CTX_sess_misses(server), 0);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    assert_int_equal(atomic_load(&kept->references), 1);
    meet(host, session);
    shake();
    part();   /* without SSL_shutdown(): the other cache has to hear of it */
    assert_int_equal(removals, 1);
    assert_int_equal(SSL_SESSION_is_resumable(kept), 0);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
    SSL_SESSION_free(kept);
    kept = NULL;
}

/* A value that came from elsewhere: serialised there, read here. */
static void what_the_callback_gives_joins_the_cache(void **state)
{
    unsigned char *der = NULL;
    const unsigned char *at;
    int length;
    (void)state;
    asked = 0;
    give_copy = 1;
    in_cache();
    SSL_CTX_sess_set_new_cb(server, keep);
    SSL_SESSION *const session = gain();
    SSL_CTX_flush_sessions(server, 0);
    length = i2d_SSL_SESSION(kept, &der);
    assert_true(length > 0);
    at = der;
    assert_non_null(d2i_SSL_SESSION(&kept, &at, length));
    OPENSSL_free(der);
    SSL_CTX_sess_set_new_cb(server, NULL);
    SSL_CTX_sess_set_get_cb(server, give);
    SSL_CTX_set_num_tickets(server, 0);
    assert_int_equal(resumes(session), 1);
    assert_int_equal(resumes(session), 1);
    assert_int_equal(asked, 1);
    assert_int_equal(SSL_CTX_sess_number(server), 1);
    assert_int_equal(SSL_CTX_sess_misses(server), 1);
    SSL_SESSION_free(session);
    SSL_SESSION_free(kept);
    kept = NULL;
}

/* ------------------------------------------------------------------------------------------------ ticket keys */

static void servers_that_share_keys_resume_each_other_s_sessions(void **state)
{
    unsigned char keys[80], read[80];
    SSL_CTX *other;
    (void)state;
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, NULL, 0), 80);
    assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(server, NULL, 0), 80);
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, keys, 48), 0);
    assert_refused(SSL_R_INVALID_TICKET_KEYS_LENGTH);
    SSL_SESSION *const session = gain();
    assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(server, keys, 80), 1);
    other = server;
    server = new_server();
    assert_int_equal(resumes(session), 0);
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, keys, 80), 1);
    assert_int_equal(SSL_CTX_get_tlsext_ticket_keys(server, read, 80), 1);
    assert_memory_equal(keys, read, 80);
    assert_int_equal(resumes(session), 1);
    keys[79] ^= 1;
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, keys, 80), 1);
    assert_int_equal(resumes(session), 0);
    SSL_CTX_free(other);
    SSL_SESSION_free(session);
}

/* By a clock of the test's. */
static void random_keys_are_renewed_and_the_last_one_still_opens(void **state)
{
    struct ssl_ring *const ring = &server->cache->ring;
    struct ssl_keys *first, *same, *second, *third;
    (void)state;
    first = tlsm_ssl_ring_keys(ring, 1000, 7200);
    same = tlsm_ssl_ring_keys(ring, 8199, 7200);
    assert_ptr_equal(first, same);
    assert_int_equal(first->count, 1);
    second = tlsm_ssl_ring_keys(ring, 8200, 7200);
    assert_int_equal(second->count, 2);
    assert_memory_not_equal(second->key[0].secret, first->key[0].secret, sizeof first->key[0].secret);
    assert_memory_not_equal(second->key[0].name, first->key[0].name, sizeof first->key[0].name);
    assert_memory_equal(&second->key[1], &first->key[0], sizeof first->key[0]);
    third = tlsm_ssl_ring_keys(ring, 15400, 7200);
    assert_int_equal(third->count, 2);
    assert_memory_equal(&third->key[1], &second->key[0], sizeof second->key[0]);
    for (size_t i = 0; i < 4; i++)
        tlsm_ssl_keys_drop((struct ssl_keys *[]){ first, same, second, third }[i]);
}

static void given_keys_are_the_application_s_to_renew(void **state)
{
    unsigned char keys[80] = "a name of sixteen and a secret of sixty-four bytes";
    struct ssl_keys *now, *much_later;
    (void)state;
    tlsm_ssl_keys_drop(tlsm_ssl_ring_keys(&server->cache->ring, 1000, 7200));
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, keys, 80), 1);
    now = tlsm_ssl_ring_keys(&server->cache->ring, 1000, 7200);
    much_later = tlsm_ssl_ring_keys(&server->cache->ring, 1000000, 7200);
    assert_ptr_equal(now, much_later);
    assert_int_equal(now->count, 1);
    assert_memory_equal(now->key[0].name, keys, 16);
    tlsm_ssl_keys_drop(now);
    tlsm_ssl_keys_drop(much_later);
}

static void a_renewed_key_resumes_and_two_renewals_do_not(void **state)
{
    struct ssl_ring *const ring = &server->cache->ring;
    (void)state;
    SSL_SESSION *const session = gain();
    const uint64_t now = tlsm_ssl_monotonic_s();
    tlsm_ssl_keys_drop(tlsm_ssl_ring_keys(ring, now + 7200, 7200));
    ring->made_s = now;
    assert_int_equal(resumes(session), 1);
    tlsm_ssl_keys_drop(tlsm_ssl_ring_keys(ring, now + 7200, 7200));
    ring->made_s = now;
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

/* Settings of a connection stay as they were when it began. */
static void a_connection_outlives_its_keys(void **state)
{
    unsigned char keys[80] = { 1 };
    char byte;
    (void)state;
    SSL_CTX_set_num_tickets(server, 0);
    meet(host, NULL);
    shake();
    assert_int_equal(SSL_CTX_set_tlsext_ticket_keys(server, keys, 80), 1);
    assert_int_equal(SSL_new_session_ticket(pair.server), 1);
    assert_int_equal(SSL_write(pair.server, "!", 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(pair.client)), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cached_session_resumes_as_often_as_wanted, start, end),
        cmocka_unit_test_setup_teardown(sealed_sessions_are_not_kept, start, end),
        cmocka_unit_test_setup_teardown(a_full_cache_drops_what_was_used_least_recently, start, end),
        cmocka_unit_test_setup_teardown(a_cache_without_a_bound_grows, start, end),
        cmocka_unit_test_setup_teardown(one_id_is_one_entry, start, end),
        cmocka_unit_test_setup_teardown(flushing_takes_what_has_expired, start, end),
        cmocka_unit_test_setup_teardown(an_expired_session_is_found_no_more, start, end),
        cmocka_unit_test_setup_teardown(the_cache_is_cleared_now_and_then, start, end),
        cmocka_unit_test_setup_teardown(a_cache_that_is_off_keeps_nothing, start, end),
        cmocka_unit_test_setup_teardown(a_cache_of_the_application_s_own, start, end),
        cmocka_unit_test_setup_teardown(what_the_callback_gives_joins_the_cache, start, end),
        cmocka_unit_test_setup_teardown(servers_that_share_keys_resume_each_other_s_sessions, start, end),
        cmocka_unit_test_setup_teardown(random_keys_are_renewed_and_the_last_one_still_opens, start, end),
        cmocka_unit_test_setup_teardown(given_keys_are_the_application_s_to_renew, start, end),
        cmocka_unit_test_setup_teardown(a_renewed_key_resumes_and_two_renewals_do_not, start, end),
        cmocka_unit_test_setup_teardown(a_connection_outlives_its_keys, start, end),
    };
    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
