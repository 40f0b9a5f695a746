/* SPDX-License-Identifier: MIT */
/* How a connection with early data ends: closed, aborted, cut, reset and failed at every point; docs/closing.md, A3, A4, A14, B1, C6,
 * F2, I2, I10, I11, J1. */
#include <stdlib.h>

#include "early_fixture.h"

/* The server has read "early" and made nothing. */
static struct pair *read_early(int real)
{
    struct pair *pair = speaking_early(real, LATER);
    assert_code(write_early(&pair->client, "early"), TLSM_PRODUCED);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    assert_plain(&pair->server, "early");
    return pair;
}

/* … and has made its flight, which is on its way. */
static struct pair *waiting_for_the_end(int real)
{
    struct pair *pair = read_early(real);
    side_produce(&pair->server);
    assert_int_equal(server_of(pair)->control.phase, TLSM_PHASE_S_WAIT_END);
    return pair;
}

static void check_failed_with(const struct side *side, uint8_t alert)
{
    assert_int_equal(side->out.violation, alert);
    assert_int_equal(side_tx(side), TLSM_TX_FAILING);
    assert_false(tlsm_is_final(&side->block.state));
}

/* ------------------------------------------------------------------------------------------------ our close */

/* A3: the pair under the early key, flagged; the server reads it there, and C6: it is no end of the data. */
static void a_client_closes_while_it_is_early(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = read_early(1);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    assert_code(write_early(&pair->client, "x"), TLSM_WRITE_CLOSED);
    side_produce(&pair->client);
    assert_memory_equal(pair->client.wire, "\27\3\3\0\23", 5);
    assert_memory_equal(pair->client.wire + 24, "\27\3\3\0\23", 5);
    assert_int_equal(pair->client.wire_have, 48);
    (void)side_say(&pair->client, &pair->server);
    assert_how(&pair->client, "cancelled_in_handshake");
    assert_int_equal(side_verdict(&pair->client).peer_may_not_read, 1);
    assert_int_equal(side_verdict(&pair->client).early, TLSM_EARLY_UNKNOWN);
    assert_int_equal(pair->server.close_notifies, 0);
    assert_int_equal(side_rx(&pair->server), TLSM_RX_DEAD);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, NULL);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).cause, TLSM_CAUSE_PEER_CLOSED);
    assert_int_equal(side_verdict(&pair->server).peer_canceled, 1);
    assert_int_equal(side_verdict(&pair->server).alert_authenticated, 1);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_ACCEPTED);
}

/* C6 in S_WAIT_END: one close_notify under the application key. */
static void close_notify_instead_of_the_end_of_early_data(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = waiting_for_the_end(0);
    (void)side_sent(&pair->server, pair->server.wire_have, NULL);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_ALERT, "\1\0", 2);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.close_notifies, 0);
    side_produce(&pair->server);
    assert_int_equal(pair->server.wire_have, 5 + 2 + 17);
    (void)side_sent(&pair->server, pair->server.wire_have, NULL);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).plain_in, 5);
}

/* A4: only our half closes; early data is still read, by policy (B1). */
static void a_server_closes_behind_its_finished(void **unused)
{
    TLSM_UNUSED(unused);
    for (uint8_t policy = TLSM_CLOSING_DELIVER; policy <= TLSM_CLOSING_FAIL; policy++) {
        struct pair *pair = waiting_for_the_end(0);
        pair->server.settings.data_while_closing = policy;
        assert_code(side_close(&pair->server, 0), TLSM_OK);
        assert_code(write_early(&pair->client, " more"), TLSM_PRODUCED);
        const enum tlsm_code code = side_say(&pair->client, &pair->server);
        assert_code(code, policy == TLSM_CLOSING_DELIVER ? TLSM_DATA : policy == TLSM_CLOSING_DISCARD ? TLSM_IGNORED : TLSM_OVER_BUDGET);
        assert_int_equal(pair->server.plain_have, policy == TLSM_CLOSING_DELIVER ? 10 : 5);
        assert_int_equal(side_verdict(&pair->server).discarded, policy == TLSM_CLOSING_DELIVER ? 0 : 5);
        if (policy == TLSM_CLOSING_FAIL)
            continue;
        converse(pair);
        assert_int_equal(tlsm_connected(server_of(pair)), 1);
        assert_code(side_close(&pair->client, 0), TLSM_OK);
        converse(pair);
        assert_how(&pair->client, "clean_both");
        assert_how(&pair->server, "clean_both");
    }
}

