/* SPDX-License-Identifier: MIT */
/* What the driver mends around libssl: pending writes, data while closing, alerts, flags, lost transports, late arrivals. */
#include <netinet/in.h>
#include <pthread.h>

#include "openssl_fixture.h"

#define BOTH(server, version)                                             \
    for (int server = 0; server < 2; server++)                            \
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)

enum { LARGE = 100000, ROOM = 20000, RECORD_13 = 5 + 1 + 16 };
static uint8_t sent[LARGE], got[2 * LARGE];

static void fill_sent(void)
{
    size_t i;
    for (i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7 + i / 251);
}

/* The peer reads until it sees the end, while we repeat a close. Returns how much it read. */
static size_t peer_reads_while_we_close(struct ends *ends, int *ours)
{
    size_t have = 0;
    int turns, read = 1;
    *ours = 0;
    for (turns = 0; turns < TALK; turns++) {
        if (*ours != TLSM_IO_DONE)
            *ours = ends_close(ends, 1);
        ERR_clear_error();
        read = SSL_read(ends->peer, got + have, ROOM);
        if (read > 0)
            have += (size_t)read;
        else if (!peer_waits(ends, read))
            break;
    }
    assert_int_equal(SSL_get_error(ends->peer, read), SSL_ERROR_ZERO_RETURN);
    return have;
}

/* ------------------------------------------------------------------------------------------------ what is being written */

static void what_was_written_precedes_the_close_over_a_blocked_wire(void **unused)
{
    static const enum over wires[] = { OVER_NOTHING, OVER_PAIR, OVER_SOCKET, OVER_BUFFER };
    size_t wire;
    (void)unused;
    fill_sent();
    for (wire = 0; wire < 4; wire++)
        BOTH(server, version) {
            struct ends ends;
            size_t written = 0;
            ptrdiff_t put = 1;
            int ours;
            ends_open(&ends, wires[wire], server, version);
            while (written < LARGE && put > 0) {
                poison();
                put = tlsm_openssl_write(ends.driver, sent + written, LARGE - written);
                assert_unpoisoned();
                written += put > 0 ? (size_t)put : 0;
            }
            assert_true(written >= 32768);
            if (wires[wire] < OVER_SOCKET) {
                assert_int_equal(put, TLSM_IO_WANT_WRITE);
                assert_true(tlsm_openssl_events(ends.driver) & POLLOUT);
            }
            assert_int_equal(peer_reads_while_we_close(&ends, &ours), written);
            assert_int_equal(ours, TLSM_IO_DONE);
            assert_memory_equal(got, sent, written);
            assert_int_equal(ends_verdict(&ends).plain_out, written);
            ends_free(&ends);
        }
}

/* SSL_write() said WANT_WRITE before there was a driver. */
static void finish_a_write(long mode)
{
    fill_sent();
    BOTH(server, version) {
        struct tlsm_openssl_options options = { .pending_write = { sent, LARGE } };
        struct ends ends;
        struct tlsm_bytes *left = &options.pending_write;
        enum tlsm_code why = TLSM_OK;
        int ours, put, turns;
        ends_plain(&ends, OVER_PAIR, server, version);
        SSL_set_mode(ends.us, mode);
        for (turns = 0; turns < 10; turns++) {
            (void)SSL_do_handshake(ends.us);
            (void)SSL_do_handshake(ends.peer);
        }
        (void)SSL_read(ends.us, got, 1);
        (void)SSL_read(ends.peer, got, 1);
        while ((put = SSL_write(ends.us, left->data, (int)left->length)) > 0) {
            left->data += put;
            left->length -= (size_t)put;
        }
        assert_int_equal(SSL_get_error(ends.us, put), SSL_ERROR_WANT_WRITE);
        assert_null(tlsm_openssl_new(ends.us, NULL, &why));
        assert_int_equal(why, TLSM_SEND_FIRST);
        ends_drive(&ends, &options);
        assert_int_equal(peer_reads_while_we_close(&ends, &ours), LARGE);
        assert_memory_equal(got, sent, LARGE);
        assert_int_equal(ours, TLSM_IO_DONE);
        ends_free(&ends);
    }
}

static void an_unfinished_write_is_finished_first(void **unused)
{
    (void)unused;
    finish_a_write(0);
}

/* libssl then writes a record or two a call: what it left of the write would be missing, and the end clean. */
static void an_unfinished_partial_write_is_finished_whole(void **unused)
{
    (void)unused;
    finish_a_write(SSL_MODE_ENABLE_PARTIAL_WRITE);
}

/* A9: half a record of before the driver is on the wire: giving up now must look like a failure. */
static void half_a_record_from_before_advises_a_reset(void **unused)
{
    struct tlsm_openssl_options options = { .pending_write = { sent, LARGE } };
    struct tlsm_advice advice;
    struct ends ends;
    int turns;
    (void)unused;
    ends_plain(&ends, OVER_PAIR, 0, TLS1_3_VERSION);
    for (turns = 0; turns < 10; turns++) {
        (void)SSL_do_handshake(ends.us);
        (void)SSL_do_handshake(ends.peer);
    }
    assert_int_equal(SSL_write(ends.us, sent, LARGE), -1);
    ends_drive(&ends, &options);
    tlsm_openssl_abandon(ends.driver);
    assert_how(&ends, "abandoned");
    tlsm_openssl_advice(ends.driver, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_RESET);
    ends_free(&ends);
}

/* ------------------------------------------------------------------------------------------------ data while closing */

static void open_with(struct ends *ends, enum over over, int server, int version, const struct tlsm_openssl_options *options)
{
    ends_plain(ends, over, server, version);
    ends_drive(ends, options);
    ends_connect(ends);
}

static const enum over roomy[] = { OVER_NOTHING, OVER_MEMORY, OVER_PAIR, OVER_SOCKET, OVER_BUFFER };
enum { ROOMY = 5 };

