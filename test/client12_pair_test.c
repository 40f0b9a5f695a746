/* SPDX-License-Identifier: MIT */
/* TLS 1.2 between our client and our server, over the null provider: what each knows at the end, rooms, moves, pieces, damage. */
#include "fixture.h"

#include "handshake.h"
#include "null_provider.h"

#define NOW UINT64_C(1800000000000)
#define HOST "host.example"

static const struct tlsm_ticket_key ticket_key = { { 'o', 'n', 'e' }, { 1, 2, 3 } };
static const uint8_t certificate[] = { 0x30, 3, 1, 2, 3 }, response[] = { 0x30, 3, 10, 1, 0 };
static const struct tlsm_bytes chain[] = { { certificate, sizeof certificate }, { certificate, sizeof certificate } };
static const uint16_t scheme[] = { TLSM_ECDSA_SECP384R1_SHA384 };
static const struct tlsm_credential credential = { chain, 2, scheme, 1, NULL, 0, { response, sizeof response } };

/* Kinds of handshake: bits. */
enum { ASKS = 1, STAPLES = 2, SHA_384 = 4, RESUMES = 8, KINDS = 16 };

static struct pair the_pair;

static struct pair *pair_of(int kind)
{
    static const uint16_t suites[] = { TLSM_ECDHE_ECDSA_AES_256_GCM_SHA384 };
    struct pair *pair = &the_pair;
    pair_init(pair);
    struct tlsm_settings *both[] = { &pair->client.settings, &pair->server.settings };
    for (size_t i = 0; i < 2; i++) {
        both[i]->version_min = both[i]->version_max = TLSM_1_2;
        both[i]->credentials = &credential;
        both[i]->credential_count = 1;
        both[i]->suites12 = kind & SHA_384 ? suites : NULL;
        both[i]->suite12_count = kind & SHA_384 ? 1 : 0;
    }
    pair->client.settings.ask_staple = (kind & STAPLES) != 0;
    pair->server.settings.client_auth = kind & ASKS ? TLSM_CLIENT_AUTH_REQUIRE : TLSM_CLIENT_AUTH_NONE;
    pair->server.settings.ticket_keys = &ticket_key;
    pair->server.settings.ticket_key_count = 1;
    pair->server.settings.tickets = 1;
    return pair;
}

static void begin(struct side *side, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    const int client = side->settings.role == TLSM_CLIENT;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = NOW,
                                .server_name = { (const uint8_t *)HOST, client ? sizeof HOST - 1 : 0 } };
    for (size_t i = 0; i < sizeof entropy; i++)
        ((uint8_t *)&entropy)[i] = (uint8_t)(i * 7 + side->settings.role + (session != NULL ? 100 : 0));
    assert_code(side_step(side, &in), TLSM_OK);
}

static struct tlsm_session kept(const struct side *side)
{
    static uint8_t bytes[sizeof side->session];
    struct tlsm_session session;
    memcpy(bytes, side->session, sizeof bytes);
    assert_int_equal(tlsm_session_read(tlsm_slice(bytes, side->session_have), &session), 1);
    return session;
}

static void forget(struct side *side)
{
    tlsm_forget(&side->config, &side->block.state);
    side->wire_have = side->held_have = side->plain_have = 0;
}

/* Both are started; with RESUMES after a first connection, whose session is offered. */
static struct pair *started(int kind)
{
    struct pair *pair = pair_of(kind);
    begin(&pair->client, NULL);
    begin(&pair->server, NULL);
    if (!(kind & RESUMES))
        return pair;
    pair_talk(pair);
    assert_int_equal(tlsm_connected(&pair->client.block.state), 1);
    const struct tlsm_session session = kept(&pair->client);
    forget(&pair->client);
    forget(&pair->server);
    begin(&pair->client, &session);
    begin(&pair->server, NULL);
    return pair;
}

