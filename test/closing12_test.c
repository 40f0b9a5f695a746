/* SPDX-License-Identifier: MIT */
/* docs/closing.md, what it says of TLS 1.2: the rules marked (12), and those that hold for both versions and have another reason there. */
#include <stdlib.h>

#include "fixture.h"

enum { ALERT = 21, HANDSHAKE = 22, DATA = 23 };

/* Both sides, not started, with TLS 1.2 alone. */
static struct pair *fresh(void)
{
    struct pair *pair = pair_fresh();
    pair_speak(pair, TLSM_1_2);
    return pair;
}

static struct pair *connected(void)
{
    struct pair *pair = fresh();
    pair_connect(pair);
    return pair;
}

static struct pair *resumable(void)
{
    struct pair *pair = fresh();
    pair_resumable(pair);
    pair_connect(pair);
    return pair;
}

/* The client gets this from the server, and fails with `alert`. */
static void client_fails(const struct tlsm_settings *settings, uint8_t type, const void *content, size_t length, uint8_t alert)
{
    struct pair *pair = fresh();
    if (settings != NULL)
        pair->client.settings.renegotiation = settings->renegotiation;
    pair_connect(pair);
    side_forge(&pair->server, &pair->client, type, content, length);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "local_alert");
    assert_string_equal(tlsm_alert_name(side_verdict(&pair->client).alert_sent), tlsm_alert_name(alert));
    assert_int_equal(side_verdict(&pair->server).alert_received, alert);
    assert_how(&pair->server, "peer_alert");
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ commands */

static void a14_what_tls12_does_not_have_is_refused_in_words_of_its_own(void **unused)
{
    struct pair *pair = connected();
    const struct tlsm_in offload = { .kind = TLSM_IN_OFFLOAD, .sides = TLSM_SIDE_READ };
    (void)unused;
    assert_code(side_update(&pair->client, 0), TLSM_NOT_IN_VERSION);
    assert_code(side_update(&pair->client, 1), TLSM_NOT_IN_VERSION);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_NOT_IN_VERSION);
    assert_code(side_step(&pair->client, &offload), TLSM_NOT_IN_VERSION);
    (void)side_close(&pair->client, 0);
    assert_code(side_update(&pair->client, 0), TLSM_WRITE_CLOSED);
    assert_code(side_write(&pair->client, "x"), TLSM_WRITE_CLOSED);
    assert_code(side_write(&pair->client, ""), TLSM_WRITE_CLOSED);
    free(pair);
}

static void f4_at_the_reserve_a_write_is_refused_and_the_close_still_fits(void **unused)
{
    struct pair *pair = fresh();
    (void)unused;
    pair->client.settings.record_limit = 5;
    pair_connect(pair);
    while (tlsm_can_write(&pair->client.block.state) && side_write(&pair->client, "x") == TLSM_PRODUCED)
        continue;
    assert_code(pair->client.code, TLSM_WRITE_EXHAUSTED);
    assert_int_equal(side_needs(&pair->client) & TLSM_NEED_PRODUCE, 0);
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_rx(&pair->server), TLSM_RX_CLOSED);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ reading after our close */

static void b6_renegotiation_while_we_wait_is_refused_in_silence(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct pair *pair = connected();
        struct side *us = server ? &pair->server : &pair->client, *peer = server ? &pair->client : &pair->server;
        (void)unused;
        (void)side_close(us, 0);
        side_produce(us);
        (void)side_sent(us, us->wire_have, NULL);
        side_forge(peer, us, HANDSHAKE, server ? "\1\0\0\0" : "\0\0\0\0", 4);
        assert_code(side_feed(us), TLSM_END_PROTOCOL_ERROR);
        assert_int_equal(us->wire_have, 0);
        free(pair);
    }
}

static void b6_before_close_notify_is_produced_no_renegotiation_replaces_it(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0", 4);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_NO_RENEGOTIATION);
    free(pair);
}

