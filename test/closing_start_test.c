/* SPDX-License-Identifier: MIT */
/* docs/closing.md, section 2: starting a close. Each test is named by its rule. */
#include <stdlib.h>

#include "event.h"
#include "fixture.h"

/* Records in what a side produced, read off the wire by hand. */
static size_t records(const struct side *side)
{
    size_t count = 0, at = 0;
    while (at + 5 <= side->wire_have) {
        at += 5 + (size_t)(side->wire[at + 3] << 8) + side->wire[at + 4];
        count++;
    }
    assert_int_equal(at, side->wire_have);
    return count;
}

static void a1_never_started_is_never_opened(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    assert_code(side_close(&pair->client, 0), TLSM_END_NEVER_OPENED);
    assert_int_equal(pair->client.wire_have, 0);
    assert_how(&pair->client, "never_opened");
    free(pair);
}

static void a1_started_and_nothing_produced_is_never_opened(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    assert_code(side_close(&pair->client, 0), TLSM_END_NEVER_OPENED);
    assert_code(side_close(&pair->server, 0), TLSM_END_NEVER_OPENED);
    assert_int_equal(pair->client.wire_have + pair->server.wire_have, 0);
    free(pair);
}

static void a2_client_after_hello_says_the_pair_in_the_clear(void **unused)
{
    static const uint8_t expected[] = { 21, 3, 3, 0, 2, 1, 90, 21, 3, 3, 0, 2, 1, 0 };
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_DEAD);
    side_produce(&pair->client);
    assert_int_equal(pair->client.wire_have, sizeof expected);
    assert_memory_equal(pair->client.wire, expected, sizeof expected);
    assert_code(side_sent(&pair->client, sizeof expected, NULL), TLSM_END_CANCELLED);
    assert_how(&pair->client, "cancelled_in_handshake");
    free(pair);
}

static void a2_abandon_is_the_silent_way(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_code(side_do(&pair->client, TLSM_IN_ABANDON), TLSM_END_CANCELLED);
    assert_int_equal(pair->client.wire_have, 0);
    free(pair);
}

static void a3_server_with_keys_says_the_pair_under_them(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->server.no_answers = 1;   /* its signature never comes */
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_true(side_needs(&pair->server) & TLSM_NEED_ANSWER);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    assert_false(side_needs(&pair->server) & (TLSM_NEED_ANSWER | TLSM_NEED_RECEIVE));
    side_produce(&pair->server);
    assert_int_equal(records(&pair->server), 2);
    assert_int_equal(pair->server.wire[0], 23);
    assert_code(side_sent(&pair->server, pair->server.wire_have, &pair->client), TLSM_END_CANCELLED);
    assert_int_equal(side_verdict(&pair->server).peer_may_not_read, 1);
    (void)side_feed(&pair->client);   /* C6: the client saw it under handshake keys */
    assert_int_equal(side_tx(&pair->client), TLSM_TX_CLOSING);
    assert_int_equal(side_verdict(&pair->client).peer_canceled, 1);
    free(pair);
}

static void a3_server_with_a_hello_but_no_keys_says_the_pair_in_the_clear(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    side_produce(&pair->server);
    assert_int_equal(pair->server.wire_have, 14);
    assert_int_equal(pair->server.wire[0], 21);
    free(pair);
}

static void a3_server_without_a_hello_is_silent(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, 40, &pair->server);
    (void)side_feed(&pair->server);
    assert_code(side_close(&pair->server, 0), TLSM_END_CANCELLED);
    assert_int_equal(pair->server.wire_have, 0);
    free(pair);
}

static void a4_server_after_its_finished_closes_only_its_half(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_OPEN);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    assert_code(side_write(&pair->server, "x"), TLSM_NOT_CONNECTED);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    side_produce(&pair->server);
    assert_int_equal(records(&pair->server), 1);
    assert_int_equal(side_rx(&pair->server), TLSM_RX_HANDSHAKE);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_CLOSED);
    assert_how(&pair->server, "open");
    pair->client.no_answers = 0;
    (void)side_feed(&pair->client);
    side_produce(&pair->client);
    (void)side_feed(&pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CLOSED);   /* C6, last sentence: the client completes its flight */
    assert_true(tlsm_connected(&pair->client.block.state));
    assert_code(side_write(&pair->client, "late"), TLSM_PRODUCED);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    assert_code(side_sent(&pair->client, pair->client.wire_have, &pair->server), TLSM_END_CLEAN_BOTH);
    assert_code(side_feed(&pair->server), TLSM_END_CLEAN_BOTH);
    assert_plain(&pair->server, "late");
    free(pair);
}

static void a5_owed_key_update_reply_is_dropped(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_update(&pair->client, 1);
    (void)side_say(&pair->client, &pair->server);
    assert_true(side_needs(&pair->server) & TLSM_NEED_PRODUCE);
    (void)side_close(&pair->server, 0);
    side_produce(&pair->server);
    assert_int_equal(records(&pair->server), 1);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CLOSED);
    free(pair);
}