static void check_connected(const struct pair *pair, int kind)
{
    const struct tlsm_state *client = &pair->client.block.state, *server = &pair->server.block.state;
    assert_int_equal(tlsm_connected(client) & tlsm_connected(server), 1);
    assert_int_equal(tlsm_resumed(client), (kind & RESUMES) != 0);
    assert_int_equal(tlsm_resumed(server), (kind & RESUMES) != 0);
    assert_int_equal(client->control.version, TLSM_1_2);
    assert_int_equal(client->suite, server->suite);
    assert_memory_equal(client->exporter, server->exporter, TLSM_HASH_MAX);
    assert_memory_equal(client->resumption, server->resumption, TLSM_HASH_MAX);
    assert_memory_equal(client->read_key.key, server->write_key.key, TLSM_KEY_MAX);
    assert_memory_equal(client->write_key.key, server->read_key.key, TLSM_KEY_MAX);
    assert_int_equal(tlsm_peer_shown(server), (kind & ASKS) != 0);
}

static void exchange_and_close(struct pair *pair)
{
    assert_code(side_write(&pair->client, "ping"), TLSM_PRODUCED);
    pair_talk(pair);
    assert_code(side_write(&pair->server, "pong"), TLSM_PRODUCED);
    pair_talk(pair);
    assert_plain(&pair->server, "ping");
    assert_plain(&pair->client, "pong");
    (void)side_close(&pair->client, 0);
    pair_talk(pair);
    (void)side_close(&pair->server, 0);
    pair_talk(pair);
    assert_how(&pair->client, "clean_both");
    assert_how(&pair->server, "clean_both");
}

static void both_end_with_the_same_keys(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        pair_talk(pair);
        check_connected(pair, kind);
        exchange_and_close(pair);
    }
}

static size_t found(const uint8_t *from, size_t length, const uint8_t *secret, size_t secret_length)
{
    size_t count = 0;
    for (size_t at = 0; at + secret_length <= length; at++)
        count += memcmp(from + at, secret, secret_length) == 0;
    return count;
}

/* The master secret is where exporters find it, and nowhere else; at the end it is nowhere. Nor are the key shares' secrets. */
static void no_secret_stays_behind(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        struct side *const sides[] = { &pair->client, &pair->server };
        uint8_t share[2][32], master[TLSM_HASH_MAX];
        for (size_t i = 0; i < 2; i++)
            memcpy(share[i], tlsm_hs(&sides[i]->block.state)->share_secret[0], sizeof share[i]);
        pair_talk(pair);
        check_connected(pair, kind);
        memcpy(master, pair->client.block.state.exporter, sizeof master);
        for (size_t i = 0; i < 2; i++) {
            (void)side_do(sides[i], TLSM_IN_DEADLINE_SET);   /* the ticket goes, which this provider seals transparently */
            assert_int_equal(found(sides[i]->block.bytes, sizeof sides[i]->block, master, sizeof master), 1);
            assert_int_equal(found(sides[i]->block.bytes, sizeof sides[i]->block, share[i], sizeof share[i]), 0);
        }
        exchange_and_close(pair);
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(found(sides[i]->block.bytes, sizeof sides[i]->block, master, sizeof master), 0);
    }
}

/* ------------------------------------------------------------------------------------------------ rooms */

/* Every message asks for exactly the room it needs, and changes nothing without it. */
static void produce_exactly(struct side *side)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    struct tlsm_out out = { .state_capacity = sizeof side->block };
    const size_t length = side->block.state.length;
    static uint8_t before[sizeof side->block];
    memcpy(before, &side->block, length);
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_WIRE_ROOM);
    const size_t needed = out.wire_needed;
    out.wire.data = side->wire + side->wire_have;
    for (size_t capacity = 1; capacity < needed; capacity += capacity < 8 ? 1 : 97) {
        out.wire.capacity = capacity;
        assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_WIRE_ROOM);
        assert_int_equal(out.wire_needed, needed);
        assert_int_equal(side->block.state.length, length);
        assert_memory_equal(before, &side->block, length);
    }
    out.wire.capacity = needed;
    assert_true(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out) < TLSM_MORE_INPUT);
    assert_int_equal(out.wire_length, needed);
    side->wire_have += needed;
}

static void rooms_are_exact_and_short_rooms_change_nothing(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        for (int rounds = 0; rounds < 8; rounds++) {
            while (side_needs(&pair->client) & TLSM_NEED_PRODUCE)
                produce_exactly(&pair->client);
            (void)side_say(&pair->client, &pair->server);
            while (side_needs(&pair->server) & TLSM_NEED_PRODUCE)
                produce_exactly(&pair->server);
            (void)side_say(&pair->server, &pair->client);
        }
        check_connected(pair, kind);
    }
}

