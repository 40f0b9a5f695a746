/* SPDX-License-Identifier: MIT */
/* The call SSL_shutdown(3) over a BIO pair, by both contracts: K1 to K6, O1 to O8, L1 to L11, S1 to S11 of docs/closing.md,
 * as far as they speak of TLS 1.3. C is the client, V the server. */
#include "bio_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void connected(struct bios *bios, enum tlsm_shutdown_contract contract, size_t client_room, size_t server_room)
{
    bios_pair(bios, client_room, server_room);
    bios_contract(bios, contract);
    bios_connect(bios);
}

static void two_step(struct bios *bios) { connected(bios, TLSM_SHUTDOWN_TWO_STEP, 0, 0); }
static void one_call(struct bios *bios) { connected(bios, TLSM_SHUTDOWN_ONE_CALL, 0, 0); }

static uint64_t sent_bytes(const struct tlsm_bio *bio) { return bio->link.state->ledger.taken; }

/* The peer's transport ends, with nothing said. */
static void hang_up(struct tlsm_bio *bio) { assert_int_equal(BIO_shutdown_wr(bio->wbio), 1); }

#define assert_write_fails(bio) assert_true(tlsm_bio_write(bio, "x", 1) < 0 && tlsm_bio_get_error(bio) == SSL_CLASS)

