/* SPDX-License-Identifier: MIT */
/* The client's certificate, asked for after the handshake: RFC 9846 §4.7.2; docs/closing.md A5, A6, B5, O4. */
#include "client_auth_fixture.h"

static struct pair *late(int real, size_t client_credentials)
{
    struct pair *pair = mutual(real, TLSM_CLIENT_AUTH_NONE, client_credentials);
    pair->client.settings.late_auth = pair->server.settings.late_auth = 1;
    start_both(pair, "");
    talk_mutual(pair);
    assert_int_equal(tlsm_connected(&pair->client.block.state), 1);
    assert_int_equal(tlsm_connected(&pair->server.block.state), 1);
    return pair;
}

static enum tlsm_code ask(struct pair *pair) { return side_do(&pair->server, TLSM_IN_ASK_CERTIFICATE); }
static int shown(const struct pair *pair) { return tlsm_peer_shown(&pair->server.block.state); }

static uint32_t news;   /* all that the server was told */
static void note_news(struct side *side) { news |= side->out.news; }

static void listen(struct pair *pair)
{
    news = 0;
    pair->server.stepped = note_news;
}

static void check_news(uint32_t expected)
{
    assert_int_equal(news & (TLSM_NEWS_PEER_SHOWN | TLSM_NEWS_PEER_DECLINED), expected);
}

static void check_at_rest(const struct pair *pair)
{
    const struct tlsm_state *client = &pair->client.block.state, *server = &pair->server.block.state;
    assert_int_equal(client->control.phase, TLSM_PHASE_DATA);
    assert_int_equal(server->control.phase, TLSM_PHASE_DATA);
    assert_int_equal(client->length, sizeof *client + sizeof(struct tlsm_hash));
    assert_int_equal(server->length, sizeof *server + sizeof(struct tlsm_hash));
    assert_true(server->length <= TLSM_ESTABLISHED_MAX);
    assert_memory_equal(client + 1, server + 1, sizeof(struct tlsm_hash));
}

static void asked_three_times(int real)
{
    struct pair *pair = late(real, KEYS);
    check_at_rest(pair);
    for (int i = 0; i < 3; i++) {
        listen(pair);
        assert_code(ask(pair), TLSM_OK);
        talk_mutual(pair);
        check_news(TLSM_NEWS_PEER_SHOWN);
        assert_int_equal(shown(pair), 1);
        check_at_rest(pair);
        assert_code(side_update(&pair->client, 1), TLSM_OK);   /* the next Finished is under other secrets */
        talk_mutual(pair);
    }
    exchange_and_close(pair);
}

static void a_client_shows_a_certificate_when_asked_null(void **state)
{
    TLSM_UNUSED(state);
    asked_three_times(0);
}

static void a_client_shows_a_certificate_when_asked_libcrypto(void **state)
{
    TLSM_UNUSED(state);
    asked_three_times(1);
}

static void a_client_with_nothing_to_show_declines(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, 0);
    listen(pair);
    assert_code(ask(pair), TLSM_OK);
    talk_mutual(pair);
    check_news(TLSM_NEWS_PEER_DECLINED);
    assert_int_equal(shown(pair), 0);
    check_at_rest(pair);
    exchange_and_close(pair);
}

static void declining_ends_it_where_a_certificate_is_required(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, 0);
    pair->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUIRE;
    assert_code(ask(pair), TLSM_OK);
    talk_mutual(pair);
    assert_how(&pair->server, "local_alert");
    assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_CERTIFICATE_REQUIRED);
    assert_how(&pair->client, "peer_alert");
}

static void a_refused_certificate_ends_the_connection(void **state)
{
    const struct tlsm_answer no = { .alert = TLSM_ALERT_CERTIFICATE_EXPIRED };
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    assert_code(ask(pair), TLSM_OK);
    assert_int_equal(talk_until(pair, &pair->server, TLSM_ASK_JUDGE), 1);
    answer_with(&pair->server, &no, TLSM_FAILED);
    talk_mutual(pair);
    assert_how(&pair->server, "local_alert");
    assert_int_equal(shown(pair), 0);
    assert_int_equal(side_verdict(&pair->client).alert_received, TLSM_ALERT_CERTIFICATE_EXPIRED);
}

/* ------------------------------------------------------------------------------------------------ the command */

