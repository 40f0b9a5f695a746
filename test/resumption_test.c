/* SPDX-License-Identifier: MIT */
/* Resumption between two machines: what is issued, offered and accepted, and what quietly is not. */
#include "resumption_fixture.h"

/* Each of these runs over both providers. */
#define BOTH(real) for (int real = 0; real <= 1; real++)

static void a_ticket_resumes(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        for (size_t i = 0; i < 3; i++) {
            struct pair *pair = sealing(real);
            pair->client.settings.suites = pair->server.settings.suites = &suites[i];
            pair->client.settings.suite_count = pair->server.settings.suite_count = 1;
            first(pair);
            assert_int_equal(pair->client.tickets, 2);
            const struct tlsm_session session = kept(&pair->client);
            offer(pair, HOST, &session, NOW + 5000);
            check_resumed(pair, 1);
            assert_int_equal(pair->client.block.state.scheme, 0);
            assert_int_equal(pair->client.tickets, 2);
            exchange_and_close(pair);
        }
    }
}


/* Opened and judged by the same rules on the second ClientHello; also after the suite's hash is fixed. */
static void a_ticket_resumes_after_a_retry(void **state)
{
    static const uint16_t p384[] = { TLSM_SECP384R1 };
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->server.settings.groups = p384;
        pair->server.settings.group_count = 1;
        offer(pair, HOST, &session, NOW + 1);
        check_resumed(pair, 1);
        assert_true(tlsm_fact(&pair->client.block.state, TLSM_FACT_RETRIED));
        exchange_and_close(pair);
    }
}

static void a_retry_with_another_hash_drops_the_session(void **state)
{
    static const uint16_t p384[] = { TLSM_SECP384R1 };
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->server.settings.groups = p384;
        pair->server.settings.suites = &suites[1];
        pair->server.settings.group_count = pair->server.settings.suite_count = 1;
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, HOST, &session, NOW + 1);
        begin(&pair->server, "", NULL, NOW + 1);
        assert_true(tlsm_hs_const(&pair->client.block.state)->flags & TLSM_HS_SESSION_OFFERED);
        (void)side_say(&pair->client, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        assert_true(tlsm_fact(&pair->client.block.state, TLSM_FACT_RETRIED));
        assert_false(tlsm_hs_const(&pair->client.block.state)->flags & TLSM_HS_SESSION_OFFERED);
        talk(pair);
        check_resumed(pair, 0);
    }
}

/* From ServerHello on nobody needs it. */
static void the_ticket_leaves_the_room(void **state)
{
    TLSM_UNUSED(state);
    for (int known = 0; known <= 1; known++) {
        struct pair *pair = sealing(0);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->server.settings.ticket_key_count = (size_t)known;
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, HOST, &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        assert_int_equal(tlsm_hs_const(&pair->client.block.state)->kept, session.ticket.length);
        (void)side_say(&pair->client, &pair->server);
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        (void)side_sent(&pair->server, pair->server.wire_have, &pair->client);
        (void)side_feed(&pair->client);
        assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_C_WAIT_EXTENSIONS);
        assert_int_equal(tlsm_hs_const(&pair->client.block.state)->used, 0);
        assert_int_equal(tlsm_resumed(&pair->client.block.state), known);
    }
}

static void a_server_that_prefers_another_hash_does_not_resume(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->server.settings.suites = &suites[1];
    pair->server.settings.suite_count = 1;
    offer(pair, HOST, &session, NOW + 1);
    check_resumed(pair, 0);
}

/* The same hash is enough. */
static void another_suite_of_the_same_hash_resumes(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->server.settings.suites = &suites[2];
    pair->server.settings.suite_count = 1;
    offer(pair, HOST, &session, NOW + 1);
    check_resumed(pair, 1);
    assert_int_equal(pair->client.block.state.suite, TLSM_CHACHA20_POLY1305_SHA256);
}

static void a_client_without_a_suite_of_its_hash_does_not_offer(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->client.settings.suites = &suites[1];
    pair->client.settings.suite_count = 1;
    offer(pair, HOST, &session, NOW + 1);
    check_resumed(pair, 0);
}

static int offers(const struct side *client)
{
    return (tlsm_hs_const(&client->block.state)->flags & TLSM_HS_SESSION_OFFERED) != 0;
}

