/* SPDX-License-Identifier: MIT */
/* What tlsm_openssl(3) says of libssl alone, beside what the driver makes of the same: each sentence of that page, seen. */
#include "openssl_fixture.h"

enum { LARGE = 100000, ROOM = 20000 };
static uint8_t sent[LARGE], got[2 * LARGE];

/* The same beginning for both: alone, and driven. */
static void begin(struct ends *ends, int driven, enum over over, int version)
{
    int turns;
    ends_plain(ends, over, 0, version);
    for (turns = 0; turns < 10; turns++) {
        ERR_clear_error();
        (void)SSL_do_handshake(ends->us);
        (void)SSL_do_handshake(ends->peer);
    }
    assert_int_equal(SSL_read(ends->us, got, 1), -1);
    assert_int_equal(SSL_read(ends->peer, got, 1), -1);
    ERR_clear_error();
    if (driven)
        ends_drive(ends, NULL);
}

static int error_of(SSL *ssl, int returned)
{
    const int error = SSL_get_error(ssl, returned);
    ERR_clear_error();
    return error;
}

#define EACH(version) for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

/* The peer takes what is under way. 1: a close_notify came at its end. */
static int drain(struct ends *ends)
{
    int have;
    while ((have = SSL_read(ends->peer, got, ROOM)) > 0)
        ;
    return error_of(ends->peer, have) == SSL_ERROR_ZERO_RETURN;
}

static void a_close_behind_a_blocked_write(void **unused)
{
    (void)unused;
    EACH(version) {
        struct ends ends;
        int turns, closed = 0;
        begin(&ends, 0, OVER_PAIR, version);
        assert_int_equal(SSL_write(ends.us, sent, LARGE), -1);
        assert_int_equal(SSL_shutdown(ends.us), -1);
        for (turns = 0; turns < 20 && !closed; turns++) {
            closed = drain(&ends);
            (void)SSL_shutdown(ends.us);
            ERR_clear_error();
        }
        assert_false(closed);
        ends_free(&ends);

        begin(&ends, 1, OVER_PAIR, version);
        while (tlsm_openssl_write(ends.driver, sent, LARGE) > 0)
            ;
        for (turns = 0; turns < 20 && !closed; turns++) {
            (void)tlsm_openssl_close(ends.driver, 0, NULL);
            closed = drain(&ends);
        }
        assert_true(closed);
        ends_free(&ends);
    }
}

static void data_while_closing(void **unused)
{
    (void)unused;
    EACH(version) {
        struct ends ends;
        begin(&ends, 0, OVER_MEMORY, version);
        peer_writes(&ends, "data", 4);
        assert_int_equal(SSL_shutdown(ends.us), 0);
        assert_int_equal(SSL_shutdown(ends.us), -1);
        assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY);
        assert_int_equal(error_of(ends.us, -1), SSL_ERROR_SSL);
        assert_true(SSL_read(ends.us, got, ROOM) <= 0);   /* destroyed */
        ends_free(&ends);

        begin(&ends, 1, OVER_MEMORY, version);
        peer_writes(&ends, "data", 4);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_UNREAD);
        assert_int_equal(ends_read(&ends, got, ROOM), 4);
        ends_free(&ends);
    }
}

static void a_transport_that_ends(void **unused)
{
    (void)unused;
    EACH(version) {
        struct ends ends;
        int ignore;
        for (ignore = 0; ignore < 2; ignore++) {
            begin(&ends, 0, OVER_MEMORY, version);
            if (ignore)
                SSL_set_options(ends.us, SSL_OP_IGNORE_UNEXPECTED_EOF);
            peer_gone(&ends);
            assert_true(SSL_read(ends.us, got, 1) <= 0);
            assert_int_equal(error_of(ends.us, 0), ignore ? SSL_ERROR_ZERO_RETURN : SSL_ERROR_SSL);
            assert_int_equal(SSL_write(ends.us, "x", 1), ignore ? 1 : -1);
            if (!ignore)   /* the peer hears a fatal alert for nothing that it did */
                assert_int_equal(error_of(ends.peer, SSL_read(ends.peer, got, 1)), SSL_ERROR_SSL);
            ends_free(&ends);
        }
        begin(&ends, 1, OVER_MEMORY, version);
        SSL_set_options(ends.us, SSL_OP_IGNORE_UNEXPECTED_EOF);
        peer_gone(&ends);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_how(&ends, "truncated");
        assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), 1);
        assert_int_equal(SSL_read(ends.peer, got, 1), 1);
        ends_free(&ends);
    }
}

static void spoil(BIO *wire)
{
    char *data;
    const long length = BIO_get_mem_data(wire, &data);
    assert_true(length > 0);
    data[length - 1] ^= 1;
}