static void data_that_comes_while_closing_is_delivered(void **unused)
{
    size_t wire;
    (void)unused;
    for (wire = 0; wire < ROOMY; wire++)
        BOTH(server, version) {
            struct ends ends;
            char text[8];
            int done;
            ends_open(&ends, roomy[wire], server, version);
            peer_writes(&ends, "crossing", 8);
            do
                done = ends_close(&ends, 0);
            while (done == TLSM_IO_WANT_READ);
            assert_int_equal(done, TLSM_IO_UNREAD);
            assert_int_equal(tlsm_openssl_unread(ends.driver), 8);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_UNREAD);
            assert_int_equal(ends_read(&ends, text, 3), 3);
            assert_int_equal(ends_read(&ends, text + 3, 5), 5);
            assert_memory_equal(text, "crossing", 8);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
            peer_writes(&ends, "more", 4);
            assert_int_equal(SSL_shutdown(ends.peer), 0);
            if (roomy[wire] == OVER_SOCKET)   /* which is drained to its end */
                peer_gone(&ends);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_UNREAD);
            assert_int_equal(ends_read(&ends, text, sizeof text), 4);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
            assert_how(&ends, "clean_both");
            assert_int_equal(ends_verdict(&ends).plain_in, 12);
            ends_free(&ends);
        }
}

static void data_that_comes_while_closing_is_discarded_and_counted(void **unused)
{
    const struct tlsm_openssl_options options = { .data_while_closing = TLSM_CLOSING_DISCARD };
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        open_with(&ends, OVER_NOTHING, server, version, &options);
        peer_writes(&ends, "one", 3);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
        peer_writes(&ends, "two", 3);
        assert_int_equal(SSL_shutdown(ends.peer), 0);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "clean_both");
        assert_int_equal(ends_verdict(&ends).discarded, 6);
        assert_int_equal(ends_verdict(&ends).plain_in, 0);
        ends_free(&ends);
    }
}

static void data_beyond_a_policy_or_a_budget_is_a_limit_exceeded(void **unused)
{
    static const struct tlsm_openssl_options policies[] = {
        { .data_while_closing = TLSM_CLOSING_FAIL },
        { .data_while_closing = TLSM_CLOSING_DISCARD, .budget_bytes = 5 },
        { .data_while_closing = TLSM_CLOSING_DISCARD, .budget_records = 1 },
    };
    size_t policy;
    (void)unused;
    for (policy = 0; policy < 3; policy++)
        BOTH(server, version) {
            struct ends ends;
            int done;
            open_with(&ends, OVER_NOTHING, server, version, &policies[policy]);
            peer_writes(&ends, "one", 3);
            peer_writes(&ends, "two", 3);
            while ((done = ends_close(&ends, 0)) == TLSM_IO_WANT_READ)
                ;
            assert_int_equal(done, TLSM_IO_DONE);
            assert_how(&ends, "limit_exceeded");
            assert_int_equal(ends_verdict(&ends).discarded, policy == 1 ? 6 : 3);
            assert_int_equal(ends_verdict(&ends).alert_delivered, 1);
            ends_free(&ends);
        }
}

/* ------------------------------------------------------------------------------------------------ handshake */

static void closing_before_the_first_byte_never_opened(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_plain(&ends, OVER_NOTHING, server, version);
        ends_drive(&ends, NULL);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "never_opened");
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        ends_free(&ends);
    }
}

static void closing_in_the_handshake_is_cancelled(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_plain(&ends, OVER_NOTHING, server, version);
        ends_drive(&ends, NULL);
        (void)SSL_do_handshake(ends.peer);
        (void)tlsm_openssl_handshake(ends.driver);
        ends_carry(&ends);
        (void)tlsm_openssl_handshake(ends.driver);
        ends_carry(&ends);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "cancelled_in_handshake");
        ends_free(&ends);
    }
}

static void a_handshake_that_fails_says_whose_alert_it_was(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        int turns, done = 0;
        ends_plain(&ends, OVER_NOTHING, server, version);
        /* The peer speaks one version, and we the other. */
        SSL_set_min_proto_version(ends.us, version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION);
        SSL_set_max_proto_version(ends.us, version == TLS1_2_VERSION ? TLS1_3_VERSION : TLS1_2_VERSION);
        ends_drive(&ends, NULL);
        for (turns = 0; turns < 8 && done != TLSM_IO_ENDED; turns++) {
            done = tlsm_openssl_handshake(ends.driver);
            ends_carry(&ends);
            ERR_clear_error();
            (void)SSL_do_handshake(ends.peer);
            ends_carry(&ends);
        }
        assert_int_equal(done, TLSM_IO_ENDED);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "handshake_failed");
        if (verdict.cause == TLSM_CAUSE_LOCAL_ALERT) {
            assert_true(server || version == TLS1_2_VERSION);
            assert_int_equal(verdict.alert_sent, TLSM_ALERT_PROTOCOL_VERSION);
            assert_int_equal(verdict.alert_delivered, 1);
            assert_true(tlsm_openssl_reason(ends.driver) != 0);
        } else {
            assert_int_equal(verdict.cause, TLSM_CAUSE_PEER_ALERT);
            assert_int_equal(verdict.alert_received, TLSM_ALERT_PROTOCOL_VERSION);
            assert_int_equal(verdict.alert_authenticated, 0);
        }
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ alerts */

static void spoil(BIO *wire)
{
    char *data;
    const long length = BIO_get_mem_data(wire, &data);
    assert_true(length > 0);
    data[length - 1] ^= 1;
}

/* SSL_read() itself would then call the end clean: the fatal alert has set SSL_RECEIVED_SHUTDOWN. */
static void a_fatal_alert_of_the_peer_is_no_end_of_data(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        int turns;
        ends_open(&ends, OVER_NOTHING, server, version);
        assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), 1);
        ends_carry(&ends);
        spoil(ends.to_peer);
        assert_int_equal(SSL_read(ends.peer, got, 1), -1);
        ERR_clear_error();
        for (turns = 0; turns < 3; turns++)
            assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_true(SSL_get_shutdown(ends.us) & SSL_RECEIVED_SHUTDOWN);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "peer_alert");
        assert_int_equal(verdict.alert_received, TLSM_ALERT_BAD_RECORD_MAC);
        assert_int_equal(verdict.alert_received_level, 2);
        assert_int_equal(verdict.alert_authenticated, 1);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "peer_alert");
        assert_int_equal(verdict.resumable, version == TLS1_3_VERSION);
        ends_free(&ends);
    }
}

