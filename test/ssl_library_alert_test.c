/* SPDX-License-Identifier: MIT */
/* What other libraries' own tests check of a closing: S1 to S12 of docs/closing.md, section 12, in TLS 1.2 and 1.3. They are about
 * `us`, the client or the server, ours, and a peer that is ours or libssl. The half of S12 that is the policy `reply` of TLS 1.2
 * is in closing12_test.c: OpenSSL's calls leave the answer to SSL_shutdown(). */
#include "ssl_ends.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct party *us(const struct ends *ends) { return ends->party[ends->us]; }
static struct wire_lane *ours(const struct ends *ends) { return lane(ends, ends->us); }
static struct wire_lane *theirs(const struct ends *ends) { return lane(ends, ends->peer); }

/* What lies there is an alert under the application key, once. */
static void assert_one_alert(const struct ends *ends, int side)
{
    size_t length[2] = { 0, 0 };
    assert_int_equal(wire_records(lane(ends, side), length, 2), 1);
    assert_int_equal(length[0], alert_record(ends));
    assert_int_equal(lane(ends, side)->length, alert_record(ends));
}

/* What a side sends is spoiled on its way, so that the other answers with a fatal alert. */
static void send_spoiled(struct ends *ends, int side)
{
    assert_writes(ends, side, "spoiled");
    ends_spoil(ends, side);
}

static void receive_fatal_alert(struct ends *ends)
{
    send_spoiled(ends, ends->us);
    assert_read_fails(ends, ends->peer, SSL_ERROR_SSL);
    assert_one_alert(ends, ends->peer);
}

#define assert_fails(ends, about)                                        \
    do {                                                                 \
        assert_shutdown(ends, (ends)->us, -1, SSL_ERROR_SSL);            \
        assert_int_equal(ends_reason(), about);                          \
    } while (0)

/* ------------------------------------------------------------------------------------------------ fatal alerts */

