/* SPDX-License-Identifier: MIT */
/* docs/closing.md, sections 3 to 5: reading after our close, the peer closes first, truncation. */
#include <stdlib.h>

#include "fixture.h"

/* Connected, and the client's close_notify is taken and read. */
static struct pair *client_closed(struct pair *pair)
{
    pair_connect(pair);
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    return pair;
}

/* -------------------------------------------------------------------------------------- reading after our close */

static void b1_data_after_our_close_is_delivered(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    (void)side_write(&pair->server, "still here");
    assert_code(side_say(&pair->server, &pair->client), TLSM_DATA);
    assert_plain(&pair->client, "still here");
    free(pair);
}

static void b1_discard_counts_and_delivers_nothing(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.data_while_closing = TLSM_CLOSING_DISCARD;
    client_closed(pair);
    (void)side_write(&pair->server, "12345");
    (void)side_say(&pair->server, &pair->client);
    (void)side_close(&pair->server, 0);
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_CLEAN_BOTH);
    assert_plain(&pair->client, "");
    assert_int_equal(side_verdict(&pair->client).discarded, 5);
    free(pair);
}

static void b1_fail_ends_at_the_first_byte(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.data_while_closing = TLSM_CLOSING_FAIL;
    client_closed(pair);
    (void)side_write(&pair->server, "1");
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_LIMIT_EXCEEDED);
    assert_plain(&pair->client, "");
    free(pair);
}

static void b2_a_record_partly_received_is_completed(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_write(&pair->server, "in two parts");
    (void)side_sent(&pair->server, 11, &pair->client);
    (void)side_feed(&pair->client);
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    (void)side_feed(&pair->client);
    assert_plain(&pair->client, "in two parts");
    free(pair);
}

static void b2_room_is_checked_before_a_record_is_opened(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    struct tlsm_out out;
    (void)unused;
    (void)side_write(&pair->server, "room");
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    in.bytes.data = pair->client.held;
    in.bytes.length = 5;
    assert_code(side_step(&pair->client, &in), TLSM_OK);
    in.bytes.data += 5;
    in.bytes.length = pair->client.held_have - 5;
    memset(&out, 0, sizeof out);
    out.plain.data = pair->client.opened;
    out.plain.capacity = 4;
    out.state_capacity = sizeof pair->client.block;
    assert_code(tlsm_step(&pair->client.config, &pair->client.block.state, &in, &pair->client.block.state, &out),
                TLSM_MORE_PLAIN_ROOM);
    assert_int_equal(out.plain_needed, 5);   /* 4 bytes and the inner type */
    assert_int_equal(out.consumed, 0);
    assert_code(side_step(&pair->client, &in), TLSM_DATA);
    free(pair);
}

static void b3_budgets_of_bytes_and_records(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.budget_bytes = 10;
    client_closed(pair);
    (void)side_write(&pair->server, "0123456789");
    assert_code(side_say(&pair->server, &pair->client), TLSM_DATA);
    (void)side_write(&pair->server, "x");
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_LIMIT_EXCEEDED);
    free(pair);
    pair = pair_fresh();
    pair->client.settings.budget_records = 2;
    client_closed(pair);
    for (int i = 0; i < 2; i++)
        (void)side_write(&pair->server, "r");
    assert_code(side_say(&pair->server, &pair->client), TLSM_DATA);
    (void)side_write(&pair->server, "r");
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_LIMIT_EXCEEDED);
    free(pair);
    pair = pair_fresh();
    pair->client.settings.budget_records = 1;
    client_closed(pair);
    (void)side_write(&pair->server, "r");
    (void)side_close(&pair->server, 0);   /* what we wait for is not over the budget */
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_CLEAN_BOTH);
    free(pair);
}

static void b3_deadline_while_we_wait(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    assert_code(side_do(&pair->client, TLSM_IN_DEADLINE), TLSM_NO_DEADLINE);
    assert_code(side_do(&pair->client, TLSM_IN_DEADLINE_SET), TLSM_OK);
    assert_true(tlsm_needs(&pair->client.block.state) & TLSM_NEED_DEADLINE);
    assert_code(side_do(&pair->client, TLSM_IN_DEADLINE), TLSM_END_TIMED_OUT);
    free(pair);
}

static void b4_bad_input_while_we_wait_is_silent(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    side_inject(&pair->client, "\x17\x03\x03\x00\x14....................", 25);
    assert_code(side_feed(&pair->client), TLSM_END_PROTOCOL_ERROR);
    assert_int_equal(pair->client.wire_have, 0);
    free(pair);
}