static void a_fatal_alert_of_ours_leaves_when_the_wire_lets_it(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        ends_open(&ends, OVER_NOTHING, server, version);
        peer_writes(&ends, "x", 1);
        spoil(ends.to_us);
        ends_carry(&ends);
        assert_int_equal(tlsm_openssl_read(ends.driver, got, 1), TLSM_IO_WANT_WRITE);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "local_alert");
        assert_int_equal(verdict.alert_delivered, 0);
        assert_int_equal(tlsm_openssl_read(ends.driver, got, 1), TLSM_IO_WANT_WRITE);
        ends_carry(&ends);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "local_alert");
        assert_int_equal(verdict.alert_sent, TLSM_ALERT_BAD_RECORD_MAC);
        assert_int_equal(verdict.alert_delivered, 1);
        assert_int_equal(SSL_read(ends.peer, got, 1), 0);
        assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
        ends_free(&ends);
    }
}

static void bad_input_while_we_wait_is_a_protocol_error_without_a_word(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_open(&ends, OVER_NOTHING, server, version);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
        peer_writes(&ends, "x", 1);
        spoil(ends.to_us);
        BIO_reset(ends.to_peer);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "protocol_error");
        assert_int_equal(BIO_pending(ends.to_peer), 0);
        assert_int_equal(ends_verdict(&ends).alert_sent, TLSM_ALERT_CLOSE_NOTIFY);
        ends_free(&ends);
    }
}

/* F1: a close_notify that anybody could have written. */
static void a_plaintext_close_notify_ends_nothing(void **unused)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 1, 0 };
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_open(&ends, OVER_NOTHING, server, version);
        assert_int_equal(BIO_write(ends.to_us, alert, sizeof alert), (int)sizeof alert);
        while (ends_read(&ends, got, 1) == TLSM_IO_WANT_WRITE)
            ;
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_how(&ends, "local_alert");
        ends_free(&ends);
    }
}

/* C6: in the handshake, in the clear. */
static void a_close_notify_in_the_handshake_is_no_end_of_data(void **unused)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 1, 0 };
    (void)unused;
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        ends_plain(&ends, OVER_NOTHING, server, version);
        ends_drive(&ends, NULL);
        assert_int_equal(BIO_write(ends.to_us, alert, sizeof alert), (int)sizeof alert);
        while (ends_read(&ends, got, 1) == TLSM_IO_WANT_WRITE)
            ;
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        verdict = ends_verdict(&ends);
        assert_string_equal(tlsm_how_name(verdict.how), "handshake_failed");
        assert_true(verdict.cause == TLSM_CAUSE_PEER_CLOSED || verdict.cause == TLSM_CAUSE_LOCAL_ALERT);
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ flags and options */

static void flags_of_the_application_and_quiet_ones_count_for_nothing(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        int theirs;
        ends_open(&ends, OVER_NOTHING, server, version);
        SSL_set_quiet_shutdown(ends.us, 1);
        SSL_set_shutdown(ends.us, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_WANT_READ);
        peer_writes(&ends, "x", 1);
        assert_int_equal(ends_read(&ends, got, 1), 1);
        assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
        assert_how(&ends, "clean_both");
        assert_int_equal(SSL_get_quiet_shutdown(ends.us), 1);
        ends_free(&ends);
    }
}

static void ignoring_an_unexpected_eof_changes_nothing(void **unused)
{
    size_t wire;
    (void)unused;
    for (wire = 0; wire < ROOMY; wire++)
        BOTH(server, version) {
            struct ends ends;
            ends_plain(&ends, roomy[wire], server, version);
            SSL_set_options(ends.us, SSL_OP_IGNORE_UNEXPECTED_EOF);
            ends_drive(&ends, NULL);
            ends_connect(&ends);
            peer_gone(&ends);
            assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
            assert_how(&ends, "truncated");
            assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), 1);
            (void)ends_flush(&ends);
            assert_int_equal(SSL_read(ends.peer, got, 1), 1);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
            assert_how(&ends, "truncated");
            ends_free(&ends);
        }
}

static void only_a_boundary_can_be_vouched_for(void **unused)
{
    const struct tlsm_openssl_options framed = { .eof = TLSM_EOF_FRAMED };
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        int inside, policy;
        for (policy = 0; policy < 2; policy++)
            for (inside = 0; inside < 2; inside++) {
                open_with(&ends, OVER_NOTHING, server, version, policy ? &framed : NULL);
                peer_writes(&ends, "whole", 5);
                ends.feed_most = ends.fed + (uint64_t)BIO_pending(ends.to_us) + (inside ? 7 : 0);
                peer_writes(&ends, "more", 4);
                assert_int_equal(ends_read(&ends, got, ROOM), 5);
                ends_carry(&ends);
                tlsm_openssl_vouch(ends.driver);
                tlsm_openssl_eof(ends.driver);
                assert_int_equal(ends_read(&ends, got, ROOM), TLSM_IO_ENDED);
                assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
                assert_how(&ends, policy && !inside ? "framed_end" : "truncated");
                ends_free(&ends);
            }
    }
}

/* ------------------------------------------------------------------------------------------------ lost transports */

static void a_failed_send_loses_nothing_that_was_received(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_open(&ends, OVER_NOTHING, server, version);
        peer_writes(&ends, "words", 5);
        assert_int_equal(SSL_shutdown(ends.peer), 0);
        assert_int_equal(tlsm_openssl_write(ends.driver, "lost", 4), 4);
        tlsm_openssl_send_failed(ends.driver);
        assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), TLSM_IO_ENDED);
        assert_int_equal(tlsm_openssl_write(ends.driver, "", 0), TLSM_IO_ENDED);
        assert_int_equal(ends_read(&ends, got, ROOM), 5);
        assert_int_equal(ends_read(&ends, got, ROOM), TLSM_IO_END);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "clean_received");
        assert_true(ends_verdict(&ends).untaken > 4);
        ends_free(&ends);
    }
}

