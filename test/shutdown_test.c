/* SPDX-License-Identifier: MIT */
/* machine/shutdown.c: the call as a procedure (K1–K6), and what other libraries' tests check of it (section 12), with an
 * adapter small enough to be read: it only executes actions. */
#include <stdlib.h>

#include "fixture.h"

struct caller {
    struct side *side, *peer;
    struct tlsm_shutdown shutdown;
    int blocked;                 /* 1: our transport takes nothing */
    size_t room;                 /* bytes it takes before it blocks, when not blocked */
    int error;                   /* of the last call */
};

static enum tlsm_shutdown_seen flush(struct caller *caller)
{
    struct side *side = caller->side;
    size_t n;
    side_produce(side);
    if (side->wire_have == 0)
        return TLSM_SAW_PROGRESS;
    n = side->wire_have < caller->room ? side->wire_have : caller->room;
    if (caller->blocked || n == 0)
        return TLSM_SAW_BLOCKED_WRITE;
    caller->room -= n;
    (void)side_sent(side, n, caller->peer);
    return TLSM_SAW_PROGRESS;
}

static enum tlsm_shutdown_seen read_some(struct caller *caller)
{
    const size_t before = caller->side->plain_have, held = caller->side->held_have;
    if (held == 0)
        return TLSM_SAW_BLOCKED_READ;
    (void)side_feed(caller->side);
    if (caller->side->plain_have > before)
        return TLSM_SAW_DATA;
    return caller->side->held_have < held ? TLSM_SAW_PROGRESS : TLSM_SAW_BLOCKED_READ;
}

static int call(struct caller *caller)
{
    enum tlsm_shutdown_seen seen = TLSM_SAW_CALL;
    for (int i = 0; i < 200; i++) {
        struct tlsm_shutdown_next next = tlsm_shutdown_step(caller->shutdown, seen, &caller->side->block.state);
        caller->shutdown = next.state;
        switch ((enum tlsm_shutdown_act)next.act) {
        case TLSM_DO_CLOSE:
            (void)side_close(caller->side, 0);
            seen = TLSM_SAW_PROGRESS;
            break;
        case TLSM_DO_FLUSH: seen = flush(caller); break;
        case TLSM_DO_READ: seen = read_some(caller); break;
        case TLSM_DO_RETURN: caller->error = next.error; return next.returns;
        }
    }
    fail_msg("the procedure spins");
    return -2;
}

static struct caller caller_of(struct side *side, struct side *peer, uint8_t contract)
{
    struct caller caller = { side, peer, { .contract = contract }, 0, SIZE_MAX, 0 };
    return caller;
}

/* Both sides of one connection, under one contract. */
struct two {
    struct pair *pair;
    struct caller client, server;
};
static uint16_t version;   /* spoken by all that follows */
static struct pair *fresh(void)
{
    struct pair *pair = pair_fresh();
    pair_speak(pair, version);
    return pair;
}

static struct two two_connected(uint8_t contract)
{
    struct pair *pair = fresh();
    pair_resumable(pair);
    struct two two = { pair, caller_of(&pair->client, &pair->server, contract),
                       caller_of(&pair->server, &pair->client, contract) };
    pair_connect(pair);
    return two;
}

static void k3_one_call_carries_it_to_the_end(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_WANT_READ);
    (void)side_feed(two.server.side);
    assert_int_equal(call(&two.server), 1);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(two.client.shutdown.flags, TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN);
    assert_how(two.client.side, "clean_both");
    free(two.pair);
}

static void k3_eof_is_0_and_names_itself(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    (void)call(&two.client);
    (void)side_eof(two.client.side, 0);
    assert_int_equal(call(&two.client), 0);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_UNEXPECTED_EOF);
    free(two.pair);
}

static void k3_an_end_that_the_framing_vouches_for_is_no_close_notify(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    two.client.side->settings.eof = TLSM_EOF_FRAMED;
    (void)call(&two.client);
    (void)side_eof(two.client.side, 1);
    assert_int_equal(call(&two.client), 0);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_UNEXPECTED_EOF);
    assert_how(two.client.side, "framed_end");
    free(two.pair);
}