static void b4_before_close_notify_is_produced_the_alert_replaces_it(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_inject(&pair->client, "\x17\x03\x03\x00\x14....................", 25);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "local_alert");
    assert_how(&pair->server, "peer_alert");
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_BAD_RECORD_MAC);
    free(pair);
}

static void b5_a_requested_key_update_while_we_wait_owes_no_reply(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    (void)side_update(&pair->server, 1);
    assert_code(side_say(&pair->server, &pair->client), TLSM_KEYS_CHANGED);
    assert_int_equal(tlsm_needs(&pair->client.block.state), TLSM_NEED_RECEIVE);
    (void)side_write(&pair->server, "new key");
    (void)side_say(&pair->server, &pair->client);
    assert_plain(&pair->client, "new key");
    free(pair);
}

static void b5_32_key_updates_pass_and_the_33rd_fails(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    for (int i = 0; i < 32; i++) {
        (void)side_update(&pair->server, 0);
        assert_code(side_say(&pair->server, &pair->client), TLSM_KEYS_CHANGED);
    }
    (void)side_update(&pair->server, 0);
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_LIMIT_EXCEEDED);
    free(pair);
}

static const uint8_t ticket[] = { 4, 0, 0, 17, 0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 3, 'a', 'b', 'c', 0, 0 };

static void b5_tickets_while_we_wait_by_policy(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    side_forge(&pair->server, &pair->client, 22, ticket, sizeof ticket);
    assert_code(side_feed(&pair->client), TLSM_TICKET);
    assert_int_equal(pair->client.tickets, 1);
    free(pair);
    pair = pair_fresh();
    pair->client.settings.tickets_after_close = TLSM_TICKETS_DROP;
    client_closed(pair);
    side_forge(&pair->server, &pair->client, 22, ticket, sizeof ticket);
    assert_code(side_feed(&pair->client), TLSM_OK);
    assert_int_equal(pair->client.tickets, 0);
    free(pair);
}

static void b5_certificate_request_that_nobody_offered_is_wrong(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    side_forge(&pair->server, &pair->client, 22, "\x0d\x00\x00\x03\x00\x00\x00", 7);
    assert_code(side_feed(&pair->client), TLSM_END_PROTOCOL_ERROR);
    free(pair);
}

static void b7_peers_error_alert_while_we_wait(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    (void)side_abort(&pair->server, TLSM_ALERT_INTERNAL_ERROR);
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_PEER_ALERT);
    assert_int_equal(side_verdict(&pair->client).alert_authenticated, 1);
    free(pair);
}

static void b8_eof_while_we_wait(void **unused)
{
    struct pair *pair = client_closed(pair_fresh());
    (void)unused;
    assert_code(side_eof(&pair->client, 0), TLSM_END_CLOSED_INCOMPLETE);
    free(pair);
    pair = client_closed(pair_fresh());
    side_inject(&pair->client, "\x17\x03\x03", 3);
    (void)side_feed(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_END_TRUNCATED);
    free(pair);
    pair = client_closed(pair_fresh());
    assert_code(side_do(&pair->client, TLSM_IN_RECEIVE_FAILED), TLSM_END_TRANSPORT_FAILED);
    free(pair);
}

static void b9_crossing_closes_are_clean_on_both_ends(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    (void)side_close(&pair->server, 0);
    side_produce(&pair->client);
    side_produce(&pair->server);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void b10_peer_closed_and_gone_is_clean_received(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_END_CLEAN_RECEIVED);
    assert_int_equal(side_verdict(&pair->client).untaken, 24);
    assert_int_equal(side_verdict(&pair->client).cause, TLSM_CAUSE_SEND_FAILED);
    free(pair);
}

/* -------------------------------------------------------------------------------------- the peer closes first */

static void c1_end_of_data_comes_after_all_plaintext(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_write(&pair->server, "last words");
    (void)side_close(&pair->server, 0);
    assert_code(side_say(&pair->server, &pair->client), TLSM_PEER_CLOSED);
    assert_plain(&pair->client, "last words");
    assert_int_equal(pair->client.close_notifies, 1);
    free(pair);
}

static void c2_we_may_go_on_writing_and_no_reply_is_owed(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(tlsm_needs(&pair->client.block.state), TLSM_NEED_COMMAND);
    (void)side_write(&pair->client, "going on");
    (void)side_say(&pair->client, &pair->server);
    assert_plain(&pair->server, "going on");
    free(pair);
}

