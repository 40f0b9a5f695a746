/* SPDX-License-Identifier: MIT */
/* Sessions as values: what is written and read back, and what is refused one step beyond; which of them a client offers, a server opens,
 * and what of a record becomes one. Null provider. */
#include "resumption_fixture.h"

/* ------------------------------------------------------------------------------------------------ written and read */

static const uint8_t bytes[65536] = { 7 };

struct row {
    const char *name;
    int good;
    struct tlsm_session session;
};
#define NEWER(good, ...) \
    { "1.3: " #__VA_ARGS__, good, { .version = TLSM_1_3, .suite = TLSM_AES_128_GCM_SHA256, .secret_length = 32, __VA_ARGS__ } },
#define OLDER(good, ...) \
    { "1.2: " #__VA_ARGS__, good, { .version = TLSM_1_2, .suite = TLSM_ECDHE_RSA_AES_128_GCM_SHA256, __VA_ARGS__ } },
#define NAKED(good, ...) { #__VA_ARGS__, good, { __VA_ARGS__ } },

static const struct row rows[] = {
    NEWER(1, .ticket = { bytes, 1 })
    NEWER(1, .ticket = { bytes, 65535 })
    NEWER(0, .ticket = { bytes, 65536 })
    NEWER(1, .context = { bytes, TLSM_CONTEXT_MAX })
    NEWER(0, .context = { bytes, TLSM_CONTEXT_MAX + 1 })
    NEWER(0, .by_id = 1)
    NEWER(0, .extended_master = 1)
    NEWER(1, .client_shown = 1)
    OLDER(1, .secret_length = 48)
    OLDER(0, .secret_length = 47)
    OLDER(0, .secret_length = 32)
    OLDER(1, .secret_length = 48, .by_id = 1, .ticket = { bytes, 32 })
    OLDER(0, .secret_length = 48, .by_id = 1, .ticket = { bytes, 33 })
    OLDER(1, .secret_length = 48, .ticket = { bytes, 33 })
    OLDER(1, .secret_length = 48, .extended_master = 1)
    NAKED(1, .version = TLSM_1_3, .suite = TLSM_AES_256_GCM_SHA384, .secret_length = 48)
    NAKED(0, .version = TLSM_1_3, .suite = TLSM_AES_256_GCM_SHA384, .secret_length = 32)
    NAKED(0, .version = TLSM_1_3, .suite = TLSM_AES_128_GCM_SHA256, .secret_length = 31)
    NAKED(0, .version = TLSM_1_3, .suite = TLSM_ECDHE_RSA_AES_128_GCM_SHA256, .secret_length = 32)
    NAKED(0, .version = TLSM_1_2, .suite = TLSM_AES_128_GCM_SHA256, .secret_length = 48)
    NAKED(0, .version = 0x0305, .suite = TLSM_AES_128_GCM_SHA256, .secret_length = 32)
    NAKED(0, .version = TLSM_1_3, .suite = 0x1304, .secret_length = 32)
    NAKED(0, .version = 0)
};

static void each_field_is_written_and_read_back_or_refused(void **state)
{
    static uint8_t room[65536 + TLSM_SESSION_FIXED_MAX];
    TLSM_UNUSED(state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct tlsm_session *session = &rows[i].session;
        struct tlsm_session again;
        const size_t length = tlsm_session_write(session, (struct tlsm_span){ room, sizeof room });
        if ((length > 0) != rows[i].good)
            print_error("%s\n", rows[i].name);
        assert_int_equal(length > 0, rows[i].good);
        if (length == 0)
            continue;
        assert_int_equal(tlsm_session_read(tlsm_slice(room, length), &again), 1);
        assert_int_equal(again.version, session->version);
        assert_int_equal(again.ticket.length, session->ticket.length);
        assert_int_equal(again.by_id * 4 + again.extended_master * 2 + again.client_shown,
                         session->by_id * 4 + session->extended_master * 2 + session->client_shown);
    }
}

enum { FLAGS_AT = 5, SECRET_LENGTH_AT = 6 };

static void what_no_session_was_written_as_is_none(void **state)
{
    static const uint8_t zeros[TLSM_HASH_MAX];
    const struct tlsm_session session = { .version = TLSM_1_3, .suite = TLSM_AES_256_GCM_SHA384, .secret = { 1 }, .secret_length = 48,
                                          .ticket = { bytes, 300 } };
    uint8_t room[TLSM_SESSION_FIXED_MAX + 300];
    struct tlsm_session again;
    TLSM_UNUSED(state);
    const size_t length = tlsm_session_write(&session, (struct tlsm_span){ room, sizeof room });
    const uint8_t lengths[] = { 0, 47, 49, 255 };
    for (size_t i = 0; i < sizeof lengths; i++) {
        room[SECRET_LENGTH_AT] = lengths[i];
        assert_int_equal(tlsm_session_read(tlsm_slice(room, length), &again), 0);
        assert_memory_equal(again.secret, zeros, sizeof zeros);
    }
    room[SECRET_LENGTH_AT] = 48;
    room[FLAGS_AT] = 8;
    assert_int_equal(tlsm_session_read(tlsm_slice(room, length), &again), 0);
    room[FLAGS_AT] = 0;
    assert_int_equal(tlsm_session_read(tlsm_slice(room, length), &again), 1);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(tlsm_session_read(tlsm_slice(room, cut), &again), 0);
}

/* ------------------------------------------------------------------------------------------------ offered and opened */

static unsigned offers(const struct tlsm_state *state)
{
    return tlsm_hs_const(state)->flags & (TLSM_HS_SESSION_OFFERED | TLSM_HS_SESSION_12);
}

static void sessions_of_a_version_that_is_not_spoken_are_not_offered(void **state)
{
    const struct tlsm_session older = { .version = TLSM_1_2, .suite = TLSM_ECDHE_RSA_AES_128_GCM_SHA256, .secret = { 1 }, .secret_length = 48,
                                        .extended_master = 1, .lifetime_s = 100, .issued_ms = NOW, .origin_ms = NOW, .ticket = { bytes, 40 } };
    TLSM_UNUSED(state);
    for (int speaks = 0; speaks < 2; speaks++) {
        struct pair *pair = fresh(0);
        pair->client.settings.version_min = speaks ? TLSM_1_2 : TLSM_1_3;
        begin(&pair->client, "", &older, NOW);
        assert_int_equal(offers(&pair->client.block.state), speaks ? TLSM_HS_SESSION_12 : 0);
    }
}

/* A ClientHello has to have room for all the rest. */
static void tickets_too_long_for_a_hello_are_not_offered(void **state)
{
    static uint64_t block[8192];
    static const struct { size_t length; unsigned flag; } tickets[] = { { 32768, TLSM_HS_SESSION_OFFERED }, { 32769, 0 }, { 0, 0 } };
    struct pair *pair = sealing(0);
    TLSM_UNUSED(state);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    for (size_t i = 0; i < 3; i++) {
        const struct tlsm_entropy entropy = { .random = { 1 } };
        const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = &session, .now_ms = NOW,
                                    .server_name = { (const uint8_t *)HOST, sizeof HOST - 1 } };
        struct tlsm_out out = { .state_capacity = sizeof block };
        struct tlsm_state *client = (struct tlsm_state *)(void *)block;
        tlsm_init(client);
        session.ticket = tlsm_slice(bytes, tickets[i].length);
        assert_code(tlsm_step(&pair->client.config, client, &in, client, &out), TLSM_OK);
        assert_int_equal(offers(client), tickets[i].flag);
    }
}

/* Nobody but this server makes its tickets, and it makes none so long; and none so short. */
static void tickets_of_a_length_that_no_server_makes_are_not_opened(void **state)
{
    static const size_t lengths[] = { TLSM_TICKET_MAX, TLSM_TICKET_MAX + 1, 2000, 64, 65, 1 };
    uint8_t ticket[2000] = { 0 };
    struct pair *pair = sealing(1);
    TLSM_UNUSED(state);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    offer(pair, HOST, &session, NOW);
    check_resumed(pair, 1);
    memcpy(ticket, session.ticket.data, session.ticket.length);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        session.ticket = tlsm_slice(ticket, lengths[i]);
        offer(pair, HOST, &session, NOW);
        check_resumed(pair, 0);
    }
}