static void a_reset_is_told_from_an_end(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct ends ends;
        ends_open(&ends, OVER_NOTHING, server, version);
        tlsm_openssl_receive_failed(ends.driver);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "transport_failed");
        assert_int_equal(ends_verdict(&ends).cause, TLSM_CAUSE_RECEIVE_FAILED);
        ends_free(&ends);
    }
}

static void tcp_pair(int pair[2])
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof address;
    const int listening = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
    pair[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(pair[0], (struct sockaddr *)&address, size), 0);
    pair[1] = accept(listening, NULL, NULL);
    assert_true(pair[1] >= 0);
    (void)close(listening);
}

static void over_tcp(struct ends *ends, int version)
{
    ends_open(ends, OVER_SOCKET, 0, version);
    tlsm_openssl_free(ends->driver);
    SSL_free(ends->us);
    SSL_free(ends->peer);
    (void)close(ends->socket[0]);
    (void)close(ends->socket[1]);
    ends_plain(ends, OVER_SOCKET, 0, version);
    (void)close(ends->socket[0]);
    (void)close(ends->socket[1]);
    tcp_pair(ends->socket);
    assert_int_equal(fcntl(ends->socket[1], F_SETFL, O_NONBLOCK), 0);
    SSL_set_fd(ends->us, ends->socket[0]);
    SSL_set_fd(ends->peer, ends->socket[1]);
    ends_drive(ends, NULL);
    ends_connect(ends);
}

/* No SIGPIPE: its default would end this program. */
static void a_reset_of_the_peer_keeps_its_errno(void **unused)
{
    (void)unused;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        const struct linger now = { 1, 0 };
        struct ends ends;
        ptrdiff_t read;
        over_tcp(&ends, version);
        assert_int_equal(setsockopt(ends.socket[1], SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
        assert_int_equal(close(ends.socket[1]), 0);
        ends.socket[1] = -1;
        do
            read = ends_read(&ends, got, 1);
        while (read == TLSM_IO_WANT_READ);
        assert_int_equal(read, TLSM_IO_ENDED);
        assert_how(&ends, "transport_failed");
        assert_int_equal(tlsm_openssl_errno(ends.driver), ECONNRESET);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_int_equal(ends_verdict(&ends).alert_delivered, 0);
        ends_free(&ends);
    }
}

/* B10: the peer closes and is gone at once. */
static void a_peer_that_closes_and_is_gone_was_clean(void **unused)
{
    (void)unused;
    for (int over = OVER_SOCKET; over <= OVER_BUFFER; over++) BOTH(server, version) {
        struct ends ends;
        ends_open(&ends, (enum over)over, server, version);
        peer_writes(&ends, "last", 4);
        assert_int_equal(SSL_shutdown(ends.peer), 0);
        assert_int_equal(close(ends.socket[1]), 0);
        ends.socket[1] = -1;
        assert_int_equal(tlsm_openssl_write(ends.driver, "to nobody", 9), TLSM_IO_ENDED);
        assert_int_equal(tlsm_openssl_errno(ends.driver), EPIPE);
        assert_int_equal(tlsm_openssl_unread(ends.driver), 4);   /* G3 */
        assert_int_equal(ends_read(&ends, got, ROOM), 4);
        assert_int_equal(ends_read(&ends, got, ROOM), TLSM_IO_END);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "clean_received");
        ends_free(&ends);
    }
}

/* A blocking BIO must not wait for last words of a peer that is silent. */
static void a_failed_send_does_not_wait_for_last_words(void **unused)
{
    struct ends ends;
    (void)unused;
    ends_open(&ends, OVER_BUFFER, 0, TLS1_3_VERSION);
    assert_int_equal(fcntl(ends.socket[0], F_SETFL, 0), 0);
    assert_int_equal(shutdown(ends.socket[0], SHUT_WR), 0);
    assert_int_equal(tlsm_openssl_write(ends.driver, "x", 1), TLSM_IO_ENDED);
    assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_WANT_READ);
    ends_free(&ends);
}

/* Two that write to each other with full pipes: while ours is blocked, theirs is taken in. */
static void while_sending_is_blocked_the_peers_bytes_are_taken(void **unused)
{
    struct ends ends;
    (void)unused;
    ends_open(&ends, OVER_SOCKET, 0, TLS1_3_VERSION);
    while (tlsm_openssl_write(ends.driver, sent, LARGE) > 0)
        ;
    peer_writes(&ends, "theirs", 6);
    assert_int_equal(ends_flush(&ends), TLSM_IO_WANT_WRITE);
    assert_int_equal(tlsm_openssl_unread(ends.driver), 6);
    ends_free(&ends);
}

/* What a peer that goes on reading finds in the end. */
static int errno_at_the_end(int descriptor)
{
    ssize_t have;
    do {
        struct pollfd watched = { descriptor, POLLIN, 0 };
        (void)poll(&watched, 1, -1);
        errno = 0;
        have = read(descriptor, got, sizeof got);
    } while (have > 0 || (have < 0 && errno == EAGAIN));
    return have == 0 ? 0 : errno;
}

/* A9: a FIN would look like an end. By abandoning, and by freeing with bytes unsent. */
static void half_a_record_on_the_wire_becomes_a_reset(void **unused)
{
    int how;
    (void)unused;
    for (how = 0; how < 2; how++) {
        struct tlsm_advice advice;
        struct ends ends;
        over_tcp(&ends, TLS1_3_VERSION);
        while (tlsm_openssl_write(ends.driver, sent, LARGE - 7) > 0)
            ;
        if (how == 0) {
            tlsm_openssl_abandon(ends.driver);
            assert_how(&ends, "abandoned");
            tlsm_openssl_advice(ends.driver, &advice);
            assert_int_equal(advice.flags, TLSM_ADVICE_RESET);
        }
        tlsm_openssl_free(ends.driver);
        ends.driver = NULL;
        assert_int_equal(close(ends.socket[0]), 0);
        assert_int_equal(errno_at_the_end(ends.socket[1]), ECONNRESET);
        ends.socket[0] = dup(ends.socket[1]);
        ends_free(&ends);
    }
}

