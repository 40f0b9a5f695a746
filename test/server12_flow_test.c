/* SPDX-License-Identifier: MIT */
/* A server of TLS 1.2 that asks for a certificate; and how bytes come to it: one by one, in fragments, into rooms that are just
 * large enough, into a state that moves between steps. Against the installed libssl, and against our own client. */
#include "server12_fixture.h"

#include "handshake.h"
#include "tlsm_export.h"

static const struct tlsm_ticket_key ticket_key = { { 'k', 'e', 'y' }, { 1, 2, 3 } };

/* ------------------------------------------------------------------------------------------------ client certificates */

static void client_shows(struct world *world, int key)
{
    assert_int_equal(SSL_CTX_use_certificate(world->context, certificate_of[key]), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(world->context, key_of[key]), 1);
}

static void a_client_shows_what_it_is_asked_for(void **state)
{
    static const char *const suites[] = { "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384" };
    TLSM_UNUSED(state);
    for (int must = 0; must <= 1; must++)
        for (int key = 0; key <= KEYS; key++)
            for (int suite = 0; suite < 2; suite++) {
                struct world *world = world_new();
                const int shows = key != KEYS && key != EDWARDS_KEY;   /* the transcript's digest cannot be signed with Ed25519 */
                world->server.settings.client_auth = must ? TLSM_CLIENT_AUTH_REQUIRE : TLSM_CLIENT_AUTH_REQUEST;
                assert_int_equal(SSL_CTX_set_cipher_list(world->context, suites[suite]), 1);
                if (key != KEYS)
                    client_shows(world, key);
                connect_now(world, NULL, NOW);
                if (must && !shows) {
                    assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_HANDSHAKE_FAILURE);
                    world_free(world);
                    continue;
                }
                check_connected(world);
                assert_int_equal(world->asked[TLSM_ASK_JUDGE], shows);
                assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_PEER_SHOWN), shows);
                assert_int_equal(world->shown_length, shows ? chain_of[key].length : 0);
                if (shows)
                    assert_memory_equal(world->shown, chain_of[key].data, chain_of[key].length);
                exchange_and_close(world);
                world_free(world);
            }
}

static void nobody_is_asked_for_a_certificate_otherwise(void **state)
{
    struct world *world = world_new();
    TLSM_UNUSED(state);
    client_shows(world, RSA_KEY);
    connect_now(world, NULL, NOW);
    check_connected(world);
    assert_int_equal(world->asked[TLSM_ASK_JUDGE], 0);
    assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_PEER_SHOWN), 0);
    world_free(world);
}

static void whom_the_judge_refuses_is_told_why(void **state)
{
    struct world *world = world_new();
    TLSM_UNUSED(state);
    world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    world->judged = TLSM_ALERT_CERTIFICATE_REVOKED;
    client_shows(world, RSA_KEY);
    connect_now(world, NULL, NOW);
    assert_int_equal(side_verdict(&world->server).alert_sent, TLSM_ALERT_CERTIFICATE_REVOKED);
    assert_int_equal(tlsm_connected(server_state(world)), 0);
    assert_false(SSL_is_init_finished(world->client));
    world_free(world);
}

/* What the request says: types, schemes that can be verified over a digest, authorities. */
static void the_request_names_authorities(void **state)
{
    struct world *world = world_new();
    unsigned char *der = NULL;
    X509_NAME *wanted = X509_get_subject_name(certificate_of[P384_KEY]);
    const int length = i2d_X509_NAME(wanted, &der);
    const struct tlsm_bytes authority = { der, (size_t)length };
    const unsigned char *types;
    int count, hash, sign;
    TLSM_UNUSED(state);
    world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    world->server.settings.authorities = &authority;
    world->server.settings.authority_count = 1;
    connect_now(world, NULL, NOW);
    check_connected(world);
    STACK_OF(X509_NAME) *names = SSL_get_client_CA_list(world->client);
    assert_int_equal(sk_X509_NAME_num(names), 1);
    assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(names, 0), wanted), 0);
    assert_int_equal(SSL_get0_certificate_types(world->client, &types), 2);
    assert_memory_equal(types, "\x40\x01", 2);
    count = SSL_get_sigalgs(world->client, -1, NULL, NULL, NULL, NULL, NULL);
    assert_int_equal(count, 8);   /* ECDSA, RSA-PSS of both kinds, PKCS #1; with SHA-256 and SHA-384 */
    for (int i = 0; i < count; i++) {
        (void)SSL_get_sigalgs(world->client, i, &sign, &hash, NULL, NULL, NULL);
        assert_true(hash == NID_sha256 || hash == NID_sha384);
    }
    OPENSSL_free(der);
    world_free(world);
}