static void k4_lock_step(void **unused)   /* L11, O1 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(two.client.shutdown.flags | two.server.shutdown.flags, 0);
    assert_int_equal(call(&two.client), 0);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_WANT_READ);
    assert_int_equal(two.client.shutdown.flags, TLSM_SENT_SHUTDOWN);
    assert_int_equal(call(&two.server), 0);
    assert_int_equal(two.server.shutdown.flags, TLSM_SENT_SHUTDOWN);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(call(&two.server), 1);
    assert_int_equal(two.client.shutdown.flags & two.server.shutdown.flags, 3);
    free(two.pair);
}

static void k4_eof_is_minus_1(void **unused)   /* O6 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(call(&two.client), 0);
    (void)side_eof(two.client.side, 0);
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_UNEXPECTED_EOF);
    free(two.pair);
}

static void k1_application_data_stops_the_call_until_it_is_read(void **unused)   /* O8 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    (void)side_write(two.server.side, "unread");
    (void)side_say(two.server.side, two.client.side);
    assert_plain(two.client.side, "unread");
    two.client.shutdown.held = 1;
    assert_int_equal(call(&two.client), 0);
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_DATA_PENDING);
    assert_int_equal(call(&two.client), -1);
    assert_how(two.client.side, "open");
    two.client.shutdown.held = 0;   /* SSL_read took it */
    (void)side_feed(two.server.side);
    assert_int_equal(call(&two.server), 1);
    assert_int_equal(call(&two.client), 1);
    free(two.pair);
}

static void k1_data_met_by_the_call_stays_readable(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    (void)side_write(two.server.side, "met");
    (void)side_sent(two.server.side, two.server.side->wire_have, two.client.side);
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_DATA_PENDING);
    assert_plain(two.client.side, "met");
    free(two.pair);
}

static void k1_with_discard_reads_on(void **unused)
{
    struct two two;
    (void)unused;
    two.pair = fresh();
    two.pair->client.settings.data_while_closing = TLSM_CLOSING_DISCARD;
    pair_connect(two.pair);
    two.client = caller_of(&two.pair->client, &two.pair->server, TLSM_SHUTDOWN_ONE_CALL);
    (void)side_write(&two.pair->server, "dropped");
    (void)side_close(&two.pair->server, 0);
    side_produce(&two.pair->server);
    (void)side_sent(&two.pair->server, two.pair->server.wire_have, &two.pair->client);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(side_verdict(&two.pair->client).discarded, 7);
    free(two.pair);
}

