/* SPDX-License-Identifier: MIT */
/* What other libraries' own tests check of a closing: O1 to O8 and L1 to L11 of docs/closing.md, section 12, in TLS 1.2 and 1.3.
 * C is the client, V the server; each is ours or the installed libssl. O4 is in late_auth_test.c. */
#include "ssl_ends.h"

static struct party *party(const struct ends *ends, int side) { return ends->party[side]; }

static void ask_for_update(struct ends *ends, int side)
{
    assert_int_equal(kind(ends, side)->key_update(party(ends, side), 1), 1);
}

static void write_is_blocked(struct ends *ends, int side, const char *text)
{
    const int result = kind(ends, side)->write(party(ends, side), text, (int)strlen(text));
    assert_int_equal(result, -1);
    assert_int_equal(kind(ends, side)->get_error(party(ends, side), result), SSL_ERROR_WANT_WRITE);
}

/* ------------------------------------------------------------------------------------------------ O */

static void o1_two_sided_shutdown(struct ends *ends)
{
    assert_closes(ends, C);
    assert_write_fails(ends, C);
    if (!one_call(ends, V)) {
        assert_closes(ends, V);
        assert_write_fails(ends, V);
        assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    }
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_write_fails(ends, V);
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_how(ends, C, "clean_both");
    assert_how(ends, V, "clean_both");
}

static void o2_closing_reads_the_tickets(struct ends *ends)
{
    ends_handshake(ends);
    assert_true(lane(ends, V)->length > 0);   /* tickets, unread */
    assert_int_not_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_how(ends, C, "clean_both");
}

/* TLS 1.2: it came in the handshake. */
static void o1_the_session_is_resumable_before_the_closing_and_after(struct ends *ends)
{
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_how(ends, C, "clean_both");
}

static void resumes(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++)
        assert_int_equal(kind(ends, side)->again(party(ends, side), side == C), 1);
    ends_wire(ends);
    ends_handshake(ends);
    assert_int_equal(kind(ends, C)->reused(party(ends, C)), 1);
    assert_int_equal(kind(ends, V)->reused(party(ends, V)), 1);
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
}

/* And the session that was closed is taken up again. */
static void o2_the_session_of_the_closing_resumes(struct ends *ends)
{
    o2_closing_reads_the_tickets(ends);
    resumes(ends);
}

static void o1_the_session_of_the_closing_resumes(struct ends *ends)
{
    o1_the_session_is_resumable_before_the_closing_and_after(ends);
    resumes(ends);
}

static void o3_half_close_across_a_key_update(struct ends *ends)
{
    assert_closes(ends, C);
    assert_reads_end(ends, V);
    assert_flags(ends, V, RECEIVED);
    assert_writes(ends, V, "first");
    ask_for_update(ends, V);
    assert_writes(ends, V, "second");
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_reads(ends, C, "first");
    assert_reads(ends, C, "second");
    assert_write_fails(ends, C);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_how(ends, C, "clean_both");
    assert_how(ends, V, "clean_both");
}

/* C3, half_close: what O3 says, where there is no key update. */
static void o3_half_close(struct ends *ends)
{
    assert_closes(ends, C);
    assert_reads_end(ends, V);
    assert_flags(ends, V, RECEIVED);
    assert_int_equal(lane(ends, V)->length, 0);   /* OpenSSL's calls answer by SSL_shutdown() alone */
    assert_writes(ends, V, "first");
    assert_writes(ends, V, "second");
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_reads(ends, C, "first");
    assert_reads(ends, C, "second");
    assert_write_fails(ends, C);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
    assert_how(ends, C, "clean_both");
    assert_how(ends, V, "clean_both");
}

static void o5_a_blocked_output_is_want_write_until_it_is_free(struct ends *ends)
{
    assert_closes(ends, C);
    lane(ends, V)->room = 0;
    assert_shutdown(ends, V, -1, SSL_ERROR_WANT_WRITE);
    assert_shutdown(ends, V, -1, SSL_ERROR_WANT_WRITE);
    lane(ends, V)->room = WIRE_ANY;
    assert_closes_and_meets(ends, V);
    assert_int_equal(lane(ends, V)->length, alert_record(ends));
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_how(ends, V, "clean_both");
}