static void assert_reads(struct tlsm_bio *bio, const char *text)
{
    uint8_t bytes[64];
    assert_int_equal(tlsm_bio_read(bio, bytes, sizeof bytes), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void assert_reads_end(struct tlsm_bio *bio)
{
    uint8_t byte;
    assert_int_equal(tlsm_bio_read(bio, &byte, 1), TLSM_IO_END);
    assert_int_equal(tlsm_bio_get_error(bio), ZERO_RETURN);
}

/* ------------------------------------------------------------------------------------------------ O */

static void o1_two_sided_shutdown(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_shutdown(bios.c, 0, WANT_READ);   /* K4 */
    assert_write_fails(bios.c);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_write_fails(bios.v);
    assert_shutdown(bios.c, 1, NONE);
    assert_shutdown(bios.v, 1, NONE);
    assert_bio(bios.c, "clean_both");
    assert_bio(bios.v, "clean_both");
    bios_free(&bios);
}

/* A one-way close that is out is not waited for by anybody; the call waits, so it makes a two-way close of it. */
static void a12_the_call_after_a_one_way_close_waits(void **state)
{
    struct bios bios;
    (void)state;
    one_call(&bios);
    assert_int_equal(tlsm_bio_close(bios.c, 1), TLSM_IO_DONE);
    assert_shutdown(bios.c, -1, WANT_READ);
    assert_shutdown(bios.v, 1, NONE);
    assert_shutdown(bios.c, 1, NONE);
    assert_bio(bios.c, "clean_both");
    assert_bio(bios.v, "clean_both");
    bios_free(&bios);
}

static void o3_half_close_across_a_key_update(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_reads_end(bios.v);
    assert_flags(bios.v, RECEIVED);
    assert_int_equal(tlsm_bio_write(bios.v, "first", 5), 5);
    assert_int_equal(tlsm_link_key_update(&bios.v->link, 1), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_write(bios.v, "second", 6), 6);
    assert_shutdown(bios.v, 1, NONE);
    assert_reads(bios.c, "first");
    assert_reads(bios.c, "second");
    assert_write_fails(bios.c);
    assert_shutdown(bios.c, 1, NONE);
    assert_bio(bios.c, "clean_both");
    bios_free(&bios);
}

static void o5_a_blocked_output_is_want_write_until_it_is_free(void **state)
{
    struct bios bios;
    uint8_t byte;
    (void)state;
    connected(&bios, TLSM_SHUTDOWN_TWO_STEP, 0, ALERT_RECORD - 1);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_shutdown(bios.v, -1, WANT_WRITE);
    assert_shutdown(bios.v, -1, WANT_WRITE);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_WANT_READ);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_shutdown(bios.v, 1, NONE);
    assert_shutdown(bios.c, 1, NONE);
    bios_free(&bios);
}

/* O6, K3, K4: an EOF is an error that names itself, never a normal end. */
static void o6_an_eof_is_never_a_normal_end(void **state)
{
    int contract;
    (void)state;
    for (contract = 0; contract < 2; contract++) {
        struct bios bios;
        uint8_t byte;
        connected(&bios, (enum tlsm_shutdown_contract)contract, 0, 0);
        hang_up(bios.v);
        assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
        assert_int_equal(tlsm_bio_get_error(bios.c), SSL_CLASS);
        assert_reason(bios.c, "unexpected eof while reading");
        assert_shutdown(bios.c, contract == TLSM_SHUTDOWN_ONE_CALL ? 0 : -1, SSL_CLASS);
        assert_reason(bios.c, "unexpected eof while reading");
        assert_flags(bios.c, SENT);
        assert_bio(bios.c, "truncated");
        bios_free(&bios);
    }
}

static void o6_an_eof_while_waiting_for_the_peer(void **state)
{
    int contract;
    (void)state;
    for (contract = 0; contract < 2; contract++) {
        struct bios bios;
        connected(&bios, (enum tlsm_shutdown_contract)contract, 0, 0);
        assert_shutdown(bios.c, contract == TLSM_SHUTDOWN_ONE_CALL ? -1 : 0, WANT_READ);
        hang_up(bios.v);
        assert_shutdown(bios.c, contract == TLSM_SHUTDOWN_ONE_CALL ? 0 : -1, SSL_CLASS);
        assert_reason(bios.c, "unexpected eof while reading");
        assert_bio(bios.c, "closed_incomplete");
        bios_free(&bios);
    }
}

static void o7_ten_key_updates(void **state)
{
    struct bios bios;
    int i;
    (void)state;
    connected(&bios, TLSM_SHUTDOWN_TWO_STEP, 30, 30);
    for (i = 0; i < 10; i++) {
        uint8_t bytes[300];
        size_t got = 0;
        assert_int_equal(tlsm_link_key_update(i & 1 ? &bios.c->link : &bios.v->link, 1), TLSM_IO_DONE);
        assert_int_equal(tlsm_bio_write(bios.c, bytes, (memset(bytes, i, sizeof bytes), sizeof bytes)), 300);
        while (got < 300) {
            ptrdiff_t read = tlsm_bio_read(bios.v, bytes, sizeof bytes);
            got += read > 0 ? (size_t)read : 0;
            (void)tlsm_bio_flush(bios.c);
        }
        while (tlsm_bio_read(bios.c, bytes, 1) == TLSM_IO_WANT_READ && tlsm_bio_flush(bios.v) != TLSM_IO_DONE)
            ;
    }
    assert_int_equal(tlsm_bio_flush(bios.c), TLSM_IO_DONE);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_shutdown(bios.c, 1, NONE);
    bios_free(&bios);
}

/* O8, K1. */
static void o8_unread_data_stops_the_call_and_can_still_be_read(void **state)
{
    int contract;
    (void)state;
    for (contract = 0; contract < 2; contract++) {
        struct bios bios;
        connected(&bios, (enum tlsm_shutdown_contract)contract, 0, 0);
        assert_int_equal(tlsm_bio_write(bios.v, "message", 7), 7);
        if (contract == TLSM_SHUTDOWN_TWO_STEP)
            assert_shutdown(bios.c, 0, WANT_READ);
        assert_shutdown(bios.c, -1, SSL_CLASS);
        assert_reason(bios.c, "application data pending");
        assert_shutdown(bios.c, -1, SSL_CLASS);
        assert_reason(bios.c, "application data pending");
        assert_flags(bios.c, SENT);
        assert_bio(bios.c, "open");
        assert_reads(bios.c, "message");
        assert_shutdown(bios.c, -1, WANT_READ);
        assert_shutdown(bios.v, 1 - (contract == TLSM_SHUTDOWN_TWO_STEP), contract == TLSM_SHUTDOWN_TWO_STEP ? WANT_READ : NONE);
        assert_shutdown(bios.c, 1, NONE);
        assert_bio(bios.c, "clean_both");
        bios_free(&bios);
    }
}

static void k1_discard_reads_on_and_counts(void **state)
{
    struct bios bios;
    (void)state;
    bios_pair(&bios, 0, 0);
    bios.two.settings[CLIENT].data_while_closing = TLSM_CLOSING_DISCARD;
    bios_connect(&bios);
    assert_shutdown(bios.c, -1, WANT_READ);
    assert_int_equal(tlsm_bio_write(bios.v, "message", 7), 7);
    assert_shutdown(bios.v, 1, NONE);
    assert_shutdown(bios.c, 1, NONE);
    assert_int_equal(link_verdict(&bios.c->link).discarded, 7);
    bios_free(&bios);
}

/* ------------------------------------------------------------------------------------------------ L */

static void l4_quiet_both(void **state)
{
    struct bios bios;
    uint64_t before[2];
    (void)state;
    two_step(&bios);
    before[0] = sent_bytes(bios.c);
    before[1] = sent_bytes(bios.v);
    tlsm_bio_contract(bios.c, TLSM_SHUTDOWN_TWO_STEP, 1);
    tlsm_bio_contract(bios.v, TLSM_SHUTDOWN_TWO_STEP, 1);
    assert_shutdown(bios.c, 1, NONE);
    assert_shutdown(bios.v, 1, NONE);
    assert_flags(bios.c, BOTH);
    assert_flags(bios.v, BOTH);
    assert_int_equal(sent_bytes(bios.c), before[0]);
    assert_int_equal(sent_bytes(bios.v), before[1]);
    assert_bio(bios.c, "open");   /* K2: the verdict never becomes clean through flags */
    bios_free(&bios);
}

static void quiet_one(int server_is_quiet)
{
    struct bios bios;
    struct tlsm_bio *quiet, *other;
    two_step(&bios);
    quiet = server_is_quiet ? bios.v : bios.c;
    other = server_is_quiet ? bios.c : bios.v;
    tlsm_bio_contract(quiet, TLSM_SHUTDOWN_TWO_STEP, 1);
    assert_shutdown(quiet, 1, NONE);
    assert_flags(quiet, BOTH);
    assert_shutdown(other, 0, WANT_READ);
    hang_up(quiet);
    assert_shutdown(other, -1, SSL_CLASS);
    assert_reason(other, "unexpected eof while reading");
    assert_flags(other, SENT);
    bios_free(&bios);
}

static void l2_quiet_client(void **state) { (void)state; quiet_one(0); }
static void l3_quiet_server(void **state) { (void)state; quiet_one(1); }

/* L5, L8: nothing is sent, the peer's is waited for. L6, L9: one is sent, 1 without reading. L7, L10: silent. */
static void l5_to_l10_preset_flags(void **state)
{
    int server, flags;
    (void)state;
    for (server = 0; server < 2; server++) {
        for (flags = SENT; flags <= BOTH; flags++) {
            struct bios bios;
            struct tlsm_bio *preset, *other;
            uint64_t before;
            two_step(&bios);
            preset = server ? bios.v : bios.c;
            other = server ? bios.c : bios.v;
            tlsm_bio_set_shutdown(preset, flags);
            assert_flags(preset, flags);
            before = sent_bytes(preset);
            assert_shutdown(preset, flags == SENT ? -1 : 1, flags == SENT ? WANT_READ : NONE);
            assert_int_equal(sent_bytes(preset), before + (flags == RECEIVED ? ALERT_RECORD : 0));
            assert_shutdown(other, 0, WANT_READ);
            if (flags == SENT)
                assert_shutdown(preset, 1, NONE);
            assert_flags(preset, BOTH);
            if (flags == RECEIVED)
                assert_shutdown(other, 1, NONE);
            assert_string_not_equal(bio_how(preset), "clean_both");   /* K2 */
            bios_free(&bios);
        }
    }
}

static void l11_lock_step(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_flags(bios.c, 0);
    assert_flags(bios.v, 0);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_flags(bios.c, SENT);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_flags(bios.v, SENT);
    assert_shutdown(bios.c, 1, NONE);
    assert_flags(bios.c, BOTH);
    assert_shutdown(bios.v, 1, NONE);
    assert_flags(bios.v, BOTH);
    bios_free(&bios);
}

/* ------------------------------------------------------------------------------------------------ S */

static const uint8_t garbage[TLSM_HEADER + 20] = { TYPE_DATA, 3, 3, 0, 20, 9 };

/* S1, S9, S10: the alert that is owed goes out alone and whole, however often it was blocked. */
static void s1_a_fatal_alert_that_is_owed_is_all_that_is_sent(void **state)
{
    struct bios bios;
    uint64_t before;
    uint8_t byte;
    int tries;
    (void)state;
    connected(&bios, TLSM_SHUTDOWN_TWO_STEP, 0, 10);
    before = sent_bytes(bios.v);
    assert_int_equal(BIO_write(bios.c->wbio, garbage, sizeof garbage), sizeof garbage);
    assert_int_equal(tlsm_bio_read(bios.v, &byte, 1), TLSM_IO_WANT_WRITE);
    for (tries = 0; tries < 5; tries++)
        assert_shutdown(bios.v, -1, WANT_WRITE);
    assert_int_equal(sent_bytes(bios.v), before + 10);
    while (tlsm_bio_shutdown(bios.v) == -1 && tlsm_bio_get_error(bios.v) == WANT_WRITE)
        (void)tlsm_bio_read(bios.c, &byte, 1);
    assert_shutdown(bios.v, -1, SSL_CLASS);
    assert_int_equal(sent_bytes(bios.v), before + ALERT_RECORD);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
    assert_bio(bios.c, "peer_alert");
    assert_bio(bios.v, "local_alert");
    bios_free(&bios);
}

static void s3_after_the_peers_fatal_alert_nothing_is_sent(void **state)
{
    struct bios bios;
    uint64_t before;
    uint8_t byte;
    (void)state;
    two_step(&bios);
    assert_int_equal(tlsm_link_abort(&bios.v->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_flush(bios.v), TLSM_IO_ENDED);
    before = sent_bytes(bios.c);
    assert_int_equal(tlsm_bio_read(bios.c, &byte, 1), TLSM_IO_ENDED);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_int_equal(sent_bytes(bios.c), before);
    assert_flags(bios.c, SENT);
    assert_bio(bios.c, "peer_alert");
    bios_free(&bios);
}

/* S4, K6: it does not wait in a handshake. */
static void s4_in_the_handshake_it_cancels_and_does_not_wait(void **state)
{
    int contract;
    (void)state;
    for (contract = 0; contract < 2; contract++) {
        struct bios bios;
        bios_pair(&bios, 0, 0);
        bios_contract(&bios, (enum tlsm_shutdown_contract)contract);
        assert_int_equal(tlsm_bio_connect(bios.c, NULL), TLSM_IO_WANT_READ);
        assert_shutdown(bios.c, -1, SSL_CLASS);
        assert_reason(bios.c, "shutdown while in init");
        assert_bio(bios.c, "cancelled_in_handshake");
        assert_int_equal(tlsm_bio_accept(bios.v), TLSM_IO_ENDED);
        assert_bio(bios.v, "handshake_failed");
        bios_free(&bios);
    }
}

static void k6_a_blocked_cancel_is_want_write_first(void **state)
{
    struct bios bios;
    char bytes[8];
    (void)state;
    bios_pair(&bios, 8, 0);
    assert_int_equal(tlsm_bio_connect(bios.c, NULL), TLSM_IO_WANT_WRITE);
    assert_shutdown(bios.c, -1, WANT_WRITE);
    do
        assert_int_equal(BIO_read(bios.v->rbio, bytes, sizeof bytes) > 0, 1);
    while (tlsm_bio_shutdown(bios.c) == -1 && tlsm_bio_get_error(bios.c) == WANT_WRITE);
    assert_reason(bios.c, "shutdown while in init");
    assert_bio(bios.c, "cancelled_in_handshake");
    bios_free(&bios);
}

static void s5_closed_by_the_peer_already_sends_and_is_complete(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_reads_end(bios.c);
    assert_shutdown(bios.c, 1, NONE);
    assert_shutdown(bios.v, 1, NONE);
    assert_bio(bios.c, "clean_both");
    bios_free(&bios);
}

static void s6_the_peers_fatal_alert_after_our_close_notify(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_int_equal(tlsm_link_abort(&bios.v->link, TLSM_ALERT_INTERNAL_ERROR), TLSM_IO_DONE);
    assert_int_equal(tlsm_bio_flush(bios.v), TLSM_IO_ENDED);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_bio(bios.c, "peer_alert");
    bios_free(&bios);
}

/* S7: half a record, then the rest; or a rest that is not its own. */
static void s7_half_a_record_while_closing(void **state)
{
    static const uint8_t close_notify[] = { 1, TLSM_ALERT_CLOSE_NOTIFY };
    int spoiled;
    (void)state;
    for (spoiled = 0; spoiled < 2; spoiled++) {
        struct bios bios;
        uint8_t record[2][64];
        size_t length[2];
        one_call(&bios);
        length[0] = two_forge(&bios.v->link, TYPE_DATA, "data", 4, record[0]);
        length[1] = two_forge(&bios.v->link, TYPE_ALERT, close_notify, sizeof close_notify, record[1]);
        record[1][length[1] - 1] ^= (uint8_t)spoiled;
        assert_int_equal(BIO_write(bios.v->wbio, record[0], 9), 9);
        assert_shutdown(bios.c, -1, WANT_READ);
        assert_int_equal(BIO_write(bios.v->wbio, record[0] + 9, (int)length[0] - 9), length[0] - 9);
        assert_int_equal(BIO_write(bios.v->wbio, record[1], 3), 3);
        assert_shutdown(bios.c, -1, SSL_CLASS);
        assert_reason(bios.c, "application data pending");
        assert_reads(bios.c, "data");
        assert_shutdown(bios.c, -1, WANT_READ);
        assert_int_equal(BIO_write(bios.v->wbio, record[1] + 3, (int)length[1] - 3), length[1] - 3);
        assert_shutdown(bios.c, spoiled ? -1 : 1, spoiled ? SSL_CLASS : NONE);
        assert_bio(bios.c, spoiled ? "protocol_error" : "clean_both");   /* B4: no alert any more */
        bios_free(&bios);
    }
}

static void s8_the_peer_closes_and_drops_the_socket(void **state)
{
    struct bios bios;
    int descriptor[2], i;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    for (i = 0; i < 2; i++)
        assert_int_equal(fcntl(descriptor[i], F_SETFL, O_NONBLOCK), 0);
    two_init(&bios.two);
    bios_over(&bios, BIO_new_socket(descriptor[0], BIO_CLOSE), BIO_new_socket(descriptor[1], BIO_CLOSE));
    bios_contract(&bios, TLSM_SHUTDOWN_TWO_STEP);
    bios_connect(&bios);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_shutdown(bios.v, 0, WANT_READ);
    tlsm_bio_free(bios.v);
    bios.v = NULL;
    assert_shutdown(bios.c, 1, NONE);
    assert_bio(bios.c, "clean_both");
    bios_free(&bios);
}

/* B10, K6: the peer closed and is gone; ours cannot be sent. */
static void b10_our_reply_cannot_be_sent(void **state)
{
    struct bios bios;
    int descriptor[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    assert_int_equal(fcntl(descriptor[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(descriptor[1], F_SETFL, O_NONBLOCK), 0);
    two_init(&bios.two);
    bios_over(&bios, BIO_new_socket(descriptor[0], BIO_CLOSE), BIO_new_socket(descriptor[1], BIO_CLOSE));
    bios_contract(&bios, TLSM_SHUTDOWN_TWO_STEP);
    bios_connect(&bios);
    assert_shutdown(bios.v, 0, WANT_READ);
    tlsm_bio_free(bios.v);
    bios.v = NULL;
    assert_reads_end(bios.c);
    assert_shutdown(bios.c, -1, SYSCALL);
    assert_int_equal(tlsm_bio_errno(bios.c), EPIPE);
    assert_flags(bios.c, BOTH);
    assert_bio(bios.c, "clean_received");
    bios_free(&bios);
}

static void s9_output_blocked_five_times_then_free_sends_one_alert(void **state)
{
    struct bios bios;
    uint64_t before;
    uint8_t byte;
    int tries;
    (void)state;
    connected(&bios, TLSM_SHUTDOWN_TWO_STEP, 10, 0);
    before = sent_bytes(bios.c);
    for (tries = 0; tries < 5; tries++)
        assert_shutdown(bios.c, -1, WANT_WRITE);
    while (tlsm_bio_shutdown(bios.c) == -1) {
        assert_int_equal(tlsm_bio_get_error(bios.c), WANT_WRITE);
        (void)tlsm_bio_read(bios.v, &byte, 1);
    }
    assert_int_equal(sent_bytes(bios.c), before + ALERT_RECORD);
    assert_reads_end(bios.v);
    bios_free(&bios);
}

static void s11_unread_data_in_both_directions(void **state)
{
    struct bios bios;
    (void)state;
    two_step(&bios);
    assert_int_equal(tlsm_bio_write(bios.c, "to v", 4), 4);
    assert_int_equal(tlsm_bio_write(bios.v, "to c", 4), 4);
    assert_shutdown(bios.c, 0, WANT_READ);
    assert_shutdown(bios.v, 0, WANT_READ);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_shutdown(bios.v, -1, SSL_CLASS);
    assert_reads(bios.c, "to c");
    assert_reads(bios.v, "to v");
    assert_shutdown(bios.c, 1, NONE);
    assert_shutdown(bios.v, 1, NONE);
    bios_free(&bios);
}

/* B3: a budget ends the wait. */
static void b3_a_budget_ends_the_wait(void **state)
{
    struct bios bios;
    (void)state;
    bios_pair(&bios, 0, 0);
    bios.two.settings[CLIENT].data_while_closing = TLSM_CLOSING_FAIL;
    bios_connect(&bios);
    assert_shutdown(bios.c, -1, WANT_READ);
    assert_int_equal(tlsm_bio_write(bios.v, "x", 1), 1);
    assert_shutdown(bios.c, -1, SSL_CLASS);
    assert_bio(bios.c, "limit_exceeded");
    bios_free(&bios);
}

/* C1, A12: asked again, the same answer; no second alert. */
static void shutting_down_again_changes_nothing(void **state)
{
    struct bios bios;
    uint64_t before;
    int i;
    (void)state;
    one_call(&bios);
    assert_shutdown(bios.c, -1, WANT_READ);
    assert_shutdown(bios.v, 1, NONE);
    before = sent_bytes(bios.c);
    for (i = 0; i < 3; i++)
        assert_shutdown(bios.c, 1, NONE);
    assert_int_equal(sent_bytes(bios.c), before);
    assert_reads_end(bios.c);
    assert_bio(bios.c, "clean_both");
    bios_free(&bios);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a12_the_call_after_a_one_way_close_waits),
        cmocka_unit_test(o1_two_sided_shutdown),
        cmocka_unit_test(o3_half_close_across_a_key_update),
        cmocka_unit_test(o5_a_blocked_output_is_want_write_until_it_is_free),
        cmocka_unit_test(o6_an_eof_is_never_a_normal_end),
        cmocka_unit_test(o6_an_eof_while_waiting_for_the_peer),
        cmocka_unit_test(o7_ten_key_updates),
        cmocka_unit_test(o8_unread_data_stops_the_call_and_can_still_be_read),
        cmocka_unit_test(k1_discard_reads_on_and_counts),
        cmocka_unit_test(l2_quiet_client),
        cmocka_unit_test(l3_quiet_server),
        cmocka_unit_test(l4_quiet_both),
        cmocka_unit_test(l5_to_l10_preset_flags),
        cmocka_unit_test(l11_lock_step),
        cmocka_unit_test(s1_a_fatal_alert_that_is_owed_is_all_that_is_sent),
        cmocka_unit_test(s3_after_the_peers_fatal_alert_nothing_is_sent),
        cmocka_unit_test(s4_in_the_handshake_it_cancels_and_does_not_wait),
        cmocka_unit_test(k6_a_blocked_cancel_is_want_write_first),
        cmocka_unit_test(s5_closed_by_the_peer_already_sends_and_is_complete),
        cmocka_unit_test(s6_the_peers_fatal_alert_after_our_close_notify),
        cmocka_unit_test(s7_half_a_record_while_closing),
        cmocka_unit_test(s8_the_peer_closes_and_drops_the_socket),
        cmocka_unit_test(b10_our_reply_cannot_be_sent),
        cmocka_unit_test(s9_output_blocked_five_times_then_free_sends_one_alert),
        cmocka_unit_test(s11_unread_data_in_both_directions),
        cmocka_unit_test(b3_a_budget_ends_the_wait),
        cmocka_unit_test(shutting_down_again_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