static void the_command_is_refused_where_it_makes_no_sense(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_NONE, KEYS);   /* a client that did not offer */
    assert_code(ask(pair), TLSM_NOT_STARTED);
    pair->server.settings.late_auth = 1;
    start_both(pair, "");
    assert_code(ask(pair), TLSM_NOT_CONNECTED);
    talk_mutual(pair);
    assert_code(ask(pair), TLSM_BAD_ARGUMENT);
    pair = mutual(0, TLSM_CLIENT_AUTH_NONE, KEYS);                /* a server that would not */
    pair->client.settings.late_auth = 1;
    start_both(pair, "");
    talk_mutual(pair);
    assert_code(ask(pair), TLSM_BAD_ARGUMENT);
    pair = late(0, KEYS);
    assert_code(side_do(&pair->client, TLSM_IN_ASK_CERTIFICATE), TLSM_BAD_ARGUMENT);
    assert_code(ask(pair), TLSM_OK);
    assert_code(ask(pair), TLSM_IGNORED);                         /* one at a time */
    talk_mutual(pair);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    (void)side_say(&pair->client, &pair->server);
    assert_code(ask(pair), TLSM_READ_ENDED);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    assert_code(ask(pair), TLSM_WRITE_CLOSED);
}

static void requests_are_counted(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, 0);
    for (int i = 0; i < 255; i++) {
        assert_code(ask(pair), TLSM_OK);
        talk_mutual(pair);
        assert_int_equal(pair->server.block.state.control.late_requests, i + 1);
    }
    assert_code(ask(pair), TLSM_BAD_ARGUMENT);
}

/* ------------------------------------------------------------------------------------------------ what comes between */

/* "servers MUST be prepared for some delay, including receiving an arbitrary number of other messages" */
static void data_and_key_updates_come_between(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *client = &pair->client, *server = &pair->server;
    client->settings.ask = TLSM_ASK_CREDENTIAL_BIT;
    assert_code(ask(pair), TLSM_OK);
    (void)side_say(server, client);
    assert_int_equal(client->block.state.control.request, TLSM_ASK_CREDENTIAL);
    assert_code(side_write(client, "one "), TLSM_PRODUCED);
    assert_code(side_update(client, 1), TLSM_OK);
    assert_code(side_write(client, "two "), TLSM_PRODUCE_FIRST);
    side_produce(client);
    assert_code(side_write(client, "two "), TLSM_PRODUCED);
    (void)side_say(client, server);
    assert_plain(server, "one two ");
    assert_code(side_write(server, "three"), TLSM_PRODUCE_FIRST);   /* the update asked for */
    listen(pair);
    talk_mutual(pair);
    check_news(TLSM_NEWS_PEER_SHOWN);
    check_at_rest(pair);
}

/* "All of the client's messages for a given response MUST appear consecutively on the wire" */
static void nothing_comes_between_the_messages_of_an_answer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *client = &pair->client;
    const struct tlsm_state *own = &client->block.state;
    assert_code(ask(pair), TLSM_OK);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, client);
    (void)side_feed(client);
    assert_int_equal(own->control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
    assert_int_equal(tlsm_can_write(own), 0);
    assert_code(side_write(client, "no"), TLSM_PRODUCE_FIRST);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(own->control.phase, TLSM_PHASE_PC_SIGN);
    assert_code(side_write(client, "no"), TLSM_ANSWER_FIRST);
    assert_code(side_update(client, 0), TLSM_OK);
    assert_int_equal(side_needs(client) & TLSM_NEED_PRODUCE, 0);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_NOTHING_OWED);
    assert_int_equal(answer_one(pair, client), 1);
    assert_code(side_write(client, "no"), TLSM_PRODUCE_FIRST);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(own->control.phase, TLSM_PHASE_DATA);
    assert_int_equal(own->ledger.write_updates, 0);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);   /* now the update */
    assert_int_equal(own->ledger.write_updates, 1);
    assert_code(side_write(client, "yes"), TLSM_PRODUCED);
    talk_mutual(pair);
    assert_plain(&pair->server, "yes");
    assert_int_equal(shown(pair), 1);
}

/* An update that was owed before goes first, and the Finished is under the new secret. */
static void an_owed_update_goes_before_the_answer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    assert_code(side_update(&pair->client, 0), TLSM_OK);
    assert_code(ask(pair), TLSM_OK);
    side_produce(&pair->server);
    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
    (void)side_feed(&pair->client);
    assert_code(side_do(&pair->client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(pair->client.block.state.ledger.write_updates, 1);
    talk_mutual(pair);
    assert_int_equal(shown(pair), 1);
    check_at_rest(pair);
}

/* A16: an answer does not run out of its key half way: a new one comes first. A limit that no answer fits in is no endless loop. */
static void an_answer_has_a_key_for_all_of_it(void **state)
{
    static const uint64_t limits[] = { 3, 5, 40 };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct pair *pair = late(0, KEYS);
        struct side *client = &pair->client;
        client->settings.record_limit = limits[i];
        for (uint64_t k = 0; k + 14 < limits[i]; k++) {
            assert_code(side_write(client, "x"), TLSM_PRODUCED);
            (void)side_say(client, &pair->server);
        }
        const uint64_t before = client->block.state.ledger.write_updates;
        assert_code(ask(pair), TLSM_OK);
        talk_mutual(pair);
        assert_int_equal(shown(pair), 1);
        assert_true(limits[i] < 40 || client->block.state.ledger.write_updates == before + 1);
        assert_code(side_write(client, "y"), TLSM_PRODUCED);
        talk_mutual(pair);
        assert_int_equal(pair->server.plain[pair->server.plain_have - 1], 'y');
    }
}

