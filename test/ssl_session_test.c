/* SPDX-License-Identifier: MIT */
/* Sessions of connections: when they resume, when they do not, and what the end of a connection does to them. */
#include "ssl_session_fixture.h"

#include "tlsm_ssl_session_internal.h"

/* The drop-in mode's name of SSL_CTX_new(). */
SSL_CTX *tlsm_SSL_CTX_new_drop_in(const SSL_METHOD *method);

/* ------------------------------------------------------------------------------------------------ resumption */

static void a_session_resumes(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    meet(host, session);
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 1);
    assert_int_equal(SSL_session_reused(pair.server), 1);
    assert_int_equal(SSL_CTX_sess_connect(client), 2);
    assert_int_equal(SSL_CTX_sess_connect_good(client), 2);
    assert_int_equal(SSL_CTX_sess_hits(client), 1);
    assert_int_equal(SSL_CTX_sess_accept(server), 2);
    assert_int_equal(SSL_CTX_sess_accept_good(server), 2);
    assert_int_equal(SSL_CTX_sess_hits(server), 1);
    assert_quiet();
    SSL_SESSION_free(session);
}

/* No certificate is shown: the one that was judged when the session was made holds on. */
static void the_peer_of_a_resumed_connection_is_the_session_s(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    assert_int_equal(X509_cmp(SSL_SESSION_get0_peer(session), pki.leaf), 0);
    assert_string_equal(SSL_SESSION_get0_hostname(session), host);
    meet(host, session);
    shake();
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.client), pki.leaf), 0);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.client)), 2);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_OK);
    SSL_SESSION_free(session);
}

static void what_was_wrong_with_the_peer_is_remembered(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_free(client);
    client = tlsm_SSL_CTX_new_drop_in(TLS_client_method());   /* trusts nobody, judges, and does not mind */
    session = gain();
    meet(host, session);
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 1);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    SSL_SESSION_free(session);
}

static int names_heard;

static int hear_name(SSL *ssl, int *alert, void *argument)
{
    (void)alert;
    (void)argument;
    names_heard += SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) != NULL;
    return SSL_TLSEXT_ERR_OK;
}

static int select_second(SSL *ssl, const unsigned char **out, unsigned char *length, const unsigned char *in, unsigned in_length,
                         void *argument)
{
    (void)ssl;
    (void)argument;
    *length = in[in[0] + 1];
    *out = in + in[0] + 2;
    return *out + *length <= in + in_length ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The name and the protocol are each connection's own: a session answers for neither. */
static void a_resumed_connection_is_asked_for_name_and_protocol(void **state)
{
    const unsigned char *chosen;
    unsigned length;
    (void)state;
    names_heard = 0;
    SSL_CTX_set_tlsext_servername_callback(server, hear_name);
    SSL_CTX_set_alpn_select_cb(server, select_second, NULL);
    assert_int_equal(SSL_CTX_set_alpn_protos(client, (const unsigned char *)"\2h2\10http/1.1", 12), 0);
    SSL_SESSION *session = gain();
    for (int in_cache = 0; in_cache <= 1; in_cache++) {
        meet(host, session);
        shake();
        assert_int_equal(SSL_session_reused(pair.server), 1);
        assert_int_equal(names_heard, 2 + 2 * in_cache);
        for (int end = 0; end < 2; end++) {
            SSL_get0_alpn_selected(end ? pair.server : pair.client, &chosen, &length);
            assert_int_equal(length, 8);
            assert_memory_equal(chosen, "http/1.1", 8);
        }
        shut();
        part();
        SSL_SESSION_free(session);
        SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
        if (!in_cache)
            session = gain();
    }
}

static void before_a_ticket_nothing_can_be_resumed(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_set_num_tickets(server, 0);
    meet(host, NULL);
    assert_null(SSL_get_session(pair.client));
    shake();
    session = SSL_get1_session(pair.client);
    assert_non_null(session);
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    assert_int_equal(SSL_SESSION_has_ticket(session), 0);
    assert_int_equal(SSL_SESSION_get_protocol_version(session), TLS1_3_VERSION);
    assert_ptr_equal(SSL_SESSION_get0_cipher(session), SSL_get_current_cipher(pair.client));
    shut();
    part();
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

static void a_server_issues_more_when_asked(void **state)
{
    char byte;
    (void)state;
    SSL_CTX_set_num_tickets(server, 0);
    meet(host, NULL);
    assert_int_equal(SSL_new_session_ticket(pair.server), 0);
    shake();
    assert_int_equal(SSL_new_session_ticket(pair.client), 0);
    ERR_clear_error();
    assert_int_equal(SSL_new_session_ticket(pair.server), 1);
    assert_int_equal(SSL_write(pair.server, "!", 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), 1);
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);   /* it may come behind the data */
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(pair.client)), 1);
}