/* A3 on the server's side: before its Finished. */
static void a_server_closes_before_its_finished(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = read_early(0);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    side_produce(&pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_how(&pair->server, "cancelled_in_handshake");
    assert_int_equal(side_rx(&pair->client), TLSM_RX_DEAD);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_how(&pair->client, "handshake_failed");
}

/* ------------------------------------------------------------------------------------------------ what may not come */

static void wrong_content(uint8_t type, const void *content, size_t length, uint8_t alert)
{
    struct pair *pair = waiting_for_the_end(0);
    side_forge(&pair->client, &pair->server, type, content, length);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    check_failed_with(&pair->server, alert);
}

static void messages_under_the_early_key(void **unused)
{
    static const uint8_t long_one[70] = { 5, 0, 0, 0 };
    TLSM_UNUSED(unused);
    wrong_content(TLSM_TYPE_HANDSHAKE, "\24\0\0\0", 4, TLSM_ALERT_UNEXPECTED_MESSAGE);        /* Finished */
    wrong_content(TLSM_TYPE_HANDSHAKE, "\5\0\0\1x", 5, TLSM_ALERT_DECODE_ERROR);
    wrong_content(TLSM_TYPE_HANDSHAKE, "\5\0\0\0\5\0\0\0", 8, TLSM_ALERT_UNEXPECTED_MESSAGE); /* it spans the change of keys */
    wrong_content(TLSM_TYPE_HANDSHAKE, "\5\0\0\0\24", 5, TLSM_ALERT_UNEXPECTED_MESSAGE);
    wrong_content(TLSM_TYPE_HANDSHAKE, long_one, sizeof long_one, TLSM_ALERT_UNEXPECTED_MESSAGE);
    wrong_content(TLSM_TYPE_HANDSHAKE, "\30\0\0\1\0", 5, TLSM_ALERT_UNEXPECTED_MESSAGE);      /* KeyUpdate */
    wrong_content(TLSM_TYPE_CCS, "\1", 1, TLSM_ALERT_UNEXPECTED_MESSAGE);
    wrong_content(0, "", 0, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* §4.6: while our flight is owed no end can have come: it follows our Finished. */
static void the_end_before_our_finished(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = read_early(0);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, "\5\0\0\0", 4);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    check_failed_with(&pair->server, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* "if the server fails to decrypt a 0-RTT record following an accepted "early_data" extension, it MUST terminate the connection
 * with a "bad_record_mac" alert" (§4.3.10). */
static void a_record_that_does_not_open(void **unused)
{
    TLSM_UNUSED(unused);
    for (int real = 0; real < 2; real++) {
        struct pair *pair = speaking_early(real, LATER);
        assert_code(write_early(&pair->client, "early"), TLSM_PRODUCED);
        pair->client.wire[pair->client.wire_have - 1] ^= 1;
        (void)side_say(&pair->client, &pair->server);
        reply(pair, &pair->server);
        assert_code(side_feed(&pair->server), TLSM_FAILED);
        check_failed_with(&pair->server, TLSM_ALERT_BAD_RECORD_MAC);
        assert_int_equal(pair->server.plain_have, 0);
        assert_int_equal(server_of(pair)->ledger.skipped, 0);
    }
}

/* Only a server skips: whoever's early data was rejected reads all that comes. */
static void a_rejected_client_skips_nothing(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = early_pair(1);
    first(pair);
    pair->server.settings.ticket_keys = ticket_keys + 1;
    again_early(pair, LATER);
    (void)side_say(&pair->client, &pair->server);
    for (int i = 0; i < 3; i++)   /* ServerHello, ChangeCipherSpec, EncryptedExtensions */
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    pair->server.wire[pair->server.wire_have - 1] ^= 1;
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    (void)side_feed(&pair->client);
    assert_int_equal(tlsm_early_data(client_of(pair)), TLSM_EARLY_REJECTED);
    check_failed_with(&pair->client, TLSM_ALERT_BAD_RECORD_MAC);
}

/* A client that goes on under the handshake key without saying so. */
static void the_end_is_left_out(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = waiting_for_the_end(1);
    (void)side_say(&pair->server, &pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);   /* EndOfEarlyData is lost */
    (void)side_say(&pair->client, &pair->server);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_BAD_RECORD_MAC);
}

/* F2: accepted early data counts as opened; before the first record a plaintext alert is believed. */
static void a_plaintext_alert(void **unused)
{
    static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 40 };
    TLSM_UNUSED(unused);
    struct pair *pair = read_early(0);
    side_inject(&pair->server, alert, sizeof alert);
    (void)side_feed(&pair->server);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_FAILING);
    assert_int_equal(server_of(pair)->control.alert_out, TLSM_ALERT_UNEXPECTED_MESSAGE);
    pair = speaking_early(0, LATER);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    side_inject(&pair->server, alert, sizeof alert);
    (void)side_feed(&pair->server);
    assert_how(&pair->server, "handshake_failed");
    assert_int_equal(side_verdict(&pair->server).alert_authenticated, 0);
}

/* Data after EndOfEarlyData, under the handshake key: too late to be early, too early to be data. */
static void data_behind_the_end(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = waiting_for_the_end(0);
    (void)side_say(&pair->server, &pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    assert_code(side_feed(&pair->server), TLSM_OK);
    assert_int_equal(server_of(pair)->control.read_epoch, TLSM_EPOCH_HANDSHAKE);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, "late", 4);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    check_failed_with(&pair->server, TLSM_ALERT_UNEXPECTED_MESSAGE);
    assert_plain(&pair->server, "early");
}

/* ------------------------------------------------------------------------------------------------ what a server may not say */

/* The server's EncryptedExtensions, as forged: ServerHello comes from it. */
static void hears_extensions(struct pair *pair, const uint8_t *message, size_t length, uint8_t alert)
{
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    if (server_of(pair)->control.phase == TLSM_PHASE_S_MAKE_CCS)
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, message, length);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.out.violation, alert);
}

