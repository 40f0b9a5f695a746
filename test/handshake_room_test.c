/* SPDX-License-Identifier: MIT */
/* Handshakes short of room, in small pieces, with senseless settings, and over a provider that fails. */
#include "handshake_fixture.h"

static void signatures_are_copied_into_the_state(void **state)
{
    static uint8_t signature[TLSM_SIGNATURE_MAX + 1] = { 1, 2, 3 };
    struct pair *pair = signing();
    struct side *side = &pair->server;
    const size_t length = side->block.state.length;
    struct tlsm_answer answer = { .id = side->block.state.request_id, .signature = { signature, sizeof signature } };
    const struct tlsm_in in = { .kind = TLSM_IN_ANSWER, .answer = &answer };
    struct tlsm_out out = { .state_capacity = length };
    TLSM_UNUSED(state);
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_BAD_ARGUMENT);
    answer.signature.length = TLSM_SIGNATURE_MAX;
    for (size_t room = length; room < length + TLSM_SIGNATURE_MAX; room += 341) {
        out.state_capacity = room;
        assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_STATE_ROOM);
        assert_int_equal(out.state_needed, length + TLSM_SIGNATURE_MAX);
        assert_int_equal(side->block.state.length, length);
    }
    out.state_capacity = length + TLSM_SIGNATURE_MAX;
    assert_true(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out) < TLSM_MORE_INPUT);
    memset(signature, 0, sizeof signature);
    (void)side_do(side, TLSM_IN_PRODUCE);
    assert_int_equal(side->block.state.length, length);
}

/* ------------------------------------------------------------------------------------------------ rooms and chunks */