/* Whoever was shown stays so in the sessions of that connection. */
static void a_session_remembers_that_a_client_was_shown(void **state)
{
    TLSM_UNUSED(state);
    for (int shows = 0; shows <= 1; shows++) {
        struct world *world = world_new();
        SSL_SESSION *session;
        world->server.settings.ticket_keys = &ticket_key;
        world->server.settings.ticket_key_count = world->server.settings.tickets = 1;
        world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
        if (shows)
            client_shows(world, RSA_KEY);
        connect_now(world, NULL, NOW);
        check_connected(world);
        session = SSL_get1_session(world->client);
        exchange_and_close(world);
        client_shows(world, RSA_KEY);
        world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUIRE;
        new_client(world, NULL);
        SSL_set_session(world->client, session);
        start_server(world, NOW);
        talk(world);
        check_connected(world);
        assert_int_equal(tlsm_resumed(server_state(world)), shows);
        assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_PEER_SHOWN), 1);
        SSL_SESSION_free(session);
        world_free(world);
    }
}

/* ------------------------------------------------------------------------------------------------ how bytes come */

static struct world *full(void)
{
    struct world *world = world_new();
    world->server.settings.ticket_keys = &ticket_key;
    world->server.settings.ticket_key_count = world->server.settings.tickets = 1;
    world->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    client_shows(world, RSA_KEY);
    return world;
}

/* In full, then resumed. */
static void connect_twice(struct world *world)
{
    SSL_SESSION *session;
    connect_now(world, "host.example", NOW);
    check_connected(world);
    session = SSL_get1_session(world->client);
    exchange_and_close(world);
    new_client(world, "host.example");
    SSL_set_session(world->client, session);
    start_server(world, NOW);
    talk(world);
    check_connected(world);
    assert_int_equal(tlsm_resumed(server_state(world)), 1);
    exchange_and_close(world);
    SSL_SESSION_free(session);
}

static void bytes_come_a_few_at_a_time(void **state)
{
    TLSM_UNUSED(state);
    for (size_t at_once = 1; at_once < 10; at_once++) {
        struct world *world = full();
        world->at_once = at_once;
        connect_twice(world);
        world_free(world);
    }
}

/* Records of the client's with handshake messages in the clear are cut in two at `cut`. The longest that there was. */
static size_t cut_records(struct world *world, size_t cut)
{
    size_t longest = 0;
    uint8_t *bytes, *copy;
    const size_t length = (size_t)BIO_get_mem_data(world->from_client, &bytes);
    int clear = 1;
    copy = malloc(length + 1);
    memcpy(copy, bytes, length);
    (void)BIO_reset(world->from_client);
    for (size_t at = 0, whole; at < length; at += whole) {
        const size_t body = (size_t)(copy[at + 3] << 8 | copy[at + 4]);
        whole = TLSM_HEADER + body;
        if (copy[at] == TLSM_TYPE_CCS)
            clear = 0;
        longest = clear && body > longest ? body : longest;
        if (copy[at] != TLSM_TYPE_HANDSHAKE || !clear || cut >= body) {
            BIO_write(world->from_client, copy + at, (int)whole);
            continue;
        }
        const uint8_t first[] = { TLSM_TYPE_HANDSHAKE, 3, 3, (uint8_t)(cut >> 8), (uint8_t)cut };
        const uint8_t second[] = { TLSM_TYPE_HANDSHAKE, 3, 3, (uint8_t)((body - cut) >> 8), (uint8_t)(body - cut) };
        BIO_write(world->from_client, first, sizeof first);
        BIO_write(world->from_client, copy + at + TLSM_HEADER, (int)cut);
        BIO_write(world->from_client, second, sizeof second);
        BIO_write(world->from_client, copy + at + TLSM_HEADER + cut, (int)(body - cut));
    }
    free(copy);
    return longest;
}