static void acceptance_is_checked(void **unused)
{
    static const uint8_t accepted[] = { 8, 0, 0, 6, 0, 4, 0, 42, 0, 0 };
    static const uint8_t not_empty[] = { 8, 0, 0, 10, 0, 8, 0, 42, 0, 4, 0, 0, 0, 1 };
    static const uint8_t other_protocol[] = { 8, 0, 0, 15, 0, 13, 0, 16, 0, 5, 0, 3, 2, 'h', '2', 0, 42, 0, 0 };
    static const struct tlsm_bytes h2 = { (const uint8_t *)"h2", 2 };
    TLSM_UNUSED(unused);
    hears_extensions(speaking_early(0, LATER), accepted, sizeof accepted, 0);
    hears_extensions(speaking_early(0, LATER), not_empty, sizeof not_empty, TLSM_ALERT_DECODE_ERROR);
    struct pair *pair = early_pair(0);   /* a session without a protocol, and one is selected */
    pair->client.settings.alpn = &h2;
    pair->client.settings.alpn_count = 1;
    first(pair);
    again_early(pair, LATER);
    hears_extensions(pair, other_protocol, sizeof other_protocol, TLSM_ALERT_ILLEGAL_PARAMETER);
    pair = early_pair(0);                /* another suite */
    first(pair);
    pair->server.settings.suites = &suites[2];
    pair->server.settings.suite_count = 1;
    again_early(pair, LATER);
    hears_extensions(pair, accepted, sizeof accepted, TLSM_ALERT_ILLEGAL_PARAMETER);
    pair = early_pair(0);                /* no session at all */
    first(pair);
    pair->server.settings.ticket_keys = ticket_keys + 1;
    again_early(pair, LATER);
    hears_extensions(pair, accepted, sizeof accepted, TLSM_ALERT_UNSUPPORTED_EXTENSION);
    pair = early_pair(0);                /* never offered */
    first(pair);
    pair->client.settings.early_data = 0;
    again_early(pair, LATER);
    hears_extensions(pair, accepted, sizeof accepted, TLSM_ALERT_UNSUPPORTED_EXTENSION);
}