/* ------------------------------------------------------------------------------------------------ tickets */

static SSL_SESSION *told[8];
static int told_count;

static int keep_told(SSL *ssl, SSL_SESSION *session)
{
    assert_ptr_equal(session, SSL_get_session(ssl));
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    told[told_count++] = session;
    return 1;
}

static void each_ticket_is_told_and_the_last_is_the_connection_s(void **state)
{
    const unsigned char *ticket, *other;
    size_t length, other_length;
    (void)state;
    told_count = 0;
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, keep_told);
    SSL_CTX_set_num_tickets(server, 3);
    meet(host, NULL);
    shake();
    assert_int_equal(told_count, 3);
    assert_ptr_equal(SSL_get_session(pair.client), told[2]);
    SSL_SESSION_get0_ticket(told[0], &ticket, &length);
    SSL_SESSION_get0_ticket(told[1], &other, &other_length);
    assert_true(length > 32 && other_length > 32);
    assert_memory_not_equal(ticket, other, 32 + 16);
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(told[0]), 7200);
    assert_int_equal(SSL_CTX_sess_number(client), 0);
    shut();
    part();
    SSL_CTX_sess_set_new_cb(client, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(resumes(told[i]), 1);
        SSL_SESSION_free(told[i]);
    }
}

/* ------------------------------------------------------------------------------------------------ closed and good */

/* Sentence 2 of SSL_shutdown(3): "Whether the operation succeeds or not … the session is considered closed and good". */
static void the_transport_may_die_after_ssl_shutdown(void **state)
{
    SSL_SESSION *session;
    BIO *nowhere;
    (void)state;
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    nowhere = BIO_new(BIO_s_socket());   /* without a descriptor every call fails */
    BIO_set_fd(nowhere, -1, BIO_NOCLOSE);
    BIO_up_ref(nowhere);
    SSL_set_bio(pair.client, nowhere, nowhere);
    SSL_set_bio(pair.server, nowhere, nowhere);
    assert_int_equal(SSL_shutdown(pair.client), -1);
    assert_int_equal(SSL_shutdown(pair.server), -1);
    assert_true(SSL_get_shutdown(pair.client) & SSL_SENT_SHUTDOWN);
    part();
    ERR_clear_error();
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    assert_int_equal(SSL_CTX_sess_number(server), 2);
    assert_int_equal(resumes(session), 1);
    SSL_SESSION_free(session);
}

static void a15_freed_without_shutdown_it_is_gone(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    assert_int_equal(SSL_CTX_sess_number(client), 2);
    assert_int_equal(SSL_CTX_sess_number(server), 2);
    part();
    assert_int_equal(SSL_CTX_sess_number(client), 0);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

/* The server's word alone: what the client kept leads nowhere any more. */
static void a15_freed_without_shutdown_by_the_server_it_is_gone(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    SSL_set_shutdown(pair.client, SSL_SENT_SHUTDOWN);
    part();
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    assert_int_equal(resumes(session), 0);
    assert_int_equal(SSL_CTX_sess_misses(server), 1);
    SSL_SESSION_free(session);
}

/* A resumed connection that ends badly takes the session it came from, too. */
static void a_resumed_session_can_go_bad(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    SSL_CTX_set_num_tickets(server, 0);
    meet(host, session);
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 1);
    assert_ptr_equal(SSL_get_session(pair.client), session);
    part();
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    SSL_SESSION_free(session);
}

static void quiet_and_told_shutdowns_count(void **state)
{
    SSL_SESSION *session;
    (void)state;
    for (int quiet = 0; quiet <= 1; quiet++) {
        meet(host, NULL);
        shake();
        session = SSL_get1_session(pair.client);
        SSL_set_quiet_shutdown(pair.client, quiet);
        if (quiet)
            assert_int_equal(SSL_shutdown(pair.client), 1);
        else
            SSL_set_shutdown(pair.client, SSL_RECEIVED_SHUTDOWN);
        part();
        assert_int_equal(SSL_SESSION_is_resumable(session), 1);
        SSL_SESSION_free(session);
    }
}