static void a5_produced_key_update_reply_is_followed_under_its_keys(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_update(&pair->client, 1);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_int_equal(records(&pair->server), 1);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CLOSED);
    free(pair);
}

static void a6_own_request_outstanding_then_close(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_update(&pair->client, 1);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->client);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->server);   /* the late reply */
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_OPEN);
    (void)side_say(&pair->client, &pair->server);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    free(pair);
}

static void a8_what_was_produced_goes_first(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_write(&pair->client, "before");
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    assert_int_equal(records(&pair->client), 2);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    (void)side_feed(&pair->server);
    assert_plain(&pair->server, "before");
    assert_int_equal(side_rx(&pair->server), TLSM_RX_CLOSED);
    free(pair);
}

static void a9_half_a_record_and_abandon_is_a_reset(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_advice advice;
    (void)unused;
    (void)side_write(&pair->client, "half");
    (void)side_sent(&pair->client, 9, NULL);
    (void)side_do(&pair->client, TLSM_IN_ABANDON);
    tlsm_advice(&pair->client.block.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_RESET);
    assert_int_equal(advice.drop, pair->client.wire_have);
    free(pair);
}

static void a9_a_whole_record_and_abandon_is_a_plain_close(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_advice advice;
    (void)unused;
    (void)side_write(&pair->client, "all");
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    (void)side_write(&pair->client, "more");
    (void)side_do(&pair->client, TLSM_IN_ABANDON);
    tlsm_advice(&pair->client.block.state, &advice);
    assert_int_equal(advice.flags, TLSM_ADVICE_CLOSE);
    assert_int_equal(advice.drop, pair->client.wire_have);
    free(pair);
}

static void a10_complete_only_when_the_last_byte_was_taken(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    assert_code(side_sent(&pair->client, pair->client.wire_have - 1, NULL), TLSM_OK);
    assert_how(&pair->client, "clean_received");
    assert_int_equal(side_tx(&pair->client), TLSM_TX_CLOSE_OUT);
    assert_code(side_sent(&pair->client, 1, NULL), TLSM_END_CLEAN_BOTH);
    free(pair);
}

static void a11_resumes_at_the_exact_byte_with_one_alert(void **unused)
{
    struct pair *pair = pair_connected();
    const struct tlsm_in produce = { .kind = TLSM_IN_PRODUCE };
    (void)unused;
    (void)side_close(&pair->client, 0);
    for (int tries = 0; tries < 5; tries++) {
        struct tlsm_out out = { .state_capacity = sizeof pair->client.block };
        assert_code(tlsm_step(&pair->client.config, &pair->client.block.state, &produce, &pair->client.block.state, &out),
                    TLSM_MORE_WIRE_ROOM);
        assert_int_equal(out.wire_needed, 24);
    }
    side_produce(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_NOTHING_OWED);
    assert_int_equal(records(&pair->client), 1);
    while (pair->client.wire_have > 0)
        (void)side_sent(&pair->client, 1, &pair->server);
    assert_code(side_feed(&pair->server), TLSM_PEER_CLOSED);
    free(pair);
}

static void a12_closing_twice_sends_one_alert(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    assert_code(side_close(&pair->client, 0), TLSM_IGNORED);
    side_produce(&pair->client);
    assert_code(side_close(&pair->client, 0), TLSM_IGNORED);
    assert_int_equal(records(&pair->client), 1);
    free(pair);
}

static void a12_one_way_then_wait_then_clean(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 1);
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_COMMAND);
    assert_code(side_do(&pair->client, TLSM_IN_WAIT), TLSM_OK);
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_RECEIVE);
    (void)side_close(&pair->server, 0);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->client, "clean_both");
    free(pair);
}

static void a12_one_way_then_abandon_is_closed_incomplete(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 1);
    (void)side_say(&pair->client, &pair->server);
    assert_code(side_do(&pair->client, TLSM_IN_ABANDON), TLSM_END_CLOSED_INCOMPLETE);
    free(pair);
}

static void a12_one_way_whose_send_failed_waits_for_a_command(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 1);
    side_produce(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_SEND_FAILED), TLSM_SEND_CUT);
    assert_int_equal(side_needs(&pair->client), TLSM_NEED_COMMAND);
    assert_code(side_do(&pair->client, TLSM_IN_ABANDON), TLSM_END_TRANSPORT_FAILED);
    free(pair);
}

static void a13_close_after_an_alert_makes_no_bytes(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    assert_int_equal(records(&pair->client), 1);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "local_alert");
    assert_how(&pair->server, "peer_alert");
    assert_code(side_close(&pair->server, 0), TLSM_END_PEER_ALERT);
    assert_int_equal(pair->server.wire_have, 0);
    free(pair);
}

static void a13_abort_after_close_notify_makes_no_bytes(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_DEAD);
    assert_int_equal(records(&pair->client), 1);
    assert_code(side_sent(&pair->client, pair->client.wire_have, NULL), TLSM_END_ABANDONED);
    free(pair);
}

