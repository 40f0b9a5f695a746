/* SPDX-License-Identifier: MIT */
/* Resumption under attack: numbers that run out, a provider that fails, rooms a byte too short, peers that bend a hello. */
#include "faulty_fixture.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "resumption_fixture.h"

static const uint16_t p384[] = { TLSM_SECP384R1 };

/* ------------------------------------------------------------------------------------------------ numbers */

/* A nonce makes the ticket's PSK, its identity and the key that seals it: none comes twice, however many are asked for. */
static void a_ticket_number_never_comes_again(void **state)
{
    const struct tlsm_in in = { .kind = TLSM_IN_TICKET };
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    pair->server.block.state.tickets_made = 65533;
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_code(side_step(&pair->server, &in), TLSM_OK);
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
    pair->client.tickets = 0;
    talk(pair);
    assert_int_equal(pair->client.tickets, 2);
    assert_int_equal(pair->server.block.state.tickets_made, 65535);
    assert_code(side_step(&pair->server, &in), TLSM_IGNORED);
}

/* §4.7.1: "The value of zero indicates that the ticket should be discarded immediately." */
static void a_ticket_that_lives_for_nothing_is_none(void **state)
{
    static const uint8_t both[] = { 4, 0, 0, 25, 0, 0, 0, 0, 1, 2, 3, 4, 1, 7, 0, 3, 'o', 'l', 'd', 0, 8, 0, 42, 0, 4, 1, 2, 3, 4,
                                    4, 0, 0, 17, 0, 0, 0, 9, 1, 2, 3, 4, 1, 8, 0, 3, 'n', 'e', 'w', 0, 0,
                                    4, 0, 0, 17, 0, 0, 0, 0, 1, 2, 3, 4, 1, 9, 0, 3, 'd', 'e', 'a', 0, 0 };
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    pair->server.settings.tickets = 0;
    begin(&pair->client, HOST, NULL, NOW);
    begin(&pair->server, "", NULL, NOW);
    talk(pair);
    side_forge(&pair->server, &pair->client, 22, both, 29);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.tickets, 0);
    assert_int_equal(side_verdict(&pair->client).resumable, 0);
    side_forge(&pair->server, &pair->client, 22, both, sizeof both);
    (void)side_feed(&pair->client);
    assert_int_equal(pair->client.tickets, 1);
    assert_int_equal(side_verdict(&pair->client).resumable, 1);
    assert_memory_equal(kept(&pair->client).ticket.data, "new", 3);
    assert_int_equal(kept(&pair->client).early_max, 0);
}

static int offered(struct pair *pair, const struct tlsm_session *session, uint64_t now_ms)
{
    again(&pair->client);
    begin(&pair->client, HOST, session, now_ms);
    return (tlsm_hs_const(&pair->client.block.state)->flags & TLSM_HS_SESSION_OFFERED) != 0;
}

/* Clocks differ, and are set back; but a session from further ahead than it would live is no younger for it. */
static void a_session_from_the_future_lives_no_longer(void **state)
{
    const uint64_t hours = UINT64_C(7200000), week = UINT64_C(604800000);
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    struct tlsm_session session = kept(&pair->client);
    assert_int_equal(offered(pair, &session, NOW - hours), 1);
    assert_int_equal(offered(pair, &session, NOW - hours - 1), 0);
    assert_int_equal(offered(pair, &session, 1), 0);
    session.lifetime_s = 604800;
    session.origin_ms = NOW + 1;
    assert_int_equal(offered(pair, &session, NOW - week + 2), 1);
    assert_int_equal(offered(pair, &session, NOW - week + 1), 0);
    session = kept(&pair->client);
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, NOW);
    begin(&pair->server, "", NULL, NOW - hours - 1);
    talk(pair);
    check_resumed(pair, 0);
}

/* ------------------------------------------------------------------------------------------------ what a resumption shows */

static int acknowledges_name(const struct pair *pair)
{
    return (tlsm_hs_const(&pair->server.block.state)->flags & TLSM_HS_SNI_ACCEPTED) != 0;
}

/* RFC 6066 §3: when a session is resumed "the server MUST NOT include a server_name extension in the server hello". And the
 * credential that a full handshake would have shown is none of this connection's, with a retry or without. */