/* §D.3: "A client that attempts to send 0-RTT data MUST fail a connection if it receives a ServerHello with TLS 1.2 or older." */
static void an_older_server(void **unused)
{
    TLSM_UNUSED(unused);
    for (int early = 0; early < 2; early++) {
        struct pair *pair = early_pair(0);
        first(pair);
        pair->client.settings.version_min = pair->server.settings.version_min = pair->server.settings.version_max = TLSM_1_2;
        pair->client.settings.early_data = (uint8_t)early;
        pair->client.settings.version_max = TLSM_1_3;
        again_early(pair, LATER);
        (void)side_sent(&pair->client, record_length(pair->client.wire), &pair->server);   /* the ClientHello alone */
        (void)side_feed(&pair->server);
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
        (void)side_feed(&pair->client);
        assert_int_equal(pair->client.out.violation, early ? TLSM_ALERT_PROTOCOL_VERSION : 0);
        assert_int_equal(tlsm_early_data(client_of(pair)), early ? TLSM_EARLY_UNKNOWN : TLSM_EARLY_NONE);
    }
}

/* ------------------------------------------------------------------------------------------------ every point */

/* Runs the pair, in steps of one input a side; `at` counts the steps of `side`; calls `strike` when it has made `steps`. Returns
 * whether the strike came. */
struct stroke {
    void (*strike)(struct pair *pair, struct side *side);
    int of_client;
    unsigned steps, left;
    struct pair *pair;
};
static struct stroke stroke;

static void count_step(struct side *side)
{
    if (stroke.left > 0 && --stroke.left == 0) {
        side->stepped = NULL;
        stroke.strike(stroke.pair, side);
    }
}

/* A connection with early data, with what strikes after so many steps of a side; 0 when it was over before. */
static int struck_after(unsigned steps, int of_client, void (*strike)(struct pair *pair, struct side *side))
{
    struct pair *pair = early_pair(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    struct side *side = of_client ? &pair->client : &pair->server;
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, LATER);
    begin(&pair->server, "", NULL, LATER);
    stroke = (struct stroke){ strike, of_client, steps, steps, pair };
    side->stepped = count_step;
    side_produce(&pair->client);
    (void)write_early(&pair->client, "early ");
    (void)write_early(&pair->client, "data");
    converse(pair);
    side->stepped = NULL;
    if (stroke.left > 0)
        return 0;
    converse(pair);
    /* I2: what was delivered is a beginning of what was written. */
    assert_true(pair->server.plain_have <= 10);
    assert_memory_equal(pair->server.plain, "early data", pair->server.plain_have);
    return 1;
}

static void check_ended(struct pair *pair)
{
    assert_int_equal(side_needs(&pair->client) & ~(unsigned)TLSM_NEED_RECEIVE & ~(unsigned)TLSM_NEED_COMMAND, 0);
    assert_int_equal(side_needs(&pair->server) & ~(unsigned)TLSM_NEED_RECEIVE & ~(unsigned)TLSM_NEED_COMMAND, 0);
}