static void messages_come_in_two_fragments(void **state)
{
    size_t longest = 2;
    TLSM_UNUSED(state);
    for (size_t cut = 1; cut < longest; cut++) {
        struct world *world = full();
        int busy = 1;
        client_shows(world, P256_KEY);
        new_client(world, "host.example");
        start_server(world, NOW);
        while (busy) {
            (void)SSL_do_handshake(world->client);
            const size_t length = cut_records(world, cut);
            longest = length > longest ? length : longest;
            busy = move(world);
        }
        check_connected(world);
        assert_int_equal(tlsm_mark(server_state(world), TLSM_MARK_PEER_SHOWN), 1);
        world_free(world);
    }
    assert_true(longest > chain_of[P256_KEY].length);
}

/* ------------------------------------------------------------------------------------------------ ours with ours */

struct duo {
    struct side client, server;
    struct tlsm_session kept;
    uint8_t session[1024];
    size_t session_length;
    int spoil_signature;
};

static const uint16_t both_suites[] = { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384, TLSM_ECDHE_ECDSA_AES_128_GCM_SHA256 };

static struct duo *duo_new(void)
{
    struct duo *duo = calloc(1, sizeof *duo);
    struct pair *pair = pair_fresh();
    duo->client = pair->client;
    duo->server = pair->server;
    free(pair);
    for (int i = 0; i < 2; i++) {
        struct side *side = i == 0 ? &duo->client : &duo->server;
        side->config.settings = &side->settings;
        side->config.crypto = &tlsm_libcrypto_table;
        side->config.self = instance;
        side->no_answers = 1;
        side->settings.version_min = side->settings.version_max = TLSM_1_2;
        side->settings.suites12 = both_suites;
        side->settings.suite12_count = 2;
        side->settings.credentials = &credentials[P256_KEY];
        side->settings.credential_count = 1;
    }
    return duo;
}

static void duo_free(struct duo *duo)
{
    tlsm_forget(&duo->client.config, &duo->client.block.state);
    tlsm_forget(&duo->server.config, &duo->server.block.state);
    free(duo);
}

static void duo_start(struct duo *duo, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    for (int i = 0; i < 2; i++) {
        struct side *side = i == 0 ? &duo->client : &duo->server;
        const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .now_ms = NOW, .session = i == 0 ? session : NULL,
                                    .server_name = { (const uint8_t *)"host.example", i == 0 ? 12 : 0 } };
        tlsm_forget(&side->config, &side->block.state);
        side->wire_have = side->held_have = side->plain_have = 0;
        for (size_t j = 0; j < sizeof entropy; j++)
            ((uint8_t *)&entropy)[j] = (uint8_t)(j * 11 + side->settings.role + (session != NULL ? 50 : 0));
        assert_code(side_step(side, &in), TLSM_OK);
    }
}

static int duo_answer(struct duo *duo, struct side *side)
{
    uint8_t signature[TLSM_SIGNATURE_MAX];
    struct tlsm_request request;
    struct tlsm_answer answer = { 0 };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    size_t length = 0;
    if (!(tlsm_needs(&side->block.state) & TLSM_NEED_ANSWER))
        return 0;
    switch (tlsm_request(&side->config, &side->block.state, &request)) {
    case TLSM_ASK_SIGN:
        assert_int_equal(tlsm_libcrypto_sign(key_of[P256_KEY], &request, signature, &length), 0);
        if (side == &duo->client && duo->spoil_signature)
            signature[length - 1] ^= 1;
        answer.signature = tlsm_slice(signature, length);
        break;
    case TLSM_ASK_JUDGE:
        assert_int_equal(request.of_client, side == &duo->server);
        answer.alert = tlsm_libcrypto_verify(key_of[P256_KEY], &request);
        break;
    }
    answer.id = request.id;
    assert_true(side_step(side, &in) < TLSM_MORE_INPUT);
    return 1;
}