static void k5_blocked_output_then_one_alert(void **unused)   /* O5, S9, S10 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    two.server.blocked = 1;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(call(&two.server), -1);
        assert_int_equal(two.server.error, TLSM_SHUTDOWN_WANT_WRITE);
    }
    two.server.blocked = 0;
    two.server.room = 7;
    assert_int_equal(call(&two.server), -1);
    assert_int_equal(two.server.error, TLSM_SHUTDOWN_WANT_WRITE);
    two.server.room = SIZE_MAX;
    assert_int_equal(call(&two.server), 0);
    (void)side_feed(two.client.side);
    assert_int_equal(two.client.side->held_have, 0);
    assert_int_equal(two.client.side->close_notifies, 1);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(call(&two.server), 1);
    free(two.pair);
}

static void k6_in_the_handshake(void **unused)   /* S4 */
{
    struct pair *pair = fresh();
    struct caller client = caller_of(&pair->client, &pair->server, TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    client.blocked = 1;
    assert_int_equal(call(&client), -1);
    assert_int_equal(client.error, TLSM_SHUTDOWN_WANT_WRITE);
    client.blocked = 0;
    assert_int_equal(call(&client), -1);
    assert_int_equal(client.error, TLSM_SHUTDOWN_IN_INIT);
    assert_int_equal(client.shutdown.flags, TLSM_SENT_SHUTDOWN);
    assert_how(&pair->client, "cancelled_in_handshake");
    free(pair);
}

static void k6_after_a_fatal_alert_either_way(void **unused)   /* S1, S3, S6 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    (void)side_abort(two.client.side, TLSM_ALERT_INTERNAL_ERROR);
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_PROTOCOL);
    assert_true(side_verdict(two.client.side).alert_delivered);
    (void)side_feed(two.server.side);
    assert_int_equal(call(&two.server), -1);
    assert_int_equal(two.server.error, TLSM_SHUTDOWN_PROTOCOL);
    assert_int_equal(two.server.side->wire_have, 0);
    free(two.pair);
}

/* A handshake that an alert has ended is no handshake any more: the answer is the alert's, not "in the handshake". */
static void k6_after_an_alert_in_the_handshake(void **unused)
{
    struct pair *pair = fresh();
    struct caller client = caller_of(&pair->client, &pair->server, TLSM_SHUTDOWN_ONE_CALL);
    struct caller server = caller_of(&pair->server, &pair->client, TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_abort(&pair->server, TLSM_ALERT_HANDSHAKE_FAILURE);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(call(&client), -1);
    assert_int_equal(client.error, TLSM_SHUTDOWN_PROTOCOL);
    assert_int_equal(call(&server), -1);
    assert_int_equal(server.error, TLSM_SHUTDOWN_PROTOCOL);
    assert_how(&pair->client, "handshake_failed");
    free(pair);
}

static void k6_after_an_error_in_the_handshake(void **unused)
{
    struct pair *pair = fresh();
    struct caller server = caller_of(&pair->server, &pair->client, TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    pair_start(pair);
    side_inject(&pair->server, "\x17\x03\x03\x00\x01x", 6);
    (void)side_feed(&pair->server);
    assert_int_equal(call(&server), -1);
    assert_int_equal(server.error, TLSM_SHUTDOWN_PROTOCOL);
    assert_how(&pair->server, "handshake_failed");
    free(pair);
}

/* Who asked in the handshake is answered so, also when it completes while the alert waits for the transport. */
static void k6_a_handshake_that_completes_meanwhile(void **unused)
{
    struct pair *pair = fresh();
    struct caller server = caller_of(&pair->server, &pair->client, TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    pair_start(pair);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    server.blocked = 1;
    assert_int_equal(call(&server), -1);
    assert_int_equal(server.error, TLSM_SHUTDOWN_WANT_WRITE);
    (void)side_say(&pair->client, &pair->server);
    assert_true(tlsm_connected(&pair->server.block.state));
    server.blocked = 0;
    assert_int_equal(call(&server), -1);
    assert_int_equal(server.error, TLSM_SHUTDOWN_IN_INIT);
    (void)side_feed(&pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_CLOSED);
    free(pair);
}

/* What the caller himself could not do is not the peer's doing, nor an end. */
static void a_failure_of_the_callers_own_is_named_as_such(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    const struct tlsm_shutdown_next next = tlsm_shutdown_step(two.client.shutdown, TLSM_SAW_FAILURE, &two.client.side->block.state);
    (void)unused;
    assert_int_equal(next.act, TLSM_DO_RETURN);
    assert_int_equal(next.returns, -1);
    assert_int_equal(next.error, TLSM_SHUTDOWN_FAILURE);
    assert_int_equal(next.state.flags, 0);
    free(two.pair);
}

static void k6_b10_the_peer_is_gone(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_ONE_CALL);
    (void)unused;
    (void)side_close(two.server.side, 0);
    (void)side_say(two.server.side, two.client.side);
    two.client.blocked = 1;
    (void)call(&two.client);
    (void)side_do(two.client.side, TLSM_IN_SEND_FAILED);
    assert_int_equal(call(&two.client), -1);
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_SYSCALL);
    assert_int_equal(two.client.shutdown.flags, 3);
    free(two.pair);
}

static void k2_quiet_sends_nothing_and_is_never_clean(void **unused)   /* L4 */
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    two.client.shutdown.quiet = 1;
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(two.client.shutdown.flags, 3);
    assert_int_equal(two.client.side->wire_have, 0);
    assert_how(two.client.side, "open");
    free(two.pair);
}

/* One side, its peer, and the pair they are of. */
struct one {
    struct two two;
    struct caller *us, *peer;
};
static void one_connected(struct one *one, int server)
{
    one->two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    one->us = server ? &one->two.server : &one->two.client;
    one->peer = server ? &one->two.client : &one->two.server;
}

static void l1_both_sides_close(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct one one;
        (void)unused;
        one_connected(&one, server);
        assert_int_equal(call(one.us), 0);
        (void)side_feed(one.peer->side);
        assert_int_equal(call(one.peer), 1);
        assert_int_equal(call(one.us), 1);
        assert_how(one.us->side, "clean_both");
        assert_how(one.peer->side, "clean_both");
        free(one.two.pair);
    }
}