/* Nobody was there yet: nothing of the session that was offered went bad. */
static void a_handshake_that_never_was_leaves_the_session(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    meet(host, session);
    assert_int_equal(SSL_connect(pair.client), -1);
    part();
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    assert_int_equal(resumes(session), 1);
    SSL_SESSION_free(session);
}

static void put_junk(SSL *reader, SSL *writer)
{
    static const unsigned char record[] = { 23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 };
    char byte;
    assert_int_equal(BIO_write(SSL_get_wbio(writer), record, sizeof record), sizeof record);
    assert_int_equal(SSL_read(reader, &byte, 1), -1);
    assert_int_equal(SSL_get_error(reader, -1), SSL_ERROR_SSL);
}

/* RFC 9846 §6.2: what tickets of failed connections lead to "SHOULD be discarded if possible". On both sides, at once. */
static void a_fatal_alert_takes_the_sessions(void **state)
{
    SSL_SESSION *session;
    char byte;
    (void)state;
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    put_junk(pair.client, pair.server);
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    assert_int_equal(SSL_CTX_sess_number(server), 2);
    assert_int_equal(SSL_read(pair.server, &byte, 1), -1);
    assert_refused(SSL_AD_REASON_OFFSET + SSL_AD_BAD_RECORD_MAC);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    (void)SSL_shutdown(pair.client);
    part();
    ERR_clear_error();
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

enum { SECRET_AT = 7 };   /* in a serialised session: format, version, suite, flags and its length come first */

/* The client has no ground to believe that it would go better next time; the server's cache is not anybody's to empty. */
static void a_session_that_is_refused_is_not_offered_again(void **state)
{
    (void)state;
    SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
    SSL_SESSION *const session = gain(), *const good = SSL_SESSION_dup(session);
    session->value[SECRET_AT] ^= 1;
    meet(host, session);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_connect(pair.client), -1);
    assert_refused(SSL_AD_REASON_OFFSET + SSL_AD_DECRYPT_ERROR);
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    part();
    ERR_clear_error();
    assert_int_equal(resumes(session), 0);
    assert_int_equal(resumes(good), 1);
    SSL_SESSION_free(session);
    SSL_SESSION_free(good);
}

/* ------------------------------------------------------------------------------------------------ SSL_clear */

static void renew_bios(void)
{
    BIO *one, *two;
    assert_int_equal(BIO_new_bio_pair(&one, 0, &two, 0), 1);
    SSL_set_bio(pair.client, one, one);
    SSL_set_bio(pair.server, two, two);
}

static void cleared_after_a_good_end_it_resumes(void **state)
{
    (void)state;
    meet(host, NULL);
    shake();
    shut();
    assert_int_equal(SSL_clear(pair.client), 1);
    assert_int_equal(SSL_clear(pair.server), 1);
    assert_int_equal(SSL_session_reused(pair.client), 0);
    renew_bios();
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 1);
    assert_int_equal(SSL_session_reused(pair.server), 1);
}

static void a15_cleared_without_shutdown_it_begins_anew(void **state)
{
    SSL_SESSION *session;
    (void)state;
    meet(host, NULL);
    shake();
    session = SSL_get1_session(pair.client);
    assert_int_equal(SSL_clear(pair.client), 1);
    assert_int_equal(SSL_clear(pair.server), 1);
    assert_null(SSL_get_session(pair.client));
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    renew_bios();
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 0);
    SSL_SESSION_free(session);
}

/* ------------------------------------------------------------------------------------------------ in another context */

static void a_client_that_verifies_offers_nothing_unverified(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    session = gain();
    assert_int_equal(resumes(session), 1);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

static int let_pass(int good, X509_STORE_CTX *context)
{
    (void)good;
    (void)context;
    return 1;
}

static void what_a_callback_let_pass_needs_a_callback(void **state)
{
    SSL_SESSION *session;
    (void)state;
    SSL_CTX_free(client);
    client = SSL_CTX_new(TLS_client_method());   /* trusts nobody of these */
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, let_pass);
    session = gain();
    assert_int_equal(resumes(session), 1);
    SSL_CTX_free(client);
    client = new_client();
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

static void another_name_is_another_session(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    meet("other.example.org", session);
    shake();
    assert_int_equal(SSL_session_reused(pair.client), 0);
    part();
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    meet(host, session);
    assert_int_equal(SSL_set1_host(pair.client, "other.example.org"), 1);
    assert_int_equal(pair_shake(&pair), 0);   /* offered, it would have been accepted */
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
    SSL_SESSION_free(session);
}

static void another_id_context_is_another_session(void **state)
{
    SSL_SESSION *session;
    unsigned length;
    (void)state;
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"one", 3);
    session = gain();
    assert_int_equal(resumes(session), 1);
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"two", 3);
    assert_int_equal(resumes(session), 0);
    SSL_CTX_set_session_id_context(server, (const unsigned char *)"one", 3);
    assert_int_equal(resumes(session), 1);
    SSL_CTX_set_session_id_context(client, (const unsigned char *)"mine", 4);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
    session = gain();
    assert_memory_equal(SSL_SESSION_get0_id_context(session, &length), "mine", 4);
    assert_int_equal(length, 4);
    SSL_SESSION_free(session);
}