static void a_fatal_alert_of_the_peer(void **unused)
{
    (void)unused;
    EACH(version) {
        struct ends ends;
        begin(&ends, 0, OVER_MEMORY, version);
        assert_int_equal(SSL_write(ends.us, "x", 1), 1);
        spoil(ends.to_peer);
        assert_int_equal(SSL_read(ends.peer, got, 1), -1);
        ERR_clear_error();
        assert_int_equal(error_of(ends.us, SSL_read(ends.us, got, 1)), SSL_ERROR_SSL);
        assert_int_equal(SSL_read(ends.us, got, 1), 0);
        assert_int_equal(error_of(ends.us, 0), SSL_ERROR_ZERO_RETURN);   /* as a clean end looks */
        ends_free(&ends);

        begin(&ends, 1, OVER_MEMORY, version);
        assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), 1);
        spoil(ends.to_peer);
        assert_int_equal(SSL_read(ends.peer, got, 1), -1);
        ERR_clear_error();
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_how(&ends, "peer_alert");
        ends_free(&ends);
    }
}

static void a_fatal_alert_of_ours_on_a_blocked_wire(void **unused)
{
    (void)unused;
    EACH(version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        uint8_t record[] = { 23, 3, 3, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        int turns, driven, error = 0;
        for (driven = 0; driven < 2; driven++) {
            begin(&ends, driven, OVER_PAIR, version);
            if (driven)
                while (tlsm_openssl_write(ends.driver, sent, LARGE) > 0)
                    ;
            else
                assert_int_equal(SSL_write(ends.us, sent, LARGE), -1);
            assert_int_equal(BIO_write(ends.to_peer, record, sizeof record), (int)sizeof record);
            for (turns = 0; turns < 20; turns++) {
                if (driven)
                    (void)tlsm_openssl_read(ends.driver, got, 1);
                else
                    (void)SSL_read(ends.us, got, 1);
                ERR_clear_error();
                error = SSL_read(ends.peer, got, ROOM);
                error = error > 0 ? 0 : error_of(ends.peer, error);
                if (error == SSL_ERROR_SSL)
                    break;
            }
            assert_int_equal(error, driven ? SSL_ERROR_SSL : SSL_ERROR_WANT_READ);
            if (driven) {
                verdict = ends_verdict(&ends);
                assert_string_equal(tlsm_how_name(verdict.how), "local_alert");
                assert_int_equal(verdict.alert_delivered, 1);
            }
            ends_free(&ends);
        }
    }
}

static void a_key_update_that_waits(void **unused)
{
    int driven;
    (void)unused;
    for (driven = 0; driven < 2; driven++) {
        struct ends ends;
        begin(&ends, 0, OVER_PAIR, TLS1_3_VERSION);
        while (BIO_write(ends.to_us, sent, ROOM) > 0)
            ;
        assert_int_equal(SSL_key_update(ends.us, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(error_of(ends.us, SSL_do_handshake(ends.us)), SSL_ERROR_WANT_WRITE);
        while (BIO_read(ends.to_peer, got, ROOM) > 0)
            ;
        if (driven) {
            ends_drive(&ends, NULL);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
            assert_int_equal(SSL_read(ends.peer, got, 1), 0);
            assert_int_equal(error_of(ends.peer, 0), SSL_ERROR_ZERO_RETURN);
        } else {
            assert_int_equal(SSL_shutdown(ends.us), -1);
            assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_SHUTDOWN_WHILE_IN_INIT);
            ERR_clear_error();
        }
        ends_free(&ends);
    }
}

static void a_key_update_that_is_asked_for_behind_our_close(void **unused)
{
    int driven;
    (void)unused;
    for (driven = 0; driven < 2; driven++) {
        struct ends ends;
        begin(&ends, driven, OVER_MEMORY, TLS1_3_VERSION);
        if (driven)
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
        else
            assert_int_equal(SSL_shutdown(ends.us), 0);
        (void)BIO_reset(ends.to_peer);
        peer_asks_twice_for_a_key_update(&ends);
        peer_writes(&ends, "one", 3);
        if (driven)
            assert_int_equal(ends_read(&ends, got, ROOM), 3);
        else
            assert_int_equal(SSL_read(ends.us, got, ROOM), 3);
        assert_int_equal(BIO_pending(ends.to_peer) > 0, !driven);
        ends_free(&ends);
    }
}

static void an_error_queue_that_was_not_empty(void **unused)
{
    (void)unused;
    EACH(version) {
        struct ends ends;
        begin(&ends, 0, OVER_MEMORY, version);
        poison();
        assert_int_equal(error_of(ends.us, SSL_read(ends.us, got, 1)), SSL_ERROR_SSL);   /* nothing is wrong */
        ends_free(&ends);

        begin(&ends, 1, OVER_MEMORY, version);
        poison();
        assert_int_equal(tlsm_openssl_read(ends.driver, got, 1), TLSM_IO_WANT_READ);
        assert_unpoisoned();
        ends_free(&ends);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close_behind_a_blocked_write),
        cmocka_unit_test(data_while_closing),
        cmocka_unit_test(a_transport_that_ends),
        cmocka_unit_test(a_fatal_alert_of_the_peer),
        cmocka_unit_test(a_fatal_alert_of_ours_on_a_blocked_wire),
        cmocka_unit_test(a_key_update_that_waits),
        cmocka_unit_test(a_key_update_that_is_asked_for_behind_our_close),
        cmocka_unit_test(an_error_queue_that_was_not_empty),
    };
    return cmocka_run_group_tests(tests, contexts_open, contexts_close);
}