/* H3: data that nobody read must not make a reset of a close that was good. */
static void unread_input_does_not_destroy_our_close(void **unused)
{
    const struct tlsm_openssl_options options = { .data_while_closing = TLSM_CLOSING_FAIL, .linger_ms = 10 };
    (void)unused;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct ends ends;
        int done;
        over_tcp(&ends, version);
        tlsm_openssl_free(ends.driver);
        ends_drive(&ends, &options);
        peer_writes(&ends, sent, LARGE);
        while ((done = ends_close(&ends, 0)) == TLSM_IO_WANT_READ)   /* drains, for as long as it lingers */
            (void)poll(NULL, 0, tlsm_openssl_timeout(ends.driver));
        assert_int_equal(done, TLSM_IO_DONE);
        assert_how(&ends, "limit_exceeded");
        assert_int_equal(recv(ends.socket[0], got, 1, MSG_DONTWAIT), -1);
        tlsm_openssl_free(ends.driver);
        ends.driver = NULL;
        assert_int_equal(close(ends.socket[0]), 0);
        assert_int_equal(errno_at_the_end(ends.socket[1]), 0);
        ends.socket[0] = dup(ends.socket[1]);
        ends_free(&ends);
    }
}

/* The peer sees the end of the transport behind our close_notify, though it goes on talking. */
static void our_half_of_the_transport_is_shut_behind_our_close(void **unused)
{
    size_t wire;
    (void)unused;
    for (wire = 2; wire < 4; wire++) {
        struct ends ends;
        ends_open(&ends, roomy[wire], 0, TLS1_3_VERSION);
        assert_int_equal(ends_close(&ends, 1), TLSM_IO_DONE);
        assert_int_equal(SSL_read(ends.peer, got, 1), 0);
        if (roomy[wire] == OVER_SOCKET)
            assert_int_equal(read(ends.socket[1], got, 1), 0);
        else
            assert_int_equal(BIO_read(ends.to_peer, got, 1), 0);
        peer_writes(&ends, "x", 1);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_UNREAD);
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ blocking */

/* Says back what it hears, and closes when it has heard all. */
static void *echo(void *argument)
{
    SSL *peer = argument;
    uint8_t piece[ROOM];
    int have;
    while ((have = SSL_read(peer, piece, sizeof piece)) > 0)
        if (SSL_write(peer, piece, have) != have)
            return "its write failed";
    if (SSL_get_error(peer, have) != SSL_ERROR_ZERO_RETURN)
        return "it read no clean end";
    if (SSL_shutdown(peer) != 1)
        return "its close was not complete";
    (void)shutdown(SSL_get_fd(peer), SHUT_WR);
    return NULL;
}

static void a_blocking_connection_waits_and_loses_nothing(void **unused)
{
    (void)unused;
    fill_sent();
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        struct ends ends;
        pthread_t thread;
        void *complaint = NULL;
        size_t have = 0, written = 0;
        int done;
        ends_plain(&ends, OVER_SOCKET, server, version);
        assert_int_equal(fcntl(ends.socket[1], F_SETFL, 0), 0);
        ends.driver = tlsm_openssl_new(ends.us, NULL, NULL);
        assert_non_null(ends.driver);
        assert_int_equal(pthread_create(&thread, NULL, echo, ends.peer), 0);
        while (written < LARGE) {
            const ptrdiff_t put = tlsm_openssl_write(ends.driver, sent + written, ROOM < LARGE - written ? ROOM : LARGE - written);
            assert_true(put > 0);
            written += (size_t)put;
            while (have < written / 2) {
                const ptrdiff_t read = tlsm_openssl_read(ends.driver, got + have, sizeof got - have);
                assert_true(read > 0);
                have += (size_t)read;
            }
        }
        while ((done = tlsm_openssl_close(ends.driver, 0, &verdict)) == TLSM_IO_UNREAD) {
            const ptrdiff_t read = tlsm_openssl_read(ends.driver, got + have, sizeof got - have);
            assert_true(read > 0);
            have += (size_t)read;
        }
        assert_int_equal(done, TLSM_IO_DONE);
        assert_int_equal(pthread_join(thread, &complaint), 0);
        assert_null(complaint);
        assert_string_equal(tlsm_how_name(verdict.how), "clean_both");
        assert_int_equal(have, LARGE);
        assert_memory_equal(got, sent, LARGE);
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ time */

static void a_silent_peer_is_waited_for_until_the_deadline(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct tlsm_openssl_options options = { .linger_ms = 10 };
        struct ends ends;
        enum tlsm_code why;
        ends_plain(&ends, OVER_SOCKET, server, version);
        ends_drive(&ends, NULL);
        ends_connect(&ends);
        tlsm_openssl_free(ends.driver);
        poison();
        ends.driver = tlsm_openssl_new(ends.us, &options, &why);   /* the same connection, blocking now */
        assert_non_null(ends.driver);
        assert_int_equal(tlsm_openssl_deadline(ends.driver, 30), TLSM_IO_DONE);
        assert_true(tlsm_openssl_timeout(ends.driver) > 0);
        assert_true(tlsm_openssl_needs(ends.driver) & TLSM_NEED_DEADLINE);
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "timed_out");
        assert_int_equal(ends_verdict(&ends).alert_delivered, 1);
        ends_free(&ends);
    }
}