static void duo_talk(struct duo *duo)
{
    for (int busy = 1; busy;) {
        (void)side_say(&duo->client, &duo->server);
        (void)side_say(&duo->server, &duo->client);
        busy = duo_answer(duo, &duo->client) | duo_answer(duo, &duo->server);
        side_produce(&duo->client);
        side_produce(&duo->server);
        busy |= duo->client.wire_have > 0 || duo->server.wire_have > 0;
    }
}

static void check_duo(const struct duo *duo, int resumed)
{
    const struct tlsm_state *client = &duo->client.block.state, *server = &duo->server.block.state;
    assert_int_equal(tlsm_connected(client), 1);
    assert_int_equal(tlsm_connected(server), 1);
    assert_int_equal(tlsm_resumed(client), resumed);
    assert_int_equal(tlsm_resumed(server), resumed);
    assert_int_equal(client->control.version, TLSM_1_2);
    assert_int_equal(client->suite, server->suite);
    assert_memory_equal(client->exporter, server->exporter, TLSM_HASH_MAX);
    assert_memory_equal(client->resumption, server->resumption, TLSM_HASH_MAX);
    assert_memory_equal(client->read_key.key, server->write_key.key, TLSM_KEY_MAX);
    assert_memory_equal(client->write_key.key, server->read_key.key, TLSM_KEY_MAX);
    assert_int_equal(client->control.marks & TLSM_MARK_EXTENDED_MASTER, server->control.marks & TLSM_MARK_EXTENDED_MASTER);
}

static void our_client_and_our_server_agree(void **state)
{
    TLSM_UNUSED(state);
    for (uint8_t auth = TLSM_CLIENT_AUTH_NONE; auth <= TLSM_CLIENT_AUTH_REQUIRE; auth++)
        for (size_t suite = 0; suite < 2; suite++) {
            struct duo *duo = duo_new();
            struct tlsm_session session;
            duo->server.settings.client_auth = auth;
            duo->server.settings.suites12 = &both_suites[suite];
            duo->server.settings.suite12_count = 1;
            duo->server.settings.ticket_keys = &ticket_key;
            duo->server.settings.ticket_key_count = duo->server.settings.tickets = 1;
            duo_start(duo, NULL);
            duo_talk(duo);
            check_duo(duo, 0);
            assert_int_equal(tlsm_mark(&duo->server.block.state, TLSM_MARK_PEER_SHOWN), auth != TLSM_CLIENT_AUTH_NONE);
            assert_true(duo->client.session_have > 0);
            memcpy(duo->session, duo->client.session, duo->client.session_have);
            assert_int_equal(tlsm_session_read(tlsm_slice(duo->session, duo->client.session_have), &session), 1);
            duo_start(duo, &session);
            duo_talk(duo);
            check_duo(duo, 1);
            duo_free(duo);
        }
}

/* The chain is the client's, its signature somebody else's. */
static void a_client_that_cannot_sign_is_refused(void **state)
{
    struct duo *duo = duo_new();
    TLSM_UNUSED(state);
    duo->spoil_signature = 1;
    duo->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    duo_start(duo, NULL);
    duo_talk(duo);
    assert_int_equal(side_verdict(&duo->server).alert_sent, TLSM_ALERT_DECRYPT_ERROR);
    assert_int_equal(tlsm_connected(&duo->client.block.state), 0);
    duo_free(duo);
}