/* Owed by the reader: that goes out alone, and nothing is waited for. */
static void s1_a_fatal_alert_that_is_owed_is_all_that_is_sent(struct ends *ends)
{
    ours(ends)->room = 0;
    send_spoiled(ends, ends->peer);
    assert_read_fails(ends, ends->us, SSL_ERROR_WANT_WRITE);
    for (int i = 0; i < 5; i++)
        assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    ours(ends)->room = WIRE_ANY;
    assert_fails(ends, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    assert_fails(ends, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    assert_one_alert(ends, ends->us);
    assert_how(ends, ends->us, "local_alert");
    assert_read_fails(ends, ends->peer, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_how(ends, ends->peer, "peer_alert");
}

static void s3_after_the_peers_fatal_alert_nothing_is_sent(struct ends *ends)
{
    uint64_t before;
    receive_fatal_alert(ends);
    before = ours(ends)->written;
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_fails(ends, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_fails(ends, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_int_equal(ours(ends)->written, before);
    assert_flags(ends, ends->us, SENT);
    assert_how(ends, ends->us, "peer_alert");
}

/* After our close_notify: reported, and later calls change nothing. */
static void s6_the_peers_fatal_alert_after_our_close_notify(struct ends *ends)
{
    send_spoiled(ends, ends->us);
    assert_closes(ends, ends->us);
    assert_read_fails(ends, ends->peer, SSL_ERROR_SSL);
    for (int i = 0; i < 3; i++)
        assert_fails(ends, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    assert_flags(ends, ends->us, SENT);
    assert_how(ends, ends->us, "peer_alert");
}

/* After our own fatal alert the peer's is not read. */
static void s6_after_our_fatal_alert_theirs_is_not_read(struct ends *ends)
{
    send_spoiled(ends, ends->peer);
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    ends_spoil(ends, ends->us);   /* so that the peer has something to say of it */
    assert_read_fails(ends, ends->peer, SSL_ERROR_SSL);
    assert_one_alert(ends, ends->peer);
    assert_fails(ends, SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC);
    assert_one_alert(ends, ends->peer);
    assert_how(ends, ends->us, "local_alert");
}

/* ------------------------------------------------------------------------------------------------ in the handshake */

static int handshake(struct ends *ends, int side)
{
    const int done = kind(ends, side)->handshake(ends->party[side]);
    return done == 1 ? SSL_ERROR_NONE : kind(ends, side)->get_error(ends->party[side], done);
}

/* The client has said hello, the server has nothing: it cancels in the clear, or is silent, and does not wait (A2, A3). */
static void s4_before_the_peer_said_anything(struct ends *ends)
{
    size_t length[3] = { 0, 0, 0 };
    assert_int_equal(handshake(ends, ends->us), SSL_ERROR_WANT_READ);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_int_equal(wire_records(ours(ends), length, 3), ends->us == C ? 3 : 0);
    if (ends->us == C) {
        assert_int_equal(length[1], 5 + 2);   /* user_canceled */
        assert_int_equal(length[2], 5 + 2);   /* close_notify */
        /* In the words of libssl its peer just closed. */
        assert_int_equal(handshake(ends, ends->peer), is_ours(ends, ends->peer) ? SSL_ERROR_SSL : SSL_ERROR_ZERO_RETURN);
    }
    assert_flags(ends, ends->us, SENT);
    assert_how(ends, ends->us, ends->us == C ? "cancelled_in_handshake" : "never_opened");
    assert_int_not_equal(handshake(ends, ends->us), SSL_ERROR_NONE);
}

/* A blocked cancel is WANT_WRITE first (K6). */
static void s4_a_cancel_that_is_blocked(struct ends *ends)
{
    ours(ends)->room = 8;
    assert_int_equal(handshake(ends, ends->us), SSL_ERROR_WANT_WRITE);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    ours(ends)->room = WIRE_ANY;
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_int_equal(wire_records(ours(ends), NULL, 0), 3);
    assert_how(ends, ends->us, "cancelled_in_handshake");
}

/* A4: a server that has finished closes its half and goes on reading: the client's Finished, then its data. */
static void s4_a_server_before_the_clients_finished(struct ends *ends)
{
    assert_int_equal(handshake(ends, C), SSL_ERROR_WANT_READ);
    assert_int_equal(handshake(ends, V), SSL_ERROR_WANT_READ);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_how(ends, V, "open");
    assert_int_equal(handshake(ends, C), SSL_ERROR_NONE);
    assert_reads_end(ends, C);
    assert_writes(ends, C, "still heard");
    assert_reads(ends, V, "still heard");
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_reads_end(ends, V);
    assert_flags(ends, V, BOTH);
    assert_how(ends, V, "clean_both");
    assert_how(ends, C, "clean_both");
}

/* TLS 1.2, where its Finished is the last: it cancels in the clear, and the client's handshake fails (A3). */
static void s4_a_server_in_the_handshake(struct ends *ends)
{
    size_t before;
    assert_int_equal(handshake(ends, C), SSL_ERROR_WANT_READ);
    assert_int_equal(handshake(ends, V), SSL_ERROR_WANT_READ);
    before = wire_records(ours(ends), NULL, 0);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_int_equal(wire_records(ours(ends), NULL, 0), before + 2);
    assert_how(ends, V, "cancelled_in_handshake");
    (void)handshake(ends, C);
    assert_int_not_equal(handshake(ends, C), SSL_ERROR_NONE);
    assert_int_equal(kind(ends, C)->connected(ends->party[C]), 0);
}

/* … and a client, whose Finished is the first: it cancels under the key that it has. */
static void s4_a_client_behind_its_finished(struct ends *ends)
{
    size_t length[16] = { 0 }, before;
    assert_int_equal(handshake(ends, C), SSL_ERROR_WANT_READ);
    assert_int_equal(handshake(ends, V), SSL_ERROR_WANT_READ);
    assert_int_equal(handshake(ends, C), SSL_ERROR_WANT_READ);
    before = wire_records(ours(ends), NULL, 0);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_int_equal(wire_records(ours(ends), length, 16), before + 2);
    assert_int_equal(length[before], alert_record(ends));       /* user_canceled */
    assert_int_equal(length[before + 1], alert_record(ends));   /* close_notify */
    assert_how(ends, C, "cancelled_in_handshake");
    (void)handshake(ends, V);
    assert_reads_end(ends, V);
    assert_int_not_equal(handshake(ends, C), SSL_ERROR_NONE);
}

/* ------------------------------------------------------------------------------------------------ warnings */

/* Nothing of ours owes a warning but the one before a close in the handshake: S2 is its case. It comes first, then close_notify,
 * and the peer's answer is not waited for (S4). */
static void s2_the_warning_that_is_owed_precedes_close_notify(struct ends *ends)
{
    static const uint8_t user_canceled[] = { 21, 3, 3, 0, 2, 1, 90 }, close_notify[] = { 21, 3, 3, 0, 2, 1, 0 };
    const struct wire_lane *const sent = ours(ends);
    if (ends->us == V)
        assert_int_equal(handshake(ends, C), SSL_ERROR_WANT_READ);
    assert_int_equal(handshake(ends, ends->us), SSL_ERROR_WANT_READ);
    assert_fails(ends, SSL_R_SHUTDOWN_WHILE_IN_INIT);
    assert_true(sent->length > sizeof user_canceled + sizeof close_notify);
    assert_memory_equal(sent->bytes + sent->length - 14, user_canceled, 7);
    assert_memory_equal(sent->bytes + sent->length - 7, close_notify, 7);
    assert_how(ends, ends->us, "cancelled_in_handshake");
}

/* ------------------------------------------------------------------------------------------------ the peer went first */

static void s5_closed_by_the_peer_already(struct ends *ends)
{
    assert_closes(ends, ends->peer);
    assert_reads_end(ends, ends->us);
    assert_flags(ends, ends->us, RECEIVED);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_one_alert(ends, ends->us);
    assert_shutdown(ends, ends->peer, 1, SSL_ERROR_NONE);
    assert_how(ends, ends->us, "clean_both");
    assert_how(ends, ends->peer, "clean_both");
}

/* Our close_notify left; the peer answers and is gone before our second call. */
static void s8_the_peer_closes_and_is_gone(struct ends *ends)
{
    assert_closes(ends, ends->us);
    assert_closes_and_meets(ends, ends->peer);
    ends_cut(ends, ends->peer);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_reads_end(ends, ends->us);
    assert_how(ends, ends->us, "clean_both");
}

static void over_sockets(struct ends *ends, int descriptor[ENDS])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptor), 0);
    for (int side = 0; side < ENDS; side++) {
        assert_int_equal(fcntl(descriptor[side], F_SETFL, O_NONBLOCK), 0);
        assert_int_equal(kind(ends, side)->set_fd(ends->party[side], descriptor[side]), 1);
    }
    ends_handshake(ends);
    assert_read_fails(ends, C, SSL_ERROR_WANT_READ);
}

/* The same where a real socket is dropped. */
static void s8_the_peer_drops_its_socket(struct ends *ends)
{
    int descriptor[ENDS];
    over_sockets(ends, descriptor);
    assert_closes(ends, ends->us);
    assert_closes_and_meets(ends, ends->peer);
    assert_int_equal(close(descriptor[ends->peer]), 0);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_how(ends, ends->us, "clean_both");
    assert_int_equal(close(descriptor[ends->us]), 0);
}

/* B10: it closed and is gone before ours could be sent: what it said stands. No SIGPIPE. */
static void s8_the_peer_is_gone_before_our_first_call(struct ends *ends)
{
    int descriptor[ENDS];
    over_sockets(ends, descriptor);
    assert_closes(ends, ends->peer);
    assert_int_equal(close(descriptor[ends->peer]), 0);
    assert_reads_end(ends, ends->us);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_SYSCALL);
    assert_flags(ends, ends->us, BOTH);
    assert_how(ends, ends->us, "clean_received");
    assert_int_equal(close(descriptor[ends->us]), 0);
}

/* ------------------------------------------------------------------------------------------------ halves of records */

static void s7_half_a_data_record(struct ends *ends)
{
    assert_writes(ends, ends->peer, "data");
    theirs(ends)->visible = 9;
    if (!one_call(ends, ends->us))
        assert_closes(ends, ends->us);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_READ);
    theirs(ends)->visible = WIRE_ANY;
    assert_fails(ends, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY);
    assert_reads(ends, ends->us, "data");
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_READ);
    assert_closes_and_meets(ends, ends->peer);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_how(ends, ends->us, "clean_both");
}