static void c4_nothing_after_close_notify_is_touched(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    side_inject(&pair->client, "220 plain again\r\n", 17);
    assert_code(side_feed(&pair->client), TLSM_READ_ENDED);
    assert_int_equal(pair->client.held_have, 17);
    assert_memory_equal(pair->client.held, "220 plain again\r\n", 17);
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "clean_both");
    free(pair);
}

static void c5_padding_and_level_fatal_are_clean(void **unused)
{
    struct pair *pair = pair_connected();
    static const uint8_t padded[] = { 1, 0, 21, 0, 0, 0, 0 };   /* content, type, zeros; side_forge's own type is padding */
    (void)unused;
    side_forge(&pair->server, &pair->client, 0, padded, sizeof padded);
    assert_code(side_feed(&pair->client), TLSM_PEER_CLOSED);
    free(pair);
    pair = pair_connected();
    side_forge(&pair->server, &pair->client, 21, "\x02\x00", 2);
    assert_code(side_feed(&pair->client), TLSM_PEER_CLOSED);
    assert_int_equal(side_verdict(&pair->client).alert_received_level, 2);
    assert_how(&pair->client, "clean_received");
    free(pair);
}

static void c6_close_notify_before_finished_fails_the_handshake(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    side_produce(&pair->client);
    side_inject(&pair->client, "\x15\x03\x03\x00\x02\x01\x00", 7);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(side_tx(&pair->client), TLSM_TX_CLOSING);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_how(&pair->client, "handshake_failed");
    assert_int_equal(side_verdict(&pair->client).cause, TLSM_CAUSE_PEER_CLOSED);
    assert_int_equal(side_verdict(&pair->client).alert_authenticated, 0);
    free(pair);
}

static void c7_close_right_after_finished_is_clean(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->server, "clean_both");
    assert_int_equal(side_verdict(&pair->server).plain_in, 0);
    free(pair);
}

/* -------------------------------------------------------------------------------------- truncation */

static void t1_the_place_is_exact(void **unused)
{
    (void)unused;
    for (size_t cut = 0; cut < 28; cut++) {
        struct pair *pair = pair_connected();
        struct tlsm_verdict verdict;
        (void)side_write(&pair->server, "123456");
        (void)side_sent(&pair->server, cut, &pair->client);
        (void)side_feed(&pair->client);
        assert_code(side_eof(&pair->client, 0), TLSM_CUT);
        verdict = side_verdict(&pair->client);
        assert_string_equal(tlsm_how_name(verdict.how), "truncated");
        if (cut == 0) {
            assert_int_equal(verdict.place, TLSM_PLACE_BOUNDARY);
        } else if (cut < 5) {
            assert_int_equal(verdict.place, TLSM_PLACE_HEADER);
            assert_int_equal(verdict.eof_have, cut);
        } else {
            assert_int_equal(verdict.place, TLSM_PLACE_BODY);
            assert_int_equal(verdict.eof_have, cut - 5);
            assert_int_equal(verdict.eof_need, 23);
        }
        free(pair);
    }
}

static void t1_between_fragments_of_a_message(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, 22, ticket, 10);
    (void)side_feed(&pair->client);
    (void)side_eof(&pair->client, 0);
    assert_int_equal(side_verdict(&pair->client).place, TLSM_PLACE_MESSAGE);
    free(pair);
}

static void t1_vouching_needs_the_policy_and_a_boundary(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(side_eof(&pair->client, 1), TLSM_MAY_NOT_VOUCH);
    free(pair);
    pair = pair_fresh();
    pair->client.settings.eof = TLSM_EOF_FRAMED;
    pair_connect(pair);
    (void)side_eof(&pair->client, 1);
    assert_how(&pair->client, "framed_end");
    free(pair);
    pair = pair_fresh();
    pair->client.settings.eof = TLSM_EOF_FRAMED;
    pair_connect(pair);
    side_inject(&pair->client, "\x17", 1);
    (void)side_feed(&pair->client);
    (void)side_eof(&pair->client, 1);
    assert_how(&pair->client, "truncated");
    free(pair);
}

static void t2_eof_in_the_handshake_is_a_failure_with_its_place(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, 7, &pair->client);
    (void)side_feed(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(side_verdict(&pair->client).cause, TLSM_CAUSE_EOF);
    assert_int_equal(side_verdict(&pair->client).place, TLSM_PLACE_BODY);
    free(pair);
}

