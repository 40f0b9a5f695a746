/* SPDX-License-Identifier: MIT */
/* SSL_verify_client_post_handshake() and SSL_set_post_handshake_auth(), ours and the installed libssl's, either way round. */
#include "ssl_ends.h"

static struct party *party(const struct ends *ends, int side) { return ends->party[side]; }

static void open_ends(struct ends *ends, const struct ends_cast *cast, int late, int older)
{
    const struct party_options options = { .tickets = 1, .late = late, .older = older };
    memset(ends, 0, sizeof *ends);
    ends_open(ends, cast, &options);
    ends_handshake(ends);
    assert_read_fails(ends, C, SSL_ERROR_WANT_READ);
}

/* Ours with ours, and with libssl in either role. */
static void for_each_cast(void (*what)(const struct ends_cast *cast))
{
    for (size_t i = 0; i < ends_casts; i++)
        if (ends_cast[i].one_call || ends_cast[i].kind[C] == ends_cast[i].kind[V])
            what(&ends_cast[i]);
}

static void asks(struct ends *ends, int require)
{
    assert_int_equal(kind(ends, V)->ask_certificate(party(ends, V), require), 1);
    assert_int_equal(kind(ends, V)->handshake(party(ends, V)), 1);
    assert_read_fails(ends, C, SSL_ERROR_WANT_READ);   /* reading answers */
}

static void is_shown(const struct ends_cast *cast)
{
    for (int require = 0; require < 2; require++) {
        struct ends ends;
        open_ends(&ends, cast, 1, 0);
        assert_int_equal(kind(&ends, V)->knows_peer(party(&ends, V)), 0);
        for (int time = 0; time < 2; time++) {
            asks(&ends, require);
            assert_writes(&ends, C, "behind it");
            assert_reads(&ends, V, "behind it");
            assert_int_equal(kind(&ends, V)->knows_peer(party(&ends, V)), 1);
        }
        assert_writes(&ends, V, "back");
        assert_reads(&ends, C, "back");
        assert_closes(&ends, C);
        assert_closes_and_meets(&ends, V);
        assert_shutdown(&ends, C, 1, SSL_ERROR_NONE);
        assert_how(&ends, C, "clean_both");
        assert_how(&ends, V, "clean_both");
        ends_close(&ends);
    }
}

static void a_certificate_is_shown_when_it_is_asked_for(void **state)
{
    (void)state;
    for_each_cast(is_shown);
}

/* A client that did not allow it is not asked; nor is one of TLS 1.2. */
static void is_not_asked(const struct ends_cast *cast)
{
    for (int older = 0; older < 2; older++) {
        struct ends ends;
        open_ends(&ends, cast, older, older);
        assert_int_equal(kind(&ends, V)->ask_certificate(party(&ends, V), 1), 0);
        assert_int_equal(ends_reason(), older ? SSL_R_WRONG_SSL_VERSION : SSL_R_EXTENSION_NOT_RECEIVED);
        assert_int_equal(kind(&ends, C)->ask_certificate(party(&ends, C), 1), 0);
        assert_int_equal(ends_reason(), older ? SSL_R_WRONG_SSL_VERSION : SSL_R_NOT_SERVER);
        assert_writes(&ends, V, "goes on");
        assert_reads(&ends, C, "goes on");
        ends_close(&ends);
    }
}

static void who_did_not_allow_it_is_not_asked(void **state)
{
    (void)state;
    for_each_cast(is_not_asked);
}

static void is_asked_twice(const struct ends_cast *cast)
{
    struct ends ends;
    open_ends(&ends, cast, 1, 0);
    assert_int_equal(kind(&ends, V)->ask_certificate(party(&ends, V), 1), 1);
    assert_int_equal(kind(&ends, V)->ask_certificate(party(&ends, V), 1), 0);
    assert_int_equal(ends_reason(), is_ours(&ends, V) ? SSL_R_REQUEST_PENDING : SSL_R_STILL_IN_INIT);   /* what libssl calls it */
    assert_int_equal(kind(&ends, V)->handshake(party(&ends, V)), 1);
    assert_read_fails(&ends, C, SSL_ERROR_WANT_READ);
    assert_read_fails(&ends, V, SSL_ERROR_WANT_READ);
    assert_int_equal(kind(&ends, V)->knows_peer(party(&ends, V)), 1);
    ends_close(&ends);
}

static void one_request_at_a_time(void **state)
{
    (void)state;
    for_each_cast(is_asked_twice);
}

/* The server trusts nobody any more: the certificate is refused, and both are told. */
static void is_refused(const struct ends_cast *cast)
{
    struct ends ends;
    if (cast->kind[V] != &party_tlsm)
        return;
    open_ends(&ends, cast, 1, 0);
    SSL_CTX_set_cert_store(SSL_get_SSL_CTX(kind(&ends, V)->handle(party(&ends, V))), X509_STORE_new());
    asks(&ends, 0);
    assert_read_fails(&ends, V, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_CERTIFICATE_VERIFY_FAILED);
    assert_how(&ends, V, "local_alert");
    assert_read_fails(&ends, C, SSL_ERROR_SSL);
    assert_int_equal(kind(&ends, V)->shutdown(party(&ends, V)), -1);
    ends_close(&ends);
}

static void a_certificate_that_nobody_trusts_ends_the_connection(void **state)
{
    (void)state;
    for_each_cast(is_refused);
}

/* Neither version renegotiates. */
static void does_not_renegotiate(const struct ends_cast *cast)
{
    for (int older = 0; older < 2; older++)
        for (int side = 0; side < ENDS; side++) {
            struct ends ends;
            open_ends(&ends, cast, 0, older);
            if (is_ours(&ends, side) || !older) {
                assert_int_equal(kind(&ends, side)->renegotiate(party(&ends, side)), 0);
                assert_int_equal(ends_reason(), older ? SSL_R_NO_RENEGOTIATION : SSL_R_WRONG_SSL_VERSION);
            }
            assert_writes(&ends, side, "goes on");
            assert_reads(&ends, !side, "goes on");
            ends_close(&ends);
        }
}

static void nobody_renegotiates(void **state)
{
    (void)state;
    for_each_cast(does_not_renegotiate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_is_shown_when_it_is_asked_for),
        cmocka_unit_test(who_did_not_allow_it_is_not_asked),
        cmocka_unit_test(one_request_at_a_time),
        cmocka_unit_test(a_certificate_that_nobody_trusts_ends_the_connection),
        cmocka_unit_test(nobody_renegotiates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