/* Every prefix of it. */
static void s7_half_a_close_notify(struct ends *ends)
{
    if (!one_call(ends, ends->us))
        assert_closes(ends, ends->us);
    assert_closes(ends, ends->peer);
    theirs(ends)->visible = 0;
    for (size_t seen = 0; seen < alert_record(ends); seen++) {
        assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_READ);
        assert_flags(ends, ends->us, SENT);
        theirs(ends)->visible = 1;
    }
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_flags(ends, ends->us, BOTH);
    assert_one_alert(ends, ends->us);
    assert_how(ends, ends->us, "clean_both");
}

/* B4: no alert any more, and never a normal end. */
static void s7_half_a_record_that_then_fails_to_authenticate(struct ends *ends)
{
    uint64_t before;
    if (!one_call(ends, ends->us))
        assert_closes(ends, ends->us);
    assert_closes(ends, ends->peer);
    ends_spoil(ends, ends->peer);
    theirs(ends)->visible = 11;
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_READ);
    before = ours(ends)->written;
    theirs(ends)->visible = WIRE_ANY;
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_SSL);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_SSL);
    assert_read_fails(ends, ends->us, SSL_ERROR_SSL);
    assert_int_equal(ours(ends)->written, before);
    assert_flags(ends, ends->us, SENT);
    assert_how(ends, ends->us, "protocol_error");
}

