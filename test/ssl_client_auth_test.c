/* SPDX-License-Identifier: MIT */
/* Certificates of clients through OpenSSL's calls, in both versions: asked for, shown, judged, required, remembered. */
#include "ssl_session_fixture.h"

static X509 *shown, *foreign;
static int version;

static int make(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *authority = make_certificate((struct recipe){ .name = "elsewhere", .key = key, .authority = 1 });
    const int done = pki_make(state);
    shown = make_certificate((struct recipe){ .name = "alice", .key = pki.other, .purpose = "clientAuth", .issuer = pki.middle,
                                              .issuer_key = pki.middle_key });
    foreign = make_certificate((struct recipe){ .name = "mallory", .key = pki.other, .purpose = "clientAuth", .issuer = authority,
                                                .issuer_key = key });
    X509_free(authority);
    EVP_PKEY_free(key);
    return done;
}

static int unmake(void **state)
{
    X509_free(shown);
    X509_free(foreign);
    return pki_free(state);
}

/* A server that asks, and trusts the authority of the tests. */
static void ask(int mode)
{
    assert_int_equal(SSL_CTX_set_min_proto_version(server, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(server, version), 1);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(server), pki.root), 1);
    assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(server), pki.middle), 1);
    SSL_CTX_set_verify(server, mode, NULL);
    assert_int_equal(SSL_CTX_set_session_id_context(server, (const unsigned char *)"test", 4), 1);
}

static void show(X509 *certificate)
{
    assert_int_equal(SSL_CTX_use_certificate(client, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(client, pki.other), 1);
}

static void again(int mode)
{
    void *nothing = NULL;
    (void)end(&nothing);
    (void)start(&nothing);
    ask(mode);
}

static const int required = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

/* Runs what is to hold in both versions. */
static void in_both(void (*what)(int mode), int mode)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    for (size_t i = 0; i < 2; i++) {
        version = versions[i];
        again(mode);
        what(mode);
    }
}

static void is_known(int mode)
{
    X509 *peer;
    (void)mode;
    show(shown);
    meet(host, NULL);
    shake();
    assert_int_equal(SSL_version(pair.server), version);
    peer = SSL_get1_peer_certificate(pair.server);
    assert_non_null(peer);
    assert_int_equal(X509_cmp(peer, shown), 0);
    assert_int_equal(SSL_get_verify_result(pair.server), X509_V_OK);
    assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(pair.server)), 1);
    assert_int_equal(sk_X509_num(SSL_get0_verified_chain(pair.server)), 3);
    X509_free(peer);
    shut();
    part();
}

static void who_shows_a_good_certificate_is_known(void **state)
{
    (void)state;
    in_both(is_known, SSL_VERIFY_PEER);
    in_both(is_known, required);
}

/* What was shown stays with the session, which lies in the server's cache: SSL_OP_NO_TICKET or not. */
static void stays_known(int mode)
{
    SSL_SESSION *session;
    (void)mode;
    show(shown);
    session = gain();
    meet(host, session);
    shake();
    assert_int_equal(SSL_session_reused(pair.server), 1);
    assert_non_null(SSL_get0_peer_certificate(pair.server));
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.server), shown), 0);
    assert_int_equal(SSL_get_verify_result(pair.server), X509_V_OK);
    shut();
    part();
    SSL_SESSION_free(session);
}

static void who_comes_again_is_known_by_the_session(void **state)
{
    (void)state;
    in_both(stays_known, SSL_VERIFY_PEER);
    in_both(stays_known, required);
}

static void may_stay_unknown(int mode)
{
    (void)mode;
    meet(host, NULL);
    shake();
    assert_null(SSL_get0_peer_certificate(pair.server));
    assert_int_equal(SSL_get_verify_result(pair.server), X509_V_OK);
    shut();
    part();
}

static void who_shows_none_is_served_where_none_is_required(void **state)
{
    (void)state;
    in_both(may_stay_unknown, SSL_VERIFY_PEER);
    in_both(may_stay_unknown, SSL_VERIFY_NONE);
    in_both(may_stay_unknown, SSL_VERIFY_FAIL_IF_NO_PEER_CERT);   /* says nothing without SSL_VERIFY_PEER */
}