/* Does a client with these settings offer the session at that moment? And would a server take it, whatever the client does? */
static int would_offer(struct pair *pair, const char *name, const struct tlsm_session *session, uint64_t now_ms)
{
    again(&pair->client);
    begin(&pair->client, name, session, now_ms);
    return offers(&pair->client);
}

static void a_session_is_offered_while_it_lives(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    assert_int_equal(session.lifetime_s, 7200);
    assert_int_equal(would_offer(pair, HOST, &session, NOW), 1);
    assert_int_equal(would_offer(pair, HOST, &session, NOW + 7200 * 1000), 1);
    assert_int_equal(would_offer(pair, HOST, &session, NOW + 7200 * 1000 + 1), 0);
    assert_int_equal(would_offer(pair, HOST, &session, 0), 0);
    session.lifetime_s = 0;
    assert_int_equal(would_offer(pair, HOST, &session, NOW), 0);
    /* §4.7.1: never longer than a week, whatever the server says */
    session.lifetime_s = 2000000;
    pair->client.settings.session_total_s = 4000000;
    assert_int_equal(would_offer(pair, HOST, &session, NOW + UINT64_C(604800000)), 1);
    assert_int_equal(would_offer(pair, HOST, &session, NOW + UINT64_C(604800001)), 0);
    pair->client.settings.session_total_s = 60;
    assert_int_equal(would_offer(pair, HOST, &session, NOW + 59999), 1);
    assert_int_equal(would_offer(pair, HOST, &session, NOW + 60000), 0);
}

static void a_session_is_offered_to_its_name_and_context_alone(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    assert_int_equal(would_offer(pair, "HOST.Example", &session, NOW), 1);
    assert_int_equal(would_offer(pair, "other.example", &session, NOW), 0);
    assert_int_equal(would_offer(pair, "", &session, NOW), 0);
    pair->client.settings.session_context = tlsm_slice((const uint8_t *)"insecure", 8);
    assert_int_equal(would_offer(pair, HOST, &session, NOW), 0);
    session.context = pair->client.settings.session_context;
    assert_int_equal(would_offer(pair, HOST, &session, NOW), 1);
    session.ticket.length = 0;
    assert_int_equal(would_offer(pair, HOST, &session, NOW), 0);
}

static void the_age_is_obfuscated(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    assert_int_equal(session.issued_ms, NOW);
    session.age_add = 0xfffffff0;
    assert_int_equal(would_offer(pair, HOST, &session, NOW + 0x20), 1);
    assert_int_equal(tlsm_hs_const(&pair->client.block.state)->ticket_age, 0x10);
}

/* A client that offers all the same gets a full handshake: `spoil` changes what the server sees. */
static void try_server(const struct tlsm_session *session, struct pair *pair, const char *name, uint64_t now_ms, int resumed)
{
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, name, session, NOW);
    assert_int_equal(offers(&pair->client), 1);
    begin(&pair->server, "", NULL, now_ms);
    talk(pair);
    check_resumed(pair, resumed);
}

static void an_expired_ticket_makes_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        try_server(&session, pair, HOST, NOW + 7200 * 1000, 1);
        try_server(&session, pair, HOST, NOW + 7200 * 1000 + 1, 0);
        try_server(&session, pair, HOST, 0, 0);   /* it does not know the time */
        pair->server.settings.session_total_s = 60;
        try_server(&session, pair, HOST, NOW + 59999, 1);
        try_server(&session, pair, HOST, NOW + 60000, 0);
    }
}

static void a_ticket_of_another_context_makes_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->server.settings.session_context = tlsm_slice((const uint8_t *)"b", 1);
    try_server(&session, pair, HOST, NOW, 0);
}

static void a_ticket_for_another_name_makes_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    struct tlsm_session moved = session;
    again(&pair->client);
    begin(&pair->client, "other.example", NULL, NOW);
    memcpy(moved.name_digest, pair->client.block.state.name_digest, 32);
    try_server(&moved, pair, "other.example", NOW, 0);
}

static void a_tampered_ticket_makes_a_full_handshake(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        first(pair);
        struct tlsm_session session = kept(&pair->client);
        uint8_t ticket[TLSM_TICKET_MAX + 8];
        const size_t length = session.ticket.length;
        for (size_t at = 0; at < length; at += 13) {
            memcpy(ticket, session.ticket.data, length);
            ticket[at] ^= 1;
            struct tlsm_session changed = session;
            changed.ticket = tlsm_slice(ticket, length);
            try_server(&changed, pair, HOST, NOW, 0);
        }
        for (size_t cut = 1; cut < length + 8; cut += 17) {
            memset(ticket, 0, sizeof ticket);
            memcpy(ticket, session.ticket.data, cut < length ? cut : length);
            struct tlsm_session changed = session;
            changed.ticket = tlsm_slice(ticket, cut);
            if (cut != length)
                try_server(&changed, pair, HOST, NOW, 0);
        }
    }
}