/* ------------------------------------------------------------------------------------------------ several requests, pieces */

/* What the server would send next, in the clear. */
static size_t request_bytes(uint8_t *to, uint8_t context)
{
    const uint8_t message[] = { 13, 0, 0, 12, 1, context, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3 };
    memcpy(to, message, sizeof message);
    return sizeof message;
}

static void check_contexts(struct pair *pair, const uint8_t *expected, size_t count)
{
    struct side *client = &pair->client;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
        assert_int_equal(tlsm_asked(&client->block.state).context.length, 1);
        assert_int_equal(tlsm_asked(&client->block.state).context.data[0], expected[i]);
        assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        assert_int_equal(answer_one(pair, client), 1);
        assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    }
}

/* Three whole requests, and a piece of a fourth, in one record: each is answered, in their order. */
static void requests_that_come_together_are_answered_one_after_the_other(void **state)
{
    static const uint8_t contexts[] = { 7, 9, 8, 5 };
    TLSM_UNUSED(state);
    for (size_t cut = 1; cut < 16; cut++) {
        struct pair *pair = late(0, KEYS);
        struct side *client = &pair->client;
        uint8_t all[80];
        size_t length = 0;
        for (size_t i = 0; i < sizeof contexts; i++)
            length += request_bytes(all + length, contexts[i]);
        side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, all, 48 + cut);
        (void)side_feed(client);
        check_contexts(pair, contexts, 3);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_PC_WAIT_REQUEST);
        side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, all + 48 + cut, length - 48 - cut);
        (void)side_feed(client);
        check_contexts(pair, contexts + 3, 1);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_DATA);
    }
}

/* What waits is taken without a second look: a block in which it was damaged is none. */
static void damage_to_a_request_that_waits_is_found(void **state)
{
    static uint8_t block[SIDE_ROOM];
    uint8_t all[48];
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *client = &pair->client;
    for (size_t i = 0; i < 3; i++)
        (void)request_bytes(all + 16 * i, (uint8_t)(1 + i));
    side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, all, 40);
    (void)side_feed(client);
    assert_int_equal(client->block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
    const size_t length = tlsm_export(&client->block.state, block, sizeof block);
    block[length - 24 + 9] = 99;   /* in the second of them */
    assert_code(tlsm_import(&client->config, tlsm_slice(block, length), &client->block.state, sizeof client->block), TLSM_EXPORT_INCONSISTENT);
    block[length - 24 + 9] = 13;
    assert_code(tlsm_import(&client->config, tlsm_slice(block, length), &client->block.state, sizeof client->block), TLSM_OK);
    check_contexts(pair, (const uint8_t[]){ 1, 2 }, 2);
}

static void a_bad_request_behind_a_good_one_is_refused_at_once(void **state)
{
    uint8_t all[32];
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    (void)request_bytes(all, 1);
    (void)request_bytes(all + 16, 2);
    all[16 + 9] = 99;   /* signature_algorithms is no longer there */
    side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, all, sizeof all);
    assert_code(side_feed(&pair->client), TLSM_FAILED);
    assert_int_equal(pair->client.out.violation, TLSM_ALERT_MISSING_EXTENSION);
}

static void bad_requests_are_refused(void **state)
{
    static const struct { uint8_t at, value, alert; } wrong[] = {
        { 4, 0xff, TLSM_ALERT_DECODE_ERROR }, { 9, 51, TLSM_ALERT_ILLEGAL_PARAMETER }, { 9, 99, TLSM_ALERT_MISSING_EXTENSION },
        { 13, 1, TLSM_ALERT_DECODE_ERROR }, { 1, 1, TLSM_ALERT_ILLEGAL_PARAMETER /* longer than any message may be */ },
    };
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t request[16];
        struct pair *pair = late(0, KEYS);
        (void)request_bytes(request, 1);
        request[wrong[i].at] = wrong[i].value;
        side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, request, sizeof request);
        assert_code(side_feed(&pair->client), TLSM_FAILED);
        assert_string_equal(tlsm_alert_name(pair->client.out.violation), tlsm_alert_name(wrong[i].alert));
    }
}