/* The other way about: the client's output. */
static void o5_a_blocked_client(struct ends *ends)
{
    lane(ends, C)->room = 0;
    assert_shutdown(ends, C, -1, SSL_ERROR_WANT_WRITE);
    assert_closes(ends, V);
    assert_shutdown(ends, C, -1, SSL_ERROR_WANT_WRITE);
    lane(ends, C)->room = WIRE_ANY;
    assert_closes_and_meets(ends, C);
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
}

static void o6_a_reader_meets_eof(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++) {
        lane(ends, !side)->length = 0;   /* libssl answers an EOF with an alert */
        lane(ends, !side)->ended = 1;
        assert_read_fails(ends, side, SSL_ERROR_SSL);
        assert_int_equal(ends_reason(), SSL_R_UNEXPECTED_EOF_WHILE_READING);
        assert_flags(ends, side, 0);
        assert_how(ends, side, "truncated");
    }
}

static void o6_a_closer_meets_eof(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++) {
        assert_closes(ends, side);
        lane(ends, side)->length = 0;   /* never arrives */
        lane(ends, !side)->ended = 1;
        assert_shutdown_meets_eof(ends, side);
        assert_flags(ends, side, SENT);
        assert_how(ends, side, "closed_incomplete");
    }
}

static void o6_an_eof_inside_a_record_is_no_end_either(struct ends *ends)
{
    assert_writes(ends, V, "half of this");
    lane(ends, V)->length -= 5;
    lane(ends, V)->ended = 1;
    assert_read_fails(ends, C, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_UNEXPECTED_EOF_WHILE_READING);
    assert_how(ends, C, "truncated");
    if (is_ours(ends, C))
        assert_shutdown_meets_eof(ends, C);
    assert_int_not_equal(kind(ends, C)->shutdown(party(ends, C)), 1);
}

static void o7_ten_key_updates(struct ends *ends)
{
    for (int i = 0; i < 10; i++) {
        const int side = i & 1;
        assert_int_equal(kind(ends, side)->key_update(party(ends, side), i % 3 > 0), 1);
        assert_writes(ends, side, "before");
        assert_reads(ends, !side, "before");
        assert_writes(ends, !side, "after");
        assert_reads(ends, side, "after");
    }
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
}

/* A request read while a write is half done: the write is finished under the old key, the answer stands before the next. */
static void o7_a_request_read_in_the_middle_of_a_write(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++) {
        size_t length[3];
        lane(ends, side)->room = 10;
        write_is_blocked(ends, side, "the write");
        ask_for_update(ends, !side);
        assert_writes(ends, !side, "the request");
        assert_reads(ends, side, "the request");
        lane(ends, side)->room = WIRE_ANY;
        assert_writes(ends, side, "the write");
        assert_writes(ends, side, "the next");
        assert_int_equal(wire_records(lane(ends, side), length, 3), 3);
        assert_int_equal(length[0], sealed(ends, 9));
        assert_int_equal(length[1], sealed(ends, 5));   /* KeyUpdate */
        assert_int_equal(length[2], sealed(ends, 8));
        assert_reads(ends, !side, "the write");
        assert_reads(ends, !side, "the next");
    }
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
}

/* TLS 1.2 has none: refused, and nothing is broken by that (A14). */
static void o7_there_is_no_key_update(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++)
        for (int ask = 0; ask < 2; ask++)
            assert_int_equal(kind(ends, side)->key_update(party(ends, side), ask), 0);
    assert_writes(ends, C, "before");
    assert_reads(ends, V, "before");
    assert_closes(ends, C);
    assert_closes_and_meets(ends, V);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_how(ends, C, "clean_both");
}