/* Its transcript is another, as if somebody had changed a message on the way. */
static void a_finished_of_another_transcript_is_refused(void **state)
{
    struct duo *duo = duo_new();
    TLSM_UNUSED(state);
    duo_start(duo, NULL);
    while (duo->client.block.state.control.phase != TLSM_PHASE_C12_MAKE_FINISHED) {
        (void)side_say(&duo->server, &duo->client);
        (void)duo_answer(duo, &duo->server);
        (void)duo_answer(duo, &duo->client);
        if (tlsm_needs(&duo->client.block.state) & TLSM_NEED_PRODUCE)
            assert_true(side_do(&duo->client, TLSM_IN_PRODUCE) < TLSM_MORE_INPUT);
        if (duo->client.block.state.control.phase == TLSM_PHASE_C_WAIT_HELLO)
            (void)side_say(&duo->client, &duo->server);
    }
    tlsm_hs(&duo->client.block.state)->transcript.block[0] ^= 1;
    duo_talk(duo);
    assert_int_equal(side_verdict(&duo->server).alert_sent, TLSM_ALERT_DECRYPT_ERROR);
    duo_free(duo);
}

/* A record as the client of a finished handshake would make it, before it has our Finished: false start (RFC 7918). */
static void data_right_behind_finished_is_read(void **state)
{
    static const uint8_t text[] = "early";
    struct duo *duo = duo_new();
    struct side *client = &duo->client;
    TLSM_UNUSED(state);
    duo_start(duo, NULL);
    while (client->block.state.control.phase != TLSM_PHASE_C12_WAIT_CCS) {
        (void)side_say(&duo->server, client);
        (void)duo_answer(duo, &duo->server);
        (void)duo_answer(duo, client);
        side_produce(client);
        if (client->block.state.control.phase == TLSM_PHASE_C_WAIT_HELLO)
            (void)side_say(client, &duo->server);
    }
    struct tlsm_key key = client->block.state.write_key;
    uint8_t record[5 + 8 + sizeof text + TLSM_TAG] = { TLSM_TYPE_DATA, 3, 3, 0, 8 + sizeof text + TLSM_TAG, 0, 0, 0, 0, 0, 0, 0,
                                                       (uint8_t)key.sequence };
    const uint8_t aad[13] = { 0, 0, 0, 0, 0, 0, 0, (uint8_t)key.sequence, TLSM_TYPE_DATA, 3, 3, 0, sizeof text };
    assert_int_equal(tlsm_libcrypto_table.seal(instance, &key, tlsm_slice(aad, sizeof aad), tlsm_slice(text, sizeof text),
                                               tlsm_slice(NULL, 0), record + 13), 0);
    assert_int_equal(duo->server.block.state.control.phase, TLSM_PHASE_S12_WAIT_EXCHANGE);
    (void)side_sent(client, client->wire_have, &duo->server);
    side_inject(&duo->server, record, sizeof record);
    (void)side_feed(&duo->server);
    assert_int_equal(duo->server.plain_have, sizeof text);
    assert_memory_equal(duo->server.plain, text, sizeof text);
    assert_int_equal(tlsm_connected(&duo->server.block.state), 0);
    duo_free(duo);
}

/* ------------------------------------------------------------------------------------------------ rooms and moves */

static struct side *roomy;

/* What is owed is made in exactly the room that it asks for. */
static void produce_exactly(struct side *side)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    struct tlsm_out out = { 0 };
    uint8_t before[SIDE_ROOM], wire[4096];
    const size_t length = tlsm_length(&side->block.state);
    memcpy(before, &side->block, length);
    out.state_capacity = sizeof side->block;
    out.wire.data = wire;
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_WIRE_ROOM);
    assert_memory_equal(before, &side->block, length);
    assert_true(out.wire_needed > TLSM_HEADER);
    out.wire.capacity = out.wire_needed - 1;
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_WIRE_ROOM);
    assert_memory_equal(before, &side->block, length);
    out.wire.capacity = out.wire_needed;
    assert_true(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out) < TLSM_MORE_INPUT);
    assert_int_equal(out.wire_length, out.wire.capacity);
    memcpy(side->wire + side->wire_have, wire, out.wire_length);
    side->wire_have += out.wire_length;
}