static void closes(struct pair *pair, struct side *side) { TLSM_UNUSED(pair); (void)side_close(side, 0); }
static void aborts(struct pair *pair, struct side *side) { TLSM_UNUSED(pair); (void)side_abort(side, TLSM_ALERT_INTERNAL_ERROR); }
static void abandons(struct pair *pair, struct side *side) { TLSM_UNUSED(pair); (void)side_do(side, TLSM_IN_ABANDON); }
static void is_cut(struct pair *pair, struct side *side)
{
    TLSM_UNUSED(pair);
    if (side_needs(side) & TLSM_NEED_RECEIVE)
        (void)side_do(side, TLSM_IN_EOF);
}
static void is_reset(struct pair *pair, struct side *side)
{
    TLSM_UNUSED(pair);
    (void)side_do(side, TLSM_IN_RECEIVE_FAILED);
    (void)side_do(side, TLSM_IN_SEND_FAILED);
}
static void cannot_send(struct pair *pair, struct side *side) { TLSM_UNUSED(pair); (void)side_do(side, TLSM_IN_SEND_FAILED); }
static void is_late(struct pair *pair, struct side *side)
{
    TLSM_UNUSED(pair);
    (void)side_do(side, TLSM_IN_DEADLINE_SET);
    (void)side_do(side, TLSM_IN_DEADLINE);
}

/* At every step of either side; the fixture checks the invariants after each. No strike makes an end out of a cut. */
static void every_stroke_at_every_step(void **unused)
{
    static void (*const strikes[])(struct pair *pair, struct side *side) = { closes, aborts, abandons, is_cut, is_reset, cannot_send, is_late };
    TLSM_UNUSED(unused);
    for (size_t i = 0; i < sizeof strikes / sizeof *strikes; i++)
        for (int of_client = 0; of_client < 2; of_client++) {
            unsigned steps = 1;
            while (struck_after(steps, of_client, strikes[i])) {
                struct side *side = of_client ? &stroke.pair->client : &stroke.pair->server;
                struct side *other = of_client ? &stroke.pair->server : &stroke.pair->client;
                check_ended(stroke.pair);
                if (strikes[i] == closes && tlsm_is_final(&side->block.state) && side_how(side) != TLSM_CANCELLED_IN_HANDSHAKE_VERDICT)
                    assert_true(side_how(side) != TLSM_TRUNCATED_VERDICT);
                if (strikes[i] != closes)
                    assert_true(side_how(other) != TLSM_CLEAN_BOTH_VERDICT && side_how(other) != TLSM_CLEAN_RECEIVED_VERDICT);
                steps++;
            }
            assert_true(steps > 8);
        }
}

/* ------------------------------------------------------------------------------------------------ J1, I11 */

static uint8_t exported[SIDE_ROOM];

/* The side goes on from what it was exported to. */
static void moves_on(struct pair *pair, struct side *side)
{
    uint8_t before[SIDE_ROOM];
    const size_t live = tlsm_length(&side->block.state), length = tlsm_export(&side->block.state, exported, sizeof exported);
    TLSM_UNUSED(pair);
    if (length == 0)
        return;   /* a request is open */
    memcpy(before, &side->block.state, live);
    memset(&side->block, 0x55, sizeof side->block);
    assert_code(tlsm_import(&side->config, tlsm_slice(exported, length), &side->block.state, sizeof side->block), TLSM_OK);
    assert_int_equal(tlsm_length(&side->block.state), live);
    assert_memory_equal(before, &side->block.state, live);
}

static void exported_at_every_step(void **unused)
{
    TLSM_UNUSED(unused);
    for (int of_client = 0; of_client < 2; of_client++) {
        unsigned steps = 1;
        for (; struck_after(steps, of_client, moves_on); steps++) {
            assert_int_equal(tlsm_connected(client_of(stroke.pair)), 1);
            assert_int_equal(side_verdict(&stroke.pair->server).early, TLSM_EARLY_ACCEPTED);
            assert_plain(&stroke.pair->server, "early data");
        }
        assert_true(steps > 8);
    }
}