/* Every message asks for exactly the room it needs, and changes nothing without it. */
static void produce_exactly(struct side *side)
{
    const struct tlsm_in in = { .kind = TLSM_IN_PRODUCE };
    struct tlsm_out out = { .state_capacity = sizeof side->block };
    const size_t length = side->block.state.length;
    uint8_t before[sizeof side->block];
    size_t needed;
    memcpy(before, &side->block, length);
    assert_code(tlsm_step(&side->config, &side->block.state, &in, &side->block.state, &out), TLSM_MORE_WIRE_ROOM);
    needed = out.wire_needed;
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

static void produce_all_exactly(struct side *side)
{
    while (tlsm_needs(&side->block.state) & TLSM_NEED_PRODUCE)
        produce_exactly(side);
}

static void rooms_are_exact_and_short_rooms_change_nothing(void **state)
{
    TLSM_UNUSED(state);
    for (int retry = 0; retry < 2; retry++) {
        struct pair *pair = fresh(0);
        int busy = 1;
        if (retry) {
            pair->server.settings.groups = &groups[1];
            pair->server.settings.group_count = 1;
        }
        start_both(pair, "room.test");
        while (busy) {
            produce_all_exactly(&pair->client);
            busy = pair->client.wire_have > 0;
            (void)side_say(&pair->client, &pair->server);
            produce_all_exactly(&pair->server);
            busy |= pair->server.wire_have > 0;
            (void)side_say(&pair->server, &pair->client);
            busy |= answer(pair, &pair->client) | answer(pair, &pair->server);
        }
        check_connected(pair);
    }
}

static void feed_one_byte(struct side *side, uint8_t byte)
{
    side_inject(side, &byte, 1);
    (void)side_feed(side);
}

static void say_slowly(struct side *from, struct side *to)
{
    uint8_t bytes[4096];
    const size_t have = from->wire_have;
    assert_true(have <= sizeof bytes);
    memcpy(bytes, from->wire, have);
    if (have > 0)
        (void)side_sent(from, have, NULL);
    for (size_t i = 0; i < have; i++)
        feed_one_byte(to, bytes[i]);
}

static void one_byte_at_a_time_is_the_same(void **state)
{
    struct pair *pair = fresh(0);
    TLSM_UNUSED(state);
    pair->server.settings.groups = &groups[1];
    pair->server.settings.group_count = 1;
    start_both(pair, "slow.test");
    for (int rounds = 0; rounds < 8; rounds++) {
        side_produce(&pair->client);
        say_slowly(&pair->client, &pair->server);
        side_produce(&pair->server);
        say_slowly(&pair->server, &pair->client);
        answer(pair, &pair->client);
        answer(pair, &pair->server);
    }
    check_connected(pair);
}

/* A chain of several records; the client asks for a larger block and loses nothing. */
static void a_long_chain_needs_more_state_room(void **state)
{
    static const uint8_t big[17000] = { 0x30 };
    static const struct tlsm_bytes long_chain[] = { { big, sizeof big }, { leaf, sizeof leaf } };
    static const struct tlsm_credential one = { long_chain, 2, p256_schemes, 1, NULL, 0, { NULL, 0 } };
    struct pair *pair = fresh(0);
    struct side *client = &pair->client;
    struct tlsm_out out = { 0 };
    struct tlsm_in in = { .kind = TLSM_IN_WIRE };
    size_t at = 0;
    enum tlsm_code code = TLSM_OK;
    TLSM_UNUSED(state);
    pair->server.settings.credentials = &one;
    pair->server.settings.credential_count = 1;
    start_both(pair, "");
    (void)side_say(client, &pair->server);
    side_produce(&pair->server);
    out.plain.data = client->opened;
    out.plain.capacity = sizeof client->opened;
    out.state_capacity = sizeof(struct tlsm_state) + sizeof(struct tlsm_handshake) + TLSM_ROOM_MIN;
    while (code != TLSM_MORE_STATE_ROOM) {
        in.bytes = tlsm_slice(pair->server.wire + at, pair->server.wire_have - at);
        code = tlsm_step(&client->config, &client->block.state, &in, &client->block.state, &out);
        at += out.consumed;
        assert_true(code < TLSM_MORE_INPUT || code == TLSM_MORE_STATE_ROOM);
    }
    assert_true(out.state_needed > 16000);
    (void)side_sent(&pair->server, at, NULL);
    side_produce(&pair->server);
    in.bytes = tlsm_slice(pair->server.wire, pair->server.wire_have);
    out.state_capacity = out.state_needed - 1;
    assert_code(tlsm_step(&client->config, &client->block.state, &in, &client->block.state, &out), TLSM_MORE_STATE_ROOM);
    talk(pair);   /* with the whole block */
    assert_int_equal(tlsm_connected(&client->block.state), 1);
}

/* ------------------------------------------------------------------------------------------------ settings */

static void refuse(struct side *side, const char *name)
{
    static const struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy,
                                .server_name = { (const uint8_t *)name, strlen(name) } };
    assert_code(side_step(side, &in), TLSM_BAD_ARGUMENT);
}

static void senseless_settings_are_refused_at_the_start(void **state)
{
    static const uint16_t unknown[] = { 0x1304 }, twice[] = { 29, 29 }, hybrid[] = { TLSM_X25519MLKEM768 };
    static const uint16_t pkcs1[] = { TLSM_RSA_PKCS1_SHA256 };
    static const struct tlsm_bytes empty_name[] = { { NULL, 0 } };
    static const struct tlsm_credential bare = { NULL, 0, p256_schemes, 1, NULL, 0, { NULL, 0 } };
    struct side *side;
    TLSM_UNUSED(state);
    side = &fresh(0)->client, side->settings.suites = unknown, side->settings.suite_count = 1, refuse(side, "");
    side = &fresh(0)->client, side->settings.suites = unknown, side->settings.suite_count = 0, refuse(side, "");
    side = &fresh(0)->client, side->settings.groups = twice, side->settings.group_count = 2, refuse(side, "");
    side = &fresh(0)->client, side->settings.groups = hybrid, side->settings.group_count = 1, refuse(side, "");
    side = &fresh(0)->client, side->settings.schemes = pkcs1, side->settings.scheme_count = 1, refuse(side, "");
    side = &fresh(0)->client, side->settings.alpn = empty_name, side->settings.alpn_count = 1, refuse(side, "");
    side = &fresh(0)->client, refuse(side, "final.dot.");
    side = &fresh(0)->server, side->settings.credential_count = 0, refuse(side, "");
    side = &fresh(0)->server, side->settings.credentials = &bare, refuse(side, "");
}