static void b6_by_policy_it_is_ignored_while_we_wait_whole_or_in_pieces(void **unused)
{
    static const uint8_t hello[600] = { 1, 0, 2, 84 };
    for (int server = 0; server < 2; server++) {
        struct pair *pair = fresh();
        struct side *us = server ? &pair->server : &pair->client, *peer = server ? &pair->client : &pair->server;
        (void)unused;
        us->settings.renegotiation = TLSM_RENEGOTIATION_IGNORE;
        pair_connect(pair);
        (void)side_close(us, 0);
        side_produce(us);
        (void)side_sent(us, us->wire_have, NULL);
        side_forge(peer, us, HANDSHAKE, server ? "\1\0\0\0" : "\0\0\0\0", 4);
        if (server) {
            side_forge(peer, us, HANDSHAKE, hello, 2);
            side_forge(peer, us, HANDSHAKE, hello + 2, 300);
            side_forge(peer, us, HANDSHAKE, hello + 302, sizeof hello - 302);
        } else {
            side_forge(peer, us, HANDSHAKE, "\0", 1);
            side_forge(peer, us, HANDSHAKE, "\0\0\0", 3);
        }
        (void)side_write(peer, "still here");
        (void)side_close(peer, 0);
        (void)side_say(peer, us);
        assert_plain(us, "still here");
        assert_how(us, "clean_both");
        free(pair);
    }
}

static void b6_too_many_of_them_in_a_row_are_a_limit_exceeded(void **unused)
{
    struct pair *pair = fresh();
    (void)unused;
    pair->client.settings.renegotiation = TLSM_RENEGOTIATION_IGNORE;
    pair_connect(pair);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    for (int i = 0; i < 33; i++)
        side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0", 4);
    assert_code(side_feed(&pair->client), TLSM_END_LIMIT_EXCEEDED);
    free(pair);
}

static void b7_a_warning_while_we_wait_is_ignored_and_an_error_ends_it(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    side_forge(&pair->server, &pair->client, ALERT, "\1\x70", 2);
    assert_code(side_feed(&pair->client), TLSM_IGNORED);
    assert_how(&pair->client, "open");
    side_forge(&pair->server, &pair->client, ALERT, "\2\x50", 2);
    assert_code(side_feed(&pair->client), TLSM_END_PEER_ALERT);
    assert_int_equal(pair->client.wire_have, 0);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ the peer closes first */

static void c3_a_close_is_answered_at_once_after_what_was_produced(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_write(&pair->client, "before");
    (void)side_close(&pair->server, 0);
    assert_code(side_say(&pair->server, &pair->client), TLSM_PEER_CLOSED);
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_PRODUCE | TLSM_NEED_SEND);
    assert_code(side_write(&pair->client, "after"), TLSM_WRITE_CLOSED);
    assert_false(tlsm_can_write(&pair->client.block.state));
    assert_code(side_close(&pair->client, 0), TLSM_IGNORED);   /* A12: ours is owed already */
    (void)side_say(&pair->client, &pair->server);
    assert_plain(&pair->server, "before");
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    assert_int_equal(side_verdict(&pair->client).first_mover, TLSM_PEER_MOVED);
    assert_int_equal(pair->server.close_notifies, 1);
    free(pair);
}

static void c3_half_close_lets_us_go_on_writing(void **unused)
{
    struct pair *pair = fresh();
    (void)unused;
    pair->client.settings.close12 = TLSM_CLOSE12_HALF;
    pair_connect(pair);
    (void)side_close(&pair->server, 0);
    assert_code(side_say(&pair->server, &pair->client), TLSM_PEER_CLOSED);
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_COMMAND);
    (void)side_write(&pair->client, "much more");
    (void)side_say(&pair->client, &pair->server);
    assert_plain(&pair->server, "much more");
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void c3_a_reply_that_cannot_be_sent_is_clean_received(void **unused)   /* B10 */
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    side_produce(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_END_CLEAN_RECEIVED);
    assert_true(side_verdict(&pair->client).untaken > 0);
    free(pair);
}

