/* SPDX-License-Identifier: MIT */
/* A certificate asked for after the handshake, where something else is on its way in pieces: what is given up, and what goes on. */
#include "client_auth_fixture.h"

#include "event.h"

static struct pair *late(void)
{
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_NONE, 1);
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    start_both(pair, "");
    talk_mutual(pair);
    assert_int_equal(tlsm_connected(&pair->client.block.state), 1);
    return pair;
}

#define REQUEST "\x0d\0\0\x0c\1\7\0\x08\0\x0d\0\4\0\2\4\3"
#define FORGE(from, to, text) side_forge(from, to, TLSM_TYPE_HANDSHAKE, text, sizeof(text) - 1)

static void check_heard(struct side *from, struct side *to)
{
    assert_code(side_write(from, "on"), TLSM_PRODUCED);
    (void)side_say(from, to);
    assert_plain(to, "on");
}

/* A server's request that was not made yet is dropped with our half (A5); the key update whose piece came is still a key update. */
static void a_request_given_up_leaves_a_key_update_in_pieces(void **state)
{
    struct pair *pair = late();
    struct side *server = &pair->server;
    TLSM_UNUSED(state);
    FORGE(&pair->client, server, "\x18\0");
    (void)side_feed(server);
    assert_code(side_do(server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
    assert_int_equal(server->block.state.control.phase, TLSM_PHASE_PS_MAKE_REQUEST);
    assert_code(side_close(server, 0), TLSM_OK);
    assert_int_equal(server->block.state.control.phase, TLSM_PHASE_DATA);
    assert_int_equal(server->block.state.spare_have, 2);
    FORGE(&pair->client, server, "\0\1\2");
    assert_code(side_feed(server), TLSM_FAILED);
    assert_int_equal(server->out.violation, TLSM_ALERT_ILLEGAL_PARAMETER);   /* as KeyUpdate has it: 2 is no answer */
}

/* And a client's answer: what came behind the request in its record, short and long, is received to its end. */
static void an_answer_given_up_leaves_a_ticket_in_pieces(void **state)
{
    static const uint8_t rest[600] = { 0, 0, 16, 16, 1, 2, 3, 4, 1, 0, 2, 70 };   /* with a ticket of 582 bytes */
    TLSM_UNUSED(state);
    for (int is_long = 0; is_long < 2; is_long++) {
        struct pair *pair = late();
        struct side *client = &pair->client;
        if (is_long)
            FORGE(&pair->server, client, REQUEST "\4\0\2\x58");   /* 600 bytes */
        else
            FORGE(&pair->server, client, REQUEST "\4\0");
        (void)side_feed(client);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
        assert_int_equal(client->block.state.spare_skip > 0, is_long);
        assert_code(side_close(client, 0), TLSM_OK);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_DATA);
        assert_int_equal(client->block.state.control.split, 1);
        if (is_long)
            side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, rest, sizeof rest);
        else
            FORGE(&pair->server, client, "\0\x10\0\0\0\2\1\2\3\4\1\0\0\2tt\0\0");
        (void)side_feed(client);
        assert_int_equal(client->block.state.control.split, 0);
        check_heard(&pair->server, client);
    }
}

/* A16, RFC 9846 §4.7.3: where no further key may be made, the answer is made under the one there is. */
static void an_answer_without_a_key_update_left_has_none(void **state)
{
    TLSM_UNUSED(state);
    for (int exhausted = 0; exhausted < 2; exhausted++) {
        struct pair *pair = late();
        struct side *client = &pair->client;
        const uint64_t before = exhausted ? TLSM_UPDATES_MAX : 0;
        client->settings.record_limit = 12;
        client->block.state.ledger.write_updates = before;
        assert_code(side_write(client, "x"), TLSM_PRODUCED);
        (void)side_say(client, &pair->server);
        assert_code(side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE), TLSM_OK);
        talk_mutual(pair);
        assert_int_equal(tlsm_peer_shown(&pair->server.block.state), 1);
        assert_int_equal(client->block.state.ledger.write_updates, exhausted ? before : before + 1);
    }
}

/* ------------------------------------------------------------------------------------------------ what waits */

static struct pair *one_waits(const char *piece, size_t length)
{
    struct pair *pair = late();
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, piece, length);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
    return pair;
}
#define WAITING(text) one_waits(text, sizeof(text) - 1)

static uint8_t *waiting(struct pair *pair)
{
    struct tlsm_state *client = &pair->client.block.state;
    return tlsm_room(client) + tlsm_hs(client)->kept;
}

/* A state that comes from elsewhere: whole requests wait, and nothing else; behind them a piece of one, if it says so. */
static void what_waits_is_requests(void **state)
{
    struct tlsm_state *client;
    struct pair *pair = WAITING(REQUEST REQUEST);
    TLSM_UNUSED(state);
    client = &pair->client.block.state;
    assert_int_equal(tlsm_late_waiting_good(client), 1);
    *waiting(pair) = TLSM_MSG_NEW_SESSION_TICKET;
    assert_int_equal(tlsm_late_waiting_good(client), 0);
    *waiting(pair) = TLSM_MSG_CERTIFICATE_REQUEST;
    waiting(pair)[7] = 9;   /* the list of extensions is longer than the message */
    assert_int_equal(tlsm_late_waiting_good(client), 0);
    waiting(pair)[7] = 8;
    assert_int_equal(tlsm_late_waiting_good(client), 1);
    pair = WAITING(REQUEST REQUEST "\x0d\0\0\x0c\1");
    client = &pair->client.block.state;
    assert_int_equal(tlsm_late_waiting_good(client), 1);
    client->control.split = 0;
    assert_int_equal(tlsm_late_waiting_good(client), 0);
    client->control.split = 1;
    client->spare_have = 1;
    assert_int_equal(tlsm_late_waiting_good(client), 0);
    client->spare_have = 0;
    client->spare_skip = 1;
    assert_int_equal(tlsm_late_waiting_good(client), 0);
    client->spare_skip = 0;
    assert_int_equal(tlsm_late_waiting_good(client), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_given_up_leaves_a_key_update_in_pieces),
        cmocka_unit_test(an_answer_given_up_leaves_a_ticket_in_pieces),
        cmocka_unit_test(an_answer_without_a_key_update_left_has_none),
        cmocka_unit_test(what_waits_is_requests),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
