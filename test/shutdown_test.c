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
static struct two two_connected(uint8_t contract)
{
    struct pair *pair = pair_fresh();
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
    two.pair = pair_fresh();
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
    struct pair *pair = pair_fresh();
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

/* L5–L10: flags set before the call. */
static void k2_preset_flags(void **unused)
{
    struct two two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    (void)unused;
    tlsm_shutdown_preset(&two.client.shutdown, TLSM_SENT_SHUTDOWN | TLSM_RECEIVED_SHUTDOWN);
    assert_int_equal(call(&two.client), 1);
    assert_int_equal(two.client.side->wire_have, 0);
    assert_int_equal(two.server.side->held_have, 0);
    free(two.pair);
    two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    tlsm_shutdown_preset(&two.client.shutdown, TLSM_RECEIVED_SHUTDOWN);
    assert_int_equal(call(&two.client), 1);   /* sends one, reads nothing */
    (void)side_feed(two.server.side);
    assert_int_equal(two.server.side->close_notifies, 1);
    assert_how(two.client.side, "open");
    free(two.pair);
    two = two_connected(TLSM_SHUTDOWN_TWO_STEP);
    tlsm_shutdown_preset(&two.client.shutdown, TLSM_SENT_SHUTDOWN);
    assert_int_equal(call(&two.client), -1);   /* sends nothing, waits for the peer */
    assert_int_equal(two.client.error, TLSM_SHUTDOWN_WANT_READ);
    assert_int_equal(two.server.side->held_have, 0);
    assert_int_equal(call(&two.server), 0);
    assert_int_equal(call(&two.client), 1);
    assert_how(two.client.side, "clean_received");
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
        cmocka_unit_test(k4_lock_step),
        cmocka_unit_test(k4_eof_is_minus_1),
        cmocka_unit_test(k1_application_data_stops_the_call_until_it_is_read),
        cmocka_unit_test(k1_data_met_by_the_call_stays_readable),
        cmocka_unit_test(k1_with_discard_reads_on),
        cmocka_unit_test(k5_blocked_output_then_one_alert),
        cmocka_unit_test(k6_in_the_handshake),
        cmocka_unit_test(k6_after_a_fatal_alert_either_way),
        cmocka_unit_test(k6_b10_the_peer_is_gone),
        cmocka_unit_test(k2_quiet_sends_nothing_and_is_never_clean),
        cmocka_unit_test(k2_preset_flags),
        cmocka_unit_test(o3_half_close_with_data_and_a_key_update),
        cmocka_unit_test(s8_the_second_call_succeeds_after_the_peer_dropped_the_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