static void c3_crossing_closes_make_one_alert_each(void **unused)   /* B9 */
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    side_produce(&pair->client);
    side_produce(&pair->server);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    assert_code(side_feed(&pair->client), TLSM_END_CLEAN_BOTH);
    assert_code(side_feed(&pair->server), TLSM_END_CLEAN_BOTH);
    assert_int_equal(pair->client.wire_have + pair->server.wire_have, 0);
    free(pair);
}

static void c4_nothing_after_close_notify_is_touched(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    side_inject(&pair->client, "another protocol", 16);
    assert_code(side_feed(&pair->client), TLSM_READ_ENDED);
    assert_int_equal(pair->client.held_have, 16);
    free(pair);
}

static void c5_level_fatal_is_clean_flagged_and_ends_the_session(void **unused)
{
    for (int fatal = 0; fatal < 2; fatal++) {
        struct pair *pair = resumable();
        (void)unused;
        assert_int_equal(side_verdict(&pair->client).resumable, 1);
        side_forge(&pair->server, &pair->client, ALERT, fatal ? "\2\0" : "\1\0", 2);
        assert_code(side_feed(&pair->client), TLSM_PEER_CLOSED);
        (void)side_say(&pair->client, &pair->server);
        assert_how(&pair->client, "clean_both");
        assert_int_equal(side_verdict(&pair->client).alert_received_level, 1 + fatal);
        assert_int_equal(side_verdict(&pair->client).resumable, !fatal);
        free(pair);
    }
}

/* ------------------------------------------------------------------------------------------------ alerts */

static void e1_an_alert_record_holds_exactly_two_bytes(void **unused)
{
    (void)unused;
    client_fails(NULL, ALERT, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
    client_fails(NULL, ALERT, "\1", 1, TLSM_ALERT_DECODE_ERROR);
    client_fails(NULL, ALERT, "\1\0\1", 3, TLSM_ALERT_DECODE_ERROR);
    client_fails(NULL, ALERT, "\1\144\1\144", 4, TLSM_ALERT_DECODE_ERROR);
    client_fails(NULL, HANDSHAKE, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void e3_levels(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    client_fails(NULL, ALERT, "\0\0", 2, TLSM_ALERT_ILLEGAL_PARAMETER);
    client_fails(NULL, ALERT, "\3\0", 2, TLSM_ALERT_ILLEGAL_PARAMETER);
    side_forge(&pair->server, &pair->client, ALERT, "\1\xc8", 2);
    assert_code(side_feed(&pair->client), TLSM_IGNORED);
    assert_int_equal(side_verdict(&pair->client).alert_received, 0xc8);
    assert_int_equal(side_verdict(&pair->client).alert_received_level, 1);
    assert_how(&pair->client, "open");
    (void)side_write(&pair->server, "on");
    (void)side_say(&pair->server, &pair->client);
    assert_plain(&pair->client, "on");
    side_forge(&pair->server, &pair->client, ALERT, "\2\xc8", 2);
    assert_code(side_feed(&pair->client), TLSM_END_PEER_ALERT);
    assert_int_equal(side_verdict(&pair->client).alert_received_level, 2);
    assert_int_equal(pair->client.wire_have, 0);
    free(pair);
}

static void e3_4_warnings_pass_and_the_5th_is_fatal(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 4; i++)
            side_forge(&pair->server, &pair->client, ALERT, i % 2 ? "\1\x5a" : "\1\x64", 2);
        side_forge(&pair->server, &pair->client, DATA, "d", 1);   /* E6: resets */
    }
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    for (int i = 0; i < 4; i++)
        side_forge(&pair->server, &pair->client, ALERT, "\1\x64", 2);
    side_forge(&pair->server, &pair->client, DATA, "", 0);        /* does not */
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    side_forge(&pair->server, &pair->client, ALERT, "\1\x64", 2);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
    free(pair);
}

static void e5_user_canceled_is_ignored_unless_it_is_fatal(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, ALERT, "\1\x5a", 2);
    assert_code(side_feed(&pair->client), TLSM_PEER_CANCELED);
    side_forge(&pair->server, &pair->client, ALERT, "\2\x5a", 2);
    assert_code(side_feed(&pair->client), TLSM_END_PEER_ALERT);
    assert_int_equal(side_verdict(&pair->client).peer_canceled, 1);
    free(pair);
}

