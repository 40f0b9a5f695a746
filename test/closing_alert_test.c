/* SPDX-License-Identifier: MIT */
/* docs/closing.md, sections 6 to 10: alerts, keys, failing, requests, hand-off; and V1. */
#include <stdlib.h>

#include "fixture.h"

/* A record of this inner type and content makes the client fail with `alert`, and the server sees that alert. */
static void fails_with(uint8_t type, const void *content, size_t length, uint8_t alert)
{
    struct pair *pair = pair_connected();
    side_forge(&pair->server, &pair->client, type, content, length);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "local_alert");
    assert_string_equal(tlsm_alert_name(side_verdict(&pair->client).alert_sent), tlsm_alert_name(alert));
    assert_int_equal(side_verdict(&pair->client).alert_delivered, 1);
    assert_int_equal(side_verdict(&pair->server).alert_received, alert);
    assert_how(&pair->server, "peer_alert");
    free(pair);
}
/* The same with raw bytes. */
static void fails_raw(const char *bytes, size_t length, uint8_t alert)
{
    struct pair *pair = pair_connected();
    side_inject(&pair->client, bytes, length);
    (void)side_feed(&pair->client);
    assert_int_equal(side_tx(&pair->client), TLSM_TX_FAILING);
    (void)side_say(&pair->client, &pair->server);
    assert_string_equal(tlsm_alert_name(side_verdict(&pair->server).alert_received), tlsm_alert_name(alert));
    free(pair);
}

static void e1_an_alert_record_holds_exactly_two_bytes(void **unused)
{
    (void)unused;
    fails_with(21, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(21, "\x01", 1, TLSM_ALERT_DECODE_ERROR);
    fails_with(21, "\x01\x00\x01", 3, TLSM_ALERT_DECODE_ERROR);
    fails_with(21, "\x01\x00\x01\x00", 4, TLSM_ALERT_DECODE_ERROR);
    fails_with(22, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void e2_levels(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    fails_with(21, "\x00\x00", 2, TLSM_ALERT_ILLEGAL_PARAMETER);
    fails_with(21, "\x03\x00", 2, TLSM_ALERT_ILLEGAL_PARAMETER);
    side_forge(&pair->server, &pair->client, 21, "\x01\xc8", 2);   /* an unknown alert, "warning": an error all the same */
    assert_code(side_feed(&pair->client), TLSM_END_PEER_ALERT);
    assert_int_equal(side_verdict(&pair->client).alert_received, 0xc8);
    assert_int_equal(pair->client.wire_have, 0);
    free(pair);
}

static void e4_32_empty_records_pass_and_the_33rd_is_fatal(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    for (int i = 0; i < 32; i++)
        side_forge(&pair->server, &pair->client, 23, "", 0);
    assert_code(side_feed(&pair->client), TLSM_IGNORED);
    side_forge(&pair->server, &pair->client, 23, "", 0);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
    free(pair);
}

static void e5_4_user_canceled_pass_and_the_5th_is_fatal(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    for (int i = 0; i < 4; i++)
        side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
    assert_code(side_feed(&pair->client), TLSM_PEER_CANCELED);
    side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    free(pair);
}

static void e5_user_canceled_then_eof_is_truncated_and_noted(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
    (void)side_feed(&pair->client);
    (void)side_eof(&pair->client, 0);
    assert_how(&pair->client, "truncated");
    assert_int_equal(side_verdict(&pair->client).peer_canceled, 1);
    free(pair);
}

static void e6_only_data_resets_the_counters(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++)
            side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
        side_forge(&pair->server, &pair->client, 23, "data", 4);
    }
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    for (int i = 0; i < 4; i++)
        side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
    side_forge(&pair->server, &pair->client, 23, "", 0);
    side_forge(&pair->server, &pair->client, 21, "\x01\x5a", 2);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    free(pair);
}

static void e6_an_excess_after_our_close_notify_is_limit_exceeded(void **unused)
{
    for (int send_fails = 0; send_fails < 2; send_fails++) {
        struct pair *pair = pair_connected();
        (void)unused;
        (void)side_close(&pair->client, 0);
        side_produce(&pair->client);
        if (send_fails)
            (void)side_do(&pair->client, TLSM_IN_SEND_FAILED);
        for (int i = 0; i < 33; i++)
            side_forge(&pair->server, &pair->client, 23, "", 0);
        (void)side_feed(&pair->client);
        assert_int_equal(side_rx(&pair->client), TLSM_RX_DEAD);
        if (!send_fails)
            (void)side_sent(&pair->client, pair->client.wire_have, NULL);
        assert_how(&pair->client, send_fails ? "transport_failed" : "limit_exceeded");   /* V1: the earliest stays */
        free(pair);
    }
}

static void e7_close_notify_is_sent_with_level_warning(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_verdict(&pair->server).alert_received_level, 1);
    free(pair);
}