/* RFC 9846 §4.7.2: "A client that receives a post-handshake CertificateRequest message without having sent the "post_handshake_auth"
 * extension MUST send an "unexpected_message" fatal alert." */
static void who_did_not_offer_is_not_asked(void **state)
{
    uint8_t request[16];
    TLSM_UNUSED(state);
    for (size_t cut = 1; cut <= sizeof request; cut++) {
        struct pair *pair = mutual(0, TLSM_CLIENT_AUTH_NONE, KEYS);
        pair->server.settings.late_auth = 1;
        start_both(pair, "");
        talk_mutual(pair);
        side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, request, request_bytes(request, 1) - cut % 16);
        if (cut < 16)
            side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, request + sizeof request - cut, cut);
        assert_code(side_feed(&pair->client), TLSM_FAILED);
        assert_int_equal(pair->client.out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
    }
}

static void a_server_is_not_asked(void **state)
{
    uint8_t request[16];
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, request, request_bytes(request, 1));
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* ------------------------------------------------------------------------------------------------ what clients get wrong */

struct wrong {
    const char *message;
    size_t length;
    uint8_t type, alert;
};
#define HANDSHAKE(message, alert) { message, sizeof message - 1, TLSM_TYPE_HANDSHAKE, alert }
#define DATA(message, alert) { message, sizeof message - 1, TLSM_TYPE_DATA, alert }

static void check_wrong(const char *first, size_t length, const struct wrong *wrong)
{
    struct pair *pair = late(0, 1);
    assert_code(ask(pair), TLSM_OK);
    side_produce(&pair->server);
    if (length > 0)
        side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, first, length);
    side_forge(&pair->client, &pair->server, wrong->type, wrong->message, wrong->length);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_string_equal(tlsm_alert_name(pair->server.out.violation), tlsm_alert_name(wrong->alert));
}

static void what_a_client_answers_is_checked(void **state)
{
    static const struct wrong first[] = {
        HANDSHAKE("\x0b\0\0\4\0\0\0\0", TLSM_ALERT_ILLEGAL_PARAMETER),                  /* no context */
        HANDSHAKE("\x0b\0\0\5\1\2\0\0\0", TLSM_ALERT_ILLEGAL_PARAMETER),                /* another's */
        HANDSHAKE("\x0b\0\0\6\1\1\0\0\0\0", TLSM_ALERT_DECODE_ERROR),
        HANDSHAKE("\x0f\0\0\6\x04\x03\0\2xy", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x14\0\0\x20" "01234567890123456789012345678901", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x0b\1\0\0x", TLSM_ALERT_ILLEGAL_PARAMETER),   /* longer than any message may be */
    };
    static const struct wrong second[] = {
        DATA("data", TLSM_ALERT_UNEXPECTED_MESSAGE),
        DATA("", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x18\0\0\1\0", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x14\0\0\x20" "01234567890123456789012345678901", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x0b\0\0\5\1\1\0\0\0", TLSM_ALERT_UNEXPECTED_MESSAGE),
    };
    static const struct wrong declined[] = {
        DATA("data", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x0f\0\0\6\x04\x03\0\2xy", TLSM_ALERT_UNEXPECTED_MESSAGE),
        HANDSHAKE("\x14\0\0\x20" "01234567890123456789012345678901", TLSM_ALERT_DECRYPT_ERROR),
        HANDSHAKE("\x14\0\0\x1f" "0123456789012345678901234567890", TLSM_ALERT_DECODE_ERROR),
    };
    static const char shows[] = "\x0b\0\0\x0b\1\1\0\0\6\0\0\1x\0\0", shows_none[] = "\x0b\0\0\5\1\1\0\0\0";
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        check_wrong(NULL, 0, &first[i]);
    for (size_t i = 0; i < sizeof second / sizeof *second; i++)
        check_wrong(shows, sizeof shows - 1, &second[i]);
    for (size_t i = 0; i < sizeof declined / sizeof *declined; i++)
        check_wrong(shows_none, sizeof shows_none - 1, &declined[i]);
}

static void nobody_answers_unasked(void **state)
{
    static const char shows_none[] = "\x0b\0\0\5\1\1\0\0\0";
    TLSM_UNUSED(state);
    struct pair *pair = late(0, 1);
    side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, shows_none, sizeof shows_none - 1);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_UNEXPECTED_MESSAGE);
}

/* ------------------------------------------------------------------------------------------------ closing */