static void l2_l3_one_quiet_side_leaves_the_other_without_an_end(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct one one;
        (void)unused;
        one_connected(&one, server);
        one.us->shutdown.quiet = 1;
        assert_int_equal(call(one.us), 1);
        assert_int_equal(one.us->side->wire_have, 0);
        assert_int_equal(call(one.peer), 0);
        assert_int_equal(call(one.peer), -1);
        assert_int_equal(one.peer->error, TLSM_SHUTDOWN_WANT_READ);
        (void)side_eof(one.peer->side, 0);
        assert_int_equal(call(one.peer), -1);   /* O6 */
        assert_int_equal(one.peer->error, TLSM_SHUTDOWN_UNEXPECTED_EOF);
        free(one.two.pair);
    }
}

static void l5_l8_preset_sent_sends_nothing_and_waits_for_the_peer(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct one one;
        (void)unused;
        one_connected(&one, server);
        tlsm_shutdown_preset(&one.us->shutdown, TLSM_SENT_SHUTDOWN);
        assert_int_equal(call(one.us), -1);
        assert_int_equal(one.us->error, TLSM_SHUTDOWN_WANT_READ);
        assert_int_equal(one.peer->side->held_have, 0);
        assert_int_equal(call(one.peer), 0);
        assert_int_equal(call(one.us), 1);
        assert_int_equal(one.us->side->wire_have, 0);
        assert_int_equal(one.peer->side->held_have, 0);
        assert_how(one.us->side, "clean_received");
        free(one.two.pair);
    }
}

static void l6_l9_preset_received_sends_one_and_reads_nothing(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct one one;
        (void)unused;
        one_connected(&one, server);
        tlsm_shutdown_preset(&one.us->shutdown, TLSM_RECEIVED_SHUTDOWN);
        assert_int_equal(call(one.us), 1);
        (void)side_feed(one.peer->side);
        assert_int_equal(one.peer->side->close_notifies, 1);
        assert_how(one.us->side, "open");
        free(one.two.pair);
    }
}

static void l7_l10_preset_both_is_silent(void **unused)
{
    for (int server = 0; server < 2; server++) {
        struct one one;
        (void)unused;
        one_connected(&one, server);
        tlsm_shutdown_preset(&one.us->shutdown, TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN);
        assert_int_equal(call(one.us), 1);
        assert_int_equal(one.us->side->wire_have, 0);
        assert_int_equal(one.peer->side->held_have, 0);
        free(one.two.pair);
    }
}

static void o1_lock_step_and_nothing_is_written_any_more(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(call(&two.client), 0);
    assert_code(side_write(two.client.side, "x"), TLSM_WRITE_CLOSED);
    assert_int_equal(call(&two.server), 0);   /* has not read yet */
    assert_code(side_write(two.server.side, "x"), TLSM_WRITE_CLOSED);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(call(&two.server), 1);
    assert_how(two.client.side, "clean_both");
    assert_int_equal(side_verdict(two.client.side).resumable, 1);
    free(two.pair);
}