/* ------------------------------------------------------------------------------------------------ splits, and no room */

/* H4, I6: each byte of the client's flight alone; the whole gives the same. */
static void byte_by_byte(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(0, LATER);
    assert_code(write_early(&pair->client, "one"), TLSM_PRODUCED);
    assert_code(write_early(&pair->client, "two"), TLSM_PRODUCED);
    while (pair->client.wire_have > 0) {
        (void)side_sent(&pair->client, 1, &pair->server);
        (void)side_feed(&pair->server);
        reply(pair, &pair->server);
    }
    assert_plain(&pair->server, "onetwo");
    side_produce(&pair->server);
    while (pair->server.wire_have > 0 || pair->client.wire_have > 0) {
        if (pair->server.wire_have > 0)
            (void)side_sent(&pair->server, 1, &pair->client);
        (void)side_feed(&pair->client);
        side_produce(&pair->client);
        if (pair->client.wire_have > 0)
            (void)side_sent(&pair->client, 1, &pair->server);
        (void)side_feed(&pair->server);
        side_produce(&pair->server);
    }
    check_resumed(pair, 1);
    pair->server.plain_have = 0;
    exchange_and_close(pair);
}

/* I10. */
static void without_room(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(0, LATER);
    struct side *client = &pair->client;
    uint8_t wire[64];
    const struct tlsm_in in = { .kind = TLSM_IN_WRITE, .early = 1, .bytes = { (const uint8_t *)"early", 5 } };
    for (size_t room = 0; room < 27; room++) {
        struct tlsm_out out = { .wire = { wire, room }, .state_capacity = sizeof client->block };
        const struct tlsm_state before = *client_of(pair);
        assert_code(tlsm_step(&client->config, client_of(pair), &in, client_of(pair), &out), TLSM_MORE_WIRE_ROOM);
        assert_int_equal(out.wire_needed, 27);
        assert_memory_equal(&before, client_of(pair), sizeof before);
    }
    assert_code(side_step(client, &in), TLSM_PRODUCED);
}

/* A record of early data needs no room in the state's block, however long it is. */
static void a_long_record_needs_no_room_in_the_block(void **unused)
{
    TLSM_UNUSED(unused);
    static const uint8_t text[16000];
    static union { struct tlsm_state state; uint8_t bytes[8192]; } block;
    struct pair *pair = early_pair(0);
    pair->server.settings.early_max = 20000;
    first(pair);
    again_early(pair, LATER);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_DATA, text, sizeof text);
    memcpy(&block, server_of(pair), tlsm_length(server_of(pair)));
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { pair->server.held, pair->server.held_have } };
    struct tlsm_out out = { .plain = { pair->server.opened, sizeof pair->server.opened }, .state_capacity = sizeof block };
    assert_code(tlsm_step(&pair->server.config, &block.state, &in, &block.state, &out), TLSM_OK);
    in.bytes = tlsm_slice(in.bytes.data + out.consumed, in.bytes.length - out.consumed);
    assert_code(tlsm_step(&pair->server.config, &block.state, &in, &block.state, &out), TLSM_DATA);
    assert_int_equal(out.plain_length, sizeof text);
}