static void keys_rotate(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        const struct tlsm_ticket_key turned[2] = { ticket_keys[1], ticket_keys[0] };
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->server.settings.ticket_keys = turned;
        pair->server.settings.ticket_key_count = 2;
        try_server(&session, pair, HOST, NOW, 1);
        assert_memory_equal(kept(&pair->client).ticket.data, ticket_keys[1].name, 16);
        pair->server.settings.ticket_key_count = 1;
        try_server(&session, pair, HOST, NOW, 0);
        pair->server.settings.ticket_key_count = 0;
        try_server(&session, pair, HOST, NOW, 0);
        assert_int_equal(pair->client.tickets, 0);
    }
}

/* The client's secret is not the one in the ticket. */
static void a_wrong_binder_is_decrypt_error(void **state)
{
    TLSM_UNUSED(state);
    BOTH(real) {
        struct pair *pair = sealing(real);
        first(pair);
        struct tlsm_session session = kept(&pair->client);
        session.secret[0] ^= 1;
        offer(pair, HOST, &session, NOW);
        assert_how(&pair->server, "handshake_failed");
        assert_int_equal(side_verdict(&pair->server).alert_sent, TLSM_ALERT_DECRYPT_ERROR);
    }
}

static void no_time_no_tickets(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, 0);
    talk(pair);
    check_connected(pair);
    assert_int_equal(pair->client.tickets, 0);
}

static void without_keys_there_are_no_tickets(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.ticket_key_count = 0;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    check_connected(pair);
    assert_int_equal(pair->client.tickets, 0);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_BAD_ARGUMENT);
    assert_code(side_do(&pair->client, TLSM_IN_TICKET), TLSM_BAD_ARGUMENT);
}

/* What descends from a full handshake ends with it, however often it is renewed. */
static void a_chain_of_sessions_ends(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.session_total_s = 100;
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    assert_int_equal(session.lifetime_s, 100);
    for (uint64_t at = 30; at <= 90; at += 30) {
        offer(pair, HOST, &session, NOW + at * 1000);
        check_resumed(pair, 1);
        session = kept(&pair->client);
        assert_int_equal(session.origin_ms, NOW);
        assert_int_equal(session.issued_ms, NOW + at * 1000);
        assert_int_equal(session.lifetime_s, 100 - at);
    }
    offer(pair, HOST, &session, NOW + 100000);
    check_resumed(pair, 0);
}

/* ------------------------------------------------------------------------------------------------ one more ticket */

static void a_ticket_is_issued_on_command(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET, .now_ms = NOW + 70000 };
    pair->server.settings.tickets = 0;
    begin(&pair->client, HOST, NULL, NOW);
    assert_code(side_step(&pair->server, &in), TLSM_NOT_STARTED);
    begin(&pair->server, "", NULL, NOW);
    assert_code(side_step(&pair->server, &in), TLSM_NOT_CONNECTED);
    talk(pair);
    assert_int_equal(pair->client.tickets, 0);
    assert_int_equal(side_verdict(&pair->server).resumable, 0);
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_true(side_needs(&pair->server) & TLSM_NEED_PRODUCE);
    assert_int_equal(tlsm_can_write(&pair->server.block.state), 1);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_true(pair->server.out.news & TLSM_NEWS_TICKET);
    assert_int_equal(side_verdict(&pair->server).resumable, 1);
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session issued;
    assert_int_equal(tlsm_ticket_issued(&pair->server.config, &pair->server.block.state, room, &issued), 1);
    talk(pair);
    assert_int_equal(pair->client.tickets, 1);
    const struct tlsm_session session = kept(&pair->client);
    assert_int_equal(issued.issued_ms, NOW + 70000);
    assert_int_equal(issued.ticket.length, session.ticket.length);
    assert_memory_equal(issued.ticket.data, session.ticket.data, session.ticket.length);
    assert_memory_equal(issued.secret, session.secret, TLSM_HASH_MAX);
    assert_int_equal(issued.age_add, session.age_add);
    offer(pair, HOST, &session, NOW + 80000);
    check_resumed(pair, 1);
}