/* ------------------------------------------------------------------------------------------------ moves */

/* Whatever the connection stands at: it goes into bytes and back, and is what it was (I11). */
static void move(struct side *side)
{
    static uint8_t block[SIDE_ROOM + TLSM_EXPORT_HEADER];
    static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } other;
    struct tlsm_state *state = &side->block.state;
    const size_t length = tlsm_export(state, block, sizeof block), live = tlsm_length(state);
    if (length == 0)
        return;
    assert_code(tlsm_import(&side->config, tlsm_slice(block, length), &other.state, sizeof other), TLSM_OK);
    assert_int_equal(tlsm_length(&other.state), live);
    assert_memory_equal(&other, state, live);
}

static void it_can_move_after_every_step(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        pair->client.stepped = pair->server.stepped = move;
        pair_talk(pair);
        check_connected(pair, kind);
        exchange_and_close(pair);
    }
}

/* Steps of every kind, as long as they last; none may break an invariant. */
static void live(const struct tlsm_config *config, struct tlsm_state *state, size_t capacity)
{
    static const uint8_t wire[] = { 20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 6, TLSM_MSG_NEW_SESSION_TICKET, 0, 0, 2, 0, 0 };
    static uint8_t made[SIDE_WIRE], opened[TLSM_RECORD_MAX];
    static const enum tlsm_in_kind kinds[] = { TLSM_IN_PRODUCE, TLSM_IN_PRODUCE, TLSM_IN_WIRE, TLSM_IN_WIRE, TLSM_IN_PRODUCE, TLSM_IN_WIRE,
                                               TLSM_IN_WIRE, TLSM_IN_PRODUCE, TLSM_IN_PRODUCE, TLSM_IN_CLOSE, TLSM_IN_PRODUCE, TLSM_IN_ABANDON };
    size_t at = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct tlsm_in in = { .kind = kinds[i], .bytes = { wire + at, kinds[i] == TLSM_IN_WIRE ? sizeof wire - at : 0 } };
        struct tlsm_out out = { .wire = { made, sizeof made }, .plain = { opened, sizeof opened }, .state_capacity = capacity };
        const enum tlsm_code code = tlsm_step(config, state, &in, state, &out);
        TLSM_UNUSED(code);
        at += kinds[i] == TLSM_IN_WIRE ? out.consumed : 0;
        const int broken = tlsm_invariant(state);
        if (broken != 0)
            fail_msg("step %zu breaks %d in phase %u", i, broken, state->control.phase);
    }
}

static unsigned accepted, refused;

static void flip_and_live(struct side *side)
{
    static uint8_t block[SIDE_ROOM + TLSM_EXPORT_HEADER];
    static union { struct tlsm_state state; uint8_t bytes[SIDE_ROOM]; } other;
    static unsigned turn;
    const size_t length = tlsm_export(&side->block.state, block, sizeof block);
    for (size_t at = turn++ % 19; at < length; at += 19) {
        const uint8_t was = block[at];
        block[at] ^= (uint8_t)(1u << (at / 19 + turn) % 8);
        if (tlsm_import(&side->config, tlsm_slice(block, length), &other.state, sizeof other) == TLSM_OK) {
            accepted++;
            live(&side->config, &other.state, sizeof other);
        } else {
            refused++;
        }
        block[at] = was;
    }
}

static void a_flipped_bit_is_refused_or_harmless(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        pair->client.stepped = pair->server.stepped = flip_and_live;
        pair_talk(pair);
        check_connected(pair, kind);
    }
    assert_true(accepted > 0 && refused > accepted / 4);
}

static int has_ticket(const struct tlsm_state *state)
{
    return tlsm_in_handshake(state) && tlsm_hs_const(state)->ticket_at != 0;
}