/* K1: what lies in the way is named; ours keeps it. */
static void o8_unread_data_stops_the_closing(struct ends *ends)
{
    assert_closes(ends, C);
    assert_reads_end(ends, V);
    assert_writes(ends, V, "message");
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, C, -1, SSL_ERROR_SSL);
    assert_int_equal(ends_reason(), SSL_R_APPLICATION_DATA_AFTER_CLOSE_NOTIFY);
    assert_flags(ends, C, SENT);
    if (!is_ours(ends, C))
        return;
    assert_how(ends, C, "open");
    assert_shutdown(ends, C, -1, SSL_ERROR_SSL);
    assert_reads(ends, C, "message");
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_how(ends, C, "clean_both");
    assert_int_equal(kind(ends, C)->resumable(party(ends, C)), 1);
}

/* ------------------------------------------------------------------------------------------------ L */

static void l1_two_sided(struct ends *ends)
{
    assert_closes(ends, C);
    assert_flags(ends, C, SENT);
    assert_reads_end(ends, V);
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_flags(ends, C, BOTH);
    assert_flags(ends, V, BOTH);
    assert_int_equal(lane(ends, C)->length + lane(ends, V)->length, 0);
}

/* A side that says it is done without a word, and then goes. */
static void quiet(struct ends *ends, int side)
{
    const uint64_t before = lane(ends, side)->written;
    assert_shutdown(ends, side, 1, SSL_ERROR_NONE);
    assert_flags(ends, side, BOTH);
    assert_int_equal(lane(ends, side)->written, before);
}

static void quiet_one(struct ends *ends, int side)
{
    kind(ends, side)->set_quiet(party(ends, side), 1);
    quiet(ends, side);
    assert_closes(ends, !side);
    lane(ends, side)->ended = 1;
    assert_shutdown_meets_eof(ends, !side);
    assert_flags(ends, !side, SENT);
    assert_how(ends, side, "open");   /* K2: flags do not make it clean */
    assert_how(ends, !side, "closed_incomplete");
}

static void l2_quiet_client(struct ends *ends) { quiet_one(ends, C); }
static void l3_quiet_server(struct ends *ends) { quiet_one(ends, V); }

static void l4_quiet_both(struct ends *ends)
{
    for (int side = 0; side < ENDS; side++) {
        kind(ends, side)->set_quiet(party(ends, side), 1);
        quiet(ends, side);
        assert_how(ends, side, "open");
    }
}

/* SENT set: nothing is sent, the peer's is waited for. */
static void preset_sent(struct ends *ends, int side)
{
    const uint64_t before = lane(ends, side)->written;
    kind(ends, side)->set_shutdown(party(ends, side), SENT);
    assert_flags(ends, side, SENT);
    assert_shutdown(ends, side, -1, SSL_ERROR_WANT_READ);
    assert_closes(ends, !side);
    assert_shutdown(ends, side, 1, SSL_ERROR_NONE);
    assert_flags(ends, side, BOTH);
    assert_int_equal(lane(ends, side)->written, before);
    lane(ends, side)->ended = 1;
    assert_shutdown_meets_eof(ends, !side);
    assert_how(ends, side, "clean_received");   /* K2 */
}

/* RECEIVED set: one is sent, nothing is waited for. */
static void preset_received(struct ends *ends, int side)
{
    const uint64_t before = lane(ends, side)->written;
    kind(ends, side)->set_shutdown(party(ends, side), RECEIVED);
    assert_flags(ends, side, RECEIVED);
    assert_shutdown(ends, side, 1, SSL_ERROR_NONE);
    assert_int_equal(lane(ends, side)->written, before + alert_record(ends));
    assert_flags(ends, side, BOTH);
    assert_closes_and_meets(ends, !side);
    assert_flags(ends, !side, BOTH);
    assert_how(ends, side, "open");             /* K2: nothing was received */
    assert_how(ends, !side, "clean_both");
}