/* ------------------------------------------------------------------------------------------------ what a record brought */

#define TICKET(lifetime) "\4\0\0\20" "\0\0\0" lifetime "\1\2\3\4" "\1\0" "\0\2tt" "\0\0"
#define UPDATE "\30\0\0\1\0"

static unsigned count_sessions(const struct pair *pair, const void *plain, size_t length)
{
    const struct side *client = &pair->client;
    struct tlsm_session session;
    size_t offset = 0;
    unsigned count = 0;
    while (tlsm_ticket_next(&client->config, &client->block.state, tlsm_slice(plain, length), &offset, &session)) {
        assert_int_equal(session.ticket.length, 2);
        count++;
    }
    return count;
}
#define COUNT(pair, text) count_sessions(pair, text, sizeof(text) - 1)

static void whole_tickets_that_live_are_the_sessions_of_a_record(void **state)
{
    struct pair *pair = fresh(0);
    TLSM_UNUSED(state);
    start_both(pair, "");
    talk(pair);
    assert_int_equal(COUNT(pair, ""), 0);
    assert_int_equal(COUNT(pair, TICKET("\2") TICKET("\2")), 2);
    assert_int_equal(COUNT(pair, UPDATE TICKET("\2")), 1);
    assert_int_equal(COUNT(pair, TICKET("\0") TICKET("\2") TICKET("\0")), 1);
    assert_int_equal(COUNT(pair, "\4\0\0\1x" TICKET("\2")), 1);
    assert_int_equal(COUNT(pair, TICKET("\2") "\4\0\0\20\0\0"), 1);
    assert_int_equal(COUNT(pair, TICKET("\2") "\4\0"), 1);
}

