/* SPDX-License-Identifier: MIT */
/* Ways around a client that verifies: sessions that were made when less was asked, questions that change in the middle of a
 * handshake, and modes of verifying that name no mode. The peer is one who must not be let in. */
#include "ssl_session_fixture.h"

SSL_CTX *tlsm_SSL_CTX_new_drop_in(const SSL_METHOD *method);

static const char elsewhere[] = "elsewhere.example.org";
static X509 *forged, *foreign;

static int make_peers(void **state)
{
    (void)pki_make(state);
    forged = make_certificate((struct recipe){ .name = host, .key = pki.other, .alternative = "DNS:server.example.org" });
    foreign = make_certificate((struct recipe){ .name = elsewhere, .key = pki.other, .issuer = pki.root,
                                                .issuer_key = pki.root_key, .alternative = "DNS:elsewhere.example.org" });
    return 0;
}

static int free_peers(void **state)
{
    X509_free(forged);
    X509_free(foreign);
    return pki_free(state);
}

/* The server shows another certificate. */
static void pose(X509 *certificate)
{
    SSL_CTX_free(server);
    server = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server, pki.other), 1);
}

static void use_client(SSL_CTX *ctx)
{
    SSL_CTX_free(client);
    client = ctx;
}

static SSL_CTX *drop_in_client(int mode)
{
    SSL_CTX *const ctx = tlsm_SSL_CTX_new_drop_in(TLS_client_method());
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), pki.root), 1);
    SSL_CTX_set_verify(ctx, mode, NULL);
    return ctx;
}

/* Whoever meets the peer with this session does not take it for granted. */
static void assert_refuses(SSL_SESSION *session)
{
    meet(host, session);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_int_equal(SSL_is_init_finished(pair.client), 0);
    part();
    SSL_SESSION_free(session);
    ERR_clear_error();
}

/* ------------------------------------------------------------------------------------------------ modes */

static void a_client_with_any_mode_but_none_verifies(void **state)
{
    static const int modes[] = { SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_CLIENT_ONCE, SSL_VERIFY_POST_HANDSHAKE };
    (void)state;
    pose(forged);
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        use_client(drop_in_client(modes[i]));
        assert_refuses(NULL);
    }
}

static int odd_answer;
static int answer_oddly(X509_STORE_CTX *context, void *argument)
{
    (void)context;
    (void)argument;
    return odd_answer;
}

static void only_a_positive_answer_of_a_callback_accepts(void **state)
{
    (void)state;
    pose(forged);
    SSL_CTX_set_cert_verify_callback(client, answer_oddly, NULL);
    for (odd_answer = -2; odd_answer <= 0; odd_answer++)
        assert_refuses(NULL);
}

/* ------------------------------------------------------------------------------------------------ sessions */

static void a_session_whose_name_was_not_checked_is_not_offered_where_names_are(void **state)
{
    SSL_SESSION *session;
    (void)state;
    pose(foreign);
    use_client(drop_in_client(SSL_VERIFY_PEER));
    session = gain();
    assert_int_equal(resumes(session), 1);
    use_client(new_client());
    assert_refuses(session);
}

static int accept_all(X509_STORE_CTX *context, void *argument)
{
    (void)argument;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

static void a_session_that_another_verifier_accepted_is_not_offered(void **state)
{
    SSL_SESSION *session;
    (void)state;
    pose(forged);
    SSL_CTX_set_cert_verify_callback(client, accept_all, NULL);
    session = gain();
    assert_int_equal(resumes(session), 1);
    use_client(new_client());
    assert_refuses(session);
}

static int whitewash(int good, X509_STORE_CTX *context)
{
    (void)good;
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

static int strict(int good, X509_STORE_CTX *context)
{
    (void)context;
    return good;
}

static void a_session_that_another_callback_let_pass_is_not_offered(void **state)
{
    SSL_SESSION *session;
    (void)state;
    pose(forged);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, whitewash);
    session = gain();
    assert_int_equal(resumes(session), 1);
    assert_int_equal(SSL_SESSION_up_ref(session), 1);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, strict);
    assert_refuses(session);
    SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
    assert_refuses(session);
}

/* ------------------------------------------------------------------------------------------------ in mid-handshake */

static void say_hello(void)
{
    assert_int_equal(SSL_connect(pair.client), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_WANT_READ);
}

static SSL_SESSION *take_and_part(void)
{
    SSL_SESSION *session;
    shake();
    session = SSL_get1_session(pair.client);
    shut();
    part();
    return session;
}