/* OpenSSL fails such a handshake; here it is a full one. */
static void a_server_that_verifies_needs_an_id_context(void **state)
{
    SSL_SESSION *const session = gain();
    (void)state;
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER, NULL);
    assert_int_equal(resumes(session), 0);
    SSL_SESSION_free(session);
}

static void times_run_out(void **state)
{
    SSL_SESSION *const session = gain();
    const long now = SSL_SESSION_get_time(session);
    (void)state;
    assert_int_equal(SSL_SESSION_get_timeout(session), 7200);
    assert_int_equal(SSL_SESSION_set_time(session, now - 7300), now - 7300);
    assert_int_equal(resumes(session), 0);
    assert_int_equal(SSL_SESSION_set_timeout(session, 7400), 1);
    assert_int_equal(resumes(session), 1);
    SSL_SESSION_free(session);
    assert_int_equal(SSL_CTX_set_timeout(client, 100), 7200);
    assert_int_equal(SSL_CTX_set_timeout(server, 50), 7200);
    SSL_SESSION *const shorter = gain();
    assert_int_equal(SSL_SESSION_get_timeout(shorter), 50);
    assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(shorter), 50);
    SSL_SESSION_free(shorter);
    SSL_CTX_set_timeout(server, 0);
    meet(host, NULL);
    shake();
    assert_int_equal(SSL_SESSION_is_resumable(SSL_get_session(pair.client)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_session_resumes, start, end),
        cmocka_unit_test_setup_teardown(the_peer_of_a_resumed_connection_is_the_session_s, start, end),
        cmocka_unit_test_setup_teardown(what_was_wrong_with_the_peer_is_remembered, start, end),
        cmocka_unit_test_setup_teardown(a_resumed_connection_is_asked_for_name_and_protocol, start, end),
        cmocka_unit_test_setup_teardown(before_a_ticket_nothing_can_be_resumed, start, end),
        cmocka_unit_test_setup_teardown(a_server_issues_more_when_asked, start, end),
        cmocka_unit_test_setup_teardown(each_ticket_is_told_and_the_last_is_the_connection_s, start, end),
        cmocka_unit_test_setup_teardown(the_transport_may_die_after_ssl_shutdown, start, end),
        cmocka_unit_test_setup_teardown(a15_freed_without_shutdown_it_is_gone, start, end),
        cmocka_unit_test_setup_teardown(a15_freed_without_shutdown_by_the_server_it_is_gone, start, end),
        cmocka_unit_test_setup_teardown(a_resumed_session_can_go_bad, start, end),
        cmocka_unit_test_setup_teardown(quiet_and_told_shutdowns_count, start, end),
        cmocka_unit_test_setup_teardown(a_handshake_that_never_was_leaves_the_session, start, end),
        cmocka_unit_test_setup_teardown(a_fatal_alert_takes_the_sessions, start, end),
        cmocka_unit_test_setup_teardown(a_session_that_is_refused_is_not_offered_again, start, end),
        cmocka_unit_test_setup_teardown(cleared_after_a_good_end_it_resumes, start, end),
        cmocka_unit_test_setup_teardown(a15_cleared_without_shutdown_it_begins_anew, start, end),
        cmocka_unit_test_setup_teardown(a_client_that_verifies_offers_nothing_unverified, start, end),
        cmocka_unit_test_setup_teardown(what_a_callback_let_pass_needs_a_callback, start, end),
        cmocka_unit_test_setup_teardown(another_name_is_another_session, start, end),
        cmocka_unit_test_setup_teardown(another_id_context_is_another_session, start, end),
        cmocka_unit_test_setup_teardown(a_server_that_verifies_needs_an_id_context, start, end),
        cmocka_unit_test_setup_teardown(times_run_out, start, end),
    };
    return cmocka_run_group_tests(tests, pki_make, pki_free);
}