static void a_resumption_shows_no_name_and_no_credential(void **state)
{
    TLSM_UNUSED(state);
    for (int retry = 0; retry <= 1; retry++) {
        struct pair *pair = sealing(0);
        begin(&pair->client, "example.org", NULL, NOW);
        begin(&pair->server, "", NULL, NOW);
        pair->server.settings.credentials = &credentials[2];
        pair->server.settings.credential_count = 1;
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(acknowledges_name(pair), 1);
        talk(pair);
        check_connected(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->server.settings.groups = p384;
        pair->server.settings.group_count = retry ? 1 : 0;
        if (!retry)
            pair->server.settings.groups = NULL;
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, "example.org", &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        (void)side_say(&pair->client, &pair->server);
        if (retry) {
            (void)side_say(&pair->server, &pair->client);
            (void)side_say(&pair->client, &pair->server);
        }
        assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
        assert_int_equal(acknowledges_name(pair), 0);
        assert_int_equal(pair->server.block.state.credential, 0);
        assert_int_equal(pair->server.block.state.scheme, 0);
        talk(pair);
        check_resumed(pair, 1);
    }
}

/* No credential of ours fits, but a session does: no index that leads nowhere is left. */
static void a_resumption_without_a_fitting_credential_names_none(void **state)
{
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->client.settings.schemes = ed25519_schemes;
    pair->client.settings.scheme_count = 1;
    pair->server.settings.credential_count = 1;
    offer(pair, HOST, &session, NOW);
    check_resumed(pair, 1);
    assert_true(pair->server.block.state.credential < pair->server.settings.credential_count);
}

/* ------------------------------------------------------------------------------------------------ several identities */

enum { JUNK = 20 };

static void put_identities(struct tlsm_writer *writer, const struct tlsm_session *session, unsigned strangers)
{
    static const uint8_t junk[JUNK] = { 1 };
    const size_t list = tlsm_open_vector(writer, 2);
    for (unsigned i = 0; i <= strangers; i++) {
        const struct tlsm_bytes ticket = i < strangers ? tlsm_slice(junk, sizeof junk) : session->ticket;
        tlsm_put_number(writer, (uint32_t)ticket.length, 2);
        tlsm_put(writer, ticket);
        tlsm_put_number(writer, session->age_add, 4);   /* its age: none */
    }
    tlsm_close_vector(writer, list, 2);
}

static void put_binders(struct tlsm_writer *writer, unsigned strangers)
{
    static const uint8_t junk[32] = { 7 };
    const size_t list = tlsm_open_vector(writer, 2);
    for (unsigned i = 0; i <= strangers; i++) {
        tlsm_put_number(writer, sizeof junk, 1);
        tlsm_put(writer, tlsm_slice(junk, sizeof junk));
    }
    tlsm_close_vector(writer, list, 2);
}

static void bind_last(const struct tlsm_config *config, const struct tlsm_session *session, struct tlsm_writer *writer,
                      size_t binders)
{
    struct tlsm_hash running;
    uint8_t early[TLSM_HASH_MAX], digest[TLSM_HASH_MAX], binder[TLSM_HASH_MAX];
    assert_int_equal(config->crypto->hash_start(config->self, TLSM_SHA256, &running), 0);
    assert_int_equal(tlsm_absorb(config, TLSM_SHA256, &running, tlsm_slice(writer->data, binders)), 0);
    assert_int_equal(tlsm_digest(config, TLSM_SHA256, &running, digest), 0);
    assert_int_equal(tlsm_early_secret(config, TLSM_SHA256, tlsm_slice(session->secret, 32), early), 0);
    assert_int_equal(tlsm_binder(config, TLSM_SHA256, early, digest, binder), 0);
    memcpy(writer->data + writer->length - 32, binder, 32);
}

/* The client's hello with `strangers` identities before its own. What it was is at side->wire, in one record. */
static void inject_hello(struct pair *pair, const struct tlsm_session *session, unsigned strangers)
{
    uint8_t record[4096];
    struct tlsm_writer writer = { record + TLSM_HEADER, sizeof record - TLSM_HEADER, 0 };
    struct tlsm_client_hello hello;
    const struct tlsm_bytes old = { pair->client.wire + TLSM_HEADER, pair->client.wire_have - TLSM_HEADER };
    assert_int_equal(tlsm_read_client_hello(&pair->server.settings, old, &hello), 0);
    const size_t block = 4 + hello.fixed.length + 2;
    const size_t psk = (size_t)(hello.extensions.at[TLSM_EXT_PRE_SHARED_KEY].data - old.data);
    tlsm_put(&writer, tlsm_slice(old.data, psk));
    put_identities(&writer, session, strangers);
    const size_t binders = writer.length;
    put_binders(&writer, strangers);
    tlsm_close_vector(&writer, psk, 2);
    tlsm_close_vector(&writer, block, 2);
    tlsm_close_vector(&writer, 4, 3);
    bind_last(&pair->client.config, session, &writer, binders);
    memcpy(record, pair->client.wire, 3);
    record[3] = (uint8_t)(writer.length >> 8);
    record[4] = (uint8_t)(writer.length & 255);
    side_inject(&pair->server, record, TLSM_HEADER + writer.length);
}

/* Identities of strangers are passed over, their binders not looked at; ours is known by its place, among the first four. */
static void the_first_identity_we_know_is_taken(void **state)
{
    TLSM_UNUSED(state);
    for (unsigned strangers = 0; strangers <= TLSM_IDENTITIES; strangers++) {
        struct pair *pair = sealing(0);
        first(pair);
        const struct tlsm_session session = offer_again(pair);
        side_produce(&pair->client);
        inject_hello(pair, &session, strangers);
        (void)side_feed(&pair->server);
        assert_int_equal(tlsm_resumed(&pair->server.block.state), strangers < TLSM_IDENTITIES);
        if (strangers == TLSM_IDENTITIES)
            continue;
        assert_int_equal(tlsm_hs_const(&pair->server.block.state)->identity, strangers);
        assert_code(side_do(&pair->server, TLSM_IN_PRODUCE), TLSM_PRODUCED);
        assert_int_equal(pair->server.wire[pair->server.wire_have - 1], strangers);   /* selected_identity ends ServerHello */
    }
}

/* RFC 9846 §4.3.10: early data is under the first identity; where the server takes another it is rejected, before anybody is asked. */
static void early_data_is_of_the_first_identity(void **state)
{
    TLSM_UNUSED(state);
    for (unsigned strangers = 0; strangers < 2; strangers++) {
        struct pair *pair = sealing(0);
        pair->server.settings.early_max = 100;
        pair->client.settings.early_data = pair->client.settings.no_compatibility = 1;
        first(pair);
        const struct tlsm_session session = offer_again(pair);
        side_produce(&pair->client);
        inject_hello(pair, &session, strangers);
        (void)side_feed(&pair->server);
        assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
        assert_int_equal(pair->server.block.state.control.request, strangers == 0 ? TLSM_ASK_REPLAY : TLSM_ASK_NOTHING);
        assert_int_equal(tlsm_early_data(&pair->server.block.state), strangers == 0 ? TLSM_EARLY_NONE : TLSM_EARLY_REJECTED);
    }
}

/* A ticket that was issued without early data opens none, whatever the client believes and the server would read by now. */
static void early_data_is_for_sessions_that_were_told_of_it(void **state)
{
    TLSM_UNUSED(state);
    for (uint32_t told = 0; told <= 100; told += 100) {
        struct pair *pair = sealing(0);
        pair->server.settings.early_max = told;
        pair->client.settings.early_data = 1;
        first(pair);
        struct tlsm_session session = kept(&pair->client);
        session.early_max = 100;
        pair->server.settings.early_max = 100;
        again(&pair->client);
        again(&pair->server);
        begin(&pair->client, HOST, &session, NOW);
        begin(&pair->server, "", NULL, NOW);
        (void)side_say(&pair->client, &pair->server);
        assert_int_equal(tlsm_resumed(&pair->server.block.state), 1);
        assert_int_equal(pair->server.block.state.control.request, told != 0 ? TLSM_ASK_REPLAY : TLSM_ASK_NOTHING);
    }
}

/* Rejected, it is skipped whatever it is: also a record too short to be one, once the keys are there; not an empty one. */
static void rejected_early_data_need_not_look_like_a_record(void **state)
{
    static const uint8_t shortest[] = { 23, 3, 3, 0, 1, 9 }, almost[5 + 15] = { 23, 3, 3, 0, 15 }, empty[] = { 23, 3, 3, 0, 0 };
    struct pair *pair = sealing(0);
    TLSM_UNUSED(state);
    pair->server.settings.early_max = 100;
    pair->client.settings.early_data = 1;
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    pair->server.settings.early_max = 0;
    again(&pair->client);
    again(&pair->server);
    begin(&pair->client, HOST, &session, NOW);
    begin(&pair->server, "", NULL, NOW);
    (void)side_say(&pair->client, &pair->server);
    side_produce(&pair->server);
    assert_int_equal(tlsm_early_data(&pair->server.block.state), TLSM_EARLY_REJECTED);
    side_inject(&pair->server, shortest, sizeof shortest);
    assert_code(side_feed(&pair->server), TLSM_IGNORED);
    side_inject(&pair->server, almost, sizeof almost);
    assert_code(side_feed(&pair->server), TLSM_IGNORED);
    assert_int_equal(pair->server.block.state.ledger.skipped, 16);
    side_inject(&pair->server, empty, sizeof empty);
    assert_code(side_feed(&pair->server), TLSM_FAILED);
    assert_int_equal(pair->server.out.violation, TLSM_ALERT_BAD_RECORD_MAC);
}

/* ------------------------------------------------------------------------------------------------ a provider that fails */

static struct tlsm_crypto broken;
static int broken_hmac_at, hmac_calls;

static int no_seal(void *self, const struct tlsm_key *key, struct tlsm_bytes aad, struct tlsm_bytes plain,
                   struct tlsm_bytes tail, uint8_t *out)
{
    TLSM_UNUSED(self), TLSM_UNUSED(key), TLSM_UNUSED(aad), TLSM_UNUSED(plain), TLSM_UNUSED(tail), TLSM_UNUSED(out);
    return -1;
}

static int some_hmac(void *self, uint16_t hash, struct tlsm_bytes key, const struct tlsm_bytes part[], size_t parts,
                     uint8_t digest[TLSM_HASH_MAX])
{
    if (++hmac_calls == broken_hmac_at)
        return -1;
    return tlsm_null_provider_never_released.hmac(self, hash, key, part, parts, digest);
}

static int contains(const uint8_t *bytes, size_t length, const uint8_t *needle, size_t needle_length)
{
    for (size_t at = 0; at + needle_length <= length; at++)
        if (memcmp(bytes + at, needle, needle_length) == 0)
            return 1;
    return 0;
}

/* Short of a sealed ticket there is none: neither the session nor its plaintext is left where the caller gave room. */
static void a_ticket_that_cannot_be_sealed_leaves_no_secret(void **state)
{
    static const uint8_t zeros[TLSM_HASH_MAX];
    uint8_t room[TLSM_TICKET_MAX];
    int calls = 0;
    struct tlsm_session issued, failed;
    TLSM_UNUSED(state);
    struct pair *pair = sealing(0);
    first(pair);
    const struct side *server = &pair->server;
    assert_int_equal(tlsm_ticket_issued(&server->config, &server->block.state, room, &issued), 1);
    broken = tlsm_null_provider_never_released;
    const struct tlsm_config config = { server->config.settings, &broken, NULL };
    broken.seal = no_seal;
    broken.hmac = some_hmac;
    for (broken_hmac_at = 0; broken_hmac_at <= calls; broken_hmac_at++) {
        hmac_calls = 0;
        assert_int_equal(tlsm_ticket_issued(&config, &server->block.state, room, &failed), 0);
        assert_int_equal(contains(room, sizeof room, issued.secret, issued.secret_length), 0);
        assert_memory_equal(failed.secret, zeros, sizeof zeros);
        broken.seal = tlsm_null_provider_never_released.seal;
        calls = broken_hmac_at == 0 ? hmac_calls : calls;
    }
    assert_true(calls > 2);   /* salt, secret, key */
}

static void begin_again(struct side *side, const char *name, const struct tlsm_session *session)
{
    struct tlsm_entropy entropy;
    const struct tlsm_in in = { .kind = TLSM_IN_START, .entropy = &entropy, .session = session, .now_ms = NOW + 1000,
                                .server_name = { (const uint8_t *)name, strlen(name) } };
    memset(&entropy, side->settings.role + 20, sizeof entropy);
    if (side_step(side, &in) == TLSM_LIBRARY_FAILED)
        assert_code(side_step(side, &in), TLSM_OK);
}

/* A session resumed, after a retry or at once, with tickets at its beginning, in its middle, and before its end. 1: clean. */
static int resumed_life(struct pair *pair, const struct tlsm_session *session, int retry)
{
    const struct tlsm_in ticket = { .kind = TLSM_IN_TICKET, .now_ms = NOW + 60000 };
    again(&pair->client);
    again(&pair->server);
    pair->server.settings.groups = retry ? p384 : NULL;
    pair->server.settings.group_count = retry ? 1 : 0;
    begin_again(&pair->client, HOST, session);
    begin_again(&pair->server, "", NULL);
    talk_again(pair);
    (void)side_step(&pair->server, &ticket);
    talk_again(pair);
    (void)side_step(&pair->server, &ticket);
    (void)side_close(&pair->server, 0);
    (void)side_close(&pair->client, 0);
    talk_again(pair);
    if (tlsm_connected(&pair->client.block.state) && tlsm_connected(&pair->server.block.state))
        assert_int_equal(tlsm_resumed(&pair->client.block.state), tlsm_resumed(&pair->server.block.state));
    return side_how(&pair->client) == TLSM_CLEAN_BOTH_VERDICT && side_how(&pair->server) == TLSM_CLEAN_BOTH_VERDICT;
}

/* Whatever fails, a refused step changed nothing, and no ticket is sealed under a key that has sealed another. */
static void a_provider_that_fails_once_spoils_no_ticket(void **state)
{
    TLSM_UNUSED(state);
    for (int retry = 0; retry <= 1; retry++) {
        struct pair *pair = sealing(0);
        unsigned calls, clean = 0;
        pair->server.settings.unsent_tickets = TLSM_UNSENT_SEND_FIRST;
        first(pair);
        const struct tlsm_session session = kept(&pair->client);
        pair->client.config.crypto = pair->server.config.crypto = &bad_provider;
        memset(&faulty, 0, sizeof faulty);
        assert_true(resumed_life(pair, &session, retry));
        assert_int_equal(tlsm_resumed(&pair->client.block.state), 1);
        assert_int_equal(pair->client.tickets, 4);
        calls = faulty.calls;
        for (unsigned at = 1; at <= calls; at++) {
            memset(&faulty, 0, sizeof faulty);
            faulty.at = at;
            clean += (unsigned)resumed_life(pair, &session, retry);
        }
        assert_true(clean > calls / 4);
    }
}

/* RFC 5077 §4 leaves the form to the server: the key's name, a salt, and AES-256-GCM under HMAC-SHA256 of the salt, each key for one
 * ticket. Servers that share ticket keys open each other's. */
static void a_ticket_opens_under_the_hmac_of_its_salt(void **state)
{
    enum { NAMED = 16, SALT = 32, AAD = NAMED + SALT };
    static const uint8_t nonce[TLSM_IV];
    struct pair *pair = sealing(1);
    uint8_t key[TLSM_KEY_MAX], plain[TLSM_TICKET_MAX];
    int made;
    TLSM_UNUSED(state);
    first(pair);
    const struct tlsm_session session = kept(&pair->client);
    const uint8_t *const ticket = session.ticket.data;
    const size_t length = session.ticket.length - AAD - TLSM_TAG;
    EVP_CIPHER_CTX *const context = EVP_CIPHER_CTX_new();
    assert_memory_equal(ticket, ticket_keys[0].name, NAMED);
    assert_non_null(HMAC(EVP_sha256(), ticket_keys[0].secret, sizeof ticket_keys[0].secret, ticket + NAMED, SALT, key, NULL));
    assert_int_equal(EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TLSM_TAG, (void *)(uintptr_t)(ticket + AAD + length)), 1);
    assert_int_equal(EVP_DecryptUpdate(context, NULL, &made, ticket, AAD), 1);
    assert_int_equal(EVP_DecryptUpdate(context, plain, &made, ticket + AAD, (int)length), 1);
    assert_int_equal(EVP_DecryptFinal_ex(context, plain + length, &made), 1);
    EVP_CIPHER_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_number_never_comes_again),
        cmocka_unit_test(a_ticket_that_lives_for_nothing_is_none),
        cmocka_unit_test(a_session_from_the_future_lives_no_longer),
        cmocka_unit_test(a_resumption_shows_no_name_and_no_credential),
        cmocka_unit_test(a_resumption_without_a_fitting_credential_names_none),
        cmocka_unit_test(the_first_identity_we_know_is_taken),
        cmocka_unit_test(early_data_is_of_the_first_identity),
        cmocka_unit_test(early_data_is_for_sessions_that_were_told_of_it),
        cmocka_unit_test(rejected_early_data_need_not_look_like_a_record),
        cmocka_unit_test(a_ticket_that_cannot_be_sealed_leaves_no_secret),
        cmocka_unit_test(a_provider_that_fails_once_spoils_no_ticket),
        cmocka_unit_test(a_ticket_opens_under_the_hmac_of_its_salt),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