/* ------------------------------------------------------------------------------------------------ blocked output */

static void s9_blocked_five_times_then_free(struct ends *ends)
{
    ours(ends)->room = 0;
    for (int i = 0; i < 5; i++)
        assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    assert_flags(ends, ends->us, SENT);
    ours(ends)->room = WIRE_ANY;
    assert_closes(ends, ends->us);
    assert_one_alert(ends, ends->us);
    assert_reads_end(ends, ends->peer);
}

/* At every byte: what went is not sent again. */
static void s10_an_alert_partly_written(struct ends *ends)
{
    for (size_t gone = 0; gone < alert_record(ends); gone++) {
        ours(ends)->room = gone > 0;
        assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
        assert_int_equal(ours(ends)->length, gone);
    }
    ours(ends)->room = WIRE_ANY;
    assert_closes(ends, ends->us);
    assert_one_alert(ends, ends->us);
    assert_reads_end(ends, ends->peer);
    assert_shutdown(ends, ends->peer, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_how(ends, ends->us, "clean_both");
}

/* A write that is half done is no reason to drop the alert, nor to send it first (A9). */
static void s10_an_alert_behind_half_a_write(struct ends *ends)
{
    size_t length[3] = { 0, 0, 0 };
    ours(ends)->room = 10;
    assert_int_equal(kind(ends, ends->us)->write(us(ends), "half", 4), -1);
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_WRITE);
    ours(ends)->room = WIRE_ANY;
    assert_closes(ends, ends->us);
    assert_int_equal(wire_records(ours(ends), length, 3), 2);
    assert_int_equal(length[0], sealed(ends, 4));
    assert_int_equal(length[1], alert_record(ends));
    assert_reads(ends, ends->peer, "half");
    assert_reads_end(ends, ends->peer);
}