/* In TLS 1.3 the other half lives on. */
static void s12_a_close_received_closes_both_halves(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(call(&two.client), 0);
    assert_code(side_feed(two.server.side), TLSM_PEER_CLOSED);
    assert_code(side_write(two.server.side, "x"), version == TLSM_1_2 ? TLSM_WRITE_CLOSED : TLSM_PRODUCED);
    assert_int_equal(call(&two.server), 1);
    assert_int_equal(call(&two.client), 1);
    assert_plain(two.client.side, version == TLSM_1_2 ? "" : "x");
    free(two.pair);
}

static void o3_half_close_with_data_and_a_key_update(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(call(&two.client), 0);
    assert_code(side_feed(two.server.side), TLSM_PEER_CLOSED);
    (void)side_write(two.server.side, "one");
    (void)side_update(two.server.side, 1);
    side_produce(two.server.side);
    (void)side_write(two.server.side, "two");
    assert_int_equal(call(&two.server), 1);
    (void)side_feed(two.client.side);
    assert_plain(two.client.side, "onetwo");
    assert_code(side_write(two.client.side, "x"), TLSM_END_CLEAN_BOTH);
    assert_int_equal(call(&two.client), 1);
    free(two.pair);
}

static void s8_the_second_call_succeeds_after_the_peer_dropped_the_socket(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    assert_int_equal(call(&two.client), 0);
    (void)side_feed(two.server.side);
    assert_int_equal(call(&two.server), 1);
    (void)side_feed(two.client.side);
    (void)side_eof(two.client.side, 0);
    assert_int_equal(call(&two.client), 1);
    free(two.pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(k3_one_call_carries_it_to_the_end),
        cmocka_unit_test(k3_eof_is_0_and_names_itself),
        cmocka_unit_test(k3_an_end_that_the_framing_vouches_for_is_no_close_notify),
        cmocka_unit_test(k4_lock_step),
        cmocka_unit_test(k4_eof_is_minus_1),
        cmocka_unit_test(k1_application_data_stops_the_call_until_it_is_read),
        cmocka_unit_test(k1_data_met_by_the_call_stays_readable),
        cmocka_unit_test(k1_with_discard_reads_on),
        cmocka_unit_test(k5_blocked_output_then_one_alert),
        cmocka_unit_test(k6_in_the_handshake),
        cmocka_unit_test(k6_after_a_fatal_alert_either_way),
        cmocka_unit_test(k6_after_an_alert_in_the_handshake),
        cmocka_unit_test(k6_after_an_error_in_the_handshake),
        cmocka_unit_test(a_failure_of_the_callers_own_is_named_as_such),
        cmocka_unit_test(k6_b10_the_peer_is_gone),
        cmocka_unit_test(k2_quiet_sends_nothing_and_is_never_clean),
        cmocka_unit_test(l1_both_sides_close),
        cmocka_unit_test(l2_l3_one_quiet_side_leaves_the_other_without_an_end),
        cmocka_unit_test(l5_l8_preset_sent_sends_nothing_and_waits_for_the_peer),
        cmocka_unit_test(l6_l9_preset_received_sends_one_and_reads_nothing),
        cmocka_unit_test(l7_l10_preset_both_is_silent),
        cmocka_unit_test(o1_lock_step_and_nothing_is_written_any_more),
        cmocka_unit_test(s8_the_second_call_succeeds_after_the_peer_dropped_the_socket),
        cmocka_unit_test(s12_a_close_received_closes_both_halves),
    };
    const struct CMUnitTest tests13[] = { cmocka_unit_test(k6_a_handshake_that_completes_meanwhile),
                                          cmocka_unit_test(o3_half_close_with_data_and_a_key_update) };
    int failed = 0;
    for (version = TLSM_1_2; version <= TLSM_1_3; version++)
        failed += cmocka_run_group_tests_name(version == TLSM_1_2 ? "TLS 1.2" : "TLS 1.3", tests, NULL, NULL);
    version = TLSM_1_3;
    return failed + cmocka_run_group_tests_name("TLS 1.3 alone", tests13, NULL, NULL);
}