static void t2_eof_while_a_request_is_open_is_refused(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.no_answers = 1;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_true(tlsm_needs(&pair->client.block.state) & TLSM_NEED_ANSWER);
    assert_code(side_eof(&pair->client, 0), TLSM_ANSWER_FIRST);
    pair->client.no_answers = 0;
    side_produce(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_CUT);
    free(pair);
}

static void t4_after_eof_we_may_still_write(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_eof(&pair->client, 0);
    assert_code(side_write(&pair->client, "half-closed"), TLSM_PRODUCED);
    (void)side_close(&pair->client, 0);
    assert_code(side_say(&pair->client, &pair->server), TLSM_PEER_CLOSED);
    assert_how(&pair->client, "truncated");   /* the EOF came before our close */
    free(pair);
}

static void t5_bytes_after_eof_and_too_much_sent_are_refused(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_in in = { .kind = TLSM_IN_SENT, .count = 1 };
    (void)unused;
    assert_code(side_step(&pair->client, &in), TLSM_SENT_TOO_MUCH);
    (void)side_eof(&pair->client, 0);
    side_inject(&pair->client, "x", 1);
    assert_code(side_feed(&pair->client), TLSM_AFTER_EOF);
    free(pair);
}

static void t5_eof_while_a_whole_record_is_held_is_refused(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    (void)unused;
    (void)side_write(&pair->server, "whole");
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_FEED_FIRST);
    in.bytes.data = pair->client.held;
    in.bytes.length = 5;
    (void)side_step(&pair->client, &in);
    memmove(pair->client.held, pair->client.held + 5, pair->client.held_have -= 5);
    assert_code(side_eof(&pair->client, 0), TLSM_FEED_FIRST);
    (void)side_feed(&pair->client);
    assert_code(side_eof(&pair->client, 0), TLSM_CUT);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CUT);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b1_data_after_our_close_is_delivered),
        cmocka_unit_test(b1_discard_counts_and_delivers_nothing),
        cmocka_unit_test(b1_fail_ends_at_the_first_byte),
        cmocka_unit_test(b2_a_record_partly_received_is_completed),
        cmocka_unit_test(b2_room_is_checked_before_a_record_is_opened),
        cmocka_unit_test(b3_budgets_of_bytes_and_records),
        cmocka_unit_test(b3_deadline_while_we_wait),
        cmocka_unit_test(b4_bad_input_while_we_wait_is_silent),
        cmocka_unit_test(b4_before_close_notify_is_produced_the_alert_replaces_it),
        cmocka_unit_test(b5_a_requested_key_update_while_we_wait_owes_no_reply),
        cmocka_unit_test(b5_32_key_updates_pass_and_the_33rd_fails),
        cmocka_unit_test(b5_tickets_while_we_wait_by_policy),
        cmocka_unit_test(b5_certificate_request_that_nobody_offered_is_wrong),
        cmocka_unit_test(b7_peers_error_alert_while_we_wait),
        cmocka_unit_test(b8_eof_while_we_wait),
        cmocka_unit_test(b9_crossing_closes_are_clean_on_both_ends),
        cmocka_unit_test(b10_peer_closed_and_gone_is_clean_received),
        cmocka_unit_test(c1_end_of_data_comes_after_all_plaintext),
        cmocka_unit_test(c2_we_may_go_on_writing_and_no_reply_is_owed),
        cmocka_unit_test(c4_nothing_after_close_notify_is_touched),
        cmocka_unit_test(c5_padding_and_level_fatal_are_clean),
        cmocka_unit_test(c6_close_notify_before_finished_fails_the_handshake),
        cmocka_unit_test(c7_close_right_after_finished_is_clean),
        cmocka_unit_test(t1_the_place_is_exact),
        cmocka_unit_test(t1_between_fragments_of_a_message),
        cmocka_unit_test(t1_vouching_needs_the_policy_and_a_boundary),
        cmocka_unit_test(t2_eof_in_the_handshake_is_a_failure_with_its_place),
        cmocka_unit_test(t2_eof_while_a_request_is_open_is_refused),
        cmocka_unit_test(t4_after_eof_we_may_still_write),
        cmocka_unit_test(t5_bytes_after_eof_and_too_much_sent_are_refused),
        cmocka_unit_test(t5_eof_while_a_whole_record_is_held_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