/* The server's reason, and that the client hears of it: in TLS 1.3 when it reads. */
static void refuses(int reason, int alert)
{
    char byte;
    meet(host, NULL);
    ERR_clear_error();
    assert_int_equal(pair_shake(&pair), 0);
    assert_int_equal(SSL_accept(pair.server), -1);
    assert_int_equal(SSL_get_error(pair.server, -1), SSL_ERROR_SSL);
    assert_refused(reason);
    ERR_clear_error();
    assert_int_equal(SSL_read(pair.client, &byte, 1), -1);
    assert_int_equal(SSL_get_error(pair.client, -1), SSL_ERROR_SSL);
    assert_refused(SSL_AD_REASON_OFFSET + alert);
    part();
}

static void insists(int mode)
{
    (void)mode;
    refuses(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
            version == TLS1_3_VERSION ? SSL_AD_CERTIFICATE_REQUIRED : SSL_AD_HANDSHAKE_FAILURE);
}

static void who_shows_none_is_refused_where_one_is_required(void **state)
{
    (void)state;
    in_both(insists, required);
}

static void knows_strangers(int mode)
{
    (void)mode;
    show(foreign);
    refuses(SSL_R_CERTIFICATE_VERIFY_FAILED, SSL_AD_UNKNOWN_CA);
}

static void who_shows_a_bad_certificate_is_refused(void **state)
{
    (void)state;
    in_both(knows_strangers, SSL_VERIFY_PEER);
    in_both(knows_strangers, required);
}

static int accept_it(int good, X509_STORE_CTX *context)
{
    (void)good;
    (void)context;
    return 1;
}

static void lets_pass(int mode)
{
    SSL_CTX_set_verify(server, mode, accept_it);
    show(foreign);
    meet(host, NULL);
    shake();
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.server), foreign), 0);
    assert_int_not_equal(SSL_get_verify_result(pair.server), X509_V_OK);   /* for the program to look at */
    shut();
    part();
}

static void a_callback_may_let_it_pass_and_the_result_says_so(void **state)
{
    (void)state;
    in_both(lets_pass, required);
}

/* ------------------------------------------------------------------------------------------------ callbacks */

static int called;

static int give(SSL *ssl, X509 **leaf, EVP_PKEY **key)
{
    (void)ssl;
    if (called++ == 0)
        return -1;   /* later */
    *leaf = shown;
    *key = pki.other;
    return X509_up_ref(shown) == 1 && EVP_PKEY_up_ref(pki.other) == 1;
}

/* The connection's own list goes before the context's; the client sees it once it was asked. */
static void names_authorities(int mode)
{
    STACK_OF(X509_NAME) *const names = sk_X509_NAME_new_null();
    (void)mode;
    assert_int_equal(SSL_CTX_add_client_CA(server, pki.root), 1);
    show(shown);
    for (int own = 0; own < 2; own++) {
        meet(host, NULL);
        assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(SSL_get_client_CA_list(pair.server), 0), X509_get_subject_name(pki.root)), 0);
        if (own) {
            assert_true(sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(pki.middle))) > 0);
            SSL_set_client_CA_list(pair.server, names);
            assert_ptr_equal(SSL_get_client_CA_list(pair.server), names);
        }
        assert_null(SSL_get_client_CA_list(pair.client));
        shake();
        assert_int_equal(sk_X509_NAME_num(SSL_get_client_CA_list(pair.client)), 1);
        assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(SSL_get_client_CA_list(pair.client), 0),
                                       X509_get_subject_name(own ? pki.middle : pki.root)), 0);
        shut();
        part();
    }
}

static void a_client_sees_whose_certificates_are_asked_for(void **state)
{
    (void)state;
    in_both(names_authorities, SSL_VERIFY_PEER);
}

static void asks_when_it_is_wanted(int mode)
{
    (void)mode;
    called = 0;
    SSL_CTX_set_client_cert_cb(client, give);
    meet(host, NULL);
    for (int i = 0; i < ROUNDS && SSL_get_error(pair.client, SSL_connect(pair.client)) != SSL_ERROR_WANT_X509_LOOKUP; i++)
        (void)SSL_accept(pair.server);
    assert_int_equal(called, 1);
    shake();
    assert_int_equal(called, 2);
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.server), shown), 0);
    shut();
    part();
}

static void a_client_may_be_asked_for_its_certificate_when_the_server_wants_one(void **state)
{
    (void)state;
    in_both(asks_when_it_is_wanted, required);
    version = TLS1_3_VERSION;
    again(SSL_VERIFY_NONE);
    called = 0;
    SSL_CTX_set_client_cert_cb(client, give);
    meet(host, NULL);
    shake();
    assert_int_equal(called, 0);   /* nobody wants one */
    part();
}

static int turn_on(SSL *ssl, int *alert, void *argument)
{
    (void)alert;
    (void)argument;
    SSL_set_verify(ssl, required, NULL);
    return SSL_TLSEXT_ERR_OK;
}