static void preset_both(struct ends *ends, int side)
{
    kind(ends, side)->set_shutdown(party(ends, side), BOTH);
    quiet(ends, side);
    assert_closes(ends, !side);
    lane(ends, side)->ended = 1;
    assert_shutdown_meets_eof(ends, !side);
    assert_how(ends, side, "open");
}

static void l5_client_preset_sent(struct ends *ends) { preset_sent(ends, C); }
static void l6_client_preset_received(struct ends *ends) { preset_received(ends, C); }
static void l7_client_preset_both(struct ends *ends) { preset_both(ends, C); }
static void l8_server_preset_sent(struct ends *ends) { preset_sent(ends, V); }
static void l9_server_preset_received(struct ends *ends) { preset_received(ends, V); }
static void l10_server_preset_both(struct ends *ends) { preset_both(ends, V); }

static void l11_lock_step(struct ends *ends)
{
    assert_flags(ends, C, 0);
    assert_flags(ends, V, 0);
    assert_closes(ends, C);
    assert_flags(ends, C, SENT);
    if (!one_call(ends, V)) {
        assert_closes(ends, V);
        assert_flags(ends, V, SENT);
        assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
        assert_flags(ends, C, BOTH);
    }
    assert_shutdown(ends, V, 1, SSL_ERROR_NONE);
    assert_flags(ends, V, BOTH);
    assert_shutdown(ends, C, 1, SSL_ERROR_NONE);
    assert_flags(ends, C, BOTH);
}

int main(void)
{
    static const struct ends_script scripts[] = {
        SCRIPT(o1_two_sided_shutdown, PLAY_ROLES),
        SCRIPT_OF(o1_the_session_is_resumable_before_the_closing_and_after, PLAY_ROLES, OLDER),
        SCRIPT_OF(o1_the_session_of_the_closing_resumes, PLAY_ROLES, OLDER),
        SCRIPT_OF_HANDSHAKE_OF(o2_closing_reads_the_tickets, PLAY_ROLES, NEWER),
        SCRIPT_OF_HANDSHAKE_OF(o2_the_session_of_the_closing_resumes, PLAY_ROLES, NEWER),
        SCRIPT_OF(o3_half_close_across_a_key_update, PLAY_ROLES, NEWER),
        SCRIPT(o3_half_close, PLAY_ROLES),
        SCRIPT(o5_a_blocked_output_is_want_write_until_it_is_free, PLAY_ROLES),
        SCRIPT(o5_a_blocked_client, PLAY_ROLES),
        SCRIPT(o6_a_reader_meets_eof, PLAY_ROLES),
        SCRIPT(o6_a_closer_meets_eof, PLAY_ROLES),
        SCRIPT(o6_an_eof_inside_a_record_is_no_end_either, PLAY_ROLES),
        SCRIPT_OF(o7_ten_key_updates, PLAY_ROLES, NEWER),
        SCRIPT_OF(o7_a_request_read_in_the_middle_of_a_write, PLAY_ROLES, NEWER),
        SCRIPT_OF(o7_there_is_no_key_update, PLAY_ROLES, OLDER),
        SCRIPT(o8_unread_data_stops_the_closing, PLAY_ROLES),
        SCRIPT(l1_two_sided, PLAY_ROLES),
        SCRIPT(l2_quiet_client, PLAY_ROLES),
        SCRIPT(l3_quiet_server, PLAY_ROLES),
        SCRIPT(l4_quiet_both, PLAY_ROLES),
        SCRIPT(l5_client_preset_sent, PLAY_ROLES),
        SCRIPT(l6_client_preset_received, PLAY_ROLES),
        SCRIPT(l7_client_preset_both, PLAY_ROLES),
        SCRIPT(l8_server_preset_sent, PLAY_ROLES),
        SCRIPT(l9_server_preset_received, PLAY_ROLES),
        SCRIPT(l10_server_preset_both, PLAY_ROLES),
        SCRIPT(l11_lock_step, PLAY_ROLES),
    };
    return ends_play(scripts, sizeof scripts / sizeof scripts[0]);
}