static void e7_an_alert_between_fragments_is_unexpected(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, 22, "\x18\x00", 2);
    side_forge(&pair->server, &pair->client, 21, "\x01\x00", 2);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
    free(pair);
}

static void f1_a_plaintext_alert_is_never_believed(void **unused)
{
    (void)unused;
    fails_raw("\x15\x03\x03\x00\x02\x01\x00", 7, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_raw("\x15\x03\x03\x00\x02\x02\x28", 7, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

static void f2_a_plaintext_error_in_the_handshake_is_an_unauthenticated_failure(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    side_inject(&pair->client, "\x15\x03\x03\x00\x02\x02\x28", 7);
    assert_code(side_feed(&pair->client), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(pair->client.wire_have, 0);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_HANDSHAKE_FAILURE);
    assert_int_equal(side_verdict(&pair->client).alert_authenticated, 0);
    free(pair);
}

static void f3_records_that_may_not_come(void **unused)
{
    static const char oversize[] = "\x17\x03\x03\x41\x01";
    (void)unused;
    fails_raw("\x14\x03\x03\x00\x01\x01", 6, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_raw("\x19\x03\x03", 3, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_raw(oversize, 5, TLSM_ALERT_RECORD_OVERFLOW);
    fails_raw("\x17\x03\x03\x00\x0f", 5, TLSM_ALERT_BAD_RECORD_MAC);
    fails_raw("\x17\x03\x03\x00\x11.................", 22, TLSM_ALERT_BAD_RECORD_MAC);
    fails_with(0, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(0, "\x00\x00", 2, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(20, "\x01", 1, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(22, "\x18\x00\x00\x01\x02", 5, TLSM_ALERT_ILLEGAL_PARAMETER);
    fails_with(22, "\x18\x00\x00\x01\x00\x18", 6, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(22, "\x18\x00\x00\x02\x00\x00", 6, TLSM_ALERT_DECODE_ERROR);
    fails_with(22, "\x01\x00\x00\x00", 4, TLSM_ALERT_UNEXPECTED_MESSAGE);
    fails_with(22, "\x04\x00\x00\x03\x00\x00\x00", 7, TLSM_ALERT_DECODE_ERROR);
}

static void f3_a_replayed_close_notify_does_not_authenticate(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_write(&pair->server, "x");
    side_inject(&pair->client, pair->server.wire, pair->server.wire_have);
    side_inject(&pair->client, pair->server.wire, pair->server.wire_have);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.block.state.control.alert_out, TLSM_ALERT_BAD_RECORD_MAC);
    free(pair);
}

static void f5_tickets_fragmented_at_every_byte(void **unused)
{
    static const uint8_t ticket[] = { 4, 0, 0, 17, 0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 3, 'a', 'b', 'c', 0, 0 };
    (void)unused;
    for (size_t cut = 1; cut < sizeof ticket; cut++) {
        struct pair *pair = pair_connected();
        struct tlsm_session session;
        size_t offset = 0;
        side_forge(&pair->server, &pair->client, 22, ticket, cut);
        side_forge(&pair->server, &pair->client, 22, ticket + cut, sizeof ticket - cut);
        assert_code(side_feed(&pair->client), TLSM_TICKET);
        assert_int_equal(tlsm_ticket_next(&pair->client.config, &pair->client.block.state,
                                          (struct tlsm_bytes){ pair->client.opened, pair->client.out.plain_length },
                                          &offset, &session), 1);
        assert_int_equal(session.lifetime_s, 9);
        assert_int_equal(session.ticket.length, 3);
        assert_memory_equal(session.ticket.data, "abc", 3);
        assert_int_equal(tlsm_ticket_next(&pair->client.config, &pair->client.block.state,
                                          (struct tlsm_bytes){ pair->client.opened, pair->client.out.plain_length },
                                          &offset, &session), 0);
        free(pair);
    }
}

static void f5_a_ticket_larger_than_the_room_is_skipped_by_counting(void **unused)
{
    struct pair *pair = pair_connected();
    uint8_t big[3000] = { 4, 0, (3000 - 4) >> 8, (3000 - 4) & 255 };
    (void)unused;
    for (size_t at = 0; at < sizeof big; at += 500)
        side_forge(&pair->server, &pair->client, 22, big + at, 500);
    side_forge(&pair->server, &pair->client, 23, "after", 5);
    assert_true(side_feed(&pair->client) < TLSM_FAILED);
    assert_plain(&pair->client, "after");
    free(pair);
}

static void g1_the_first_error_wins_and_eof_changes_nothing(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    side_inject(&pair->client, "\x63", 1);
    (void)side_feed(&pair->client);
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    assert_code(side_eof(&pair->client, 0), TLSM_IGNORED);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_how(&pair->client, "local_alert");
    assert_int_equal(side_verdict(&pair->client).alert_sent, TLSM_ALERT_UNEXPECTED_MESSAGE);
    free(pair);
}

static void g2_an_alert_that_cannot_be_delivered_is_said_so(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    side_produce(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_END_LOCAL_ALERT);
    assert_int_equal(side_verdict(&pair->client).alert_delivered, 0);
    free(pair);
}

static void g3_the_peers_alert_is_reported_instead_of_the_write_error(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_abort(&pair->server, TLSM_ALERT_ACCESS_DENIED);
    (void)side_write(&pair->client, "into the void");
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_SEND_CUT);
    assert_code(side_say(&pair->server, &pair->client), TLSM_END_PEER_ALERT);
    assert_true(side_verdict(&pair->client).untaken > 0);
    free(pair);
}

static void g5_abort_with_an_alert_of_choice(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(side_abort(&pair->client, TLSM_ALERT_CLOSE_NOTIFY), TLSM_BAD_ARGUMENT);
    assert_code(side_abort(&pair->client, TLSM_ALERT_USER_CANCELED), TLSM_BAD_ARGUMENT);
    assert_code(side_abort(&pair->client, 7), TLSM_BAD_ARGUMENT);
    assert_code(side_abort(&pair->client, TLSM_ALERT_GENERAL_ERROR), TLSM_OK);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_GENERAL_ERROR);
    assert_int_equal(side_verdict(&pair->server).alert_received_level, 2);
    free(pair);
}

static void g1_the_first_alert_stays_when_another_is_asked_for(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    assert_code(side_abort(&pair->client, TLSM_ALERT_GENERAL_ERROR), TLSM_OK);
    (void)side_abort(&pair->client, TLSM_ALERT_BAD_CERTIFICATE);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_verdict(&pair->server).alert_received, TLSM_ALERT_GENERAL_ERROR);
    free(pair);
}

static void g6_truncation_leaves_the_session_resumable(void **unused)
{
    static const uint8_t ticket[] = { 4, 0, 0, 17, 0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 3, 'a', 'b', 'c', 0, 0 };
    struct pair *pair = pair_connected();
    (void)unused;
    side_forge(&pair->server, &pair->client, 22, ticket, sizeof ticket);
    (void)side_feed(&pair->client);
    (void)side_eof(&pair->client, 0);
    assert_how(&pair->client, "truncated");
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    free(pair);
}

static void h1_a_late_answer_changes_nothing(void **unused)
{
    struct pair *pair = pair_fresh();
    struct tlsm_answer late = { .id = 1 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &late };
    (void)unused;
    pair->server.no_answers = 1;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    late.id = pair->server.block.state.request_id + 7;
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
    late.id -= 7;
    side_inject(&pair->server, "x", 1);
    assert_code(side_feed(&pair->server), TLSM_ANSWER_FIRST);
    (void)side_close(&pair->server, 0);
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_CANCELLING);
    free(pair);
}

static void h1_deadline_acts_while_a_request_is_open(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.no_answers = 1;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    (void)side_do(&pair->client, TLSM_IN_DEADLINE_SET);
    assert_code(side_do(&pair->client, TLSM_IN_DEADLINE), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(side_verdict(&pair->client).cause, TLSM_CAUSE_DEADLINE);
    free(pair);
}

static void h1_a_failed_send_while_the_judge_sits_delivers_nothing_unjudged(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.no_answers = 1;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_SEND_CUT);
    side_forge(&pair->server, &pair->client, 23, "unjudged", 8);
    assert_code(side_feed(&pair->client), TLSM_ANSWER_FIRST);
    assert_plain(&pair->client, "");
    free(pair);
}

static void h3_after_close_notify_shut_wr_drain_close(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_advice advice;
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    tlsm_advice(&pair->client.block.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_FLUSH);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    tlsm_advice(&pair->client.block.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_SHUT_WR);
    (void)side_feed(&pair->server);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    tlsm_advice(&pair->client.block.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_SHUT_WR | TLSM_ADVICE_DRAIN | TLSM_ADVICE_CLOSE);
    free(pair);
}

static void h4_one_byte_at_a_time_gives_the_same(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_write(&pair->client, "slow");
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    while (pair->client.wire_have > 0) {
        (void)side_sent(&pair->client, 1, &pair->server);
        (void)side_feed(&pair->server);
    }
    (void)side_close(&pair->server, 0);
    side_produce(&pair->server);
    while (pair->server.wire_have > 0) {
        (void)side_sent(&pair->server, 1, &pair->client);
        (void)side_feed(&pair->client);
    }
    assert_plain(&pair->server, "slow");
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void j1_export_is_refused_while_bytes_are_outstanding(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_in in = { .kind = TLSM_IN_EXPORT };
    (void)unused;
    (void)side_write(&pair->client, "x");
    assert_code(side_step(&pair->client, &in), TLSM_SEND_FIRST);
    in.carry = 1;
    assert_code(side_step(&pair->client, &in), TLSM_END_HANDED_OFF);
    free(pair);
}

static void j3_the_copy_goes_on_and_the_original_is_silent(void **unused)
{
    struct pair *pair = pair_connected();
    struct side *copy = malloc(sizeof *copy);
    (void)unused;
    assert_non_null(copy);
    memcpy(copy, &pair->client, sizeof *copy);
    copy->config.settings = &copy->settings;
    assert_code(side_do(&pair->client, TLSM_IN_EXPORT), TLSM_END_HANDED_OFF);
    assert_code(side_write(&pair->client, "x"), TLSM_END_HANDED_OFF);
    assert_int_equal(pair->client.wire_have, 0);
    (void)side_write(copy, "from the copy");
    (void)side_say(copy, &pair->server);
    assert_plain(&pair->server, "from the copy");
    free(copy);
    free(pair);
}

static void v1_the_earliest_event_of_line_7_stays(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_do(&pair->client, TLSM_IN_RECEIVE_FAILED);
    assert_code(side_do(&pair->client, TLSM_IN_ABANDON), TLSM_END_TRANSPORT_FAILED);
    free(pair);
    pair = pair_connected();
    (void)side_eof(&pair->client, 0);
    (void)side_do(&pair->client, TLSM_IN_DEADLINE_SET);
    assert_code(side_do(&pair->client, TLSM_IN_DEADLINE), TLSM_END_TRUNCATED);
    free(pair);
}

static void v1_close_produced_before_the_eof_and_taken_after_it(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_eof(&pair->client, 0);
    assert_how(&pair->client, "truncated");
    assert_code(side_sent(&pair->client, pair->client.wire_have, NULL), TLSM_END_CLOSED_INCOMPLETE);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CUT);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_an_alert_record_holds_exactly_two_bytes),
        cmocka_unit_test(e2_levels),
        cmocka_unit_test(e4_32_empty_records_pass_and_the_33rd_is_fatal),
        cmocka_unit_test(e5_4_user_canceled_pass_and_the_5th_is_fatal),
        cmocka_unit_test(e5_user_canceled_then_eof_is_truncated_and_noted),
        cmocka_unit_test(e6_only_data_resets_the_counters),
        cmocka_unit_test(e6_an_excess_after_our_close_notify_is_limit_exceeded),
        cmocka_unit_test(e7_close_notify_is_sent_with_level_warning),
        cmocka_unit_test(e7_an_alert_between_fragments_is_unexpected),
        cmocka_unit_test(f1_a_plaintext_alert_is_never_believed),
        cmocka_unit_test(f2_a_plaintext_error_in_the_handshake_is_an_unauthenticated_failure),
        cmocka_unit_test(f3_records_that_may_not_come),
        cmocka_unit_test(f3_a_replayed_close_notify_does_not_authenticate),
        cmocka_unit_test(f5_tickets_fragmented_at_every_byte),
        cmocka_unit_test(f5_a_ticket_larger_than_the_room_is_skipped_by_counting),
        cmocka_unit_test(g1_the_first_error_wins_and_eof_changes_nothing),
        cmocka_unit_test(g1_the_first_alert_stays_when_another_is_asked_for),
        cmocka_unit_test(g2_an_alert_that_cannot_be_delivered_is_said_so),
        cmocka_unit_test(g3_the_peers_alert_is_reported_instead_of_the_write_error),
        cmocka_unit_test(g5_abort_with_an_alert_of_choice),
        cmocka_unit_test(g6_truncation_leaves_the_session_resumable),
        cmocka_unit_test(h1_a_late_answer_changes_nothing),
        cmocka_unit_test(h1_deadline_acts_while_a_request_is_open),
        cmocka_unit_test(h1_a_failed_send_while_the_judge_sits_delivers_nothing_unjudged),
        cmocka_unit_test(h3_after_close_notify_shut_wr_drain_close),
        cmocka_unit_test(h4_one_byte_at_a_time_gives_the_same),
        cmocka_unit_test(j1_export_is_refused_while_bytes_are_outstanding),
        cmocka_unit_test(j3_the_copy_goes_on_and_the_original_is_silent),
        cmocka_unit_test(v1_the_earliest_event_of_line_7_stays),
        cmocka_unit_test(v1_close_produced_before_the_eof_and_taken_after_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