static void tickets_differ(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(1);
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET };
    first(pair);
    const struct tlsm_session one = kept(&pair->client);
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    talk(pair);
    const struct tlsm_session two = kept(&pair->client);
    assert_memory_not_equal(one.secret, two.secret, 32);
    assert_memory_not_equal(one.ticket.data + 16, two.ticket.data + 16, 32);
    assert_int_not_equal(one.age_add, two.age_add);
}

/* A client that never said it could use one gets none (§4.7.1). */
static void tickets_are_only_for_those_who_want_them(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    pair->server.block.state.control.facts &= ~(uint32_t)TLSM_FACT_TICKETS_WANTED;
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET, .now_ms = NOW + 1 };
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
    assert_int_equal(side_needs(&pair->server) & TLSM_NEED_PRODUCE, 0);
    assert_int_equal(pair->server.block.state.now_ms, NOW);   /* nothing changed */
}

/* The two records of A16 stay: a key update comes before the ticket that would take them. */
static void a16_tickets_keep_the_reserve(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.record_limit = 4;
    pair->server.settings.tickets = 5;
    first(pair);
    assert_int_equal(pair->client.tickets, 5);
    assert_true(pair->server.block.state.ledger.write_updates >= 2);
    exchange_and_close(pair);
    pair = sealing(0);
    pair->server.settings.record_limit = 2;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    check_connected(pair);
    assert_int_equal(pair->client.tickets, 0);
}

static void a16_where_no_key_update_is_left_tickets_end(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    pair->client.tickets = 0;
    pair->server.block.state.ledger.write_updates = (UINT64_C(1) << 48) - 1;
    pair->server.settings.record_limit = pair->server.block.state.write_key.sequence + 3;
    for (int i = 0; i < 3; i++)
        assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_OK);
    assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
    assert_int_equal(side_needs(&pair->server) & TLSM_NEED_PRODUCE, 0);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_IGNORED);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    talk(pair);
    assert_int_equal(pair->client.tickets, 1);
    assert_int_equal(pair->client.close_notifies, 1);
}

/* R11: a peer that has closed and gone costs us tickets, never its data. */
static void r11_tickets_never_cost_received_data(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    while (!tlsm_connected(&pair->client.block.state)) {
        (void)side_say(&pair->client, &pair->server);
        (void)answer(pair, &pair->server);
        (void)side_say(&pair->server, &pair->client);
        (void)answer(pair, &pair->client);
        side_produce(&pair->client);
    }
    assert_code(side_write(&pair->client, "all there is"), TLSM_PRODUCED);
    assert_code(side_close(&pair->client, 0), TLSM_OK);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, &pair->server);
    (void)side_feed(&pair->server);
    assert_true(pair->server.block.state.control.tickets > 0);
    side_produce(&pair->server);
    assert_code(side_do(&pair->server, TLSM_IN_SEND_FAILED), TLSM_END_CLEAN_RECEIVED);
    assert_plain(&pair->server, "all there is");
}

/* ------------------------------------------------------------------------------------------------ closing */

static struct pair *owing(uint8_t policy)
{
    struct pair *pair = sealing(0);
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET };
    pair->server.settings.unsent_tickets = policy;
    first(pair);
    pair->client.tickets = 0;
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_int_equal(pair->server.block.state.control.tickets, 2);
    return pair;
}