static void an_event_loop_hears_of_the_deadline_by_its_timeout(void **unused)
{
    size_t wire;
    (void)unused;
    for (wire = 0; wire < ROOMY; wire++) {
        struct ends ends;
        ends_open(&ends, roomy[wire], 0, TLS1_3_VERSION);
        assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_WANT_READ);
        assert_true(tlsm_openssl_events(ends.driver) & POLLIN);
        assert_int_equal(tlsm_openssl_deadline(ends.driver, 5), TLSM_IO_DONE);   /* may have passed before the next line */
        while (ends_read(&ends, got, 1) == TLSM_IO_WANT_READ)
            (void)poll(NULL, 0, tlsm_openssl_timeout(ends.driver));
        assert_how(&ends, "timed_out");
        assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
        assert_how(&ends, "timed_out");
        assert_int_equal(tlsm_openssl_timeout(ends.driver), -1);
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ keys and renegotiation */

/* libssl alone refuses: "shutdown while in init". */
static void a_key_update_that_waits_goes_before_the_close(void **unused)
{
    struct ends ends;
    int theirs;
    (void)unused;
    ends_open(&ends, OVER_NOTHING, 0, TLS1_3_VERSION);
    assert_int_equal(SSL_key_update(ends.us, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
    assert_how(&ends, "clean_both");
    ends_free(&ends);
}

static void nothing_follows_our_close_not_even_an_answer_to_a_key_update(void **unused)
{
    struct ends ends;
    (void)unused;
    ends_open(&ends, OVER_NOTHING, 1, TLS1_3_VERSION);
    assert_int_equal(ends_close(&ends, 0), TLSM_IO_WANT_READ);
    BIO_reset(ends.to_peer);
    peer_asks_twice_for_a_key_update(&ends);
    peer_writes(&ends, "under new keys", 14);
    peer_writes(&ends, "and more", 8);
    assert_int_equal(ends_read(&ends, got, ROOM), 14);
    assert_int_equal(ends_read(&ends, got, ROOM), 8);
    assert_int_equal(SSL_shutdown(ends.peer), 0);
    assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
    assert_how(&ends, "clean_both");
    assert_int_equal(BIO_pending(ends.to_peer), 0);
    ends_free(&ends);
}

static void a_renegotiation_is_over_before_the_close(void **unused)
{
    struct ends ends;
    int theirs;
    (void)unused;
    ends_open(&ends, OVER_NOTHING, 1, TLS1_2_VERSION);
    assert_int_equal(SSL_renegotiate(ends.us), 1);
    assert_int_equal(SSL_do_handshake(ends.us), 1);   /* HelloRequest; the driver's BIO has it */
    assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
    assert_how(&ends, "clean_both");
    ends_free(&ends);
}

/* ------------------------------------------------------------------------------------------------ sessions */

static void a_session_is_resumed_and_the_verdicts_say_so(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        SSL_SESSION *session = NULL;
        int round, theirs;
        for (round = 0; round < 2; round++) {
            struct ends ends;
            ends_plain(&ends, OVER_NOTHING, server, version);
            if (session != NULL)
                assert_int_equal(SSL_set_session(server ? ends.peer : ends.us, session), 1);
            ends_drive(&ends, NULL);
            ends_connect(&ends);
            assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
            assert_how(&ends, "clean_both");
            assert_int_equal(ends_verdict(&ends).resumed, round);
            assert_int_equal(ends_verdict(&ends).resumable, 1);
            SSL_SESSION_free(session);
            session = SSL_get1_session(server ? ends.peer : ends.us);
            ends_free(&ends);
        }
        SSL_SESSION_free(session);
    }
}

static int large_ticket(SSL *ssl, void *unused)
{
    static const char data[1200] = "what an application keeps in a ticket";
    (void)unused;
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data, sizeof data);
}

static void between_the_fragments_of_a_ticket_is_a_place_of_its_own(void **unused)
{
    struct tlsm_verdict verdict;
    struct ends ends;
    char *data;
    (void)unused;
    SSL_CTX_set_session_ticket_cb(server_ctx, large_ticket, NULL, NULL);
    ends_plain(&ends, OVER_NOTHING, 0, TLS1_3_VERSION);
    assert_int_equal(SSL_set_max_send_fragment(ends.peer, 512), 1);
    ends_drive(&ends, NULL);
    while (!tlsm_connected(tlsm_openssl_state(ends.driver))) {
        (void)SSL_do_handshake(ends.peer);
        ends_carry(&ends);
        (void)tlsm_openssl_handshake(ends.driver);
    }
    ends_carry(&ends);
    assert_int_equal(SSL_do_handshake(ends.peer), 1);
    assert_true(BIO_get_mem_data(ends.to_us, &data) > 1200);
    ends.feed_most = ends.fed + 5 + ((uint64_t)(uint8_t)data[3] << 8 | (uint8_t)data[4]);   /* one record of the ticket's */
    assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_WANT_READ);
    tlsm_openssl_eof(ends.driver);
    assert_int_equal(ends_read(&ends, got, 1), TLSM_IO_ENDED);
    verdict = ends_verdict(&ends);
    assert_string_equal(tlsm_how_name(verdict.how), "truncated");
    assert_int_equal(verdict.place, TLSM_PLACE_MESSAGE);
    ends_free(&ends);
    SSL_CTX_set_session_ticket_cb(server_ctx, NULL, NULL, NULL);
}

/* ------------------------------------------------------------------------------------------------ the application's turn */

static int not_yet(SSL *ssl, void *asked)
{
    (void)ssl;
    return ++*(int *)asked > 2 ? 1 : -1;
}

static void what_libssl_asks_the_application_is_waited_for(void **unused)
{
    struct ends ends;
    int asked = 0, turns, done = 0, answers = 0;
    (void)unused;
    ends_plain(&ends, OVER_NOTHING, 1, TLS1_3_VERSION);
    SSL_set_cert_cb(ends.us, not_yet, &asked);
    ends_drive(&ends, NULL);
    for (turns = 0; turns < 20 && done != TLSM_IO_DONE; turns++) {
        (void)SSL_do_handshake(ends.peer);
        ends_carry(&ends);
        done = tlsm_openssl_handshake(ends.driver);
        answers += done == TLSM_IO_WANT_ANSWER;
        if (done == TLSM_IO_WANT_ANSWER)
            assert_int_equal(SSL_want(ends.us), SSL_X509_LOOKUP);
    }
    assert_int_equal(done, TLSM_IO_DONE);
    assert_int_equal(answers, 2);
    ends_free(&ends);
}