/* ------------------------------------------------------------------------------------------------ a failing provider */

/* The null provider, but for one call that fails. */
static unsigned calls_left;

static int fails(void) { return calls_left > 0 && --calls_left == 0; }

#define NULL_TABLE tlsm_null_provider_never_released
static int fail_start(void *self, uint16_t hash, struct tlsm_hash *to)
{
    return fails() ? -1 : NULL_TABLE.hash_start(self, hash, to);
}
static int fail_update(void *self, uint16_t hash, struct tlsm_hash *in_out, struct tlsm_bytes data)
{
    return fails() ? -1 : NULL_TABLE.hash_update(self, hash, in_out, data);
}
static int fail_finish(void *self, uint16_t hash, const struct tlsm_hash *from, uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : NULL_TABLE.hash_finish(self, hash, from, digest);
}
static int fail_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                     uint8_t digest[TLSM_HASH_MAX])
{
    return fails() ? -1 : NULL_TABLE.hmac(self, hash, key, part, parts, digest);
}
static int fail_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                     struct tlsm_bytes tail, uint8_t *out)
{
    return fails() ? -1 : NULL_TABLE.seal(self, key, aad, plain, tail, out);
}
static int fail_share(void *self, uint16_t group, const uint8_t secret[TLSM_SHARE_SECRET_MAX], struct tlsm_span *pub)
{
    return fails() ? -1 : NULL_TABLE.share(self, group, secret, pub);
}

/* One role over a provider whose call number `call` fails. Steps that refuse have changed nothing (side_step looks), and
 * work when repeated; what fails inside a message of the peer's is internal_error. Returns 0 when no call failed. */
static int fail_at(int client, unsigned call)
{
    struct tlsm_crypto table = NULL_TABLE;
    struct pair *pair = fresh(0);
    struct side *side = client ? &pair->client : &pair->server;
    struct tlsm_entropy entropy = { .random = { 9 } };
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy };
    table.hash_start = fail_start, table.hash_update = fail_update, table.hash_finish = fail_finish;
    table.hmac = fail_hmac, table.seal = fail_seal, table.share = fail_share;
    pair->server.settings.groups = &groups[1];
    pair->server.settings.group_count = 1;
    side->config.crypto = &table;
    calls_left = call;
    if (side_step(side, &in) == TLSM_LIBRARY_FAILED)
        assert_code(side_step(side, &in), TLSM_OK);
    start(client ? &pair->server : &pair->client, "");
    for (int rounds = 0; rounds < 40; rounds++) {
        for (int i = 0; i < 2; i++) {
            struct side *from = i == 0 ? &pair->client : &pair->server, *to = i == 0 ? &pair->server : &pair->client;
            answer(pair, from);
            if (tlsm_needs(&from->block.state) & TLSM_NEED_PRODUCE)
                (void)side_do(from, TLSM_IN_PRODUCE);
            if (from->wire_have > 0)
                (void)side_sent(from, from->wire_have, to);
            (void)side_feed(to);
        }
    }
    if (!tlsm_connected(&side->block.state))
        assert_int_equal(side_verdict(side).alert_sent, TLSM_ALERT_INTERNAL_ERROR);
    else
        check_connected(pair);
    side->config.crypto = &NULL_TABLE;
    return calls_left == 0;
}

static void a_failing_provider_changes_nothing_or_ends_it(void **state)
{
    unsigned failed = 0;
    TLSM_UNUSED(state);
    for (int client = 0; client < 2; client++)
        for (unsigned call = 1; fail_at(client, call); call++)
            failed++;
    assert_true(failed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_copied_into_the_state),
        cmocka_unit_test(rooms_are_exact_and_short_rooms_change_nothing),
        cmocka_unit_test(one_byte_at_a_time_is_the_same),
        cmocka_unit_test(a_long_chain_needs_more_state_room),
        cmocka_unit_test(senseless_settings_are_refused_at_the_start),
        cmocka_unit_test(a_failing_provider_changes_nothing_or_ends_it),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