static void e6_a_warning_too_many_after_our_close_is_limit_exceeded(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    for (int i = 0; i < 5; i++)
        side_forge(&pair->server, &pair->client, ALERT, "\1\x64", 2);
    assert_code(side_feed(&pair->client), TLSM_END_LIMIT_EXCEEDED);
    free(pair);
}

static void e8_renegotiation_is_refused_with_a_fatal_no_renegotiation(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    client_fails(NULL, HANDSHAKE, "\0\0\0\0", 4, TLSM_ALERT_NO_RENEGOTIATION);
    client_fails(NULL, HANDSHAKE, "\0", 1, TLSM_ALERT_NO_RENEGOTIATION);   /* its first byte says it */
    side_forge(&pair->client, &pair->server, HANDSHAKE, "\1\0\2\0\3\3", 6);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_NO_RENEGOTIATION);
    assert_int_equal(side_verdict(&pair->client).alert_received_level, 2);
    free(pair);
}

static void e8_by_policy_a_hello_request_is_ignored_and_counted(void **unused)
{
    struct pair *pair = fresh();
    (void)unused;
    pair->client.settings.renegotiation = TLSM_RENEGOTIATION_IGNORE;
    pair_connect(pair);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 30; i++)
            side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0", 4);
        side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0", 2);
        side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0\0\0", 6);   /* the rest, and one more */
        side_forge(&pair->server, &pair->client, DATA, "x", 1);
    }
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    assert_plain(&pair->client, "xx");
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_RECEIVE);
    for (int i = 0; i < 33; i++)
        side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0", 4);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
    free(pair);
}

static void e8_what_policy_does_not_ignore(void **unused)
{
    const struct tlsm_settings ignoring = { .renegotiation = TLSM_RENEGOTIATION_IGNORE };
    struct pair *pair = fresh();
    (void)unused;
    client_fails(&ignoring, HANDSHAKE, "\0\0\0\1\0", 5, TLSM_ALERT_DECODE_ERROR);
    client_fails(&ignoring, HANDSHAKE, "\1\0\0\0", 4, TLSM_ALERT_UNEXPECTED_MESSAGE);   /* a server's is no ClientHello */
    pair->server.settings.renegotiation = TLSM_RENEGOTIATION_IGNORE;
    pair_connect(pair);
    side_forge(&pair->client, &pair->server, HANDSHAKE, "\1\0\0\0", 4);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.block.state.control.alert_out, TLSM_ALERT_NO_RENEGOTIATION);
    free(pair);
}

static void e8_messages_of_another_version_or_time_may_not_come(void **unused)
{
    (void)unused;
    client_fails(NULL, HANDSHAKE, "\4\0\0\0", 4, TLSM_ALERT_UNEXPECTED_MESSAGE);
    client_fails(NULL, HANDSHAKE, "\30\0\0\1\1", 5, TLSM_ALERT_UNEXPECTED_MESSAGE);
    client_fails(NULL, HANDSHAKE, "\24\0\0\0", 4, TLSM_ALERT_UNEXPECTED_MESSAGE);
    client_fails(NULL, HANDSHAKE, "\4\1\0\0\0\0", 6, TLSM_ALERT_UNEXPECTED_MESSAGE);   /* too long to be kept */
}

static void e8_the_peers_no_renegotiation_is_ignored_and_counted(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, ALERT, "\1\x64", 2);
    assert_code(side_feed(&pair->client), TLSM_IGNORED);
    assert_int_equal(pair->client.block.state.control.cancels, 1);
    assert_code(side_write(&pair->client, "on"), TLSM_PRODUCED);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ E0: before ServerHello */