static void a_name_that_changes_in_mid_handshake_changes_no_question(void **state)
{
    (void)state;
    pose(foreign);
    meet(host, NULL);
    say_hello();
    assert_int_equal(SSL_set_tlsext_host_name(pair.client, elsewhere), 1);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
}

static void a_session_is_for_the_name_that_was_checked_in_the_end(void **state)
{
    (void)state;
    pose(foreign);
    meet(host, NULL);
    assert_int_equal(SSL_set1_host(pair.client, host), 1);
    say_hello();
    assert_int_equal(SSL_set1_host(pair.client, elsewhere), 1);
    SSL_SESSION *const session = take_and_part();
    meet(host, session);
    assert_int_equal(SSL_set1_host(pair.client, host), 1);
    assert_int_equal(pair_shake(&pair), 0);
    SSL_SESSION_free(session);
}

static void a_session_is_as_verified_as_its_handshake_was_in_the_end(void **state)
{
    (void)state;
    pose(forged);
    meet(host, NULL);
    say_hello();
    SSL_set_verify(pair.client, SSL_VERIFY_NONE, whitewash);
    SSL_SESSION *const session = take_and_part();
    assert_non_null(session);
    assert_refuses(session);
}

/* What is asked for after the session was offered is not answered by it. */
static void a_question_that_comes_after_the_offer_is_not_passed_over(void **state)
{
    SSL_SESSION *session;
    (void)state;
    session = gain();
    meet(host, session);
    say_hello();
    assert_int_equal(SSL_set1_host(pair.client, elsewhere), 1);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_int_equal(SSL_write(pair.client, "secret", 6), -1);
    assert_int_equal(SSL_connect(pair.client), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_int_not_equal(SSL_get_verify_result(pair.client), X509_V_OK);
    assert_int_equal(SSL_SESSION_is_resumable(session), 0);
    part();
    SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
    SSL_SESSION_free(session);
    session = gain();
    meet(host, session);
    say_hello();
    SSL_set_verify(pair.client, SSL_VERIFY_PEER, NULL);
    assert_int_equal(pair_shake(&pair), 0);
    SSL_SESSION_free(session);
}

/* To X509_VERIFY_PARAM_set1_host() it would mean every host below the domain. */
static void a_name_with_a_leading_dot_is_no_wildcard(void **state)
{
    (void)state;
    meet(".example.org", NULL);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
}

static void another_context_does_not_take_the_question_away(void **state)
{
    SSL_CTX *const lax = drop_in_client(SSL_VERIFY_NONE);
    (void)state;
    pose(foreign);
    meet(host, NULL);
    assert_ptr_equal(SSL_set_SSL_CTX(pair.client, lax), lax);
    SSL_CTX_free(lax);
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_get_verify_result(pair.client), X509_V_ERR_HOSTNAME_MISMATCH);
}

static void a_cleared_connection_knows_no_peer(void **state)
{
    (void)state;
    meet(host, NULL);
    shake();
    assert_string_equal(SSL_get0_peername(pair.client), host);
    shut();
    assert_int_equal(SSL_clear(pair.client), 1);
    assert_null(SSL_get0_peername(pair.client));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_with_any_mode_but_none_verifies, start, end),
        cmocka_unit_test_setup_teardown(only_a_positive_answer_of_a_callback_accepts, start, end),
        cmocka_unit_test_setup_teardown(a_session_whose_name_was_not_checked_is_not_offered_where_names_are, start, end),
        cmocka_unit_test_setup_teardown(a_session_that_another_verifier_accepted_is_not_offered, start, end),
        cmocka_unit_test_setup_teardown(a_session_that_another_callback_let_pass_is_not_offered, start, end),
        cmocka_unit_test_setup_teardown(a_name_that_changes_in_mid_handshake_changes_no_question, start, end),
        cmocka_unit_test_setup_teardown(a_session_is_for_the_name_that_was_checked_in_the_end, start, end),
        cmocka_unit_test_setup_teardown(a_session_is_as_verified_as_its_handshake_was_in_the_end, start, end),
        cmocka_unit_test_setup_teardown(a_question_that_comes_after_the_offer_is_not_passed_over, start, end),
        cmocka_unit_test_setup_teardown(a_name_with_a_leading_dot_is_no_wildcard, start, end),
        cmocka_unit_test_setup_teardown(another_context_does_not_take_the_question_away, start, end),
        cmocka_unit_test_setup_teardown(a_cleared_connection_knows_no_peer, start, end),
    };
    return cmocka_run_group_tests_name("ssl_trust", tests, make_peers, free_peers);
}