/* O4: the client closed; then it is asked. It ignores that, whole or in pieces, long or short, and reads on. */
static void a_client_that_closed_ignores_a_request(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    side_produce(&pair->client);
    assert_code(ask(pair), TLSM_OK);
    (void)side_say(&pair->server, &pair->client);
    assert_code(side_write(&pair->server, "on"), TLSM_PRODUCED);
    (void)side_say(&pair->server, &pair->client);
    assert_plain(&pair->client, "on");
    (void)side_say(&pair->client, &pair->server);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    talk_mutual(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
    assert_int_equal(shown(pair), 0);
}

static void a_request_cut_by_our_close_is_ignored_to_its_end(void **state)
{
    static uint8_t request[600];
    TLSM_UNUSED(state);
    for (size_t cut = 1; cut < sizeof request; cut += cut < 20 ? 1 : 97) {
        struct pair *pair = late(0, KEYS);
        struct side *client = &pair->client;
        (void)request_bytes(request, 1);
        request[2] = (sizeof request - 4) >> 8;
        request[3] = (sizeof request - 4) & 255;
        side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, request, cut);
        (void)side_feed(client);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_PC_WAIT_REQUEST);
        assert_code(side_close(client, 0), TLSM_OK);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_DATA);
        side_forge(&pair->server, client, TLSM_TYPE_HANDSHAKE, request + cut, sizeof request - cut);
        (void)side_feed(client);
        assert_code(side_write(&pair->server, "on"), TLSM_PRODUCED);
        (void)side_say(&pair->server, client);
        assert_plain(client, "on");
    }
}

/* A5 in each step of an answer: what is owed is dropped, and the open question with it. */
static void closing_drops_the_answer(void **state)
{
    TLSM_UNUSED(state);
    for (int steps = 0; steps < 4; steps++) {
        struct pair *pair = late(0, KEYS);
        struct side *client = &pair->client;
        client->settings.ask = TLSM_ASK_CREDENTIAL_BIT;
        assert_code(ask(pair), TLSM_OK);
        (void)side_say(&pair->server, client);
        if (steps > 0)
            assert_int_equal(answer_one(pair, client), 1);
        if (steps > 1)
            assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        if (steps > 2)
            assert_int_equal(answer_one(pair, client), 1);
        assert_code(side_close(client, 0), TLSM_OK);
        assert_int_equal(client->block.state.control.phase, TLSM_PHASE_DATA);
        assert_int_equal(client->block.state.control.request, 0);
        assert_int_equal(side_needs(client) & TLSM_NEED_ANSWER, 0);
        talk_mutual(pair);
        assert_int_equal(side_rx(&pair->server), TLSM_RX_CLOSED);
        assert_int_equal(pair->server.block.state.control.phase, TLSM_PHASE_DATA);
        assert_int_equal(shown(pair), 0);
        assert_code(side_close(&pair->server, 0), TLSM_OK);
        talk_mutual(pair);
        assert_how(client, "clean_both");
        assert_how(&pair->server, "clean_both");
    }
}