static void e0_before_server_hello_warnings_are_ignored_where_tls12_is_allowed(void **unused)
{
    for (int server = 0; server < 2; server++)
        for (int older = 0; older < 2; older++) {
            struct pair *pair = pair_fresh();
            struct side *us = server ? &pair->server : &pair->client;
            (void)unused;
            us->settings.version_min = older ? TLSM_1_2 : TLSM_1_3;
            us->settings.version_max = TLSM_1_3;
            pair_start(pair);
            side_produce(&pair->client);
            for (int i = 0; i < 4; i++)
                side_inject(us, "\x15\3\3\0\2\1\x70", 7);
            assert_code(side_feed(us), older ? TLSM_IGNORED : TLSM_END_HANDSHAKE_FAILED);
            if (older) {
                side_inject(us, "\x15\3\3\0\2\1\x70", 7);
                assert_code(side_feed(us), TLSM_FAILED);
                assert_int_equal(us->block.state.control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
            }
            free(pair);
        }
}

static void e0_once_tls13_is_agreed_its_rules_hold(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.version_min = TLSM_1_2;
    pair->client.settings.version_max = TLSM_1_3;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_inject(&pair->client, "\x15\3\3\0\2\1\x70", 7);
    assert_code(side_feed(&pair->client), TLSM_IGNORED);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, 5 + ((size_t)pair->server.wire[3] << 8 | pair->server.wire[4]), &pair->client);
    (void)side_feed(&pair->client);
    side_inject(&pair->client, "\x15\3\3\0\2\1\x70", 7);
    assert_code(side_feed(&pair->client), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(side_verdict(&pair->client).cause, TLSM_CAUSE_PEER_ALERT);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ keys, resumption */

static void f1_a_plaintext_alert_is_no_record_that_a_key_made(void **unused)
{
    static const struct { const char *bytes; size_t length; } forged[] = {
        { "\x15\3\3\0\2\1\0", 7 }, { "\x15\3\3\0\2\2\x50", 7 },
        { "\x15\3\3\0\x1a\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 31 }
    };
    (void)unused;
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        struct pair *pair = connected();
        side_inject(&pair->client, forged[i].bytes, forged[i].length);
        (void)side_feed(&pair->client);
        (void)side_say(&pair->client, &pair->server);
        assert_how(&pair->client, "local_alert");
        assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_BAD_RECORD_MAC);
        free(pair);
    }
}

static void f3_a_replayed_close_notify_does_not_authenticate(void **unused)
{
    struct pair *pair = connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, ALERT, "\1\x64", 2);
    side_inject(&pair->client, pair->client.held, pair->client.held_have);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_BAD_RECORD_MAC);
    free(pair);
}

static void g6_after_a_fatal_alert_the_session_is_not_resumable(void **unused)
{
    struct pair *pair = resumable();
    (void)unused;
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_verdict(&pair->client).resumable, 0);
    assert_int_equal(side_verdict(&pair->server).resumable, 0);
    free(pair);
    pair = resumable();
    (void)side_eof(&pair->client, 0);
    (void)side_do(&pair->client, TLSM_IN_ABANDON);
    assert_how(&pair->client, "truncated");
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    free(pair);
}

/* ------------------------------------------------------------------------------------------------ in the handshake */

/* The client has the server's flight, and owes its own. */
static struct pair *half_way(void)
{
    struct pair *pair = fresh();
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    return pair;
}

static void a3_a_client_that_closes_behind_its_finished_says_the_pair_under_its_key(void **unused)
{
    struct pair *pair = half_way();
    (void)unused;
    side_produce(&pair->client);
    assert_int_equal(side_tx(&pair->client), TLSM_TX_HANDSHAKE);   /* A4: the server's Finished is not here */
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "cancelled_in_handshake");
    assert_int_equal(side_verdict(&pair->client).peer_may_not_read, 1);
    assert_int_equal(side_verdict(&pair->server).peer_canceled, 1);
    assert_int_equal(pair->server.close_notifies, 1);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_CLOSING);     /* C3: at once */
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).cause, TLSM_CAUSE_PEER_CLOSED);
    free(pair);
}