/* ------------------------------------------------------------------------------------------------ both directions */

static void s11_unread_data_in_both_directions(struct ends *ends)
{
    assert_writes(ends, ends->us, "to the peer");
    assert_writes(ends, ends->peer, "to us");
    if (!one_call(ends, ends->us))
        assert_closes(ends, ends->us);
    assert_fails(ends, SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY);
    assert_reads(ends, ends->us, "to us");
    assert_shutdown(ends, ends->us, -1, SSL_ERROR_WANT_READ);
    assert_reads(ends, ends->peer, "to the peer");
    assert_closes_and_meets(ends, ends->peer);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_how(ends, ends->us, "clean_both");
    assert_how(ends, ends->peer, "clean_both");
}

static void s12_the_other_direction_lives_on(struct ends *ends)
{
    uint64_t before;
    assert_closes(ends, ends->us);
    before = ours(ends)->written;
    assert_reads_end(ends, ends->peer);
    for (int i = 0; i < 3; i++) {
        assert_writes(ends, ends->peer, "goes on");
        assert_reads(ends, ends->us, "goes on");
        assert_write_fails(ends, ends->us);
    }
    assert_shutdown(ends, ends->peer, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, ends->us, 1, SSL_ERROR_NONE);
    assert_int_equal(ours(ends)->written, before);
    assert_how(ends, ends->us, "clean_both");
}

int main(void)
{
    static const struct ends_script scripts[] = {
        SCRIPT(s1_a_fatal_alert_that_is_owed_is_all_that_is_sent, PLAY_US),
        SCRIPT_OF_HANDSHAKE_OF(s2_the_warning_that_is_owed_precedes_close_notify, PLAY_US, OLDER),
        SCRIPT(s3_after_the_peers_fatal_alert_nothing_is_sent, PLAY_US),
        SCRIPT_OF_HANDSHAKE(s4_before_the_peer_said_anything, PLAY_US),
        SCRIPT_OF_HANDSHAKE(s4_a_cancel_that_is_blocked, PLAY_US_AS_C),
        SCRIPT_OF_HANDSHAKE_OF(s4_a_server_before_the_clients_finished, PLAY_US_AS_V, NEWER),
        SCRIPT_OF_HANDSHAKE_OF(s4_a_server_in_the_handshake, PLAY_US_AS_V, OLDER),
        SCRIPT_OF_HANDSHAKE_OF(s4_a_client_behind_its_finished, PLAY_US_AS_C, OLDER),
        SCRIPT(s5_closed_by_the_peer_already, PLAY_US),
        SCRIPT(s6_the_peers_fatal_alert_after_our_close_notify, PLAY_US),
        SCRIPT(s6_after_our_fatal_alert_theirs_is_not_read, PLAY_US),
        SCRIPT(s7_half_a_data_record, PLAY_US),
        SCRIPT(s7_half_a_close_notify, PLAY_US),
        SCRIPT(s7_half_a_record_that_then_fails_to_authenticate, PLAY_US),
        SCRIPT(s8_the_peer_closes_and_is_gone, PLAY_US),
        SCRIPT_OF_HANDSHAKE(s8_the_peer_drops_its_socket, PLAY_US),
        SCRIPT_OF_HANDSHAKE(s8_the_peer_is_gone_before_our_first_call, PLAY_US),
        SCRIPT(s9_blocked_five_times_then_free, PLAY_US),
        SCRIPT(s10_an_alert_partly_written, PLAY_US),
        SCRIPT(s10_an_alert_behind_half_a_write, PLAY_US),
        SCRIPT(s11_unread_data_in_both_directions, PLAY_US),
        SCRIPT(s12_the_other_direction_lives_on, PLAY_US),
    };
    return ends_play(scripts, sizeof scripts / sizeof scripts[0]);
}