/* … nor takes any that is not there, whatever it says it is. */
static void a_long_message_finds_no_room(void **unused)
{
    TLSM_UNUSED(unused);
    static const uint8_t text[16000] = { 5 };
    static union { struct tlsm_state state; uint8_t bytes[24000]; } block;
    struct pair *pair = speaking_early(0, LATER);
    (void)side_say(&pair->client, &pair->server);
    reply(pair, &pair->server);
    side_produce(&pair->server);
    (void)side_feed(&pair->server);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, text, sizeof text);
    memset(&block, 0x55, sizeof block);
    memcpy(&block, server_of(pair), tlsm_length(server_of(pair)));
    struct tlsm_in in = { .kind = TLSM_IN_WIRE, .bytes = { pair->server.held, pair->server.held_have } };
    struct tlsm_out out = { .plain = { pair->server.opened, sizeof pair->server.opened }, .state_capacity = tlsm_length(&block.state) + 64 };
    const size_t room = out.state_capacity;
    assert_code(tlsm_step(&pair->server.config, &block.state, &in, &block.state, &out), TLSM_OK);
    in.bytes = (struct tlsm_bytes){ in.bytes.data + out.consumed, in.bytes.length - out.consumed };
    assert_code(tlsm_step(&pair->server.config, &block.state, &in, &block.state, &out), TLSM_FAILED);
    assert_int_equal(out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
    for (size_t i = room; i < sizeof block; i++)
        assert_int_equal(block.bytes[i], 0x55);
}

/* A transport that takes nothing for a while. */
static void blocked_output(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = speaking_early(1, LATER);
    assert_code(write_early(&pair->client, "a"), TLSM_PRODUCED);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    side_produce(&pair->client);
    const size_t all = pair->client.wire_have;
    for (size_t i = 0; i + 1 < all; i++) {
        (void)side_sent(&pair->client, 1, &pair->server);
        assert_false(tlsm_is_final(client_of(pair)));
    }
    (void)side_sent(&pair->client, 1, &pair->server);
    assert_how(&pair->client, "cancelled_in_handshake");
    (void)side_feed(&pair->server);
    reply(pair, &pair->server);
    (void)side_feed(&pair->server);
    assert_plain(&pair->server, "a");
    assert_int_equal(side_rx(&pair->server), TLSM_RX_DEAD);
}

/* T2: an EOF inside early data is a failed handshake, with its place. */
static void a_cut_inside_early_data(void **unused)
{
    TLSM_UNUSED(unused);
    struct pair *pair = read_early(0);
    assert_code(write_early(&pair->client, "more"), TLSM_PRODUCED);
    (void)side_sent(&pair->client, 9, &pair->server);
    (void)side_feed(&pair->server);
    assert_code(side_eof(&pair->server, 0), TLSM_END_HANDSHAKE_FAILED);
    assert_int_equal(side_verdict(&pair->server).cause, TLSM_CAUSE_EOF);
    assert_int_equal(side_verdict(&pair->server).place, TLSM_PLACE_BODY);
    assert_int_equal(side_verdict(&pair->server).eof_have, 4);
    assert_int_equal(side_verdict(&pair->server).early, TLSM_EARLY_ACCEPTED);
    assert_int_equal(side_verdict(&pair->server).plain_in, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_closes_while_it_is_early),
        cmocka_unit_test(close_notify_instead_of_the_end_of_early_data),
        cmocka_unit_test(a_server_closes_behind_its_finished),
        cmocka_unit_test(a_server_closes_before_its_finished),
        cmocka_unit_test(messages_under_the_early_key),
        cmocka_unit_test(the_end_before_our_finished),
        cmocka_unit_test(a_record_that_does_not_open),
        cmocka_unit_test(a_rejected_client_skips_nothing),
        cmocka_unit_test(the_end_is_left_out),
        cmocka_unit_test(a_plaintext_alert),
        cmocka_unit_test(data_behind_the_end),
        cmocka_unit_test(acceptance_is_checked),
        cmocka_unit_test(an_older_server),
        cmocka_unit_test(every_stroke_at_every_step),
        cmocka_unit_test(exported_at_every_step),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(without_room),
        cmocka_unit_test(a_long_record_needs_no_room_in_the_block),
        cmocka_unit_test(a_long_message_finds_no_room),
        cmocka_unit_test(blocked_output),
        cmocka_unit_test(a_cut_inside_early_data),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