/* Where what is kept is said to lie, it lies: of a ticket to the end, of a request until it is answered. */
static void what_is_kept_lies_in_the_room(void **state)
{
    struct pair *pair = started(0);
    struct tlsm_state *client = &pair->client.block.state;
    TLSM_UNUSED(state);
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    while (!has_ticket(client)) {
        (void)side_sent(&pair->server, 1, &pair->client);
        (void)side_feed(&pair->client);
    }
    assert_int_equal(tlsm_invariant(client), 0);
    tlsm_hs(client)->ticket_at++;
    assert_int_equal(tlsm_invariant(client), 117);
    tlsm_hs(client)->ticket_at--;
    tlsm_hs(client)->ticket_length++;
    assert_int_equal(tlsm_invariant(client), 117);
}

/* Nobody is judged who has not shown a chain, signed parameters, and agreed on a secret. */
static void what_is_judged_has_come(void **state)
{
    struct pair *pair = started(0);
    struct tlsm_state *client = &pair->client.block.state;
    struct tlsm_handshake *hs = tlsm_hs(client);
    TLSM_UNUSED(state);
    pair->client.no_answers = 1;
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    assert_int_equal(client->control.phase, TLSM_PHASE_C12_JUDGE);
    const struct tlsm_handshake was = *hs;
    const uint16_t signed_by = client->scheme;
    assert_int_equal(tlsm_invariant(client), 0);
    hs->chain_length = 0;
    assert_int_equal(tlsm_invariant(client), 117);
    *hs = was;
    hs->peer_length = 0;
    assert_int_equal(tlsm_invariant(client), 117);
    *hs = was;
    hs->shared_length = 0;
    assert_int_equal(tlsm_invariant(client), 117);
    *hs = was;
    client->scheme = 0;
    assert_int_equal(tlsm_invariant(client), 117);
    client->scheme = signed_by;
    assert_int_equal(tlsm_invariant(client), 0);
    client->control.facts |= TLSM_FACT_RESUMED;
    assert_int_equal(tlsm_invariant(client), 117);
}

/* What is asked has room for parameters as long as any can be: longer ones never get so far, in a block neither. */
static void parameters_fit_what_is_asked(void **state)
{
    static uint8_t long_one[300];
    const struct tlsm_bytes longer[] = { { long_one, sizeof long_one } };
    struct tlsm_credential shown = credential;
    struct pair *pair = pair_of(0);
    struct tlsm_request request;
    TLSM_UNUSED(state);
    shown.chain = longer;
    shown.chain_count = 1;
    pair->server.settings.credentials = &shown;
    begin(&pair->client, NULL);
    begin(&pair->server, NULL);
    pair->client.no_answers = 1;
    (void)side_say(&pair->client, &pair->server);
    (void)side_say(&pair->server, &pair->client);
    struct tlsm_handshake *hs = tlsm_hs(&pair->client.block.state);
    assert_int_equal(tlsm_request(&pair->client.config, &pair->client.block.state, &request), TLSM_ASK_JUDGE);
    assert_true(request.content_length <= sizeof request.content);
    hs->peer_at = 0;
    hs->peer_length = sizeof request.content - 64;
    assert_int_equal(tlsm_invariant(&pair->client.block.state), 0);
    hs->peer_length++;
    assert_int_equal(tlsm_invariant(&pair->client.block.state), 117);
}

/* ------------------------------------------------------------------------------------------------ pieces */

/* The messages of what `from` said in the clear, without their records. */
static size_t messages_of(const struct side *from, uint8_t *to)
{
    size_t length = 0;
    for (size_t at = 0; at < from->wire_have && from->wire[at] == TLSM_TYPE_HANDSHAKE;) {
        const size_t body = (size_t)from->wire[at + 3] << 8 | from->wire[at + 4];
        memcpy(to + length, from->wire + at + TLSM_HEADER, body);
        length += body;
        at += TLSM_HEADER + body;
    }
    return length;
}

static void inject_record(struct side *to, const uint8_t *bytes, size_t length)
{
    const uint8_t header[] = { TLSM_TYPE_HANDSHAKE, 3, 3, (uint8_t)(length >> 8), (uint8_t)length };
    if (length == 0)
        return;
    side_inject(to, header, sizeof header);
    side_inject(to, bytes, length);
}