static void a7_tickets_owed_are_dropped_by_a_close(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = owing(TLSM_UNSENT_DROP);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    assert_int_equal(pair->server.block.state.control.tickets, 0);
    (void)side_close(&pair->client, 0);
    talk(pair);
    assert_int_equal(pair->client.tickets, 0);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

static void a7_tickets_owed_are_sent_first(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = owing(TLSM_UNSENT_SEND_FIRST);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    assert_int_equal(pair->server.block.state.control.tickets, 2);
    assert_code(side_do(&pair->server, TLSM_IN_TICKET), TLSM_WRITE_CLOSED);
    talk(pair);
    assert_int_equal(pair->client.tickets, 2);
    assert_int_equal(pair->client.close_notifies, 1);
    (void)side_close(&pair->client, 0);
    talk(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

/* A4: a close before the client's Finished owes none, whatever the policy. */
static void a7_a_close_before_the_end_of_the_handshake_owes_none(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.unsent_tickets = TLSM_UNSENT_SEND_FIRST;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    (void)answer(pair, &pair->server);
    side_produce(&pair->server);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_OPEN);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    (void)side_close(&pair->client, 0);
    talk(pair);
    assert_int_equal(pair->client.tickets, 0);
}

static void a7_a_fatal_alert_drops_them(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = owing(TLSM_UNSENT_SEND_FIRST);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    assert_code(side_abort(&pair->server, TLSM_ALERT_INTERNAL_ERROR), TLSM_OK);
    talk(pair);
    assert_int_equal(pair->client.tickets, 0);
    assert_how(&pair->client, "peer_alert");
}

/* The reserve of A16 is not for tickets: where the key is used up, the close_notify comes without them. */
static void a7_the_reserve_is_for_the_close(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = owing(TLSM_UNSENT_SEND_FIRST);
    assert_code(side_close(&pair->server, 0), TLSM_OK);
    pair->server.settings.record_limit = pair->server.block.state.write_key.sequence + 2;
    side_produce(&pair->server);
    assert_int_equal(side_tx(&pair->server), TLSM_TX_CLOSE_OUT);
    talk(pair);
    assert_int_equal(pair->client.tickets, 0);
    assert_int_equal(pair->client.close_notifies, 1);
}

static void check_still_resumes(struct pair *pair)
{
    const struct tlsm_session session = kept(&pair->client);
    offer(pair, HOST, &session, NOW + 1000);
    check_resumed(pair, 1);
}

static void g6_a_session_outlives_a_truncation(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    (void)side_eof(&pair->client, 0);
    (void)side_close(&pair->client, 0);
    side_produce(&pair->client);
    (void)side_sent(&pair->client, pair->client.wire_have, NULL);
    assert_how(&pair->client, "truncated");
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    check_still_resumes(pair);
}

static void g6_a_session_outlives_its_transport(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    (void)side_do(&pair->client, TLSM_IN_SEND_FAILED);
    (void)side_do(&pair->client, TLSM_IN_RECEIVE_FAILED);
    assert_how(&pair->client, "transport_failed");
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    check_still_resumes(pair);
}

/* "the PSKs associated with session tickets, which SHOULD be discarded if possible" (§6): the verdict says that there are
 * some; what the connection itself held is gone. */
static void g6_a_fatal_alert_leaves_the_report(void **state)
{
    static const uint8_t nothing[TLSM_HASH_MAX];
    uint8_t room[TLSM_TICKET_MAX];
    struct tlsm_session session;
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    (void)side_abort(&pair->client, TLSM_ALERT_INTERNAL_ERROR);
    talk(pair);
    assert_how(&pair->client, "local_alert");
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    assert_memory_equal(pair->server.block.state.resumption, nothing, TLSM_HASH_MAX);
    assert_int_equal(tlsm_ticket_issued(&pair->server.config, &pair->server.block.state, room, &session), 0);
}

/* ------------------------------------------------------------------------------------------------ the value */

static void sessions_are_written_and_read(void **state)
{
    TLSM_UNUSED(state);
    for (size_t i = 0; i < 2; i++) {
        struct pair *pair = sealing(1);
        pair->client.settings.suites = &suites[i];
        pair->client.settings.suite_count = 1;
        pair->client.settings.session_context = pair->server.settings.session_context = tlsm_slice((const uint8_t *)"ctx", 3);
        first(pair);
        uint8_t bytes[1024], longer[1025];
        const size_t length = pair->client.session_have;
        struct tlsm_session session = kept(&pair->client), again_read;
        assert_int_equal(tlsm_session_write(&session, (struct tlsm_span){ bytes, sizeof bytes }), length);
        assert_memory_equal(bytes, pair->client.session, length);
        for (size_t cut = 0; cut < length; cut++)
            assert_int_equal(tlsm_session_read(tlsm_slice(bytes, cut), &again_read), 0);
        memcpy(longer, bytes, length);
        longer[length] = 0;
        assert_int_equal(tlsm_session_read(tlsm_slice(longer, length + 1), &again_read), 0);
        for (size_t at = 0; at < 7; at++) {   /* format, version, suite, flags, length of the secret */
            memcpy(longer, bytes, length);
            longer[at] ^= 0x40;
            assert_int_equal(tlsm_session_read(tlsm_slice(longer, length), &again_read), 0);
        }
        memset(longer, 0x55, sizeof longer);
        assert_int_equal(tlsm_session_write(&session, (struct tlsm_span){ longer, length - 1 }), length);
        assert_int_equal(longer[0], 0x55);
        session.version = TLSM_1_2;
        assert_int_equal(tlsm_session_write(&session, (struct tlsm_span){ bytes, sizeof bytes }), 0);
    }
}

/* Endian-fixed: these bytes are files of users. */
static void the_format_does_not_change(void **state)
{
    static const uint8_t expected[] = {
        2, 3, 4, 0x13, 1, 0, 32,
        9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
        0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0xa3, 0x18, 0x5c, 0x50, 0, 0, 0, 0, 0, 0, 0, 0, 2,
        6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6,
        5, 5, 5, 5, 5, 5, 5, 5, 1, 'c', 0, 3, 't', 'k', 't'
    };
    uint8_t bytes[256];
    struct tlsm_session session = { .secret_length = 32, .suite = TLSM_AES_128_GCM_SHA256, .version = TLSM_1_3,
                                    .lifetime_s = 7, .age_add = 256, .issued_ms = NOW, .origin_ms = 2,
                                    .context = { (const uint8_t *)"c", 1 }, .ticket = { (const uint8_t *)"tkt", 3 } };
    TLSM_UNUSED(state);
    memset(session.secret, 9, 32);
    memset(session.name_digest, 6, 32);
    memset(session.alpn_digest, 5, sizeof session.alpn_digest);
    assert_int_equal(tlsm_session_write(&session, (struct tlsm_span){ bytes, sizeof bytes }), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
}

static void settings_that_make_no_sense_are_refused(void **state)
{
    static const struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = NOW };
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.ticket_lifetime_s = TLSM_TICKET_LIFETIME_MAX + 1;
    assert_code(side_step(&pair->server, &in), TLSM_BAD_ARGUMENT);
    pair->server.settings.ticket_lifetime_s = 0;
    pair->server.settings.session_context = tlsm_slice((const uint8_t *)"123456789012345678901234567890123", 33);
    assert_code(side_step(&pair->server, &in), TLSM_BAD_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_resumes),
        cmocka_unit_test(a_ticket_resumes_after_a_retry),
        cmocka_unit_test(a_retry_with_another_hash_drops_the_session),
        cmocka_unit_test(the_ticket_leaves_the_room),
        cmocka_unit_test(a_server_that_prefers_another_hash_does_not_resume),
        cmocka_unit_test(another_suite_of_the_same_hash_resumes),
        cmocka_unit_test(a_client_without_a_suite_of_its_hash_does_not_offer),
        cmocka_unit_test(a_session_is_offered_while_it_lives),
        cmocka_unit_test(a_session_is_offered_to_its_name_and_context_alone),
        cmocka_unit_test(the_age_is_obfuscated),
        cmocka_unit_test(an_expired_ticket_makes_a_full_handshake),
        cmocka_unit_test(a_ticket_of_another_context_makes_a_full_handshake),
        cmocka_unit_test(a_ticket_for_another_name_makes_a_full_handshake),
        cmocka_unit_test(a_tampered_ticket_makes_a_full_handshake),
        cmocka_unit_test(keys_rotate),
        cmocka_unit_test(a_wrong_binder_is_decrypt_error),
        cmocka_unit_test(no_time_no_tickets),
        cmocka_unit_test(without_keys_there_are_no_tickets),
        cmocka_unit_test(a_chain_of_sessions_ends),
        cmocka_unit_test(a_ticket_is_issued_on_command),
        cmocka_unit_test(tickets_differ),
        cmocka_unit_test(tickets_are_only_for_those_who_want_them),
        cmocka_unit_test(a16_tickets_keep_the_reserve),
        cmocka_unit_test(a16_where_no_key_update_is_left_tickets_end),
        cmocka_unit_test(r11_tickets_never_cost_received_data),
        cmocka_unit_test(a7_tickets_owed_are_dropped_by_a_close),
        cmocka_unit_test(a7_tickets_owed_are_sent_first),
        cmocka_unit_test(a7_a_close_before_the_end_of_the_handshake_owes_none),
        cmocka_unit_test(a7_a_fatal_alert_drops_them),
        cmocka_unit_test(a7_the_reserve_is_for_the_close),
        cmocka_unit_test(g6_a_session_outlives_a_truncation),
        cmocka_unit_test(g6_a_session_outlives_its_transport),
        cmocka_unit_test(g6_a_fatal_alert_leaves_the_report),
        cmocka_unit_test(sessions_are_written_and_read),
        cmocka_unit_test(the_format_does_not_change),
        cmocka_unit_test(settings_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