static void the_descriptor_can_still_be_asked_for(void **unused)
{
    struct ends ends;
    (void)unused;
    ends_open(&ends, OVER_SOCKET, 0, TLS1_3_VERSION);
    assert_int_equal(SSL_get_fd(ends.us), ends.socket[0]);
    ends_free(&ends);
}

/* ------------------------------------------------------------------------------------------------ coming late, leaving early */

static void plain_handshake(struct ends *ends)
{
    int turns;
    for (turns = 0; turns < 10; turns++) {
        ERR_clear_error();
        (void)SSL_do_handshake(ends->us);
        (void)SSL_do_handshake(ends->peer);
    }
    assert_int_equal(SSL_read(ends->us, got, 1), -1);
    assert_int_equal(SSL_read(ends->peer, got, 1), -1);
}

static void a_driver_may_come_late_and_leave_again(void **unused)
{
    size_t wire;
    (void)unused;
    for (wire = 1; wire < ROOMY; wire++)
        BOTH(server, version) {
            struct ends ends;
            BIO *before;
            int theirs;
            ends_plain(&ends, roomy[wire], server, version);
            if (roomy[wire] == OVER_SOCKET)
                assert_int_equal(fcntl(ends.socket[0], F_SETFL, O_NONBLOCK), 0);
            plain_handshake(&ends);
            before = SSL_get_rbio(ends.us);
            peer_writes(&ends, "12345678", 8);
            assert_int_equal(SSL_read(ends.us, got, 3), 3);   /* five of them are decrypted and lie in libssl */
            ends_drive(&ends, NULL);
            assert_true(tlsm_connected(tlsm_openssl_state(ends.driver)));
            assert_int_equal(ends_read(&ends, got, ROOM), 5);
            assert_int_equal(tlsm_openssl_write(ends.driver, "abc", 3), 3);
            assert_int_equal(ends_flush(&ends), TLSM_IO_DONE);
            tlsm_openssl_free(ends.driver);
            assert_ptr_equal(SSL_get_rbio(ends.us), before);
            assert_int_equal(SSL_read(ends.peer, got, ROOM), 3);
            peer_writes(&ends, "without", 7);
            assert_int_equal(SSL_read(ends.us, got, ROOM), 7);
            ends_drive(&ends, NULL);
            assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
            assert_how(&ends, "clean_both");
            ends_free(&ends);
        }
}

static void within_a_record_of_before_the_place_is_not_known(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        struct tlsm_verdict verdict;
        uint8_t wire[256];
        struct ends ends;
        int length, cut, half;
        for (half = 2; half < 20; half += 10)   /* in its header, in its body */
            for (cut = 0; cut < 3; cut++) {
                ends_plain(&ends, OVER_MEMORY, server, version);
                plain_handshake(&ends);
                peer_writes(&ends, "half", 4);
                peer_writes(&ends, "next", 4);
                length = BIO_read(ends.to_us, wire, sizeof wire);
                assert_int_equal(BIO_write(ends.to_us, wire, half), half);
                assert_int_equal(SSL_read(ends.us, got, 1), -1);
                ends_drive(&ends, NULL);
                if (cut > 0) {
                    assert_int_equal(BIO_write(ends.to_us, wire + half, length - half - (cut == 2 ? 3 : 0)),
                                     length - half - (cut == 2 ? 3 : 0));
                    assert_int_equal(ends_read(&ends, got, ROOM), 4);
                }
                if (cut == 1)
                    assert_int_equal(ends_read(&ends, got, ROOM), 4);
                peer_gone(&ends);
                assert_int_equal(ends_read(&ends, got, ROOM), TLSM_IO_ENDED);
                verdict = ends_verdict(&ends);
                assert_string_equal(tlsm_how_name(verdict.how), "truncated");
                assert_int_equal(verdict.place, cut == 1 ? TLSM_PLACE_BOUNDARY : TLSM_PLACE_BODY);
                assert_int_equal(verdict.eof_need, cut == 2 ? length / 2 - 5 : 0);
                assert_int_equal(verdict.eof_have, cut == 2 ? length / 2 - 5 - 3 : 0);
                ends_free(&ends);
            }
    }
}

static void a_close_that_has_begun_is_refused(void **unused)
{
    struct ends ends;
    enum tlsm_code why = TLSM_OK;
    (void)unused;
    ends_plain(&ends, OVER_MEMORY, 0, TLS1_3_VERSION);
    plain_handshake(&ends);
    assert_int_equal(SSL_shutdown(ends.us), 0);
    assert_null(tlsm_openssl_new(ends.us, NULL, &why));
    assert_int_equal(why, TLSM_WRITE_CLOSED);
    SSL_free(ends.us);
    assert_int_equal(SSL_read(ends.peer, got, 1), 0);
    assert_null(tlsm_openssl_new(ends.peer, NULL, &why));
    assert_int_equal(why, TLSM_READ_ENDED);
    SSL_free(ends.peer);
    BIO_free(ends.to_us);
    BIO_free(ends.to_peer);
}

static void a_connection_that_failed_is_refused(void **unused)
{
    struct ends ends;
    enum tlsm_code why = TLSM_OK;
    (void)unused;
    ends_plain(&ends, OVER_MEMORY, 0, TLS1_3_VERSION);
    assert_int_equal(BIO_write(ends.to_us, "HTTP/1.0 400 Bad Request", 24), 24);
    assert_int_equal(SSL_do_handshake(ends.us), -1);
    ERR_clear_error();
    assert_null(tlsm_openssl_new(ends.us, NULL, &why));
    assert_int_equal(why, TLSM_WRITE_FAILED);
    ends_free(&ends);
}

/* ------------------------------------------------------------------------------------------------ what follows the close */