/* Two records, cut at every byte of the flight; and its messages in one. */
static void a_flight_may_be_cut_anywhere(void **state)
{
    static uint8_t flight[SIDE_WIRE];
    TLSM_UNUSED(state);
    struct pair *pair = started(ASKS | STAPLES);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    const size_t length = messages_of(&pair->server, flight);
    assert_true(length > 100);
    for (size_t cut = 0; cut < length; cut++) {
        pair = started(ASKS | STAPLES);
        side_produce(&pair->client);
        (void)side_sent(&pair->client, pair->client.wire_have, NULL);
        pair->client.no_answers = 1;
        inject_record(&pair->client, flight, cut);
        inject_record(&pair->client, flight + cut, length - cut);
        (void)side_feed(&pair->client);
        assert_int_equal(pair->client.block.state.control.phase, TLSM_PHASE_C12_JUDGE);
    }
}

static void byte_by_byte(struct side *from, struct side *to)
{
    side_produce(from);
    while (from->wire_have > 0) {
        (void)side_sent(from, 1, to);
        (void)side_feed(to);
    }
}

static void one_byte_at_a_time(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        for (int rounds = 0; rounds < 4; rounds++) {
            byte_by_byte(&pair->client, &pair->server);
            byte_by_byte(&pair->server, &pair->client);
        }
        check_connected(pair, kind);
    }
}

/* ------------------------------------------------------------------------------------------------ damage */

/* Talks until `side` has its Finished to make next. */
static void until_finished(struct pair *pair, struct side *side, uint8_t phase)
{
    struct side *other = side == &pair->client ? &pair->server : &pair->client;
    for (int rounds = 0; rounds < 4 && side->block.state.control.phase != phase; rounds++) {
        (void)side_say(other, side);
        while (side_needs(side) & TLSM_NEED_PRODUCE && side->block.state.control.phase != phase)
            (void)side_do(side, TLSM_IN_PRODUCE);
        if (side->block.state.control.phase != phase)
            (void)side_say(side, other);
    }
    assert_int_equal(side->block.state.control.phase, phase);
}

/* The server saw other messages than we did: its Finished says so (RFC 5246 §7.4.9). */
static void a_finished_over_other_messages_is_refused(void **state)
{
    TLSM_UNUSED(state);
    for (int kind = 0; kind < KINDS; kind++) {
        struct pair *pair = started(kind);
        until_finished(pair, &pair->server, kind & RESUMES ? TLSM_PHASE_S12R_MAKE_FINISHED : TLSM_PHASE_S12_MAKE_FINISHED);
        tlsm_hs(&pair->server.block.state)->transcript.chain[0] ^= 1;
        (void)side_say(&pair->server, &pair->client);
        side_produce(&pair->client);
        assert_how(&pair->client, "handshake_failed");
        assert_int_equal(side_verdict(&pair->client).alert_sent, TLSM_ALERT_DECRYPT_ERROR);
        assert_int_equal(tlsm_connected(&pair->client.block.state), 0);
    }
}

/* A message of the server's was changed on the way: each byte of them. Nobody is connected. */
static void a_changed_byte_of_the_flight_connects_nobody(void **state)
{
    static uint8_t flight[SIDE_WIRE];
    TLSM_UNUSED(state);
    struct pair *pair = started(STAPLES);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    const size_t length = messages_of(&pair->server, flight);
    for (size_t at = 0; at < length; at++) {
        pair = started(STAPLES);
        (void)side_say(&pair->client, &pair->server);
        side_produce(&pair->server);
        (void)side_sent(&pair->server, pair->server.wire_have, NULL);
        flight[at] ^= 1;
        inject_record(&pair->client, flight, length);
        flight[at] ^= 1;
        (void)side_feed(&pair->client);
        pair_talk(pair);
        assert_int_equal(tlsm_connected(&pair->client.block.state), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_end_with_the_same_keys),
        cmocka_unit_test(no_secret_stays_behind),
        cmocka_unit_test(rooms_are_exact_and_short_rooms_change_nothing),
        cmocka_unit_test(it_can_move_after_every_step),
        cmocka_unit_test(a_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(what_is_kept_lies_in_the_room),
        cmocka_unit_test(what_is_judged_has_come),
        cmocka_unit_test(parameters_fit_what_is_asked),
        cmocka_unit_test(a_flight_may_be_cut_anywhere),
        cmocka_unit_test(one_byte_at_a_time),
        cmocka_unit_test(a_finished_over_other_messages_is_refused),
        cmocka_unit_test(a_changed_byte_of_the_flight_connects_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