static void a_message_needs_just_the_room_it_asks_for(void **state)
{
    TLSM_UNUSED(state);
    for (int resumed = 0; resumed <= 1; resumed++) {
        struct duo *duo = duo_new();
        struct tlsm_session session;
        roomy = &duo->server;
        duo->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
        duo->server.settings.ticket_keys = &ticket_key;
        duo->server.settings.ticket_key_count = duo->server.settings.tickets = 1;
        duo_start(duo, NULL);
        if (resumed) {
            duo_talk(duo);
            memcpy(duo->session, duo->client.session, duo->client.session_have);
            assert_int_equal(tlsm_session_read(tlsm_slice(duo->session, duo->client.session_have), &session), 1);
            duo_start(duo, &session);
        }
        for (int busy = 1; busy;) {
            (void)side_say(&duo->client, roomy);
            busy = duo_answer(duo, roomy) | duo_answer(duo, &duo->client);
            while (tlsm_needs(&roomy->block.state) & TLSM_NEED_PRODUCE) {
                produce_exactly(roomy);
                busy = 1;
            }
            if (roomy->wire_have > 0)
                (void)side_sent(roomy, roomy->wire_have, &duo->client);
            (void)side_feed(&duo->client);
            side_produce(&duo->client);
            busy |= duo->client.wire_have > 0;
        }
        check_duo(duo, resumed);
        duo_free(duo);
    }
}

static unsigned moves;

/* To another place and back, between two steps. */
static void move_state(struct side *side)
{
    uint8_t block[SIDE_ROOM];
    const size_t length = tlsm_export(&side->block.state, block, sizeof block);
    static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } other;
    if (length == 0 || tlsm_is_final(&side->block.state))
        return;
    assert_code(tlsm_import(&side->config, tlsm_slice(block, length), &other.state, sizeof other), TLSM_OK);
    assert_int_equal(tlsm_length(&other.state), tlsm_length(&side->block.state));
    assert_memory_equal(&other, &side->block, tlsm_length(&other.state));
    moves++;
}

static void a_state_moves_between_any_two_steps(void **state)
{
    struct duo *duo = duo_new();
    struct tlsm_session session;
    TLSM_UNUSED(state);
    moves = 0;
    duo->server.stepped = move_state;
    duo->server.settings.client_auth = TLSM_CLIENT_AUTH_REQUEST;
    duo->server.settings.ticket_keys = &ticket_key;
    duo->server.settings.ticket_key_count = duo->server.settings.tickets = 1;
    duo_start(duo, NULL);
    duo_talk(duo);
    check_duo(duo, 0);
    memcpy(duo->session, duo->client.session, duo->client.session_have);
    assert_int_equal(tlsm_session_read(tlsm_slice(duo->session, duo->client.session_have), &session), 1);
    duo_start(duo, &session);
    duo_talk(duo);
    check_duo(duo, 1);
    assert_true(moves > 30);
    duo_free(duo);
}

/* Settings under which the word that was given cannot be kept. */
static void a_state_does_not_move_where_its_word_cannot_be_kept(void **state)
{
    TLSM_UNUSED(state);
    for (int by_id = 0; by_id <= 1; by_id++) {
        struct duo *duo = duo_new();
        uint8_t block[SIDE_ROOM];
        static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } other;
        duo->server.settings.ticket_keys = &ticket_key;
        duo->server.settings.ticket_key_count = duo->server.settings.tickets = 1;
        duo->server.settings.ask = by_id ? TLSM_ASK_SESSION_BIT : 0;
        duo_start(duo, NULL);
        (void)side_say(&duo->client, &duo->server);
        if (by_id)   /* the cache has none */
            (void)duo_answer(duo, &duo->server);
        assert_int_equal(duo->server.block.state.control.phase, TLSM_PHASE_S12_MAKE_HELLO);
        const size_t length = tlsm_export(&duo->server.block.state, block, sizeof block);
        duo->server.settings.ticket_key_count = 0;
        duo->server.settings.ask = by_id ? 0 : TLSM_ASK_SESSION_BIT;
        assert_code(tlsm_import(&duo->server.config, tlsm_slice(block, length), &other.state, sizeof other), TLSM_EXPORT_SETTINGS);
        duo_free(duo);
    }
}