static void a3_before_its_change_cipher_spec_in_the_clear(void **unused)
{
    struct pair *pair = half_way();
    (void)unused;
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "cancelled_in_handshake");
    assert_int_equal(side_verdict(&pair->client).peer_may_not_read, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->server, "handshake_failed");                 /* C6 */
    assert_int_equal(side_verdict(&pair->server).cause, TLSM_CAUSE_PEER_CLOSED);
    assert_int_equal(side_verdict(&pair->server).alert_authenticated, 0);
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_CLOSE_NOTIFY);
    free(pair);
}

static void e7_between_change_cipher_spec_and_finished_the_peers_alert_is_reported(void **unused)
{
    for (int closes = 0; closes < 2; closes++) {
        struct pair *pair = half_way();
        (void)unused;
        while (pair->client.block.state.control.write_epoch == TLSM_EPOCH_NONE)
            assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
        side_forge(&pair->client, &pair->server, ALERT, closes ? "\1\0" : "\2\x50", 2);
        (void)side_feed(&pair->server);
        (void)side_say(&pair->server, &pair->client);
        assert_how(&pair->server, "handshake_failed");
        assert_int_equal(side_verdict(&pair->server).cause, closes ? TLSM_CAUSE_PEER_CLOSED : TLSM_CAUSE_PEER_ALERT);
        assert_int_equal(side_verdict(&pair->server).alert_received, closes ? 0 : 0x50);
        assert_int_equal(pair->server.close_notifies, 0);
        free(pair);
    }
}

static void f2_an_error_in_the_clear_is_an_unauthenticated_failure(void **unused)
{
    struct pair *pair = half_way();
    (void)unused;
    side_inject(&pair->server, "\x15\3\3\0\2\2\x28", 7);
    assert_code(side_feed(&pair->server), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(side_verdict(&pair->server).alert_authenticated, 0);
    assert_int_equal(pair->server.wire_have, 0);
    free(pair);
}

static void e8_a_hello_request_in_the_handshake_is_ignored_and_in_no_hash(void **unused)
{
    struct pair *pair = fresh();
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    for (int i = 0; i < 3; i++)
        side_inject(&pair->client, "\x16\3\3\0\4\0\0\0\0", 9);
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    pair_talk(pair);
    assert_true(tlsm_connected(&pair->client.block.state) && tlsm_connected(&pair->server.block.state));
    free(pair);
}

static void e8_a_client_that_resumes_ignores_it_until_its_own_finished(void **unused)
{
    struct pair *first = resumable(), *pair = fresh();
    struct tlsm_session session;
    (void)unused;
    assert_true(tlsm_session_read((struct tlsm_bytes){ first->client.session, first->client.session_have }, &session));
    pair_resumable(pair);
    pair->client.offered = &session;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    side_forge(&pair->server, &pair->client, HANDSHAKE, "\0\0\0\0", 4);
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_OPEN);
    pair_talk(pair);
    assert_true(tlsm_connected(&pair->client.block.state) && tlsm_resumed(&pair->client.block.state));
    free(first);
    free(pair);
}

static void s2_the_warning_that_is_owed_goes_before_the_close_notify(void **unused)
{
    struct pair *pair = half_way();
    (void)unused;
    (void)side_close(&pair->client, 0);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_memory_equal(pair->client.wire, "\x15\3\3\0\2\1\x5a", 7);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_memory_equal(pair->client.wire + 7, "\x15\3\3\0\2\1\0", 7);
    free(pair);
}