/* A6 for answers: a server that asked, and closed, still reads what it asked for. */
static void a_server_that_closed_reads_the_answer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    assert_code(ask(pair), TLSM_OK);
    assert_code(side_close(&pair->server, 0), TLSM_OK);   /* dropped: it was not made */
    assert_int_equal(pair->server.block.state.control.phase, TLSM_PHASE_DATA);
    pair = late(0, KEYS);
    assert_code(ask(pair), TLSM_OK);
    side_produce(&pair->server);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    listen(pair);
    talk_mutual(pair);
    check_news(TLSM_NEWS_PEER_SHOWN);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    talk_mutual(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

static void an_answer_is_finished_when_the_peer_is_gone(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *client = &pair->client;
    assert_code(ask(pair), TLSM_OK);
    (void)side_say(&pair->server, client);
    assert_code(side_do(client, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(client->block.state.control.request, TLSM_ASK_SIGN);
    (void)side_do(client, TLSM_IN_RECEIVE_FAILED);
    assert_int_equal(client->block.state.control.request, TLSM_ASK_SIGN);
    assert_code(side_write(client, "no"), TLSM_ANSWER_FIRST);
    assert_int_equal(answer_one(pair, client), 1);
    side_produce(client);
    assert_code(side_write(client, "yes"), TLSM_PRODUCED);
    (void)side_do(client, TLSM_IN_ABANDON);
    assert_int_equal(tlsm_is_final(&client->block.state), 1);
}

static void every_way_to_end_ends_it(void **state)
{
    static const enum tlsm_in_kind ends[] = { TLSM_IN_ABANDON, TLSM_IN_RECEIVE_FAILED, TLSM_IN_SEND_FAILED, TLSM_IN_CLOSE };
    TLSM_UNUSED(state);
    for (size_t end = 0; end < 4; end++) {
        for (int steps = 0; steps < 7; steps++) {
            for (int of_server = 0; of_server < 2; of_server++) {
                struct pair *pair = late(0, KEYS);
                struct side *side = of_server ? &pair->server : &pair->client;
                pair->client.settings.ask = TLSM_ASK_CREDENTIAL_BIT;
                assert_code(ask(pair), TLSM_OK);
                for (int i = 0; i < steps; i++) {
                    if (!answer_one(pair, &pair->client) && (side_needs(&pair->client) & TLSM_NEED_PRODUCE))
                        (void)side_do(&pair->client, TLSM_IN_PRODUCE);
                    else
                        side_produce(&pair->server);
                    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
                    (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
                    (void)side_feed(&pair->client);
                    (void)side_feed(&pair->server);
                }
                (void)side_do(side, ends[end]);
                (void)side_abort(side, TLSM_ALERT_INTERNAL_ERROR);
                (void)side_do(side, TLSM_IN_ABANDON);
                assert_int_equal(tlsm_is_final(&side->block.state), 1);
                assert_int_equal(side->block.state.length, sizeof(struct tlsm_state));
            }
        }
    }
}

/* ------------------------------------------------------------------------------------------------ room, pieces, moving */

/* I10: where the block is short the step says how long it has to be, and nothing has changed. */
static void room_is_asked_for_before_a_record_is_opened(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *sides[] = { &pair->client, &pair->server };
    for (size_t i = 0; i < 2; i++) {
        const struct tlsm_in command = { .kind = TLSM_IN_ASK_CERTIFICATE }, body = { .kind = TLSM_IN_WIRE, .bytes = { sides[0]->held, 0 } };
        struct tlsm_out out = { .state_capacity = TLSM_ESTABLISHED_MAX };
        struct tlsm_state *own = &sides[i]->block.state;
        static uint8_t before[TLSM_ESTABLISHED_MAX];
        struct tlsm_in in = i == 1 ? command : body;
        if (i == 0) {
            side_forge(sides[1], sides[0], TLSM_TYPE_DATA, "data", 4);
            in.bytes = tlsm_slice(sides[0]->held, 5);
            assert_code(tlsm_step(&sides[i]->config, own, &in, own, &out), TLSM_OK);
            in.bytes = tlsm_slice(sides[0]->held + 5, sides[0]->held_have - 5);
        }
        out.plain.data = sides[i]->opened;
        out.plain.capacity = sizeof sides[i]->opened;
        memcpy(before, own, own->length);
        assert_code(tlsm_step(&sides[i]->config, own, &in, own, &out), TLSM_MORE_STATE_ROOM);
        assert_memory_equal(before, own, own->length);
        assert_true(out.state_needed >= sizeof(struct tlsm_state) + sizeof(struct tlsm_handshake));
        out.state_capacity = out.state_needed;
        assert_true(tlsm_step(&sides[i]->config, own, &in, own, &out) < TLSM_MORE_INPUT);
    }
}

/* H4, F5: byte by byte as records come, and each record holding one byte. */
static void one_byte_at_a_time(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *sides[] = { &pair->client, &pair->server };
    int busy = 1;
    assert_code(ask(pair), TLSM_OK);
    while (busy) {
        busy = 0;
        for (size_t i = 0; i < 2; i++) {
            side_produce(sides[i]);
            busy |= answer_one(pair, sides[i]);
            if (sides[i]->wire_have > 0 && (side_needs(sides[1 - i]) & TLSM_NEED_RECEIVE)) {
                (void)side_sent(sides[i], 1, sides[1 - i]);
                (void)side_feed(sides[1 - i]);
                busy = 1;
            }
        }
    }
    assert_int_equal(shown(pair), 1);
    check_at_rest(pair);
    exchange_and_close(pair);
}

static void messages_come_in_records_of_one_byte(void **state)
{
    static const char none[] = "\x0b\0\0\5\1\1\0\0\0";
    uint8_t request[16];
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    (void)request_bytes(request, 3);
    for (size_t i = 0; i < sizeof request; i++)
        side_forge(&pair->server, &pair->client, TLSM_TYPE_HANDSHAKE, request + i, 1);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_PC_MAKE_CERTIFICATE);
    pair = late(0, KEYS);
    assert_code(ask(pair), TLSM_OK);
    side_produce(&pair->server);
    for (size_t i = 0; i + 1 < sizeof none; i++)
        side_forge(&pair->client, &pair->server, TLSM_TYPE_HANDSHAKE, none + i, 1);
    assert_code(side_feed(&pair->server), TLSM_OK);
    assert_int_equal(pair->server.block.state.control.phase, TLSM_PHASE_PS_WAIT_FINISHED);
}

/* J1: a connection moves in each step of an exchange in which no question is open. */
static void move(struct side *side)
{
    static uint8_t block[SIDE_ROOM + 64];
    size_t length;
    if (side->block.state.control.request != 0 || side->block.state.control.tx == TLSM_TX_EXPORTED || tlsm_is_final(&side->block.state))
        return;
    length = tlsm_export(&side->block.state, block, sizeof block);
    assert_true(length > 0 && length <= sizeof block);
    memset(&side->block, 0xa5, sizeof side->block);
    assert_code(tlsm_import(&side->config, tlsm_slice(block, length), &side->block.state, sizeof side->block), TLSM_OK);
}

static void a_connection_moves_in_every_step(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    struct side *sides[] = { &pair->client, &pair->server };
    int busy = 1;
    move(sides[0]);
    move(sides[1]);
    assert_code(ask(pair), TLSM_OK);
    while (busy) {
        busy = 0;
        for (size_t i = 0; i < 2; i++) {
            move(sides[i]);
            busy |= answer_one(pair, sides[i]);
            move(sides[i]);
            if (side_needs(sides[i]) & TLSM_NEED_PRODUCE) {
                assert_code(side_do(sides[i], TLSM_IN_PRODUCE), TLSM_PRODUCED);
                busy = 1;
            }
            move(sides[i]);
            while (sides[i]->wire_have > 0 && (side_needs(sides[1 - i]) & TLSM_NEED_RECEIVE)) {
                (void)side_sent(sides[i], 1, sides[1 - i]);
                (void)side_feed(sides[1 - i]);
                move(sides[1 - i]);
                busy = 1;
            }
        }
    }
    assert_int_equal(shown(pair), 1);
    check_at_rest(pair);
    exchange_and_close(pair);
}

/* ------------------------------------------------------------------------------------------------ records elsewhere */

/* One produced content goes over as it is. 1: there was one. */
static int hand_over(struct side *from, struct side *to)
{
    static uint8_t content[SIDE_WIRE];
    if (!(side_needs(from) & TLSM_NEED_PRODUCE) || !(side_needs(to) & TLSM_NEED_RECEIVE))
        return 0;
    assert_code(side_do(from, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    const struct tlsm_in in = { .kind = TLSM_IN_RECORD, .record_type = from->out.record_type, .bytes = { content, from->out.wire_length } };
    assert_int_equal(in.record_type, TLSM_TYPE_HANDSHAKE);
    memcpy(content, from->wire, from->out.wire_length);
    (void)side_sent(from, from->wire_have, NULL);
    assert_true(side_step(to, &in) < TLSM_MORE_INPUT);
    return 1;
}

/* J2: both ends' records are opened and sealed elsewhere. */
static void an_answer_goes_by_a_record_layer_elsewhere(void **state)
{
    static const struct tlsm_in there = { .kind = TLSM_IN_OFFLOAD, .sides = TLSM_SIDE_READ | TLSM_SIDE_WRITE };
    TLSM_UNUSED(state);
    struct pair *pair = late(0, KEYS);
    assert_code(side_step(&pair->client, &there), TLSM_OK);
    assert_code(side_step(&pair->server, &there), TLSM_OK);
    for (int i = 0; i < 2; i++) {
        int busy = 1;
        listen(pair);
        assert_code(ask(pair), TLSM_OK);
        while (busy) {
            busy = hand_over(&pair->client, &pair->server) | hand_over(&pair->server, &pair->client);
            busy |= answer_one(pair, &pair->client) | answer_one(pair, &pair->server);
        }
        check_news(TLSM_NEWS_PEER_SHOWN);
        check_at_rest(pair);
    }
}

/* ------------------------------------------------------------------------------------------------ any course */

static uint32_t next_number(uint64_t *random)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*random >> 33);
}

static void forge_piece(struct pair *pair, struct side *from, struct side *to, uint32_t number)
{
    static const char none[] = "\x0b\0\0\5\1\1\0\0\0";
    uint8_t bytes[64];
    size_t length = 0;
    TLSM_UNUSED(pair);
    for (uint32_t i = 0; i < 1 + number % 3; i++)
        length += request_bytes(bytes + length, (uint8_t)(number >> 8));
    if (number % 5 == 0)
        memcpy(bytes, none, length = sizeof none - 1);
    if (from->block.state.control.write_epoch == TLSM_EPOCH_DATA)
        side_forge(from, to, TLSM_TYPE_HANDSHAKE, bytes, 1 + (number >> 16) % length);
}

/* One thing that may happen; side_step() looks at the invariants and at what refusals change. */
static void happen(struct pair *pair, uint32_t number)
{
    struct side *side = number & 1 ? &pair->client : &pair->server, *other = number & 1 ? &pair->server : &pair->client;
    switch (number / 2 % 24) {
    case 0: (void)side_do(side, TLSM_IN_ASK_CERTIFICATE); break;
    case 1: case 2: (void)side_write(side, "some data"); break;
    case 3: (void)side_update(side, (int)(number >> 9 & 1)); break;
    case 4: case 5: case 6: (void)answer_one(pair, side); break;
    case 7: case 8: case 9: case 10:
        if (side_needs(side) & TLSM_NEED_PRODUCE)
            (void)side_do(side, TLSM_IN_PRODUCE);
        break;
    case 11: case 12: case 13: case 14:
        (void)side_sent(side, side->wire_have > 5 ? 1 + (number >> 9) % side->wire_have : side->wire_have, other);
        break;
    case 15: case 16: case 17: (void)side_feed(side); break;
    case 18: move(side); break;
    case 19: if (number % 7 == 0) forge_piece(pair, side, other, number >> 8); break;
    case 20: if (number % 11 == 0) (void)side_close(side, 0); break;
    case 21: if (number % 53 == 0) (void)side_do(side, TLSM_IN_RECEIVE_FAILED); break;
    case 22: if (number % 53 == 0) (void)side_eof(side, 0); break;
    case 23: if (number % 53 == 0) (void)side_do(side, number % 2 ? TLSM_IN_SEND_FAILED : TLSM_IN_ABANDON); break;
    }
}

static int answers(const struct side *side) { return side->block.state.control.request != 0; }

static void any_course_keeps_the_invariants(void **state)
{
    unsigned ended = 0, shown_at_all = 0;
    TLSM_UNUSED(state);
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        struct pair *pair = late(0, seed % 4 == 0 ? 0 : KEYS);
        uint64_t random = seed;
        pair->client.settings.ask = seed % 2 ? TLSM_ASK_CREDENTIAL_BIT : 0;
        pair->client.settings.record_limit = seed % 8 == 0 ? 20 : 0;
        for (int i = 0; i < 320; i++)
            happen(pair, next_number(&random));
        shown_at_all += (unsigned)shown(pair);
        for (size_t i = 0; i < 2; i++) {   /* I9, I5 */
            struct side *side = i == 0 ? &pair->client : &pair->server;
            (void)side_do(side, TLSM_IN_ABANDON);
            assert_int_equal(tlsm_is_final(&side->block.state), 1);
            assert_int_equal(answers(side), 0);
            ended++;
        }
    }
    assert_int_equal(ended, 3000);
    assert_true(shown_at_all > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_shows_a_certificate_when_asked_null),
        cmocka_unit_test(a_client_shows_a_certificate_when_asked_libcrypto),
        cmocka_unit_test(a_client_with_nothing_to_show_declines),
        cmocka_unit_test(declining_ends_it_where_a_certificate_is_required),
        cmocka_unit_test(a_refused_certificate_ends_the_connection),
        cmocka_unit_test(the_command_is_refused_where_it_makes_no_sense),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(data_and_key_updates_come_between),
        cmocka_unit_test(nothing_comes_between_the_messages_of_an_answer),
        cmocka_unit_test(an_owed_update_goes_before_the_answer),
        cmocka_unit_test(an_answer_has_a_key_for_all_of_it),
        cmocka_unit_test(requests_that_come_together_are_answered_one_after_the_other),
        cmocka_unit_test(damage_to_a_request_that_waits_is_found),
        cmocka_unit_test(a_bad_request_behind_a_good_one_is_refused_at_once),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(who_did_not_offer_is_not_asked),
        cmocka_unit_test(a_server_is_not_asked),
        cmocka_unit_test(what_a_client_answers_is_checked),
        cmocka_unit_test(nobody_answers_unasked),
        cmocka_unit_test(a_client_that_closed_ignores_a_request),
        cmocka_unit_test(a_request_cut_by_our_close_is_ignored_to_its_end),
        cmocka_unit_test(closing_drops_the_answer),
        cmocka_unit_test(a_server_that_closed_reads_the_answer),
        cmocka_unit_test(an_answer_is_finished_when_the_peer_is_gone),
        cmocka_unit_test(every_way_to_end_ends_it),
        cmocka_unit_test(room_is_asked_for_before_a_record_is_opened),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(messages_come_in_records_of_one_byte),
        cmocka_unit_test(a_connection_moves_in_every_step),
        cmocka_unit_test(an_answer_goes_by_a_record_layer_elsewhere),
        cmocka_unit_test(any_course_keeps_the_invariants),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