static void what_follows_the_peers_close_is_left_to_the_byte(void **unused)
{
    (void)unused;
    BOTH(server, version) {
        const struct tlsm_openssl_options keep = { .keep_transport = 1 };
        struct tlsm_advice advice;
        struct ends ends;
        struct tlsm_bytes rest;
        int ahead;
        for (ahead = 0; ahead < 2; ahead++) {
            ends_plain(&ends, OVER_SOCKET, server, version);
            SSL_set_read_ahead(ends.us, ahead);
            ends_drive(&ends, &keep);
            ends_connect(&ends);
            peer_writes(&ends, "tls", 3);
            assert_int_equal(SSL_shutdown(ends.peer), 0);
            assert_int_equal(write(ends.socket[1], "plain", 5), 5);
            assert_int_equal(ends_read(&ends, got, ROOM), 3);
            assert_int_equal(ends_close(&ends, 0), TLSM_IO_DONE);
            assert_how(&ends, "clean_both");
            tlsm_openssl_advice(ends.driver, &advice);
            assert_int_equal(advice.flags, TLSM_ADVICE_KEEP);
            assert_int_equal(read(ends.socket[0], got, ROOM), 5);
            assert_int_equal(write(ends.socket[0], "goes on", 7), 7);
            ends_free(&ends);
        }
        ends_plain(&ends, OVER_NOTHING, server, version);
        SSL_set_read_ahead(ends.us, 1);
        ends_drive(&ends, NULL);
        ends_connect(&ends);
        assert_int_equal(SSL_shutdown(ends.peer), 0);
        assert_int_equal(BIO_write(ends.to_us, "plain", 5), 5);
        assert_int_equal(ends_read(&ends, got, ROOM), TLSM_IO_END);
        rest = tlsm_openssl_rest(ends.driver);
        assert_int_equal(rest.length, 5);
        assert_memory_equal(rest.data, "plain", 5);
        ends_free(&ends);
    }
}

/* ------------------------------------------------------------------------------------------------ the application's callback */

static int heard;
static void listen_in(int write_p, int version, int type, const void *bytes, size_t length, SSL *ssl, void *arg)
{
    (void)write_p, (void)version, (void)bytes, (void)length, (void)ssl;
    assert_ptr_equal(arg, &heard);
    heard += type == SSL3_RT_ALERT;
}

static void the_applications_message_callback_goes_on_hearing(void **unused)
{
    const struct tlsm_openssl_options options = { .msg_callback = listen_in, .msg_callback_arg = &heard };
    struct ends ends;
    int theirs;
    (void)unused;
    heard = 0;
    open_with(&ends, OVER_NOTHING, 0, TLS1_3_VERSION, &options);
    assert_int_equal(both_close(&ends, &theirs), TLSM_IO_DONE);
    assert_int_equal(heard, 2);
    ends_free(&ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_precedes_the_close_over_a_blocked_wire),
        cmocka_unit_test(an_unfinished_write_is_finished_first),
        cmocka_unit_test(an_unfinished_partial_write_is_finished_whole),
        cmocka_unit_test(half_a_record_from_before_advises_a_reset),
        cmocka_unit_test(data_that_comes_while_closing_is_delivered),
        cmocka_unit_test(data_that_comes_while_closing_is_discarded_and_counted),
        cmocka_unit_test(data_beyond_a_policy_or_a_budget_is_a_limit_exceeded),
        cmocka_unit_test(closing_before_the_first_byte_never_opened),
        cmocka_unit_test(closing_in_the_handshake_is_cancelled),
        cmocka_unit_test(a_handshake_that_fails_says_whose_alert_it_was),
        cmocka_unit_test(a_fatal_alert_of_the_peer_is_no_end_of_data),
        cmocka_unit_test(a_fatal_alert_of_ours_leaves_when_the_wire_lets_it),
        cmocka_unit_test(bad_input_while_we_wait_is_a_protocol_error_without_a_word),
        cmocka_unit_test(a_plaintext_close_notify_ends_nothing),
        cmocka_unit_test(a_close_notify_in_the_handshake_is_no_end_of_data),
        cmocka_unit_test(flags_of_the_application_and_quiet_ones_count_for_nothing),
        cmocka_unit_test(ignoring_an_unexpected_eof_changes_nothing),
        cmocka_unit_test(only_a_boundary_can_be_vouched_for),
        cmocka_unit_test(a_failed_send_loses_nothing_that_was_received),
        cmocka_unit_test(a_reset_is_told_from_an_end),
        cmocka_unit_test(a_reset_of_the_peer_keeps_its_errno),
        cmocka_unit_test(a_peer_that_closes_and_is_gone_was_clean),
        cmocka_unit_test(a_failed_send_does_not_wait_for_last_words),
        cmocka_unit_test(while_sending_is_blocked_the_peers_bytes_are_taken),
        cmocka_unit_test(half_a_record_on_the_wire_becomes_a_reset),
        cmocka_unit_test(unread_input_does_not_destroy_our_close),
        cmocka_unit_test(our_half_of_the_transport_is_shut_behind_our_close),
        cmocka_unit_test(a_blocking_connection_waits_and_loses_nothing),
        cmocka_unit_test(a_silent_peer_is_waited_for_until_the_deadline),
        cmocka_unit_test(an_event_loop_hears_of_the_deadline_by_its_timeout),
        cmocka_unit_test(a_key_update_that_waits_goes_before_the_close),
        cmocka_unit_test(nothing_follows_our_close_not_even_an_answer_to_a_key_update),
        cmocka_unit_test(a_renegotiation_is_over_before_the_close),
        cmocka_unit_test(a_session_is_resumed_and_the_verdicts_say_so),
        cmocka_unit_test(between_the_fragments_of_a_ticket_is_a_place_of_its_own),
        cmocka_unit_test(what_libssl_asks_the_application_is_waited_for),
        cmocka_unit_test(the_descriptor_can_still_be_asked_for),
        cmocka_unit_test(a_driver_may_come_late_and_leave_again),
        cmocka_unit_test(within_a_record_of_before_the_place_is_not_known),
        cmocka_unit_test(a_close_that_has_begun_is_refused),
        cmocka_unit_test(a_connection_that_failed_is_refused),
        cmocka_unit_test(what_follows_the_peers_close_is_left_to_the_byte),
        cmocka_unit_test(the_applications_message_callback_goes_on_hearing),
    };
    return cmocka_run_group_tests(tests, contexts_open, contexts_close);
}