/* TLS 1.3, because only there is a client asked after the handshake. */
static void o4_a_client_that_has_closed_and_is_asked_for_its_certificate_breaks_nothing(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    pair_connect(pair);
    (void)side_close(&pair->client, 0);
    assert_code(side_say(&pair->client, &pair->server), TLSM_PEER_CLOSED);
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_READ_ENDED);   /* no answer could be read */
    (void)side_write(&pair->server, "after");
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_plain(&pair->client, "after");
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
    pair = pair_fresh();
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    pair_connect(pair);
    assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);   /* they cross */
    side_produce(&pair->server);
    (void)side_write(&pair->server, "one");
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_plain(&pair->client, "one");
    (void)side_say(&pair->client, &pair->server);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void s12_a_close_closes_both_directions_by_the_default_policy(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct pair *pair = connected();
        struct side *us = server ? &pair->server : &pair->client, *peer = server ? &pair->client : &pair->server;
        (void)unused;
        (void)side_close(us, 0);
        (void)side_say(us, peer);
        assert_code(side_write(us, "x"), TLSM_WRITE_CLOSED);
        assert_code(side_write(peer, "x"), TLSM_WRITE_CLOSED);
        (void)side_say(peer, us);
        assert_how(us, "clean_both");
        assert_how(peer, "clean_both");
        free(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a14_what_tls12_does_not_have_is_refused_in_words_of_its_own),
        cmocka_unit_test(f4_at_the_reserve_a_write_is_refused_and_the_close_still_fits),
        cmocka_unit_test(b6_renegotiation_while_we_wait_is_refused_in_silence),
        cmocka_unit_test(b6_before_close_notify_is_produced_no_renegotiation_replaces_it),
        cmocka_unit_test(b6_by_policy_it_is_ignored_while_we_wait_whole_or_in_pieces),
        cmocka_unit_test(b6_too_many_of_them_in_a_row_are_a_limit_exceeded),
        cmocka_unit_test(b7_a_warning_while_we_wait_is_ignored_and_an_error_ends_it),
        cmocka_unit_test(c3_a_close_is_answered_at_once_after_what_was_produced),
        cmocka_unit_test(c3_half_close_lets_us_go_on_writing),
        cmocka_unit_test(c3_a_reply_that_cannot_be_sent_is_clean_received),
        cmocka_unit_test(c3_crossing_closes_make_one_alert_each),
        cmocka_unit_test(c4_nothing_after_close_notify_is_touched),
        cmocka_unit_test(c5_level_fatal_is_clean_flagged_and_ends_the_session),
        cmocka_unit_test(e1_an_alert_record_holds_exactly_two_bytes),
        cmocka_unit_test(e3_levels),
        cmocka_unit_test(e3_4_warnings_pass_and_the_5th_is_fatal),
        cmocka_unit_test(e5_user_canceled_is_ignored_unless_it_is_fatal),
        cmocka_unit_test(e6_a_warning_too_many_after_our_close_is_limit_exceeded),
        cmocka_unit_test(e8_renegotiation_is_refused_with_a_fatal_no_renegotiation),
        cmocka_unit_test(e8_by_policy_a_hello_request_is_ignored_and_counted),
        cmocka_unit_test(e8_what_policy_does_not_ignore),
        cmocka_unit_test(e8_messages_of_another_version_or_time_may_not_come),
        cmocka_unit_test(e8_the_peers_no_renegotiation_is_ignored_and_counted),
        cmocka_unit_test(e0_before_server_hello_warnings_are_ignored_where_tls12_is_allowed),
        cmocka_unit_test(e0_once_tls13_is_agreed_its_rules_hold),
        cmocka_unit_test(f1_a_plaintext_alert_is_no_record_that_a_key_made),
        cmocka_unit_test(f3_a_replayed_close_notify_does_not_authenticate),
        cmocka_unit_test(g6_after_a_fatal_alert_the_session_is_not_resumable),
        cmocka_unit_test(a3_a_client_that_closes_behind_its_finished_says_the_pair_under_its_key),
        cmocka_unit_test(a3_before_its_change_cipher_spec_in_the_clear),
        cmocka_unit_test(e7_between_change_cipher_spec_and_finished_the_peers_alert_is_reported),
        cmocka_unit_test(f2_an_error_in_the_clear_is_an_unauthenticated_failure),
        cmocka_unit_test(e8_a_hello_request_in_the_handshake_is_ignored_and_in_no_hash),
        cmocka_unit_test(e8_a_client_that_resumes_ignores_it_until_its_own_finished),
        cmocka_unit_test(s2_the_warning_that_is_owed_goes_before_the_close_notify),
        cmocka_unit_test(o4_a_client_that_has_closed_and_is_asked_for_its_certificate_breaks_nothing),
        cmocka_unit_test(s12_a_close_closes_both_directions_by_the_default_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