/* One bit of damage makes no full handshake a resumed one, which nobody authenticates. */
static void a_state_has_a_secret_or_a_share(void **state)
{
    struct duo *duo = duo_new();
    uint8_t block[SIDE_ROOM];
    static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } other;
    TLSM_UNUSED(state);
    duo_start(duo, NULL);
    (void)side_say(&duo->client, &duo->server);
    for (int way = 0; way < 3; way++) {
        memcpy(&other, &duo->server.block, tlsm_length(&duo->server.block.state));
        assert_int_equal(other.state.control.phase, TLSM_PHASE_S12_MAKE_HELLO);
        if (way == 1)
            other.state.control.facts |= TLSM_FACT_RESUMED;
        if (way == 2)
            tlsm_hs(&other.state)->share_group[0] = 0;
        const size_t length = tlsm_export(&other.state, block, sizeof block);
        assert_code(tlsm_import(&duo->server.config, tlsm_slice(block, length), &other.state, sizeof other),
                    way == 0 ? TLSM_OK : TLSM_EXPORT_INCONSISTENT);
    }
    duo_free(duo);
}

/* A ticket of TLS 1.2, shown as an identity of TLS 1.3. */
static void a_ticket_of_before_is_no_key_of_now(void **state)
{
    struct duo *duo = duo_new();
    struct tlsm_session session;
    TLSM_UNUSED(state);
    duo->server.settings.ticket_keys = &ticket_key;
    duo->server.settings.ticket_key_count = duo->server.settings.tickets = 1;
    duo->server.settings.suites12 = &both_suites[1];
    duo->server.settings.suite12_count = 1;
    duo_start(duo, NULL);
    duo_talk(duo);
    check_duo(duo, 0);
    memcpy(duo->session, duo->client.session, duo->client.session_have);
    assert_int_equal(tlsm_session_read(tlsm_slice(duo->session, duo->client.session_have), &session), 1);
    session.version = TLSM_1_3;
    session.suite = TLSM_AES_128_GCM_SHA256;
    session.secret_length = 32;
    session.extended_master = 0;
    duo->client.settings.version_max = duo->client.settings.version_min = duo->server.settings.version_max = TLSM_1_3;
    duo_start(duo, &session);
    assert_true(tlsm_hs(&duo->client.block.state)->flags & TLSM_HS_SESSION_OFFERED);
    duo_talk(duo);
    assert_int_equal(tlsm_connected(&duo->server.block.state), 1);
    assert_int_equal(tlsm_resumed(&duo->server.block.state), 0);
    duo_free(duo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_shows_what_it_is_asked_for),
        cmocka_unit_test(nobody_is_asked_for_a_certificate_otherwise),
        cmocka_unit_test(whom_the_judge_refuses_is_told_why),
        cmocka_unit_test(the_request_names_authorities),
        cmocka_unit_test(a_session_remembers_that_a_client_was_shown),
        cmocka_unit_test(bytes_come_a_few_at_a_time),
        cmocka_unit_test(messages_come_in_two_fragments),
        cmocka_unit_test(our_client_and_our_server_agree),
        cmocka_unit_test(a_client_that_cannot_sign_is_refused),
        cmocka_unit_test(a_finished_of_another_transcript_is_refused),
        cmocka_unit_test(data_right_behind_finished_is_read),
        cmocka_unit_test(a_message_needs_just_the_room_it_asks_for),
        cmocka_unit_test(a_state_moves_between_any_two_steps),
        cmocka_unit_test(a_state_has_a_secret_or_a_share),
        cmocka_unit_test(a_ticket_of_before_is_no_key_of_now),
        cmocka_unit_test(a_state_does_not_move_where_its_word_cannot_be_kept),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