static void a14_writing_after_our_close_is_refused(void **unused)
{
    struct pair *pair = pair_connected();
    (void)unused;
    (void)side_close(&pair->client, 0);
    assert_code(side_write(&pair->client, "x"), TLSM_WRITE_CLOSED);
    assert_code(side_write(&pair->client, ""), TLSM_WRITE_CLOSED);
    assert_code(side_update(&pair->client, 0), TLSM_WRITE_CLOSED);
    (void)side_say(&pair->client, &pair->server);
    assert_code(side_write(&pair->client, "x"), TLSM_WRITE_CLOSED);
    free(pair);
}

static void a16_two_records_are_kept_back(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.record_limit = 6;   /* the writes of a key: 4, then an update, and one for an alert */
    pair_connect(pair);
    for (int i = 0; i < 4; i++)
        assert_code(side_write(&pair->client, "x"), TLSM_PRODUCED);
    assert_code(side_write(&pair->client, "x"), TLSM_PRODUCE_FIRST);
    assert_int_equal(pair->client.block.state.write_key.sequence, 4);
    (void)side_close(&pair->client, 0);
    (void)side_say(&pair->client, &pair->server);
    assert_plain(&pair->server, "xxxx");
    assert_int_equal(side_rx(&pair->server), TLSM_RX_CLOSED);
    free(pair);
}

/* RFC 9846 s5.5: 2^24.5 full-size records under one AES-GCM key; ChaCha20-Poly1305 ends with the sequence numbers. */
static void a16_how_many_records_a_key_may_seal(void **unused)
{
    struct pair *pair = pair_connected();
    struct tlsm_key *key = &pair->client.block.state.write_key;
    (void)unused;
    assert_int_equal(pair->client.settings.record_limit, 0);
    key->sequence = 5;
    key->suite = TLSM_AES_256_GCM_SHA384;
    assert_true(tlsm_writes_left(&pair->client.config, &pair->client.block.state) == 23726566 - 2 - 5);
    key->suite = TLSM_CHACHA20_POLY1305_SHA256;
    assert_true(tlsm_writes_left(&pair->client.config, &pair->client.block.state) == UINT64_MAX - 2 - 5);
    pair->client.settings.record_limit = 1;   /* less than what is kept back */
    assert_true(tlsm_writes_left(&pair->client.config, &pair->client.block.state) == 0);
    key->sequence = 0;
    assert_true(tlsm_writes_left(&pair->client.config, &pair->client.block.state) == 0);
    free(pair);
}

static void f4_a_write_at_the_reserve_first_makes_a_key_update(void **unused)
{
    struct pair *pair = pair_fresh();
    (void)unused;
    pair->client.settings.record_limit = 3;
    pair_connect(pair);
    for (int i = 0; i < 5; i++) {
        side_produce(&pair->client);
        assert_code(side_write(&pair->client, "y"), TLSM_PRODUCED);
    }
    (void)side_say(&pair->client, &pair->server);
    assert_plain(&pair->server, "yyyyy");
    assert_true(pair->client.block.state.ledger.write_updates >= 4);
    free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a1_never_started_is_never_opened),
        cmocka_unit_test(a1_started_and_nothing_produced_is_never_opened),
        cmocka_unit_test(a2_client_after_hello_says_the_pair_in_the_clear),
        cmocka_unit_test(a2_abandon_is_the_silent_way),
        cmocka_unit_test(a3_server_with_keys_says_the_pair_under_them),
        cmocka_unit_test(a3_server_with_a_hello_but_no_keys_says_the_pair_in_the_clear),
        cmocka_unit_test(a3_server_without_a_hello_is_silent),
        cmocka_unit_test(a4_server_after_its_finished_closes_only_its_half),
        cmocka_unit_test(a5_owed_key_update_reply_is_dropped),
        cmocka_unit_test(a5_produced_key_update_reply_is_followed_under_its_keys),
        cmocka_unit_test(a6_own_request_outstanding_then_close),
        cmocka_unit_test(a8_what_was_produced_goes_first),
        cmocka_unit_test(a9_half_a_record_and_abandon_is_a_reset),
        cmocka_unit_test(a9_a_whole_record_and_abandon_is_a_plain_close),
        cmocka_unit_test(a10_complete_only_when_the_last_byte_was_taken),
        cmocka_unit_test(a11_resumes_at_the_exact_byte_with_one_alert),
        cmocka_unit_test(a12_closing_twice_sends_one_alert),
        cmocka_unit_test(a12_one_way_then_wait_then_clean),
        cmocka_unit_test(a12_one_way_then_abandon_is_closed_incomplete),
        cmocka_unit_test(a12_one_way_whose_send_failed_waits_for_a_command),
        cmocka_unit_test(a13_close_after_an_alert_makes_no_bytes),
        cmocka_unit_test(a13_abort_after_close_notify_makes_no_bytes),
        cmocka_unit_test(a14_writing_after_our_close_is_refused),
        cmocka_unit_test(a16_two_records_are_kept_back),
        cmocka_unit_test(a16_how_many_records_a_key_may_seal),
        cmocka_unit_test(f4_a_write_at_the_reserve_first_makes_a_key_update),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