static void depends_on_the_name(int mode)
{
    (void)mode;
    SSL_CTX_set_tlsext_servername_callback(server, turn_on);
    insists(mode);
    show(shown);
    meet(host, NULL);
    shake();
    assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.server), shown), 0);
    shut();
    part();
}

static void whether_one_is_required_may_depend_on_the_name(void **state)
{
    (void)state;
    in_both(depends_on_the_name, SSL_VERIFY_NONE);
}

/* Every kind of key that both versions have a scheme for. */
static void every_key(int mode)
{
    EVP_PKEY *const keys[] = { pki.other, pki.p384, pki.rsa, pki.ed25519, pki.pss };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        X509 *const leaf = make_certificate((struct recipe){ .name = "of many keys", .key = keys[i], .purpose = "clientAuth",
                                                             .issuer = pki.middle, .issuer_key = pki.middle_key });
        again(mode);
        assert_int_equal(SSL_CTX_use_certificate(client, leaf), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(client, keys[i]), 1);
        meet(host, NULL);
        if (version == TLS1_2_VERSION && keys[i] == pki.ed25519) {   /* whose digest would be of the whole transcript */
            assert_int_equal(pair_shake(&pair), 0);
        } else {
            shake();
            assert_int_equal(X509_cmp(SSL_get0_peer_certificate(pair.server), leaf), 0);
            shut();
        }
        part();
        X509_free(leaf);
        ERR_clear_error();
    }
}

static void keys_of_every_kind_sign(void **state)
{
    (void)state;
    in_both(every_key, required);
}

/* ------------------------------------------------------------------------------------------------ beside it */

static void exports(int mode)
{
    unsigned char ours[80], theirs[80];
    (void)mode;
    meet(host, NULL);
    assert_int_equal(SSL_export_keying_material(pair.client, ours, sizeof ours, "EXPERIMENTAL", 12, NULL, 0, 0), 0);
    shake();
    for (int used = 0; used < 2; used++) {
        assert_int_equal(SSL_export_keying_material(pair.client, ours, sizeof ours, "EXPERIMENTAL", 12, NULL, 0, used), 1);
        assert_int_equal(SSL_export_keying_material(pair.server, theirs, sizeof theirs, "EXPERIMENTAL", 12, NULL, 0, used), 1);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
    assert_int_equal(SSL_export_keying_material(pair.client, ours, sizeof ours, "EXPERIMENTAL", 12, (const unsigned char *)"a", 1, 1), 1);
    assert_memory_not_equal(ours, theirs, sizeof ours);
    assert_int_equal(SSL_export_keying_material(pair.client, ours, sizeof ours, NULL, 0, NULL, 0, 0), 0);
    shut();
    part();
}

static void both_ends_export_the_same(void **state)
{
    (void)state;
    in_both(exports, SSL_VERIFY_NONE);
}

static int made;

static int count_it(SSL *ssl, SSL_SESSION *session)
{
    assert_int_equal(SSL_is_init_finished(ssl), 1);
    assert_int_equal(SSL_SESSION_is_resumable(session), 1);
    made++;
    return 0;
}

/* A server's callback hears of sealed tickets too: once the handshake is complete, whenever they were made. */
static void tells_of_sessions(int mode)
{
    (void)mode;
    made = 0;
    SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_SERVER);
    SSL_CTX_sess_set_new_cb(server, count_it);
    meet(host, NULL);
    shake();
    assert_int_equal(made, version == TLS1_2_VERSION ? 1 : 2);
    shut();
    part();
}

static void the_server_is_told_of_the_sessions_it_made(void **state)
{
    (void)state;
    in_both(tells_of_sessions, SSL_VERIFY_NONE);
    in_both(tells_of_sessions, SSL_VERIFY_PEER);   /* keys of the cache */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_shows_a_good_certificate_is_known), TEST(who_comes_again_is_known_by_the_session),
        TEST(who_shows_none_is_served_where_none_is_required), TEST(who_shows_none_is_refused_where_one_is_required),
        TEST(who_shows_a_bad_certificate_is_refused), TEST(a_callback_may_let_it_pass_and_the_result_says_so),
        TEST(a_client_sees_whose_certificates_are_asked_for),
        TEST(a_client_may_be_asked_for_its_certificate_when_the_server_wants_one),
        TEST(whether_one_is_required_may_depend_on_the_name), TEST(keys_of_every_kind_sign), TEST(both_ends_export_the_same),
        TEST(the_server_is_told_of_the_sessions_it_made),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