/* Before our Finished is made the secret is not there: what would follow from zeros is known to everybody. */
static void no_session_comes_before_the_handshake_is_complete(void **state)
{
    struct pair *pair = fresh(0);
    TLSM_UNUSED(state);
    start_both(pair, "");
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    (void)answer(pair, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(side_rx(&pair->client), TLSM_RX_OPEN);
    assert_int_equal(COUNT(pair, TICKET("\2")), 0);
    (void)answer(pair, &pair->client);
    side_produce(&pair->client);
    assert_int_equal(COUNT(pair, TICKET("\2")), 1);
}


static void forge_parts(struct pair *pair, const char *one, size_t one_length, const char *two, size_t two_length)
{
    side_forge(&pair->server, &pair->client, 22, one, one_length);
    (void)side_feed(&pair->client);
    side_forge(&pair->server, &pair->client, 22, two, two_length);
    (void)side_feed(&pair->client);
}
#define PARTS(pair, one, two) forge_parts(pair, one, sizeof(one) - 1, two, sizeof(two) - 1)

/* A message that ends in a record in which something else begins, or follows. */
static void tickets_in_pieces_come_with_the_record_that_ends_them(void **state)
{
    struct pair *pair = fresh(0);
    const uint8_t *opened;
    TLSM_UNUSED(state);
    start_both(pair, "");
    talk(pair);
    opened = pair->client.opened;
    PARTS(pair, "\4\0\0\20\0\0\0", "\2\1\2\3\4\1\0\0\2tt\0\0" TICKET("\2"));
    assert_int_equal(count_sessions(pair, opened, pair->client.out.plain_length), 2);
    PARTS(pair, "\4\0\0\20\0\0\0", "\0\1\2\3\4\1\0\0\2tt\0\0" TICKET("\2"));   /* the one in pieces lives for nothing */
    assert_int_equal(count_sessions(pair, opened, pair->client.out.plain_length), 1);
    PARTS(pair, "\4\0\0\20\0\0\0", "\2\1\2\3\4\1\0\0\2tt\0\0" "\4\0\0\20\0\0\0");   /* there is room for one in pieces: the next */
    assert_int_equal(count_sessions(pair, opened, pair->client.out.plain_length), 0);
    PARTS(pair, "\2\1\2\3\4\1\0", "\0\2tt\0\0");
    assert_int_equal(count_sessions(pair, opened, pair->client.out.plain_length), 1);
}

/* ------------------------------------------------------------------------------------------------ issued */

static void more_tickets_than_can_be_owed_are_not(void **state)
{
    struct pair *pair = sealing(0);
    TLSM_UNUSED(state);
    pair->server.settings.tickets = 0;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    for (int i = 0; i < 255; i++)
        assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_OK);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_IGNORED);
    (void)side_do(&pair->server, TLSM_IN_PRODUCE);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_OK);
}

/* Where the application has taken its keys away since, nothing was sealed. */
static void no_ticket_is_told_of_without_a_key_to_seal_it(void **state)
{
    static const uint8_t zeros[TLSM_HASH_MAX];
    struct pair *pair = sealing(0);
    struct side *server = &pair->server;
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session issued;
    TLSM_UNUSED(state);
    pair_speak(pair, TLSM_1_2);
    begin(&pair->client, HOST, NULL, NOW);
    begin(server, "", NULL, NOW);
    talk(pair);
    assert_int_equal(tlsm_ticket_issued(&server->config, &server->block.state, room, &issued), 1);
    server->settings.ticket_key_count = 0;
    assert_int_equal(tlsm_ticket_issued(&server->config, &server->block.state, room, &issued), 0);
    assert_memory_equal(issued.secret, zeros, sizeof zeros);
}

/* In TLS 1.2 there is one id, and so no identity but the first to speak of. */
static void an_id_is_answered_by_its_session_alone(void **state)
{
    struct tlsm_session session = { .version = TLSM_1_2, .suite = TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256, .secret = { 1 }, .secret_length = 48,
                                    .extended_master = 1, .by_id = 1, .lifetime_s = 100, .issued_ms = NOW, .origin_ms = NOW,
                                    .ticket = { bytes, 32 } };
    struct pair *pair = fresh(0);
    TLSM_UNUSED(state);
    pair_speak(pair, TLSM_1_2);
    pair->server.settings.ask = TLSM_ASK_SESSION_BIT;
    pair->server.settings.tickets = 1;
    for (int found = 0; found < 2; found++) {
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, "", &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(pair->server.block.state.control.request, TLSM_ASK_SESSION);
        answer_with(&pair->server, &(struct tlsm_answer){ .session = &session, .identity = 1 }, TLSM_BAD_ARGUMENT);
        answer_with(&pair->server, &(struct tlsm_answer){ .session = found ? &session : NULL, .identity = found ? 0 : 1 }, TLSM_OK);
        talk(pair);
        assert_int_equal(tlsm_connected(&pair->server.block.state), 1);
        assert_int_equal(tlsm_resumed(&pair->server.block.state), found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_field_is_written_and_read_back_or_refused),
        cmocka_unit_test(what_no_session_was_written_as_is_none),
        cmocka_unit_test(sessions_of_a_version_that_is_not_spoken_are_not_offered),
        cmocka_unit_test(tickets_too_long_for_a_hello_are_not_offered),
        cmocka_unit_test(tickets_of_a_length_that_no_server_makes_are_not_opened),
        cmocka_unit_test(whole_tickets_that_live_are_the_sessions_of_a_record),
        cmocka_unit_test(no_session_comes_before_the_handshake_is_complete),
        cmocka_unit_test(tickets_in_pieces_come_with_the_record_that_ends_them),
        cmocka_unit_test(more_tickets_than_can_be_owed_are_not),
        cmocka_unit_test(no_ticket_is_told_of_without_a_key_to_seal_it),
        cmocka_unit_test(an_id_is_answered_by_its_session_alone),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
